# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that the plan of interface options is made of: what is asked for, and what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._engine.originals import LinkOriginal, Originals, link_key
from .._host.ethtool import LinkSettings
from .._host.netlink import Link
from .link_files import model as link_files_model
from .options import LINK_MODE, Option
from .settings import Rule, Want

NOW, BOOT, BOTH = "now", "boot", "both"


class Request(NamedTuple):
    """What a call asks for. `known` are the options of the module, `owner` its name in .link files.

    `disruptive` lets a change take a link down, on a host with calls in progress only with `despite_calls`.
    """

    owner: str
    known: Mapping[str, Option]
    rules: Sequence[Rule]
    when: str = BOTH
    disruptive: bool = False
    despite_calls: bool = False

    @property
    def live(self) -> bool:
        return self.when in (NOW, BOTH)

    @property
    def boot(self) -> bool:
        return self.when in (BOOT, BOTH)


def key_of(link: Link) -> str:
    """The key of an interface's options in the record of originals."""
    return link_key(link.name, link.permanent_mac)


class Reading(NamedTuple):
    """An option as it is: its value, and the most that the hardware can do where the driver tells."""

    value: str
    maximum: int | None = None


class Nic(NamedTuple):
    """An interface with its options. `lacking` says why it has not the others, `readonly` why one cannot be set.

    `settings` are those of its link, where they were read. `mute` are those of `lacking` of which nobody can tell, as
    the driver does not answer: that of a card which sleeps, for example.
    """

    link: Link
    readings: Mapping[str, Reading]
    lacking: Mapping[str, str]
    readonly: Mapping[str, str] = {}
    settings: LinkSettings | None = None
    mute: frozenset[str] = frozenset()


class Target(NamedTuple):
    """A wanted option of one interface."""

    link: Link
    want: Want


class Observed(NamedTuple):
    """Everything the plan depends on.

    `targets` are the wanted options of each interface, `unmatched` the patterns that name none. `recorded` are the
    records of this module's options, by interface and option, `gone` the keys of those whose interface is no longer
    there. `online` are the CPUs in use. `persistent` is what .link files and profiles say, None if the boots to come
    are not asked for, and `persisted` the interfaces for which there may be something of ours. `blocked_by_calls` names
    the calls in progress that forbid taking a link down, empty if there are none.
    """

    links: Mapping[str, Link]
    nics: Mapping[str, Nic]
    targets: Sequence[Target]
    unmatched: Sequence[Rule]
    originals: Originals
    recorded: Mapping[str, Mapping[str, LinkOriginal]]
    keys: Mapping[str, str]
    gone: Sequence[str]
    known: frozenset[str]
    boot_id: str
    online: frozenset[int]
    persistent: link_files_model.Observed | None = None
    persisted: Sequence[str] = ()
    blocked_by_calls: str = ""


class Decision(NamedTuple):
    """What becomes of one option of an interface.

    `goal` is what is wanted and `target` what the running interface is to have, which for a floor may be more. `line`
    is the value for the boots to come. `met` says that the running interface needs nothing, `write` that it is set
    now; `state` is set where it does not follow from these. `want` is None for what goes back to what was found.
    """

    nic: Nic
    option: Option
    want: Want | None
    before: str | None = None
    goal: str | None = None
    target: str | None = None
    line: str | None = None
    record: LinkOriginal | None = None
    negotiated: bool = False
    floor: bool = False
    met: bool = False
    write: bool = False
    state: str | None = None
    reason: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.nic.link.name, self.option.name


def item_name(interface: str, option: str) -> str:
    """An item as a person would say it."""
    return f"{interface} {'speed' if option == LINK_MODE else option}"
