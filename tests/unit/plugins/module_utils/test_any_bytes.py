# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any bytes in every file that is read, and in every answer of a program: no call fails but with an error of ours.

What each operation reads is noted while it runs, so that a file that is read from now on is tested from now on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sip_trees
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.text import decoded, printable_result
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing, refusal
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import counted
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Operation
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host import host as host_module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host
from ansible_collections.siptune.linux.plugins.module_utils._journald.module import JOURNALD_LIMITS
from ansible_collections.siptune.linux.plugins.module_utils._logins.module import LIMITS_FILE
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK, NIC_RING
from ansible_collections.siptune.linux.plugins.module_utils._packets.observe import look
from ansible_collections.siptune.linux.plugins.module_utils._pools.module import DAEMON_POOLS
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import observe_calls
from ansible_collections.siptune.linux.plugins.module_utils._sip.gate import calls_result
from ansible_collections.siptune.linux.plugins.module_utils._sockets.module import SIP_SOCKETS
from ansible_collections.siptune.linux.plugins.module_utils._storage.observe import storage_findings
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nic_cards import Card, CardHost
from pool_hosts import BOTH, make_image, write

CAPTURED = Path(__file__).parent / "captured"
SYSCTL = "/etc/sysctl.d/90-test.conf"
LIMITS = "/etc/security/limits.d/90-test.conf"
ONE_LIMIT = [{"domain": "root", "type": "hard", "item": "nofile", "value": 65536}]
KEYS = {"net.core.rmem_max": 1048576, "net.ipv4.conf.*.rp_filter": 2, "net.ipv4.tcp_rmem": "4096 131072 6291456"}
DAEMONS = {"asterisk": 50, "kamailio": 60, "opensips": 70, "rtpengine": 80, "freeswitch": 90}


class AnyHost(CardHost):
    """A host with two cards, with daemons and with programs, of which every file may be replaced by any bytes."""

    answer = b""

    def run(self, arguments: Sequence[str], timeout_seconds: float | None = None) -> CommandResult | None:
        return CommandResult(0, decoded(self.answer), decoded(self.answer))

    def ask_udp(self, address: tuple[str, int], request: bytes, timeout_seconds: float) -> bytes:
        return request.split(b" ")[0] + b" " + self.answer


def make(root: Path) -> Host:
    make_image(root)
    sip_trees.make(root)
    for name, pid in DAEMONS.items():
        sip_trees.start(root, pid, name, inodes=[pid * 10])
    sip_trees.bind(root, *((sip_trees.LOOPBACK, 5060 + pid, pid * 10) for pid in DAEMONS.values()))
    for daemon, text in (
        ("rtpengine/rtpengine.conf", "[rtpengine]\nlisten-ng = 127.0.0.1:2223\nport-min = 30000\n"),
        ("asterisk/asterisk.conf", "[directories]\nastetcdir => /etc/asterisk\n"),
        ("asterisk/rtp.conf", "rtpstart=10000\n#include more.conf\n"),
        ("asterisk/more.conf", "rtpend=20000\n"),
        ("freeswitch/autoload_configs/switch.conf.xml", '<param name="rtp-start-port" value="$${low}"/>'),
        ("freeswitch/vars.xml", '<X-PRE-PROCESS cmd="set" data="low=16384"/>'),
        ("tuned/active_profile", "throughput\n"),
        ("tuned/tuned-main.conf", "reapply_sysctl = 1\n"),
        ("tuned/throughput/tuned.conf", "[sysctl]\nvm.swappiness = 10\n"),
        ("sysctl.d/10-vendor.conf", "net.core.rmem_max = 4096\n"),
        ("sysctl.d/99-local.conf", "net.ipv4.tcp_rmem = 1 2 3\n-net.core.x\n"),
        (SYSCTL[5:], "# ours\nnet.core.rmem_max = 1\n"),
        ("security/limits.conf", "* soft nofile 1024\n"),
        ("security/limits.d/99-local.conf", "root hard nofile 2048\n"),
        (LIMITS[5:], "root hard nofile 4096\n"),
        ("pam.d/sshd", "session required pam_limits.so\n@include common\n"),
        ("pam.d/common", "session required pam_limits.so conf=/x\n"),
        ("systemd/network/10-eth0.link", "[Match]\nOriginalName=eth0\n[Link]\nRxBufferSize=512\n"),
        ("systemd/network/10-eth0.link.d/a.conf", "[Link]\nName=eth0\n"),
        ("systemd/system/kamailio.service.d/a.conf", "[Service]\nLimitNOFILE=4096\n"),
        ("systemd/system/multi-user.target.wants/tuned.service", ""),
        ("systemd/journald.conf", "[Journal]\nSystemMaxUse=900T\n"),
        ("systemd/journald.conf.d/90-siptune.conf", "[Journal]\nSystemKeepFree=0\n"),
        ("rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n*.* -/var/log/syslog\n"),
        ("rsyslog.d/a.conf", 'action(type="omfile" file="/var/log/a")\n'),
        ("logrotate.conf", "weekly\ninclude /etc/logrotate.d\n"),
        ("logrotate.d/a", "/var/log/syslog {\n  postrotate\n  endscript\n}\n"),
        ("rtpengine/rtpengine-recording.conf", "[rtpengine-recording]\noutput-dir = /var/calls\n"),
    ):
        write(root, f"etc/{daemon}", text)
    write(root, "usr/lib/security/pam_limits.so", "\0/usr/etc/security/limits.d/*.conf\0")
    write(root, "run/udev/data/n2", "E:ID_NET_NAME=eth0\n")
    write(root, "run/tuned/tuned.pid", "50\n")
    for path in ("log/syslog", "log/a", "log/asterisk/full", "spool/asterisk/monitor/a", "calls/a", "log/journal/a"):
        write(root, f"var/{path}", "")
    _make_proc(root)
    return AnyHost(root, Card("eth0", "igb", "52:54:00:00:00:01"), Card("sip0", "ixgbe", "52:54:00:00:00:02"))


