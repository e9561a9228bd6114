# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step has shown, for each thing that can give."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.progress import describe
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.verdict import LOSSES, Evidence, hopeless, judge
from hypothesis import given
from hypothesis import strategies as st

from .made_up import evidence, load, reading, settings, target

ARRIVED = {"UdpInDatagrams": 800, "UdpNoPorts": 0}
LATE = load(response_ms={"p50": 90.0, "p99": 500.0, "max": 900.0})
HALF_LOST = load(answered=400, unanswered=400, statuses={"200": 400})
QUOTA = [{"daemon": "kamailio", "group": "/system.slice/kamailio.service", "periods": 70, "seconds": 4.2}]
BUSY = {"daemon": "kamailio", "pid": 812, "seconds": 15.0, "processes": 9}


def first(found: Evidence) -> tuple[str, str]:
    reason = judge(found)["reasons"][0]
    return reason["where"], reason["what"]


def reasons(found: Evidence) -> list[str]:
    return [f"{one['where']}: {one['what']}" for one in judge(found)["reasons"]]


def test_a_step_that_holds() -> None:
    step = judge(evidence())
    assert step["holds"]
    assert step["reasons"] == []
    assert (step["asked"], step["sent"], step["answered"], step["failed"]) == (800, 800, 800, 0)
    assert describe("edge1", step, 200) == "edge1: 100/s for 8 s: holds, 800 of 800 answered, p99 4 ms. Next: 200/s"


def test_a_socket_of_media_is_named_by_its_address() -> None:
    media = {"10.0.0.5:30052 811": 12, "10.0.0.5:30010 799": 300, "[::]:30012 800": 0}
    after = reading({"UdpRcvbufErrors": 312}, parts={"UdpSocketDrops": media}, traffic=ARRIVED)
    detail = judge(evidence(after))["reasons"][0]["detail"]
    assert "one of media or of another program, 10.0.0.5:30010 300, 10.0.0.5:30052 12" in detail


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_of_the_target_is_one(name: str) -> None:
    after = reading({name: 7}, drops=7, traffic=ARRIVED)
    step = judge(evidence(after))
    assert not step["holds"]
    assert step["losses"] == {name: 7}
    assert (step["reasons"][0]["where"], step["reasons"][0]["what"]) == (model.TARGET, name)
    assert step["reasons"][0]["help"]
    assert "lost 7 " in step["reasons"][0]["detail"]


@pytest.mark.parametrize(
    ("after", "more", "expected"),
    [
        pytest.param(
            reading({"UdpRcvbufErrors": 400}, drops=400, throttled=QUOTA, traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.TARGET, "processor quota"),
            id="a quota fills the socket",
        ),
        pytest.param(
            reading(throttled=QUOTA, traffic=ARRIVED),
            {"load": LATE},
            (model.TARGET, "processor quota"),
            id="slow quota",
        ),
        pytest.param(
            reading({"NicRxMissed": 300, "UdpRcvbufErrors": 3}, 3, {"NicRxMissed": {"eth0": 300}}, traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.TARGET, "NicRxMissed"),
            id="small ring",
        ),
        pytest.param(
            reading({"ConntrackDrop": 300, "ConntrackInsertFailed": 1}, traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.TARGET, "ConntrackDrop"),
            id="small conntrack",
        ),
        pytest.param(
            reading({"UdpRcvbufErrors": 400}, drops=400, processors=[2.0, 1.0], traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.TARGET, "UdpRcvbufErrors"),
            id="small socket buffer",
        ),
        pytest.param(
            reading({"UdpRcvbufErrors": 400}, drops=400, processors=[7.9, 7.6], daemons=[BUSY], traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.TARGET, "all processors"),
            id="no processor left",
        ),
        pytest.param(
            reading({"UdpRcvbufErrors": 400}, drops=400, processors=[8.0, 0.5], traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.TARGET, "UdpRcvbufErrors"),
            id="one busy processor may be another's",
        ),
        pytest.param(
            reading(processors=[8.0, 0.5], traffic=ARRIVED), {"load": LATE}, (model.TARGET, "processor 0"), id="one"
        ),
        pytest.param(reading(traffic=ARRIVED), {"load": LATE}, (model.DAEMON, "response time"), id="slow"),
        pytest.param(reading(traffic=ARRIVED), {"load": HALF_LOST}, (model.DAEMON, "no answer"), id="silent daemon"),
        pytest.param(
            reading(traffic={"UdpInDatagrams": 400}), {"load": HALF_LOST}, (model.PATH, "not arrived"), id="firewall"
        ),
        pytest.param(
            reading({"IPReversePathFilter": 400}, traffic={"UdpInDatagrams": 400}),
            {"load": HALF_LOST},
            (model.PATH, "IPReversePathFilter"),
            id="no way back",
        ),
        pytest.param(
            reading(traffic={"UdpInDatagrams": 0, "UdpNoPorts": 800}),
            {"load": load(answered=0, unanswered=800, statuses={})},
            (model.DAEMON, "closed port"),
            id="closed port",
        ),
        pytest.param(
            reading(daemons=[{"daemon": "kamailio", "pid": 900, "seconds": 0.1, "processes": 9}], traffic=ARRIVED),
            {"load": HALF_LOST},
            (model.DAEMON, "kamailio restarted"),
            id="crash",
        ),
        pytest.param(
            reading(daemons=[], traffic=ARRIVED), {"load": HALF_LOST}, (model.DAEMON, "kamailio ended"), id="end"
        ),
        pytest.param(
            reading(traffic=ARRIVED),
            {"load": load(answered=0, unanswered=800, statuses={"404": 800})},
            (model.DAEMON, "answer 404"),
            id="refusal",
        ),
        pytest.param(
            reading(traffic=ARRIVED), {"load": load(retransmissions=80)}, (model.DAEMON, "retransmissions"), id="again"
        ),
    ],
)
def test_what_gave_first(after: dict[str, Any], more: dict[str, Any], expected: tuple[str, str]) -> None:
    assert first(evidence(after, **more)) == expected


