# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import process_names
from ansible_collections.siptune.linux.plugins.module_utils._sip.configured import with_configuration
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import (
    DAEMONS,
    SipDaemon,
    first_processes,
    sip_daemons,
)
from sip_trees import ANY, LOOPBACK, OTHER_NETWORK, bind, make, place, start

TCP_LINE = "   {}: 00000000:{:04X} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 {} 1 0 100\n"


@pytest.fixture(name="root")
def host_root(tmp_path: Path) -> Path:
    return make(tmp_path)


def listen(root: Path, *sockets: tuple[int, int, str]) -> None:
    """TCP sockets as port, inode and state."""
    lines = "".join(TCP_LINE.format(number, port, state, inode) for number, (port, inode, state) in enumerate(sockets))
    place(root / "proc/net/tcp", f"  sl  local_address ...\n{lines}")


def look(root: Path) -> list[SipDaemon]:
    host = Host(str(root))
    names = process_names(host)
    running = {one.name: first_processes(host, one, names) for one in DAEMONS}
    return with_configuration(host, sip_daemons(host, names, False, running), running)


def test_what_runs_is_read_by_its_command_line_and_sockets(root: Path) -> None:
    place(root / "srv/k.cfg", "tcp_max_connections=9\n")
    bind(root, (ANY, 5060, 11), (LOOPBACK, 5080, 12), (ANY, 40000, 13), (ANY, 5090, 99))
    listen(root, (5060, 21, "0A"), (5061, 22, "0A"), (5060, 23, "01"), (8080, 98, "0A"))
    start(root, 50, "kamailio", [11, 12, 13, 21, 22, 23], command_line="/usr/sbin/kamailio\0-f\0/srv/k.cfg\0")
    (found,) = look(root)
    assert (found.rtp_ports, found.sip_ports, found.udp_ports, found.notes) == ([], [5060, 5061, 5080], [5060], [])
    assert found.tcp_ports == [5060, 5061]
    assert found.ceilings is not None
    assert tuple(found.ceilings[0]) == ("tcp_max_connections", 9, "/srv/k.cfg line 1")


def test_reserved_ports_are_none_that_the_kernel_chooses(root: Path) -> None:
    bind(root, (ANY, 5080, 11), (ANY, 5090, 12))
    place(root / "proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n")
    place(root / "proc/sys/net/ipv4/ip_local_reserved_ports", "5060-5061,5080\n")
    start(root, 50, "kamailio", [11, 12])
    assert look(root)[0].sip_ports == [5080]


def test_media_and_faxes_are_no_ports_to_listen_on(root: Path) -> None:
    place(root / "etc/asterisk/rtp.conf", "[general]\nrtpstart=25000\nrtpend=26000\n")
    bind(root, (ANY, 5060, 11), (ANY, 25002, 12), (ANY, 4100, 13), (ANY, 4569, 14))
    start(root, 50, "asterisk", [11, 12, 13, 14])
    (found,) = look(root)
    assert (found.rtp_ports, found.sip_ports) == (["25000-26000"], [4569, 5060])


def test_a_program_found_by_path_is_read_where_it_was_built_for(root: Path) -> None:
    switch = '<configuration><settings><param name="rtp-start-port" value="20000"/></settings></configuration>'
    place(root / "opt/fs/conf/autoload_configs/switch.conf.xml", switch)
    place(root / "opt/fs/bin/freeswitch", "")
    start(root, 50, "freeswitch", command_line="freeswitch\0-nc\0", program="/opt/fs/bin/freeswitch")
    assert look(root)[0].rtp_ports == ["20000-32768"]


def test_what_does_not_run_is_read_where_packages_have_it(root: Path) -> None:
    place(root / "etc/rtpengine/rtpengine.conf", "[rtpengine]\nport-min=23000\nport-max=32768\n")
    place(root / "usr/bin/rtpengine", "")
    (found,) = look(root)
    assert (found.running, found.rtp_ports, found.sip_ports) == (False, ["23000-32768"], None)


