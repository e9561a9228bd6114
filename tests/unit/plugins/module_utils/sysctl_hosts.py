# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observed hosts for the tests of sysctl settings, and the same hosts after a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord, Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import parse
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.kernel import Surroundings
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import glob_matches, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey, Observed, Plan, Request
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.originals import finalize
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import parse_settings
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.value import stored

PATH = "/etc/sysctl.d/90-test.conf"
METAL = Surroundings(container=False, child_network_namespace=False, child_ipc_namespace=False)
CONTAINER = Surroundings(container=True, child_network_namespace=True, child_ipc_namespace=True)

LIVE = {
    "net.core.somaxconn": "4096",
    "net.core.rmem_max": "212992",
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ip_local_reserved_ports": "",
    "net.ipv4.conf.all.accept_redirects": "1",
    "net.ipv4.conf.default.accept_redirects": "1",
    "net.ipv4.conf.eth0.accept_redirects": "1",
    "net.ipv4.conf.eth0/100.accept_redirects": "0",
    "net.ipv4.conf.all.forwarding": "0",
    "net.ipv4.conf.default.forwarding": "0",
    "net.ipv4.conf.eth0.forwarding": "0",
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.ipv6.conf.default.disable_ipv6": "0",
    "vm.dirty_ratio": "20",
    "vm.dirty_bytes": "0",
    "fs.nr_open": "1048576",
}


def observed(live: dict[str, str] | None = None, **changes: Any) -> Observed:
    """A host with the live values of LIVE and without files, except for the given changes."""
    values = {parse_key(key): LiveKey(value, True) for key, value in {**LIVE, **(live or {})}.items()}
    patterns = {"net/ipv4/conf/*/accept_redirects", "net/ipv4/conf/*/forwarding", "net/ipv6/conf/*/disable_ipv6"}
    host = Observed(
        live=values,
        matches={pattern: [path for path in values if glob_matches(pattern, path)] for pattern in patterns},
        own=None,
        own_rules=None,
        others=[],
        originals=NOTHING,
        surroundings=METAL,
        loaded_modules=frozenset(),
        systemd_sysctl="/usr/lib/systemd/systemd-sysctl",
        glob_lines=True,
        udev=True,
        owner=(0, 0),
    )
    return host._replace(**changes)


def make_tree(root: Path, files: dict[str, str] | None = None) -> Host:
    """A host below a directory, with the live values of LIVE and these files."""
    keys = {f"proc/sys/{parse_key(key)}": f"{value}\n" for key, value in LIVE.items()}
    # Only the first network namespace has this key.
    keys["proc/sys/net/core/netdev_max_backlog"] = "1000\n"
    for directory in ("etc/sysctl.d", "etc/udev/rules.d", "var/lib", "run"):
        (root / directory).mkdir(parents=True)
    for name, content in {**keys, **(files or {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return Host(str(root))


def request(settings: dict[str, Any], **options: Any) -> Request:
    return Request(PATH, parse_settings(settings), **options)


SWITCHES = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding")


def applied(host: Observed, wanted: Request) -> tuple[Observed, Plan]:
    """The host after the plan, if the kernel accepts every write."""
    done = plan(wanted, host)
    live = dict(host.live)
    for write in done.writes:
        if write.path in SWITCHES and live[write.path].value != write.text:
            for path in live:
                if path in SWITCHES or path.endswith("/forwarding"):
                    live[path] = LiveKey(write.text, True)
            live["net/ipv4/conf/all/accept_redirects"] = LiveKey("0" if write.text == "1" else "1", True)
        if write.path == "vm/dirty_bytes":
            live["vm/dirty_ratio"] = LiveKey("0", True)
        if write.path == "vm/dirty_ratio":
            live["vm/dirty_bytes"] = LiveKey("0", True)
        live[write.path] = LiveKey(stored(write.path, write.text, live[write.path].value), True)
    files = {file.path: file.after for file in done.files}
    read_back = {path: live[path].value for path in [*done.side_effects, *(write.path for write in done.writes)]}
    after = host._replace(
        live=live,
        own=files.get(PATH, host.own),
        own_rules=files.get("/etc/udev/rules.d/90-test.rules", host.own_rules),
        originals=finalize(wanted, done, read_back),
    )
    return after, done


def items(done: Plan) -> dict[str, Change]:
    return {change.item: change for change in done.changes}


def text(host: Observed) -> str:
    return host.own.content.decode() if host.own else ""


def lines(host: Observed) -> dict[str, str | None]:
    return {assignment.path: assignment.value for assignment in parse(text(host), PATH)}


SETTINGS: dict[str, Any] = {
    "net.core.somaxconn": {"value": 4096, "rule": "at_least"},
    "net.core.rmem_max": {"value": 4194304, "rule": "at_least", "why": "bursts"},
    "net.ipv4.tcp_rmem": {"value": "10240 87380 10485760", "rule": "at_least"},
    "net.ipv4.tcp_sack": 1,
    "net.ipv4.conf.*.accept_redirects": 0,
    "net.ipv4.ip_local_reserved_ports": {"value": "5060-5061", "rule": "at_least"},
    "net.ipv4.tcp_tw_recycle": 1,
    "vm.dirty_bytes": 268435456,
}
OTHER = "/etc/sysctl.d/80-other.conf"


def run_as(host: Observed, path: str, settings: dict[str, Any]) -> tuple[Observed, Plan]:
    """A run that owns another file than PATH; both files take part in a boot."""
    files = dict(host.others)
    mine = FileRecord(files.pop(path).encode(), 0o644, 0, 0) if path in files else None
    others = [*files.items(), *([(PATH, text)] if (text := host.own and host.own.content.decode()) else [])]
    wanted = Request(path, parse_settings(settings))
    done = plan(wanted, host._replace(own=mine, others=sorted(others)))
    live = {**host.live, **{write.path: LiveKey(write.text, True) for write in done.writes}}
    after = {file.path: file.after for file in done.files}.get(path, mine)
    originals = finalize(wanted, done, {write.path: write.text for write in done.writes})
    texts = dict(host.others)
    texts.pop(path, None)
    if after is not None:
        texts[path] = after.content.decode()
    return host._replace(live=live, others=sorted(texts.items()), originals=originals), done