@pytest.mark.parametrize(
    ("given_load", "what"),
    [
        (load(sent_per_second=80.0), "rate"),
        (load(sent=700, sent_per_second=99.0), "rate"),
        (load(generator_losses={"UdpRcvbufErrors": 9}, answered=791, unanswered=9), "UdpRcvbufErrors"),
        (load(sender_busy=99.0, response_ms={"p50": 300.0, "p99": 400.0, "max": 500.0}), "SIPp"),
    ],
)
def test_the_generators_limits_are_its_own(given_load: dict[str, Any], what: str) -> None:
    found = evidence(load=given_load)
    assert first(found) == (model.GENERATOR, what)
    assert not any(reason.startswith("target") for reason in reasons(found))


@pytest.mark.parametrize(
    ("given_load", "expected"),
    [
        pytest.param(load(generator_losses={"UdpRcvbufErrors": 9, "Udp6RcvbufErrors": 2}), [], id="of another program"),
        pytest.param(
            load(generator_losses={"UdpRcvbufErrors": 9}, retransmissions=3),
            ["generator: UdpRcvbufErrors"],
            id="felt, and sent again",
        ),
        pytest.param(load(generator_losses={"SoftnetDropped": 9}), ["generator: SoftnetDropped"], id="of the machine"),
    ],
)
def test_a_sockets_loss_at_the_generator_that_no_call_has_felt_is_none(
    given_load: dict[str, Any], expected: list[str]
) -> None:
    assert reasons(evidence(load=given_load)) == expected


def test_a_loss_that_the_target_has_counted_comes_before_a_busy_generator() -> None:
    after = reading({"UdpRcvbufErrors": 400}, drops=400, traffic=ARRIVED)
    found = evidence(after, load={**HALF_LOST, "sender_busy": 99.0})
    assert reasons(found)[:2] == ["target: UdpRcvbufErrors", "generator: SIPp"]


def test_on_one_machine_the_sockets_tell_who_has_lost() -> None:
    both = {"UdpRcvbufErrors": 10}
    after = reading({"UdpRcvbufErrors": 10}, drops=0, traffic=ARRIVED)
    lost = load(generator_losses=both, answered=790, unanswered=10, statuses={"200": 790})
    local = evidence(after, load=lost, own_machine=True, same_kernel=True)
    assert reasons(local)[0] == "generator: UdpRcvbufErrors"
    assert not any(reason.startswith("target") for reason in reasons(local))
    after = reading({"UdpRcvbufErrors": 10}, drops=10, traffic=ARRIVED)
    local = evidence(after, load=load(generator_losses=both), own_machine=True, same_kernel=True)
    assert reasons(local) == ["target: UdpRcvbufErrors"]