def test_what_does_not_run_is_read_where_its_program_was_built_for(root: Path) -> None:
    place(root / "usr/local/sbin/asterisk", "")
    place(root / "usr/local/etc/asterisk/asterisk.conf", "")
    place(root / "usr/local/etc/asterisk/rtp.conf", "[general]\nrtpstart=40000\nrtpend=60000\n")
    assert look(root)[0].rtp_ports == ["40000-60000"]


def test_the_files_of_a_container_are_not_the_hosts(root: Path) -> None:
    place(root / "etc/rtpengine/rtpengine.conf", "[rtpengine]\nport-min=23000\nport-max=32768\n")
    words = "/usr/bin/rtpengine\0--config-file=/etc/rtpengine/rtpengine.conf\0"
    start(root, 50, "rtpengine", nspid="50\t1", cgroup="/machine.slice/libpod-1.scope/container", command_line=words)
    (found,) = [one for one in look(root) if one.running]
    assert found.rtp_ports == ["30000-40000"]
    assert found.notes == ["it runs in a container, whose configuration is not read"]
    start(root, 60, "asterisk", nspid="60\t1", cgroup="/machine.slice/libpod-2.scope/container")
    start(root, 70, "kamailio", nspid="70\t1", cgroup="/machine.slice/libpod-3.scope/container")
    assert [len(one.notes) for one in look(root) if one.running] == [1, 0, 1]


def test_ports_of_another_network_are_not_this_hosts(root: Path) -> None:
    bind(root, (ANY, 5060, 11))
    start(root, 50, "freeswitch", [11], network=OTHER_NETWORK)
    start(root, 60, "freeswitch", network=OTHER_NETWORK)
    start(root, 70, "freeswitch")
    assert [(one.sip_ports, one.notes) for one in look(root)] == [(None, []), (None, []), ([], [])]


def test_hidden_sockets_are_unknown(root: Path) -> None:
    start(root, 50, "kamailio")
    for entry in (root / "proc/50/fd").iterdir():
        entry.unlink()
    place(root / "proc/50/fd/5", "")
    assert (look(root)[0].sip_ports, look(root)[0].udp_ports, look(root)[0].tcp_ports) == (None, None, None)


def test_an_overlap_is_said_once(root: Path) -> None:
    start(root, 50, "rtpengine", command_line="/usr/bin/rtpengine\0-m\0" + "15000\0-M\0" + "16000\0")
    start(root, 60, "asterisk")
    notes = [note for one in look(root) for note in one.notes]
    assert notes == [
        "asterisk and rtpengine both take the ports 15000-16000 for media, and whichever is first keeps the other from "
        "them: give each a range of its own"
    ]


def test_what_does_not_run_takes_nothing_from_others(root: Path) -> None:
    start(root, 50, "freeswitch")
    place(root / "usr/bin/rtpengine", "")
    assert [one.notes for one in look(root)] == [[], []]


def test_copies_of_one_unit_are_one_record(root: Path) -> None:
    place(root / "lib/systemd/system/rtpengine-daemon.service", "")
    for pid, first in ((50, 20000), (60, 30000)):
        words = f"/usr/bin/rtpengine\0--port-min={first}\0--port-max={first + 999}\0"
        start(root, pid, "rtpengine", command_line=words, cgroup="/system.slice/rtpengine-daemon.service")
    (found,) = look(root)
    assert found.rtp_ports == ["20000-20999", "30000-30999"]


def test_a_pipe_in_the_place_of_a_configuration_holds_nobody_up(root: Path) -> None:
    (root / "etc/rtpengine").mkdir(parents=True)
    os.mkfifo(root / "etc/rtpengine/rtpengine.conf")
    start(root, 50, "rtpengine")
    assert look(root)[0].rtp_ports == ["30000-40000"]


@pytest.mark.parametrize(("inuse", "expected"), [(0, []), (1, [5061])])
def test_an_empty_table_of_tcp_is_not_read(root: Path, inuse: int, expected: list[int]) -> None:
    place(root / "proc/net/sockstat", f"sockets: used 9\nTCP: inuse {inuse} orphan 0 tw 0 alloc 9 mem 0\nUDP: inuse 1")
    listen(root, (5061, 22, "0A"))
    start(root, 50, "kamailio", [22])
    assert look(root)[0].sip_ports == expected
