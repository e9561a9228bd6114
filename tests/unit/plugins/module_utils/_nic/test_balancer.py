# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What irqbalance leaves alone, what it can be told, and what stands in the way of that."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.balancer import (
    Balancer,
    LiveBans,
    Start,
    drop_in_command,
    is_left_alone,
    live_bans,
    obstacle_at_start,
    reason_of_balancer,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Decision, Nic
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import LINK_OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import Setting
from ansible_collections.siptune.linux.plugins.module_utils._packets.irqbalance import Bans, Irqbalance

OURS = "/etc/siptune/interrupts"
SLOT = "0000:00:03.0"
NIC = Nic(Link(2, "eth0", True, driver="igb"), {}, {}, interrupts=(24, 25), slot=SLOT)
FREE = Bans()
SCRIPT = Bans(policy_script="/etc/irq.sh")
VENDORS = Start("/usr/sbin/irqbalance --foreground $IRQBALANCE_ARGS", "/lib/systemd/system/irqbalance.service", 9)


def balancer(
    now: Bans = FREE, at_start: Bans = FREE, running: bool = True, start: Start = VENDORS, **more: object
) -> Balancer:
    return Balancer(Irqbalance(running, now, None, at_start), 7, start=start)._replace(**more)


@pytest.mark.parametrize(
    ("running", "now", "at_start", "reason"),
    [
        pytest.param(False, Bans(), Bans(), "", id="not running"),
        pytest.param(True, Bans(one_shot=True), Bans(), "", id="once a boot"),
        pytest.param(True, Bans(interrupts=(24, 25)), Bans(), "", id="banned by number"),
        pytest.param(True, Bans(modules=("igb",)), Bans(), "", id="banned by driver"),
        pytest.param(True, Bans(interrupts=(24,)), Bans(), "irqbalance runs and would undo this", id="banned in part"),
        pytest.param(True, Bans(), Bans(interrupts=(24, 25)), "irqbalance does not leave", id="banned at its restart"),
        pytest.param(True, SCRIPT, Bans(), "irqbalance asks its policy script /etc/irq.sh", id="a script"),
        pytest.param(True, SCRIPT._replace(interrupts=(24, 25)), Bans(), "", id="a script, and banned"),
    ],
)
def test_without_a_unit_and_a_socket(running: bool, now: Bans, at_start: Bans, reason: str) -> None:
    found = reason_of_balancer(NIC, balancer(now, at_start, running, Start()))
    assert found.startswith(reason)
    assert bool(found) == bool(reason)
    assert reason_of_balancer(NIC, None) == ""


def test_its_socket_is_all_it_takes_where_its_start_can_be_told_too() -> None:
    assert reason_of_balancer(NIC, balancer(banned=frozenset())) == ""
    assert reason_of_balancer(NIC, balancer()).endswith("before its restart: systemctl restart irqbalance")
    other = balancer(at_start=SCRIPT, banned=frozenset())
    assert "asks its policy script /etc/irq.sh" in reason_of_balancer(NIC, other)
    assert reason_of_balancer(NIC, other, boot=False) == ""


def test_what_its_socket_says_counts_and_not_its_arguments() -> None:
    told = balancer(Bans(interrupts=(24, 25)), banned=frozenset({24}))
    assert not is_left_alone(NIC, told)
    assert is_left_alone(NIC, told._replace(banned=frozenset({24, 25, 26})))


def test_our_script_counts_for_the_cards_that_it_names() -> None:
    asked = balancer(Bans(policy_script=OURS), banned=frozenset())
    assert not is_left_alone(NIC, asked)
    assert is_left_alone(NIC, asked._replace(left_alone=frozenset({SLOT})))
    assert not is_left_alone(NIC, balancer(left_alone=frozenset({SLOT}), banned=frozenset()))


def test_what_to_put_where_no_driver_is_known() -> None:
    nic = NIC._replace(link=NIC.link._replace(driver=None))
    assert "put --banirq=24 --banirq=25 among" in obstacle_at_start(nic, balancer(start=Start()))


def drop_in(name: str, line: str) -> Start:
    return Start(line, f"/etc/systemd/system/irqbalance.service.d/{name}.conf", 3)


