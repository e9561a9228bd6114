# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel forwards for rtpengine: trees with what the module shows in /proc and /sys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import process_names
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import Process, first_processes
from ansible_collections.siptune.linux.plugins.module_utils._sip.kernel_forwarding import (
    RTPENGINE,
    KernelForwarding,
    kernel_forwarding,
)
from sip_trees import make, place, start

RUNNING, NEWEST = "6.1.0-56-cloud-amd64", "6.1.0-57-cloud-amd64"
CONFIG = "/etc/rtpengine/rtpengine.conf"
PACKAGED = "[rtpengine]\n\ntable = 0\n# no-fallback = false\n### for userspace forwarding only:\n# table = -1\n"
XT, NFT = "updates/dkms/xt_RTPENGINE.ko: kernel/net/netfilter/x_tables.ko\n", "extra/nft_rtpengine.ko.xz:\n"
COMMAND = "/usr/bin/rtpengine\0-f\0--config-file\0/etc/rtpengine/rtpengine.conf\0"


def relay_host(root: Path, running: str = "", newest: str = "", config: str = PACKAGED, command: str = COMMAND) -> Path:
    """A host with two kernels, whose modules.dep are given, and an rtpengine."""
    make(root)
    place(root / "proc/sys/kernel/osrelease", f"{RUNNING}\n")
    for release, listed in ((RUNNING, running), (NEWEST, newest)):
        place(root / f"lib/modules/{release}/modules.dep", f"kernel/net/netfilter/x_tables.ko:\n{listed}")
        place(root / f"boot/vmlinuz-{release}", "")
    place(root / CONFIG.lstrip("/"), config)
    start(root, 812, "rtpengine", command_line=command, cgroup="/system.slice/rtpengine-daemon.service")
    return root


def load(root: Path, module: str, references: int, **tables: str) -> None:
    """Load the module; tables by `t` and their number, with the line of their status that says who has them open."""
    place(root / f"sys/module/{module}/refcnt", f"{references}\n")
    place(root / "proc/rtpengine/list", "".join(f"{name[1:]}\n" for name in tables))
    for name, opened in tables.items():
        status = f"Refcount:    3\n{opened}\nTargets:     0\n"
        place(root / f"proc/rtpengine/{name[1:]}/status", status)


def relays(host: Host) -> list[Process]:
    return first_processes(host, RTPENGINE, process_names(host))


def seen(root: Path, in_container: bool = False) -> KernelForwarding:
    host = Host(str(root))
    (found,) = kernel_forwarding(host, relays(host), in_container)
    return found


def test_a_new_kernel_without_the_module(tmp_path: Path) -> None:
    load(relay_host(tmp_path, XT), "xt_RTPENGINE", 4, t0="Control PID: 812")
    assert seen(tmp_path) == KernelForwarding(
        unit="rtpengine-daemon.service",
        pid=812,
        table=0,
        table_reason="",
        no_fallback=False,
        module="xt_RTPENGINE",
        loaded=True,
        in_use=True,
        rule=True,
        kernel=RUNNING,
        kernel_has_module=True,
        newest_kernel=NEWEST,
        newest_has_module=False,
    )


@pytest.mark.parametrize(
    ("running", "newest", "expected"),
    [
        pytest.param("", "", (None, False, False), id="never built"),
        pytest.param(XT, XT, ("xt_RTPENGINE", True, True), id="for both"),
        pytest.param("", NFT, ("nft_rtpengine", False, True), id="built for the next boot"),
        pytest.param(XT, NFT + XT, ("xt_RTPENGINE", True, True), id="a kernel with both"),
        pytest.param(XT, NFT, ("xt_RTPENGINE", True, False), id="the newest has that of another version"),
    ],
)
def test_modules_on_the_disk(tmp_path: Path, running: str, newest: str, expected: tuple[Any, ...]) -> None:
    found = seen(relay_host(tmp_path, running, newest))
    assert (found.module, found.kernel_has_module, found.newest_has_module) == expected
    assert (found.loaded, found.in_use, found.rule) == (False, False, None)