def _make_proc(root: Path) -> None:
    write(root, "proc/self/mountinfo", "27 1 254:0 / / rw shared:1 - ext4 /dev/vda1 rw,sync,data=journal\n")
    write(root, "proc/sys/kernel/core_pattern", "/var/crash/core.%p\n")
    for key in ("net/core/rmem_max", "net/core/rmem_default", "fs/nr_open", "net/ipv4/conf/all/rp_filter"):
        write(root, f"proc/sys/{key}", "4096\n")
    for key in ("net/ipv4/conf/default/rp_filter", "net/ipv4/conf/eth0/rp_filter", "net/ipv4/udp_mem"):
        write(root, f"proc/sys/{key}", "1\n")
    write(root, "proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456\n")
    for pid in ("self", "1", *map(str, DAEMONS.values())):
        shutil.copy(CAPTURED / "process-limits.txt", root / f"proc/{pid}/limits")
    for pid in ("self", "1"):
        for name in ("stat", "status"):
            shutil.copy(CAPTURED / f"process-{name}.txt", root / f"proc/{pid}/{name}")
    for name in ("netstat", "snmp", "snmp6"):
        shutil.copy(CAPTURED / f"counters-6.18-{name}.txt", root / f"proc/self/net/{name}")
    for name in ("meminfo", "swaps", "uptime", "modules", "net/if_inet6", "net/ipv6_route", "net/udp6", "net/tcp6"):
        write(root, f"proc/{name}", "1\n")


def call(operation: Operation, **parameters: Any) -> Callable[[Host], Any]:
    defaults = {name: argument.get("default") for name, argument in operation.argument_spec.items()}

    def run(host: Host) -> Any:
        one = operation.call({**defaults, **parameters})
        return all_or_nothing(lambda log: one.run(host, True, log)).as_result()

    return run


ROLLBACK = {"state": "absent"}
RUNNING = [{"name": name, "installed": True, "main_pid": pid} for name, pid in DAEMONS.items()]
RUNNING.append({"name": "rtpengine-recording", "installed": True, "main_pid": None})
WORK: dict[str, Callable[[Host], Any]] = {
    "facts": gather,
    "calls": lambda host: calls_result(observe_calls(host)),
    "counters": lambda host: counted(host, 0),
    "storage": lambda host: storage_findings(host, RUNNING),
    "packets": lambda host: look(host, gather(host)),
    "journal": call(JOURNALD_LIMITS, max_use="1G"),
    "journal back": call(JOURNALD_LIMITS, **ROLLBACK),
    "sysctl": call(SYSCTL_BULK, path=SYSCTL, settings=KEYS),
    "sysctl back": call(SYSCTL_BULK, path=SYSCTL, **ROLLBACK),
    "limits": call(LIMITS_FILE, path=LIMITS, limits=ONE_LIMIT),
    "limits back": call(LIMITS_FILE, path=LIMITS, **ROLLBACK),
    "units": call(SYSTEMD_LIMITS, units={"kamailio": {"LimitNOFILE": 65536}}),
    "units back": call(SYSTEMD_LIMITS, **ROLLBACK),
    "pools": call(DAEMON_POOLS, pools=BOTH),
    "pools back": call(DAEMON_POOLS, pools={unit: {} for unit in BOTH}, **ROLLBACK),
    "rings": call(NIC_RING, interfaces={"*": {"rx": 1024}}),
    "links": call(NIC_LINK, interfaces={"eth0": {"txqueuelen": 2000, "rps_cpus": "0"}}),
    "sockets": call(SIP_SOCKETS, receive_buffer_bytes=1048576),
    "sockets back": call(SIP_SOCKETS, **ROLLBACK),
}