@pytest.mark.parametrize(
    ("found", "obstacle"),
    [
        pytest.param(balancer(), "", id="the unit of a package"),
        pytest.param(balancer(running=False), "", id="not running"),
        pytest.param(balancer(running=False, start=Start()), "", id="not installed"),
        pytest.param(
            balancer(start=Start()), "put --banmod=igb among its arguments in /etc/default/irqbalance", id="no unit"
        ),
        pytest.param(balancer(at_start=SCRIPT), "policy script /etc/irq.sh", id="a script in the environment"),
        pytest.param(balancer(at_start=Bans(policy_script=OURS)), "", id="our script in the environment"),
        pytest.param(balancer(at_start=SCRIPT._replace(modules=("igb",))), "", id="a script, and the driver is banned"),
        pytest.param(
            balancer(start=Start("/usr/sbin/irqbalance -l /opt/policy.d", "/etc/systemd/system/irqbalance.service", 3)),
            "policy script /opt/policy.d",
            id="a script in the unit",
        ),
        pytest.param(
            balancer(start=Start("/opt/start -v", "/etc/systemd/system/irqbalance.service", 3)),
            "/etc/systemd/system/irqbalance.service line 3 starts irqbalance by another program",
            id="a wrapper",
        ),
        pytest.param(
            balancer(start=Start("-@/usr/sbin/irqbalance irqbalance", "/etc/systemd/system/irqbalance.service", 3)),
            "",
            id="prefixes",
        ),
        pytest.param(balancer(start=drop_in("50-local", "/usr/sbin/irqbalance -f")), "", id="an earlier drop-in"),
        pytest.param(
            balancer(start=drop_in("override", "/usr/sbin/irqbalance -f")),
            f"override.conf line 3 says how irqbalance starts, and comes after ours: add --policyscript={OURS}",
            id="a later drop-in",
        ),
        pytest.param(
            balancer(start=drop_in("override", f"/usr/sbin/irqbalance --policyscript={OURS}")), "", id="with our script"
        ),
    ],
)
def test_what_keeps_its_start_from_being_told(found: Balancer, obstacle: str) -> None:
    said = obstacle_at_start(NIC, found)
    assert obstacle in said
    assert bool(said) == bool(obstacle)


@pytest.mark.parametrize(
    ("found", "command"),
    [
        (None, ""),
        (balancer(start=Start()), ""),
        (balancer(), f"/usr/sbin/irqbalance --policyscript={OURS} --foreground $IRQBALANCE_ARGS"),
        (balancer(start=Start("-/usr/sbin/irqbalance")), f"-/usr/sbin/irqbalance --policyscript={OURS}"),
        (
            balancer(start=Start("@/usr/sbin/irqbalance irqb -f")),
            f"@/usr/sbin/irqbalance irqb --policyscript={OURS} -f",
        ),
        (balancer(start=Start(f"irqbalance --policyscript={OURS}")), ""),
        (balancer(at_start=Bans(modules=("igb",))), ""),
    ],
)
def test_the_line_that_starts_it(found: Balancer, command: str) -> None:
    assert drop_in_command([NIC], found) == command


def decision(name: str, setting: bool, **more: object) -> Decision:
    nic = NIC._replace(link=NIC.link._replace(name=name))
    found = Decision(nic, LINK_OPTIONS["irq_cpus"], Setting("irq_cpus", "0") if setting else None)
    return found._replace(**more)


def test_what_it_is_told_now() -> None:
    free = balancer(banned=frozenset({9}))
    for wanted in (decision("eth0", True, write=True), decision("eth0", True, met=True)):
        bans = live_bans([wanted], free, True)
        assert bans is not None
        assert (bans.first, bans.last(frozenset())) == ({9, 24, 25}, {9, 24, 25})
        assert bans.last(frozenset({("eth0", "irq_cpus")})) == {9}
    assert live_bans([decision("eth0", True)], free, True) is None
    assert live_bans([decision("eth0", True, write=True)], None, True) is None
    assert live_bans([decision("eth0", True, write=True)], balancer(), True) is None
    assert live_bans([decision("eth0", True, write=True)], free._replace(banned=frozenset({24, 25})), True) is None


def test_it_looks_anew_where_our_script_no_longer_answers() -> None:
    asked = balancer(Bans(policy_script=OURS), banned=frozenset({9}), left_alone=frozenset({SLOT}))
    bans = live_bans([decision("eth0", False, write=True)], asked, True)
    assert bans is not None
    assert (bans.anew, bans.first, bans.last(frozenset())) == (True, {9}, {9})
    assert live_bans([decision("eth0", False, write=True)], asked._replace(left_alone=frozenset()), True) is None


def test_what_its_own_arguments_ban_stays_banned() -> None:
    told = balancer(Bans(interrupts=(24,)), banned=frozenset({24, 25, 9}))
    assert live_bans([decision("eth0", False, write=True)], told, True) == LiveBans(
        7, frozenset({24, 25, 9}), {}, {("eth0", "irq_cpus"): frozenset({25})}
    )
    bans = live_bans([decision("eth0", False, met=True)], told, True)
    assert bans is not None
    assert bans.last(frozenset()) == {9, 24}
