# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether irqbalance leaves a card's interrupts alone, and what has it do so now and from its next start on. Pure.

It moves all interrupts that it is not told to leave alone. On its socket it takes numbers, which count until it ends;
at its start our script answers for the devices of our cards. Source: irqbalance(1); classify.c and irqbalance.c of 1.7
to 1.9.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._packets.interrupts import BALANCER_DROP_IN, OWN_POLICY, OWN_SCRIPT
from .._packets.irqbalance import NAME, Irqbalance, parse_bans
from .model import Decision, Nic
from .options import IRQ_CPUS

ENVIRONMENT_FILE = "/etc/default/irqbalance"  # Debian's, where there is no file yet
RESTART = "irqbalance does not leave these interrupts alone before its restart: systemctl restart irqbalance"
_PREFIXES = re.compile(r"[-:+!|]*@")  # with @ the second word is the program's name for itself: systemd.service(5)


class Start(NamedTuple):
    """The line by which systemd starts irqbalance, without ours; `command` is empty where no unit does."""

    command: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file} line {self.line}"


class Balancer(NamedTuple):
    """irqbalance. `banned` are the interrupts that it was told to leave alone by number, None if its socket is silent.

    `left_alone` are the devices for which our script answers. It counts where irqbalance was started with it.
    """

    daemon: Irqbalance
    pid: int = 0
    banned: frozenset[int] | None = None
    left_alone: frozenset[str] = frozenset()
    start: Start = Start()


class LiveBans(NamedTuple):
    """The interrupts that irqbalance leaves alone by number, and which ones each option adds to these or gives back.

    With `anew` it has to look at all interrupts again, as our script no longer answers for some.
    """

    pid: int
    before: frozenset[int]
    added: Mapping[tuple[str, str], frozenset[int]]
    dropped: Mapping[tuple[str, str], frozenset[int]]
    anew: bool = False

    @property
    def first(self) -> frozenset[int]:
        """The ban that has to be there before an interrupt is set."""
        return self.before.union(*self.added.values())

    def last(self, refused: frozenset[tuple[str, str]]) -> frozenset[int]:
        """The ban in the end, without what the kernel has refused."""
        added = [numbers for place, numbers in self.added.items() if place not in refused]
        dropped = [numbers for place, numbers in self.dropped.items() if place not in refused]
        return self.before.union(*added).difference(*dropped)


def is_left_alone(nic: Nic, balancer: Balancer) -> bool:
    """Whether irqbalance, as it runs, leaves all of a card's interrupts alone."""
    now = balancer.daemon.now
    if not balancer.daemon.running or now.one_shot or nic.link.driver in now.modules:
        return True
    banned = frozenset(now.interrupts) if balancer.banned is None else balancer.banned
    by_script = now.policy_script == OWN_SCRIPT and nic.slot in balancer.left_alone
    return by_script or banned.issuperset(nic.interrupts)


def reason_of_balancer(nic: Nic, balancer: Balancer | None, boot: bool = True) -> str:
    """Why irqbalance forbids setting a card's interrupts now; empty where it leaves them alone, or can be told to.

    With `boot` it must be possible to tell it at its next start, too: it would undo this then.
    """
    if balancer is None or is_left_alone(nic, balancer):
        return ""
    obstacle = obstacle_at_start(nic, balancer)
    if balancer.banned is not None and not (boot and obstacle):
        return ""
    if not obstacle or set(nic.interrupts) <= set(balancer.daemon.at_start.interrupts):
        return RESTART
    return obstacle


def obstacle_at_start(nic: Nic, balancer: Balancer) -> str:
    """Why irqbalance cannot be told at its start to leave a card's interrupts alone; empty where it can, or is."""
    daemon, start = balancer.daemon, balancer.start
    if nic.link.driver in daemon.at_start.modules or not (daemon.running or start.command):
        return ""
    script = _script_of_others(balancer)
    if script:
        return (
            f"irqbalance asks its policy script {script} about each interrupt, and no other one: put "
            f"{_ban_by_driver(nic)} among its arguments in {daemon.file or ENVIRONMENT_FILE} and restart it, or take "
            "that script away"
        )
    if not start.command:
        return (
            f"irqbalance runs and would undo this, and no unit of systemd starts it: put {_ban_by_driver(nic)} among "
            f"its arguments in {daemon.file or ENVIRONMENT_FILE} and restart it, or stop it"
        )
    if OWN_POLICY in start.command.split():
        return ""
    if posixpath.basename(start.command.split()[0]) != NAME:
        return f"{start} starts irqbalance by another program: have that pass {OWN_POLICY} on to it"
    if posixpath.basename(start.file) > posixpath.basename(BALANCER_DROP_IN) and start.file.endswith(".conf"):
        return f"{start} says how irqbalance starts, and comes after ours: add {OWN_POLICY} to that line"
    return ""


def _ban_by_driver(nic: Nic) -> str:
    """The argument by which irqbalance leaves a card alone, at each boot where its driver is known."""
    if nic.link.driver:
        return f"--banmod={nic.link.driver}"
    return " ".join(f"--banirq={number}" for number in nic.interrupts)


def _script_of_others(balancer: Balancer) -> str:
    """The policy script that somebody else has given irqbalance: it asks one alone."""
    daemon, start = balancer.daemon, balancer.start
    found = [daemon.at_start.policy_script, parse_bans(start.command.split(), {}).policy_script]
    if not start.command:
        found.append(daemon.now.policy_script)
    return next((script for script in found if script not in ("", OWN_SCRIPT)), "")


def drop_in_command(nics: Iterable[Nic], balancer: Balancer | None) -> str:
    """The line that starts irqbalance with our script, for these cards; empty where none is needed.

    Ours is the first argument, so that a script which somebody adds to the environment file later has the last word.
    """
    if balancer is None or not balancer.start.command or OWN_POLICY in balancer.start.command.split():
        return ""
    if all(nic.link.driver in balancer.daemon.at_start.modules for nic in nics):
        return ""
    words = balancer.start.command.split(" ")
    place = 2 if _PREFIXES.match(words[0]) else 1
    return " ".join([*words[:place], OWN_POLICY, *words[place:]])


def live_bans(decisions: Iterable[Decision], balancer: Balancer | None, boot: bool) -> LiveBans | None:
    """What irqbalance is to be told on its socket; None where that is nothing.

    What its own arguments ban stays banned. An interrupt that has its CPU already is banned too.
    """
    if balancer is None or balancer.banned is None:
        return None
    added, dropped = {}, {}
    by_script = balancer.left_alone if balancer.daemon.now.policy_script == OWN_SCRIPT else frozenset()
    anew = False
    for decision in decisions:
        nic = decision.nic
        if decision.option.name != IRQ_CPUS or not (decision.write or decision.met):
            continue
        if decision.setting is None:
            dropped[decision.place] = balancer.banned.intersection(nic.interrupts) - set(balancer.daemon.now.interrupts)
            anew = anew or nic.slot in by_script
        elif not is_left_alone(nic, balancer) and not reason_of_balancer(nic, balancer, boot):
            added[decision.place] = frozenset(nic.interrupts)
    found = LiveBans(balancer.pid, balancer.banned, added, dropped, anew)
    return found if any([anew, *added.values(), *dropped.values()]) else None
