# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules do on a kernel of arm64, run by machine.py as the only program of a machine that ends with it.

Each check is a function that raises; all of them run.
"""

from __future__ import annotations

import mmap
import os
import platform
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, "/siptune")

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Operation
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import set_limit
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_RING
from ansible_collections.siptune.linux.plugins.module_utils._sockets.module import SIP_SOCKETS
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK

PASSED = "SIPTUNE CHECKS PASSED"  # as machine.py reads it
FILE = "/etc/sysctl.d/90-siptune-test.conf"
KEYS = {
    "net.core.rmem_max": 16777216,
    "net.core.somaxconn": 8192,
    "net.ipv4.tcp_rmem": "8192 131072 8388608",
    "net.ipv4.ip_local_reserved_ports": "5060-5061,10000-20000",
    "net.ipv4.conf.*.accept_redirects": 0,
    "vm.dirty_bytes": 268435456,
    "vm.max_map_count": 262144,
    "fs.nr_open": 2097152,
    "kernel.sem": "250 32000 100 128",
    "net.netfilter.nf_conntrack_buckets": 100000,
}
BUFFER_BYTES = 4 << 20
HOST = Host()


def call(operation: Operation, **parameters: Any) -> tuple[bool, dict[str, Change]]:
    """A call of a module for real: whether it changed anything, and its items."""
    defaults = {name: argument.get("default") for name, argument in operation.argument_spec.items()}
    one = operation.call({**defaults, **parameters})
    done = all_or_nothing(lambda log: one.run(HOST, False, log))
    return done.changed, {change.item: change for change in done.changes}


def kernel_parameters() -> dict[str, str]:
    """All of /proc/sys that can be read and stands still."""
    moving = ("random/", "file-nr", "inode", "dentry-state", "pid_next", "nf_conntrack_count", "ns_last_pid")
    found = {}
    for directory, _below, names in os.walk("/proc/sys"):
        for name in names:
            path = f"{directory}/{name}"
            if not any(word in path for word in moving):
                text = HOST.read_lenient(path)
                found.update({} if text is None else {path: text})
    return found


def check_facts() -> None:
    facts = gather(HOST)
    assert facts["page_size"] == mmap.PAGESIZE, facts
    assert facts["kernel"] == platform.release(), facts
    assert (facts["processors"], facts["virtualization"]["kind"]) == (2, "vm"), facts
    udp_bytes = facts["udp_mem_pages"][-1] * facts["page_size"]
    assert 0.1 < udp_bytes / facts["memory_bytes"] < 0.3, facts  # three sixteenths, less what the kernel has taken
    (card,) = (one for one in facts["interfaces"] if one["driver"] == "igb")
    assert card["ring_max"]["rx"] == 4096, card


def check_kernel_parameters_there_and_back() -> None:
    before = kernel_parameters()
    changed, items = call(SYSCTL_BULK, path=FILE, settings=KEYS)
    assert changed
    assert {item.state for item in items.values()} <= {"changed", "ok"}, items
    page = mmap.PAGESIZE // 8  # buckets
    assert int(items["net.netfilter.nf_conntrack_buckets"].after or 0) == -(-100000 // page) * page, items
    changed, items = call(SYSCTL_BULK, path=FILE, settings=KEYS)
    assert not changed, items
    call(SYSCTL_BULK, path=FILE, state="absent")
    after = kernel_parameters()
    assert after == before, {key: (before.get(key), value) for key, value in after.items() if before.get(key) != value}


def check_rings_of_a_card() -> None:
    card = next(path.name for path in Path("/sys/class/net").iterdir() if (path / "device").exists())
    first, items = call(NIC_RING, interfaces={card: {"rx": 1024, "tx": 512}}, disruptive=True)
    assert first
    assert (items[f"{card} rx"].before, items[f"{card} rx"].after) == ("256", "1024"), items
    assert not call(NIC_RING, interfaces={card: {"rx": 1024, "tx": 512}}, disruptive=True)[0]


def check_a_socket_of_a_running_daemon() -> None:
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.bind(("127.0.0.1", 5060))
    os.symlink(os.path.realpath(sys.executable), "/usr/sbin/kamailio")
    script = "import time; time.sleep(600)"
    with subprocess.Popen(["/usr/sbin/kamailio", "-c", script], pass_fds=[endpoint.fileno()]) as daemon:
        while Path(f"/proc/{daemon.pid}/comm").read_text() != "kamailio\n":
            time.sleep(0.1)
        try:
            _changed, items = call(SIP_SOCKETS, receive_buffer_bytes=BUFFER_BYTES)
            (item,) = items.values()
            assert item.state == "changed", item
            assert endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == BUFFER_BYTES, item
            assert set_limit(daemon.pid, "LimitNOFILE", (65536, 65536))
            assert "65536                65536" in Path(f"/proc/{daemon.pid}/limits").read_text()
        finally:
            daemon.kill()


def main() -> None:
    print(f"{platform.release()} {platform.machine()}, pages of {mmap.PAGESIZE}, Python {platform.python_version()}")
    failed = 0
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            try:
                check()
                print(f"ok      {name}", flush=True)
            except Exception:  # noqa: BLE001 - the next check tells more
                failed += 1
                print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    if not failed:
        print(PASSED, flush=True)


if __name__ == "__main__":
    main()
