# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receive buffers of daemons that run, on real sockets: raised without a restart, and given back."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sockets.module import SIP_SOCKETS
from ansible_collections.siptune.linux.plugins.modules import sip_sockets, transaction
from calls import ORIGINALS, call, originals, write_file
from controller import HERE, playbook
from sandbox import CAP_NET_ADMIN, CAP_SYS_PTRACE, become_nobody, difference, drop_capability, dump
from stand_ins import StandIn, buffers, held_in_a_stall, running
from tracing import STARTING, calls_of, kill_before, refuse

pytestmark = pytest.mark.own_processes

SIX_MIB = 6 * 1024 * 1024
STOCK_BYTES = 212992
MOST_ON_STOCK = 400  # datagrams of 600 bytes in 212992, and some more
MANY = 2000
OWN_WORK_MILLISECONDS = 20  # of CPU time
SIP = ("127.0.0.1", 5060)
DEFAULTS = {"daemons": [], "units": [], "state": "present", "missing": "report", "shadowed": "report"}


def mine(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The items of sockets by their name. The machine may run other daemons, in containers, that are named as well."""
    assert not result.get("failed"), result
    return {item["item"]: item for item in result["items"] if " udp " in item["item"]}


def states(result: dict[str, Any]) -> dict[str, str]:
    return {name: item["state"] for name, item in mine(result).items()}


def about(result: dict[str, Any], stand_in: StandIn) -> list[dict[str, Any]]:
    """The items that name a process."""
    return [item for item in result["items"] if f"process {stand_in.pid}" in item["reason"]]


def test_a_stalled_daemon_holds_more_without_a_restart_and_gives_it_back() -> None:
    start = dump()
    with running("kamailio", ["127.0.0.1 5060", "::1 5060"], workers=2) as daemon:
        pids = daemon.pids()
        stock = held_in_a_stall(daemon, SIP, MANY)
        assert 0 < stock < MOST_ON_STOCK
        predicted = call(sip_sockets, check=True, receive_buffer_bytes=SIX_MIB)
        assert predicted["changed"]
        assert set(buffers(daemon).values()) == {STOCK_BYTES}
        assert difference(start, dump()) == {}

        done = call(sip_sockets, receive_buffer_bytes={"value": SIX_MIB, "rule": "at_least", "why": "stalls"})
        assert {name: (item["before"], item["after"], item["state"]) for name, item in mine(done).items()} == {
            "kamailio udp 127.0.0.1:5060 receive buffer": (str(STOCK_BYTES), str(SIX_MIB), "changed"),
            "kamailio udp [::1]:5060 receive buffer": (str(STOCK_BYTES), str(SIX_MIB), "changed"),
        }
        assert [item["after"] for item in mine(done).values()] == [item["after"] for item in mine(predicted).values()]
        assert set(buffers(daemon).values()) == {SIX_MIB}
        assert held_in_a_stall(daemon, SIP, MANY) == MANY
        assert held_in_a_stall(daemon, ("::1", 5060), MANY) == MANY
        assert len(originals()["sockets"]) == 2

        again = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        assert not again["changed"]
        assert set(states(again).values()) == {"ok"}

        assert set(states(call(sip_sockets, check=True, state="absent")).values()) == {"changed"}
        back = call(sip_sockets, state="absent")
        assert back["changed"]
        assert set(buffers(daemon).values()) == {STOCK_BYTES}
        assert held_in_a_stall(daemon, SIP, MANY) == stock
        assert daemon.pids() == pids
    assert difference(start, dump()) == {}
    assert not call(sip_sockets, state="absent")["changed"]


def test_a_floor_never_lowers_and_the_first_original_stays() -> None:
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        lower = call(sip_sockets, receive_buffer_bytes=SIX_MIB // 2)
        assert not lower["changed"]
        assert set(states(lower).values()) == {"ok"}, lower
        assert call(sip_sockets, receive_buffer_bytes=2 * SIX_MIB)["changed"]
        (record,) = originals()["sockets"].values()
        assert (record["found"], record["left"]) == (STOCK_BYTES, 2 * SIX_MIB)
        call(sip_sockets, state="absent")
        assert set(buffers(daemon).values()) == {STOCK_BYTES}


def test_what_somebody_else_has_set_since_is_left_alone() -> None:
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        document = originals()
        call(sip_sockets, receive_buffer_bytes=2 * SIX_MIB)
        write_file(ORIGINALS, str(document).replace("'", '"'))  # as if somebody else had done the second
        os.chmod(ORIGINALS, 0o600)
        back = call(sip_sockets, state="absent")
        assert states(back) == {"kamailio udp 127.0.0.1:5060 receive buffer": "kept"}
        assert set(buffers(daemon).values()) == {2 * SIX_MIB}
    assert not os.path.exists(ORIGINALS)


def test_the_record_ends_with_the_process() -> None:
    with running("kamailio", ["127.0.0.1 5060"]):
        call(sip_sockets, receive_buffer_bytes=SIX_MIB)
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        (key,) = originals()["sockets"]
        assert key.startswith(f"{daemon.pid} ")
    back = call(sip_sockets, state="absent")
    assert mine(back) == {}
    assert not back["changed"]
    assert not os.path.exists(ORIGINALS)


# --- which sockets --------------------------------------------------------------------------

SWITCH = """<configuration><settings>
<!-- <param name="rtp-start-port" value="5000"/> -->
<param name="rtp-start-port" value="$${rtp_start}"/><param name="rtp-end-port" value="7999"/>
</settings></configuration>
"""


def test_media_is_left_alone() -> None:
    write_file("/etc/asterisk/rtp.conf", "[general]\n#include more.conf\nrtpend=9000 ; ours\n")
    write_file("/etc/asterisk/more.conf", "rtpstart => 8000\n")
    write_file("/etc/freeswitch/autoload_configs/switch.conf.xml", SWITCH)
    write_file("/etc/freeswitch/vars.xml", '<X-PRE-PROCESS cmd="set" data="rtp_start=7000"/>')
    options = ["--port-min=25000", "--port-max", "25100"]
    with (
        running("asterisk", ["127.0.0.1 5060", "127.0.0.1 8010", "127.0.0.1 9002"]),
        running("freeswitch", ["127.0.0.1 5080", "127.0.0.1 7000", "127.0.0.1 20000"]),
        running("rtpengine", ["127.0.0.1 2223", "127.0.0.1 25004", "127.0.0.1 50000"], options),
    ):
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        assert states(done) == {
            "asterisk udp 127.0.0.1:5060 receive buffer": "changed",
            "rtpengine udp 127.0.0.1:2223 receive buffer": "changed",
            "freeswitch udp 127.0.0.1:5080 receive buffer": "changed",
            "asterisk udp 127.0.0.1:9002 receive buffer": "changed",
            "freeswitch udp 127.0.0.1:20000 receive buffer": "changed",
        }


def test_ports_that_the_kernel_has_chosen_are_left_alone() -> None:
    with running("kamailio", ["127.0.0.1 50600", "0.0.0.0 50601"]):
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
    assert states(done) == {"kamailio udp 127.0.0.1:50600 receive buffer": "changed"}


def test_each_socket_of_a_shared_port_counts() -> None:
    with (
        running("kamailio", ["127.0.0.1 5060 shared"]) as first,
        running("kamailio", ["127.0.0.1 5060 shared"]) as second,
        running("opensips", ["127.0.0.1 5070 shared"], workers=3, own_ends=["127.0.0.1 5070 shared"]),
    ):
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        assert states(done) == dict.fromkeys(
            [
                "kamailio udp 127.0.0.1:5060 receive buffer",
                "kamailio udp 127.0.0.1:5060 receive buffer 2",
                "opensips udp 127.0.0.1:5070 receive buffer",
                "opensips udp 127.0.0.1:5070 receive buffer 2",
                "opensips udp 127.0.0.1:5070 receive buffer 3",
                "opensips udp 127.0.0.1:5070 receive buffer 4",
            ],
            "changed",
        )
        assert [*buffers(first).values(), *buffers(second).values()] == [SIX_MIB, SIX_MIB]
        assert set(states(call(sip_sockets, receive_buffer_bytes=SIX_MIB)).values()) == {"ok"}


def test_only_the_daemons_that_are_named() -> None:
    with running("kamailio", ["127.0.0.1 5060"]), running("drachtio", ["127.0.0.1 5070"]):
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB, daemons=["drachtio", "opensips"])
        assert states(done) == {"drachtio udp 127.0.0.1:5070 receive buffer": "changed"}
        (absent,) = [item for item in done["items"] if item["item"] == "opensips receive buffers"]
        assert (absent["state"], absent["reason"]) == ("absent", "no opensips is running here")
        failed = call(sip_sockets, receive_buffer_bytes=SIX_MIB, units=["nosuch.service"], missing="fail")
        assert failed["failed"]
        assert "nosuch.service receive buffers is absent" in failed["msg"]


def test_a_daemon_with_hundreds_of_sockets_is_bounded() -> None:
    ends = ["127.0.0.1 5060", *(f"127.0.0.1 {port}" for port in range(6000, 6500))]
    with running("kamailio", ends):
        done = call(sip_sockets, receive_buffer_bytes=1024 * 1024)
        found = list(states(done).values())
        assert (found.count("changed"), len(found)) == (64, 64)
        assert next(iter(mine(done))) == "kamailio udp 127.0.0.1:5060 receive buffer"
        (further,) = [item for item in done["items"] if item["item"] == "kamailio further receive buffers"]
        assert further["state"] == "pending"
        assert further["reason"].startswith("no more than 64 sockets are raised: left as they are are 127.0.0.1:6063, ")
        assert further["reason"].endswith(" and 431 more")
        again = call(sip_sockets, receive_buffer_bytes=1024 * 1024)
        assert not again["changed"]
        assert set(states(again).values()) == {"ok"}


def test_all_buffers_together_are_bounded_by_the_memory() -> None:
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    half = memory * 1024 // 200
    ends = [f"127.0.0.1 {port}" for port in (5060, 5070, 5080, 5090)]
    with running("kamailio", ends):
        done = call(sip_sockets, receive_buffer_bytes=half)
        assert list(states(done).values()) == ["changed", "changed"]
        (further,) = [item for item in done["items"] if item["item"] == "kamailio further receive buffers"]
        assert "127.0.0.1:5080, 127.0.0.1:5090" in further["reason"]
        assert "1/100 of the memory" in further["reason"]
        refused = call(sip_sockets, receive_buffer_bytes=2 * half + 8192)
        assert refused["failed"]
        assert "more than 1/100 of this host's memory" in refused["msg"]


@pytest.mark.parametrize(
    ("line", "advice"), [("", "maxbuffer=3145728 in"), ("maxbuffer=262144\n", "line 1 sets maxbuffer")]
)
def test_an_item_says_what_the_next_start_has_and_what_gives_more(line: str, advice: str) -> None:
    write_file("/etc/kamailio/edge.cfg", line)
    places = [Path("/proc/sys/net/core", name) for name in ("rmem_default", "rmem_max")]
    if not all(place.exists() for place in places):  # before Linux 6.12 a network namespace does not show them
        return
    default, most = (int(place.read_text(encoding="ascii")) for place in places)
    with running("kamailio", ["127.0.0.1 5060"], ["-f", "/etc/kamailio/edge.cfg"]):
        (item,) = mine(call(sip_sockets, receive_buffer_bytes=SIX_MIB)).values()
    assert item["at_boot"] == str(default if default > 262144 - 2048 else 2 * min(262144, most))
    assert advice in item["reason"]
    assert "/etc/kamailio/edge.cfg" in item["reason"]


# --- what is not ours -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (["unshare", "--net"], "is in a network namespace of its own: tune it there"),
        (["unshare", "--pid", "--fork", "--kill-child"], "runs in a container: tune it there"),
    ],
    ids=["network namespace", "container"],
)
def test_a_daemon_elsewhere_is_named_and_left_alone(before: list[str], reason: str) -> None:
    with running("kamailio", ["0.0.0.0 5060"], before=before) as daemon:
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        pid = next(pid for pid in daemon.pids() if Path(f"/proc/{pid}/comm").read_text() == "kamailio\n")
    assert mine(done) == {}
    (item,) = [item for item in done["items"] if f"process {pid} " in item["reason"]]
    assert item["item"].startswith("kamailio receive buffers")
    assert (item["state"], item["reason"]) == ("readonly", f"process {pid} {reason}")


def test_a_users_own_process_is_named_and_left_alone() -> None:
    os.makedirs("/run/systemd/system")  # where systemd runs, it has started the daemons
    with running("kamailio", ["127.0.0.1 5060"], before=["setpriv", "--reuid", "12345"]) as daemon:
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        (item,) = about(done, daemon)
        assert mine(done) == {}
        assert item["state"] == "readonly"
        assert "user 12345 has started" in item["reason"]
        assert set(buffers(daemon).values()) == {STOCK_BYTES}


# --- what goes wrong ------------------------------------------------------------------------


def request(**parameters: Any) -> Any:
    return SIP_SOCKETS.parse({**DEFAULTS, "receive_buffer_bytes": SIX_MIB, **parameters})


def test_a_daemon_that_ends_meanwhile_is_absent() -> None:
    host = Host()
    with running("kamailio", ["127.0.0.1 5060"]) as first, running("opensips", ["127.0.0.1 5070"]) as second:
        observed = SIP_SOCKETS.observe(host, request())
        planned = SIP_SOCKETS.plan(request(), observed)
        first.end()
        outcome = all_or_nothing(lambda log: SIP_SOCKETS.apply(host, request(), observed, planned, log))
        found = {change.item: change for change in outcome.changes if " udp " in change.item}
        gone = found["kamailio udp 127.0.0.1:5060 receive buffer"]
        assert (gone.state, gone.after) == ("absent", None)
        assert found["opensips udp 127.0.0.1:5070 receive buffer"].state == "changed"
        assert set(buffers(second).values()) == {SIX_MIB}
        assert len(originals()["sockets"]) == 1


def test_a_stopped_daemon_is_reached() -> None:
    with running("kamailio", ["127.0.0.1 5060"], workers=1) as daemon:
        daemon.signal(signal.SIGSTOP)
        assert set(states(call(sip_sockets, receive_buffer_bytes=SIX_MIB)).values()) == {"changed"}
        daemon.signal(signal.SIGCONT)
        assert set(buffers(daemon).values()) == {SIX_MIB}


def raised(expected: str, reason: str) -> None:
    """Call the module and see that the one socket has this state, and nothing has changed."""
    start = dump()
    done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
    (item,) = mine(done).values()
    assert (item["state"], item["before"]) == (expected, None)
    assert reason in item["reason"]
    assert item["reason"].endswith("it stays as it is until kamailio starts the next time")
    assert not done["changed"]
    assert difference(start, dump()) == {}


@pytest.mark.parametrize(
    ("error", "reason"),
    [("ENOSYS", "requires Linux 5.6"), ("EPERM", "pidfd_getfd(2) is refused (EPERM)")],
)
def test_where_sockets_cannot_be_reached_it_waits_for_the_next_start(error: str, reason: str) -> None:
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        assert refuse("pidfd_getfd", error, lambda: raised("pending", reason)) == 0
        assert set(buffers(daemon).values()) == {STOCK_BYTES}


def test_without_the_right_to_look_it_says_so() -> None:
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        drop_capability(CAP_SYS_PTRACE)
        done = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
        (item,) = about(done, daemon)
        assert (item["state"], item["after"]) == ("pending", None)
        assert "CAP_SYS_PTRACE" in item["reason"]
        assert not done["changed"]


def test_beyond_rmem_max_takes_a_capability() -> None:
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        drop_capability(CAP_NET_ADMIN)
        floor = 2 * int(Path("/proc/sys/net/core/rmem_max").read_text()) + 65536
        (item,) = mine(call(sip_sockets, receive_buffer_bytes=floor)).values()
        assert item["state"] == "pending"
        assert "requires CAP_NET_ADMIN" in item["reason"]
        assert set(buffers(daemon).values()) == {STOCK_BYTES}


def test_an_ordinary_user_is_told() -> None:
    become_nobody()
    refused = call(sip_sockets, receive_buffer_bytes=SIX_MIB)
    assert refused["failed"]
    assert "requires root" in refused["msg"]


@pytest.mark.parametrize("value", [-1, 0, "many", 2**31, 1.5, True, {"value": 8192, "rule": "exact"}])
def test_a_size_without_sense_is_refused_before_anything_happens(value: object) -> None:
    start = dump()
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        refused = call(sip_sockets, receive_buffer_bytes=value)
        assert refused["failed"]
        assert refused["msg"].startswith("receive_buffer_bytes: ")
        assert refused["msg"].endswith("Nothing was changed.")
        assert set(buffers(daemon).values()) == {STOCK_BYTES}
    assert difference(start, dump()) == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1, "siptune_network_sip_receive_buffer: receive_buffer_bytes: must be 4096 to 2147483646 bytes, not -1"),
        ("6M", "siptune_network_sip_receive_buffer: receive_buffer_bytes: must be a whole number of bytes, not '6M'"),
        (2**31 - 2, "more than 1/100 of this host's memory"),
    ],
    ids=["negative", "no number", "more than the memory allows"],
)
def test_site_with_a_bad_buffer_leaves_nothing_half_done(value: object, reason: str) -> None:
    start = dump()
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        status, output = playbook(
            "siptune.linux.site", {"sbc1": HERE}, "-e", json.dumps({"siptune_network_sip_receive_buffer": value})
        )
        assert status != 0
        assert reason in " ".join(output.replace("\\", "").split())
        assert set(buffers(daemon).values()) == {STOCK_BYTES}
    assert difference(start, dump()) == {}


def test_a_later_call_that_fails_gives_the_buffers_back() -> None:
    start = dump()
    with running("kamailio", ["127.0.0.1 5060", "::1 5060"]) as daemon:
        settings = {"net.ipv4.tcp_congestion_control": "nosuch"}  # which the kernel refuses
        failed = call(
            transaction,
            calls=[
                {"name": "buffers", "module": "sip_sockets", "arguments": {"receive_buffer_bytes": SIX_MIB}},
                {
                    "name": "kernel",
                    "module": "sysctl_bulk",
                    "arguments": {"path": "/etc/sysctl.d/90-test.conf", "settings": settings},
                },
            ],
        )
        assert failed["failed"]
        assert "kamailio udp 127.0.0.1:5060 receive buffer" in failed["undone"]
        assert set(buffers(daemon).values()) == {STOCK_BYTES}
    assert difference(start, dump()) == {}


def work(size: int) -> None:
    """What a call does, without Ansible around it: observe, plan, carry out, confirm."""
    SIP_SOCKETS.call({**DEFAULTS, "receive_buffer_bytes": size}).run(Host(), False, UndoLog())


def test_a_killed_call_can_be_put_back() -> None:
    with running("kamailio", ["127.0.0.1 5060", "::1 5060"]) as daemon:
        last = calls_of(lambda: work(SIX_MIB), "setsockopt")[-1]
        call(sip_sockets, state="absent")
        assert kill_before(last, lambda: work(SIX_MIB))
        assert sorted(buffers(daemon).values()) == [STOCK_BYTES, SIX_MIB]
        call(sip_sockets, state="absent")
        assert set(buffers(daemon).values()) == {STOCK_BYTES}
    assert not os.path.exists(ORIGINALS)


# --- cost -----------------------------------------------------------------------------------


def test_the_work_of_four_daemons_is_quick_and_starts_no_process() -> None:
    def ends(first: int) -> list[str]:
        return [f"127.0.0.1 {port}" for port in range(first, first + 10)]

    with (
        running("asterisk", ends(5060)),
        running("kamailio", ends(5160), workers=4),
        running("opensips", ends(5260), workers=4),
        running("rtpengine", ends(2223)),
    ):
        taken = []
        for size in range(SIX_MIB // 2, SIX_MIB // 2 + 40960, 4096):
            start = time.process_time()
            work(size)
            taken.append(time.process_time() - start)
        assert len(mine(call(sip_sockets, check=True, receive_buffer_bytes=SIX_MIB // 2))) == 40
        assert calls_of(lambda: work(SIX_MIB // 2 + 81920), STARTING) == []
    assert min(taken) * 1000 < OWN_WORK_MILLISECONDS, taken
