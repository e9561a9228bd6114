# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Outcome
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.apply import apply, read_back
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Write
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from sysctl_hosts import PATH, make_tree, request

SETTINGS = {
    "net.core.somaxconn": 9000,
    "net.ipv4.conf.*.accept_redirects": 0,
    "net.netfilter.nf_conntrack_udp_timeout": 60,
}
PROGRAM = {"usr/lib/systemd/systemd-sysctl": "", "proc/modules": ""}


def run(host: Host, settings: dict[str, Any], **options: Any) -> Outcome:
    wanted = request(settings, **options)
    found = observe(host, wanted)
    planned = plan(wanted, found)
    return all_or_nothing(lambda log: apply(host, wanted, found, planned, log))


def everything(root: Path) -> dict[str, str]:
    """Each file of a tree, as it reads."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def read(root: Path, key: str) -> str:
    return (root / "proc/sys" / key).read_text().strip()


def test_a_run_writes_keys_and_files_and_the_way_back_is_exact(tmp_path: Path) -> None:
    host = make_tree(tmp_path, PROGRAM)
    start = everything(tmp_path)
    first = run(host, SETTINGS)
    assert first.changed
    assert {change.item: change.after for change in first.changes}["net.core.somaxconn"] == "9000"
    assert (read(tmp_path, "net/core/somaxconn"), read(tmp_path, "net/ipv4/conf/eth0/accept_redirects")) == (
        "9000",
        "0",
    )
    assert {PATH[1:], "etc/udev/rules.d/90-test.rules", "var/lib/siptune/originals.json"} <= everything(tmp_path).keys()
    assert not run(host, SETTINGS).changed
    assert run(host, {}).changed
    assert everything(tmp_path) == start
    assert not (tmp_path / "var/lib/siptune").exists()


@pytest.mark.parametrize(("when", "live", "files"), [("now", "9000", False), ("boot", "4096", True)])
def test_now_and_boot_each_change_one_half(tmp_path: Path, when: str, live: str, files: bool) -> None:
    host = make_tree(tmp_path)
    run(host, {"net.core.somaxconn": 9000}, when=when)
    assert (read(tmp_path, "net/core/somaxconn"), (tmp_path / PATH[1:]).exists()) == (live, files)


def test_a_refused_key_undoes_all_others_and_the_files(tmp_path: Path) -> None:
    host = make_tree(tmp_path, PROGRAM)
    wanted = request({**SETTINGS, "net.ipv4.tcp_sack": 0})
    found = observe(host, wanted)
    planned = plan(wanted, found)
    refusing = tmp_path / "proc/sys/net/ipv4/tcp_sack"  # a link is never written through, so this write is refused
    refusing.unlink()
    refusing.symlink_to("ip_forward")
    start = everything(tmp_path)
    with pytest.raises(RefusedError, match=r"net\.ipv4\.tcp_sack: the kernel refused '0': .*ELOOP") as caught:
        all_or_nothing(lambda log: apply(host, wanted, found, planned, log))
    assert caught.value.item == "net.ipv4.tcp_sack"
    assert "net.core.somaxconn" in caught.value.undone
    assert everything(tmp_path) == start


def test_a_refused_revert_is_named_and_the_others_go_back(tmp_path: Path) -> None:
    host = make_tree(tmp_path, PROGRAM)
    run(host, {**SETTINGS, "net.ipv4.tcp_sack": 0})
    wanted = request({})
    found = observe(host, wanted)
    planned = plan(wanted, found)
    refusing = tmp_path / "proc/sys/net/ipv4/tcp_sack"
    refusing.rename(tmp_path / "sack")
    refusing.symlink_to("../../../../sack")
    done = all_or_nothing(lambda log: apply(host, wanted, found, planned, log))
    changes = {change.item: change for change in done.changes}
    assert changes["net.ipv4.tcp_sack"].state == "refused"
    assert "not put back: the kernel refused '1': " in changes["net.ipv4.tcp_sack"].reason
    assert read(tmp_path, "net/core/somaxconn") == "4096"
    refusing.unlink()
    (tmp_path / "sack").rename(refusing)
    again = run(host, {})
    assert [(change.item, change.state) for change in again.changes] == [("net.ipv4.tcp_sack", "changed")]
    assert not (tmp_path / "var/lib/siptune").exists()


def test_a_file_that_cannot_be_staged_leaves_the_kernel_alone(tmp_path: Path) -> None:
    host = make_tree(tmp_path)
    wanted = request({"net.core.somaxconn": 9000})
    found = observe(host, wanted)
    planned = plan(wanted, found)
    (tmp_path / "etc/sysctl.d").rmdir()
    (tmp_path / "etc/sysctl.d").symlink_to("elsewhere")
    log = UndoLog()
    with pytest.raises(HostError, match="on the way is no plain directory"):
        apply(host, wanted, found, planned, log)
    assert read(tmp_path, "net/core/somaxconn") == "4096"
    log.undo()
    assert not (tmp_path / "var/lib/siptune").exists()


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(Write("net/core/somaxconn", "4096", "128"), id="as written"),
        pytest.param(Write("net/core/somaxconn", "5000", "128"), id="rounded"),
        pytest.param(Write("net/core/somaxconn", "4096", "4096"), id="written again"),
    ],
)
def test_the_value_after_a_write_is_read_back(tmp_path: Path, write: Write) -> None:
    assert read_back(make_tree(tmp_path), write) == "4096"


def test_a_key_that_silently_keeps_its_value_is_an_error(tmp_path: Path) -> None:
    host, write = make_tree(tmp_path), Write("net/core/somaxconn", "9000", "4096")
    with pytest.raises(HostError, match=r"^net\.core\.somaxconn: the kernel accepted '9000' without an error"):
        read_back(host, write)


CONGESTION = "net.ipv4.tcp_allowed_congestion_control"


class _OwnOrder(Host):
    """A kernel that lists names in an order of its own: it reads as before."""

    def write_kernel(self, path: str, text: str) -> None:
        super().write_kernel(path, " ".join(sorted(text.split())) if "congestion" in path else text)


@pytest.mark.parametrize("when", ["now", "both"])
def test_what_the_kernel_took_and_reads_as_before_is_settled(tmp_path: Path, when: str) -> None:
    make_tree(tmp_path, {"proc/sys/net/ipv4/tcp_allowed_congestion_control": "bbr reno\n"})
    host = _OwnOrder(str(tmp_path))
    first = run(host, {CONGESTION: "reno bbr"}, when=when)
    assert (first.changes[0].after, first.changed) == ("bbr reno", when == "both")
    assert first.changes[0].state == ("changed" if when == "both" else "ok")
    again = run(host, {CONGESTION: "reno bbr"}, when=when)
    assert (again.changed, again.changes[0].state) == (False, "ok")


def test_a_revert_that_reads_as_before_is_not_done(tmp_path: Path) -> None:
    host = make_tree(tmp_path, {"proc/sys/net/ipv4/tcp_allowed_congestion_control": "bbr reno\n"})
    with pytest.raises(HostError, match="but kept bbr reno"):
        read_back(host, Write("net/ipv4/tcp_allowed_congestion_control", "reno", "bbr reno", reverts=True))