class Files:
    """What is read, and what is read instead of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: dict[str, bytes] = {}
        self.instead: dict[str, bytes] = {}
        real = host_module._read_all

        def read_all(descriptor: int, path: str) -> bytes:
            content = real(descriptor, path)
            self.read.setdefault(path, content)
            return self.instead.get(path, content)

        monkeypatch.setattr(host_module, "_read_all", read_all)


@pytest.fixture(name="host", params=[False, True], ids=["without systemd", "with systemd"])
def any_host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    host = make(tmp_path)
    if request.param:
        (tmp_path / "run/systemd/system").mkdir(parents=True)
    return host


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    return Files(monkeypatch)


# What parsers stumble over: control characters, bytes that are no UTF-8, digits that are no numbers, long numbers.
PIECES = (
    *(b"\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"\x1b[2J", b"\xc2\x9b", b"\xe2\x80\xae", b"\0", b"\r", b"\x0b", b"\x85"),
    *(b"\xc2\xb2", b"\xd9\xa3", b"9" * 5000, b"-1", b"1e9", b"0x", b"inf", b"%", b"%n", b"%%i", b"${", b"$"),
    *(b"\n", b"\n\n", b" ", b"\t", b"=", b"==", b":", b"::", b";", b"#", b",", b"/", b"//", b"../", b"*", b"[", b"]"),
    *(b"[]", b"{", b"}", b"'", b'"', b"\\", b"\\\n", b"\\x", b"(", b")", b"<!--", b"/*", b"@include /etc/pam.d/sshd\n"),
    *(b"d", b"e", b"i1e", b"l" * 2000, b"[" * 20000, b"include=/dev/zero\n", b'include_file "/dev/zero"\n'),
)


@st.composite
def contents(draw: st.DrawFn, found: bytes) -> bytes:
    """Any bytes, or the ones that were found with something in them."""
    if draw(st.booleans()):
        return b"".join(draw(st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=8)))
    first, last = sorted((draw(st.integers(0, len(found))), draw(st.integers(0, len(found)))))
    return found[:first] + b"".join(draw(st.lists(st.sampled_from(PIECES), max_size=3))) + found[last:]


def outcome(work: Callable[[Host], Any], host: Host) -> Any:
    try:
        return work(host)
    except RefusedError as error:
        return refusal(error)
    except TuningError as error:
        return {"msg": str(error)}


ANSWER = b"Id=kamailio.service\nNames=kamailio.service\nLoadState=loaded\nActiveState=active\nMainPID=60\n" + (
    b"FragmentPath=/usr/lib/systemd/system/kamailio.service\nControlGroup=/kamailio\nLimitNOFILE=1024\n"
)


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_any_bytes_in_any_file_and_any_answer(host: Any, files: Files, work: Callable[[Host], Any]) -> None:
    outcome(work, host)
    found = {"": b"", **files.read}
    paths = sorted(found)

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def any_bytes(data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(paths), max_size=3))
        files.instead = {path: data.draw(contents(found[path])) for path in chosen}
        host.answer = data.draw(contents(ANSWER))
        shown = printable_result(outcome(work, host))
        json.dumps(shown, ensure_ascii=False).encode("utf-8")

    any_bytes()


# --- time --------------------------------------------------------------------------------------


SIZE_BYTES = 256 * 1024  # on which any time that grows by more than the size shows
STARTS = (
    *(b'include_file "', b"maxbuffer=1\n", b'\\"', b'\\" ', b"'\n", b"<!--", b"<param name=", b"K='\\\n", b'K="a'),
    *(b"#include a\n", b"[rtpengine]\nlisten-ng=1\n", b"maxbuffer", b"/*", b"include_file \t"),
    *(b"action(", b"a.a ", b"/a ", b"include(file=", b"/a*b*c*d {\n}\n", b"*.* /var/log/a\n", b"[directories]\n"),
    *(b"[directories]\nastspooldir => " + b"/a" * 2000, b'"', b"'\\"),
)
OF_DAEMONS = (
    *("rsyslog.conf", "logrotate.conf", "/logrotate.d/a", "/rsyslog.d/a.conf", "rtpengine-recording.conf"),
    *("kamailio.cfg", "opensips.cfg", "rtp.conf", "asterisk.conf", "switch.conf.xml", "vars.xml", "engine.conf"),
)


@pytest.mark.parametrize("work", ["pools", "sockets", "calls", "storage"])
def test_no_configuration_of_a_daemon_takes_time(tmp_path: Path, files: Files, work: str) -> None:
    host = make(tmp_path)
    outcome(WORK[work], host)
    own = [path for path in files.read if path.endswith(OF_DAEMONS)]
    assert own
    for piece in STARTS:
        files.instead = dict.fromkeys(own, (piece * (SIZE_BYTES // len(piece) + 1))[:SIZE_BYTES])
        begun = time.process_time()
        outcome(WORK[work], host)
        assert time.process_time() - begun < 5, piece[:40]