@pytest.mark.parametrize(
    ("references", "tables", "in_use", "rule"),
    [
        pytest.param(4, {"t0": "Control PID: 812"}, True, True, id="two rules, until 13"),
        pytest.param(4, {"t0": "Opencount:   1"}, True, True, id="two rules"),
        pytest.param(2, {"t0": "Opencount:   1"}, True, False, id="the table and its daemon alone"),
        pytest.param(1, {"t0": "Control PID: 0"}, False, False, id="left over from a daemon that has ended"),
        pytest.param(3, {"t0": "Opencount:   0"}, False, True, id="rules, and a table that nobody has open"),
        pytest.param(4, {"t0": "Opencount:   1", "t1": "Opencount:   1"}, True, False, id="two daemons without rules"),
        pytest.param(3, {"t1": "Opencount:   1"}, False, True, id="the table of another daemon"),
        pytest.param(0, {}, False, False, id="loaded and not used"),
        pytest.param(4, {"t0": "Something:   1"}, None, None, id="a status of another kind"),
    ],
)
def test_the_module_that_is_loaded(
    tmp_path: Path, references: int, tables: dict[str, str], in_use: bool | None, rule: bool | None
) -> None:
    load(relay_host(tmp_path, NFT), "nft_rtpengine", references, **tables)
    found = seen(tmp_path)
    assert (found.loaded, found.in_use, found.rule) == (True, in_use, rule)


@pytest.mark.parametrize(
    ("command", "config", "table", "reason"),
    [
        pytest.param(COMMAND, PACKAGED, 0, "", id="as packaged"),
        pytest.param(COMMAND, "[rtpengine]\n", -1, "", id="the daemon's own default"),
        pytest.param(COMMAND, "[rtpengine]\ntable = -1\n", -1, "", id="switched off"),
        pytest.param(COMMAND + "--table=3\0", "[rtpengine]\ntable = -1\n", 3, "", id="the command line wins"),
        pytest.param(COMMAND + "-t\x004\0", PACKAGED, 4, "", id="by its letter"),
        pytest.param("/usr/bin/rtpengine\0--config-file=none\0", PACKAGED, -1, "", id="no configuration"),
        pytest.param(COMMAND + "--table=x\0", PACKAGED, None, "its option table is not a number", id="not a number"),
        pytest.param(
            "/usr/bin/rtpengine\0--config-file=/etc\0", PACKAGED, None, "/etc cannot be read", id="a directory"
        ),
        pytest.param("/usr/bin/rtpengine\0--config-file=/etc\0-t0\0", PACKAGED, 0, "", id="which does not matter"),
    ],
)
def test_the_table(tmp_path: Path, command: str, config: str, table: int | None, reason: str) -> None:
    found = seen(relay_host(tmp_path, XT, XT, config, command))
    assert (found.table, found.table_reason) == (table, reason)


@pytest.mark.parametrize(
    ("command", "config", "expected"),
    [
        (COMMAND, PACKAGED, False),
        (COMMAND + "--no-fallback\0", PACKAGED, True),
        (COMMAND + "-F\0", PACKAGED, True),
        (COMMAND, "[rtpengine]\nno-fallback = true\n", True),
        (COMMAND, "[rtpengine]\nno-fallback = false\n", False),
    ],
)
def test_without_a_fallback(tmp_path: Path, command: str, config: str, expected: bool) -> None:
    assert seen(relay_host(tmp_path, config=config, command=command)).no_fallback is expected


def test_the_kernels_of_a_container_are_not_on_its_disk(tmp_path: Path) -> None:
    found = seen(relay_host(tmp_path, XT, XT), in_container=True)
    assert (found.kernel, found.loaded) == (RUNNING, False)
    assert (found.kernel_has_module, found.newest_kernel, found.newest_has_module) == (None, None, None)


def test_a_relay_in_a_container_of_this_host(tmp_path: Path) -> None:
    make(tmp_path)
    place(tmp_path / CONFIG.lstrip("/"), PACKAGED)  # which is not the container's
    start(tmp_path, 900, "rtpengine", cgroup="/machine.slice/libpod-1.scope", nspid="900\t1")
    found = seen(tmp_path)
    assert (found.unit, found.table, found.table_reason) == (None, None, "its configuration is in a container")


def test_two_relays(tmp_path: Path) -> None:
    load(relay_host(tmp_path, XT), "xt_RTPENGINE", 3, t0="Control PID: 812")
    start(tmp_path, 900, "rtpengine", command_line="/usr/bin/rtpengine\0--config-file=none\0--table=1\0")
    host = Host(str(tmp_path))
    found = kernel_forwarding(host, relays(host), False)
    assert [(one.pid, one.table, one.in_use) for one in found] == [(812, 0, True), (900, 1, False)]


def test_nothing_is_read_where_no_relay_runs(tmp_path: Path) -> None:
    make(tmp_path)
    start(tmp_path, 36, "kamailio")
    running = relays(Host(str(tmp_path)))

    class Closed(Host):
        def _real(self, path: str) -> bytes:
            raise AssertionError(path)

    assert kernel_forwarding(Closed(), running, False) == []
