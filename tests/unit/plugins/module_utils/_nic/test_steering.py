# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen for steering: by the queues of a card, its node, isolated CPUs and those that take its interrupts."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.cpus import parse_cpu_list
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import NicError
from ansible_collections.siptune.linux.plugins.module_utils._nic.steering import (
    Near,
    choose_senders,
    choose_steering,
    steered_cpus,
)

EIGHT = frozenset(range(8))


def cpus(text: str) -> frozenset[int]:
    return parse_cpu_list(text) or frozenset()


@pytest.mark.parametrize(
    ("queues", "takers", "isolated", "base", "now", "expected", "reason"),
    [
        pytest.param(1, "0", "", "none", "none", "1-7", "", id="one queue"),
        pytest.param(2, "0,4", "6-7", "none", "none", "1-3,5", "", id="without isolated ones and takers"),
        pytest.param(1, None, "", "none", "none", "0-7", "", id="it is unknown who takes the interrupts"),
        pytest.param(8, "0", "", "none", "none", None, "not needed: 8 receive queues for 8 CPUs", id="queues enough"),
        pytest.param(1, "0", "", "0-3", "0-3", None, "somebody else has chosen 0-3", id="somebody else's"),
        pytest.param(2, "0", "", "rx-0=1 rx-1=none", "rx-0=1 rx-1=none", None, "somebody else", id="of one queue"),
        pytest.param(1, "0-7", "", "none", "none", None, "no CPU is left: 0-7 take the card's", id="all take them"),
        pytest.param(1, "0", "0-7", "none", "none", None, "all CPUs near the card are isolated", id="all isolated"),
        pytest.param(1, "3", "", "none", "1-7", "1-7", "", id="an interrupt has moved: ours stays"),
        pytest.param(1, "3", "", "none", "3", "0-2,4-7", "", id="ours takes the interrupts by now"),
        pytest.param(1, "0", "5", "none", "1-7", "1-4,6-7", "", id="one of ours is isolated by now"),
    ],
)
def test_steering(
    queues: int, takers: str | None, isolated: str, base: str, now: str, expected: str | None, reason: str
) -> None:
    near = Near(EIGHT, None if takers is None else cpus(takers))
    choice = choose_steering(queues, near, cpus(isolated), base, now, 8)
    assert choice.value == expected
    assert choice.reason.startswith(reason)
    assert bool(choice.reason) == (expected is None)


def test_the_node_of_the_card_counts() -> None:
    assert choose_steering(1, Near(cpus("4-7"), cpus("4")), frozenset(), "none", "none", 8).value == "5-7"


@pytest.mark.parametrize(
    ("queues", "node", "now", "value", "at_boot"),
    [
        pytest.param(1, "0-1", "none", "1", "0-1", id="the interrupt may go to just that one"),
        pytest.param(1, "0-1", "0-1", "0-1", None, id="as a boot has left it"),
        pytest.param(1, "0-3", "none", "1-3", None, id="an interrupt never covers three"),
        pytest.param(3, "0-3", "none", "1-3", "0-3", id="three may"),
    ],
)
def test_a_boot_may_move_the_interrupts(queues: int, node: str, now: str, value: str, at_boot: str | None) -> None:
    choice = choose_steering(queues, Near(cpus(node), cpus("0")), frozenset(), "none", now, 8)
    assert (choice.value, choice.at_boot) == (value, at_boot)


def test_senders() -> None:
    assert choose_senders(("tx-0", "tx-1"), frozenset({0, 1})).value == "tx-0=0 tx-1=1"
    assert choose_senders(("tx-0",), frozenset()).value is None


def test_isolated_cpus_are_left_out_and_not_alone() -> None:
    assert steered_cpus(cpus("0-3"), cpus("3"), "eth0 rps_cpus") == {0, 1, 2}
    assert steered_cpus(frozenset(), cpus("3"), "eth0 rps_cpus") == frozenset()
    with pytest.raises(NicError, match=r"eth0 rps_cpus: cannot be 2-3: .* these all are; isolated here: 2-3"):
        steered_cpus(cpus("2-3"), cpus("2-3"), "eth0 rps_cpus")