def test_processors_that_the_generator_shares_are_not_the_targets_limit() -> None:
    after = reading(processors=[8.0, 8.0], traffic=ARRIVED)
    assert "target: all processors" not in reasons(evidence(after, load=LATE, same_kernel=True))
    after = reading(processors=[8.0, 8.0], daemons=[BUSY], traffic=ARRIVED)
    assert "target: all processors" in reasons(evidence(after, load=LATE, same_kernel=True))


def test_a_stall_may_take_its_time_and_no_more() -> None:
    stalled = settings(stall=True, stall_ms=500)
    assert judge(evidence(load=load(response_ms={"p50": 1.0, "p99": 600.0, "max": 650.0}), settings=stalled))["holds"]
    assert not judge(evidence(load=load(response_ms={"p50": 1.0, "p99": 800.0, "max": 850.0}), settings=stalled))[
        "holds"
    ]


def test_one_lost_datagram_of_many_is_a_loss() -> None:
    step = judge(evidence(reading({"UdpRcvbufErrors": 1}, drops=1, traffic=ARRIVED)))
    assert not step["holds"]
    assert step["sockets"] == [{"name": "kamailio 192.0.2.1:5060", "drops": 1}]
    assert "UdpRcvbufErrors" in describe("edge1", step, None)


def test_a_counter_that_began_again_is_no_huge_loss() -> None:
    before = reading({"SoftnetDropped": (1 << 32) - 2})
    step = judge(evidence(reading({"SoftnetDropped": 3}, traffic=ARRIVED), before=before))
    assert step["losses"] == {"SoftnetDropped": 5}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            evidence(reading(traffic={"UdpInDatagrams": 3}), load=load(answered=0, unanswered=800, statuses={})),
            "firewall",
        ),
        (evidence(load=load(answered=0, unanswered=800, statuses={})), "the target has received them"),
        (evidence(load=load(answered=0, unanswered=800, statuses={"401": 800})), "answered 401"),
        (
            evidence(target=target(daemon="asterisk"), load=load(answered=0, unanswered=800, statuses={"401": 800})),
            "pjsip.conf",
        ),
    ],
)
def test_a_first_step_that_no_rate_would_help(found: Evidence, words: str) -> None:
    assert words in (hopeless(judge(found)) or "")


def test_a_first_step_that_a_lower_rate_may_help() -> None:
    assert hopeless(judge(evidence())) is None
    assert hopeless(judge(evidence(load=LATE))) is None
    lost = reading({"UdpRcvbufErrors": 700}, drops=700, traffic=ARRIVED)
    assert hopeless(judge(evidence(lost, load=load(answered=100, unanswered=700, statuses={"200": 100})))) is None
    silent = load(answered=0, unanswered=800, statuses={})
    assert hopeless(judge(evidence(reading(throttled=QUOTA, traffic=ARRIVED), load=silent))) is None


@given(
    st.dictionaries(st.sampled_from(LOSSES), st.integers(0, 1 << 40)),
    st.integers(0, 800),
    st.dictionaries(st.sampled_from(["401", "404", "503"]), st.integers(0, 800)),
    st.lists(st.floats(0, 100), max_size=4),
    st.booleans(),
)
def test_any_step_has_a_verdict(
    totals: dict[str, int], answered: int, statuses: dict[str, int], processors: list[float], own: bool
) -> None:
    given_load = load(answered=answered, unanswered=800 - answered, statuses={**statuses, "200": answered})
    after = reading(totals, sum(totals.values()), processors=processors, traffic=ARRIVED)
    step = judge(evidence(after, load=given_load, own_machine=own, same_kernel=own))
    assert step["holds"] == (not step["reasons"])
    assert all(reason["where"] in model.PLACES and reason["what"] and reason["detail"] for reason in step["reasons"])
    if answered < 800 or step["losses"]:
        assert not step["holds"]
    describe("edge1", step, None)


def test_a_limit_of_the_daemon_itself_is_named_with_its_setting() -> None:
    found = evidence(
        target=target(daemon="freeswitch", scenario=model.INVITE),
        load=load(answered=700, unanswered=100, statuses={"200": 700, "503": 100}),
        ceilings=[{"name": "sessions-per-second", "value": 30, "set_by": "default"}],
    )
    (reason,) = judge(found)["reasons"]
    assert reason["where"] == model.DAEMON
    assert reason["detail"] == (
        "100 of 800 answered 503: it is at a limit of its own, sessions-per-second: 30 new sessions a second (default)"
    )
    assert reason["help"] == (
        "raise sessions-per-second in switch.conf.xml, and at once by fs_cli -x 'fsctl sps NUMBER'"
    )
