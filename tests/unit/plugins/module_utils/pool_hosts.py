# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the tests of memory pools: trees of images without a running systemd, and observed units of one with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Report
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord, Host
from ansible_collections.siptune.linux.plugins.module_utils._pools.model import FileState, Observed, Request, Unit
from ansible_collections.siptune.linux.plugins.module_utils._pools.module import DAEMON_POOLS
from ansible_collections.siptune.linux.plugins.module_utils._pools.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._pools.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import parse_pools
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import read_start

LIB = "usr/lib/systemd/system"
ETC = "etc/systemd/system"

# The shapes that the packages have: domain facts, not their texts.
KAMAILIO = """\
[Service]
Environment='CFGFILE=/etc/kamailio/kamailio.cfg'
Environment='SHM_MEMORY=64'
Environment='PKG_MEMORY=8'
EnvironmentFile=-/etc/default/kamailio
EnvironmentFile=-/etc/default/kamailio.d/*
ExecStart=/usr/sbin/kamailio -P /run/kamailio/kamailio.pid -f $CFGFILE -m $SHM_MEMORY -M $PKG_MEMORY --atexit=no
"""
INSTANCE = KAMAILIO.replace("default/kamailio", "default/kamailio-%i").replace("kamailio.cfg", "kamailio-%i.cfg")
OPENSIPS = """\
[Service]
Environment=P_MEMORY=32 S_MEMORY=32
EnvironmentFile=-/etc/default/opensips
ExecStart=/usr/sbin/opensips -P %t/opensips.pid -f /etc/opensips/opensips.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS
"""
KAMAILIO_DEFAULT = "#\n# Startup options\n#\n\n#SHM_MEMORY=64\n#PKG_MEMORY=8\n\n# mine\nDUMP_CORE=no\n"
OPENSIPS_DEFAULT = '# options\nRUN_OPENSIPS=yes\n# shared\nS_MEMORY=64\n# private\nP_MEMORY=4\nOPTIONS=""\n'

BOTH = {
    "kamailio.service": {"shared_mib": {"value": 512, "rule": "at_least", "why": "Calls."}, "private_mib": 16},
    "opensips.service": {"shared_mib": 1024, "private_mib": 16},
    "kamailio@edge.service": {"shared_mib": 256},
}


def make_image(root: Path) -> None:
    """The tree of an image with the packages' units and files."""
    for directory in (ETC, LIB, "var/lib", "run", "proc/sys/net/core", "etc/kamailio", "etc/opensips", "etc/default"):
        (root / directory).mkdir(parents=True)
    write(root, f"{LIB}/kamailio.service", KAMAILIO)
    write(root, f"{LIB}/kamailio@.service", INSTANCE)
    write(root, f"{LIB}/opensips.service", OPENSIPS)
    write(root, "etc/default/kamailio", KAMAILIO_DEFAULT)
    write(root, "etc/default/opensips", OPENSIPS_DEFAULT)
    write(root, "etc/kamailio/kamailio.cfg", "debug=2\n")
    write(root, "etc/opensips/opensips.cfg", "maxbuffer=8388608\n")
    write(root, "proc/sys/net/core/rmem_max", "4194304\n")


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def text(root: Path, name: str) -> str:
    return (root / "etc/default" / name).read_text()


def tree(root: Path) -> dict[str, Any]:
    """Every file with its content and mode."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
    }


def look(root: Path, pools: dict[str, Any], **options: Any) -> tuple[Observed, FilesPlan]:
    request = Request(parse_pools(pools), **options)
    observed = observe(Host(str(root)), request)
    return observed, plan(request, observed)


def call(root: Path, check_mode: bool = False, **params: Any) -> tuple[bool, dict[str, Change]]:
    """A call of daemon_pools: whether it changed anything, and its items."""
    done = report(root, check_mode, **params)
    return done.changed, {change.item: change for change in done.changes}


def report(root: Path, check_mode: bool = False, **params: Any) -> Report:
    """A call of daemon_pools, and its whole report."""
    defaults = {name: option.get("default") for name, option in DAEMON_POOLS.argument_spec.items()}
    one = DAEMON_POOLS.call({**defaults, **params})
    return all_or_nothing(lambda log: one.run(Host(str(root)), check_mode, log))


def run(root: Path, pools: dict[str, Any], **params: Any) -> tuple[bool, dict[str, Change]]:
    return call(root, pools=pools, **params)


def put_back(root: Path, *units: str) -> tuple[bool, dict[str, Change]]:
    """A call with state=absent."""
    return call(root, pools={unit: {} for unit in units}, state="absent")


# --- a host with systemd --------------------------------------------------------------------

NAME = "opensips.service"
SHARED = f"{NAME} shared_mib"
FILE = "/etc/default/opensips"
TEXT = "S_MEMORY=64\nP_MEMORY=4\n"
FRAGMENT = (
    "[Service]\nEnvironment=P_MEMORY=32 S_MEMORY=32\nEnvironmentFile=-/etc/default/opensips\n"
    "ExecStart=/usr/sbin/opensips -f /o.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS\n"
)
MIB = 1024 * 1024
FLOOR = {"shared_mib": {"value": 128, "rule": "at_least"}}
CAP = {"shared_mib": {"value": 32, "rule": "at_most"}}
EXACT = {"shared_mib": 128}


def unit(**changed: Any) -> Unit:
    start = read_start([("/lib/systemd/system/opensips.service", FRAGMENT)], NAME)
    return Unit(NAME, NAME, [NAME], "loaded", start=start, files=[FILE])._replace(**changed)


def running(shared: int, private: int = 4) -> list[str]:
    return f"/usr/sbin/opensips -f /o.cfg -m {shared} -M {private}".split()


def observed(one: Unit, text: str | None = TEXT, **changed: Any) -> Observed:
    record = None if text is None else FileRecord(text.encode(), 0o644, 0, 0)
    files = {FILE: FileState(text, record)}
    return Observed(True, [one], files, NOTHING, (0, 0), 1024 * MIB, 212992)._replace(**changed)


def planned(
    pools: dict[str, Any], one: Unit, text: str | None = TEXT, restart: bool = False, **changed: Any
) -> FilesPlan:
    request = Request(parse_pools({NAME: pools}), advice=False, restart=restart)
    return plan(request, observed(one, text, **changed))


def item(pools: dict[str, Any], one: Unit, text: str | None = TEXT, name: str = SHARED) -> Change:
    return {change.item: change for change in planned(pools, one, text).changes}[name]
