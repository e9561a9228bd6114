# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of interface options: the request, the observed host, the decisions, the plan and the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .._core.change import Change
from .._engine.operation import BOOT, BOTH, NOW
from .._engine.originals import LinkOriginal, Originals, link_key
from .._host.ethtool import LinkSettings
from .._host.netlink import Link
from .link_files import model as link_files_model
from .options import LINK_MODE, Group, Option
from .settings import Rule, Setting
from .steering import Near

if TYPE_CHECKING:
    from .balancer import Balancer, LiveBans


class Card(NamedTuple):
    """A network card of the machine that will boot an image, as far as siptune_machine gives it."""

    name: str
    mac: str | None = None
    driver: str | None = None


class Request(NamedTuple):
    """A call's request. `known` are the options of the module, `owner` its name in .link files.

    `disruptive` lets a change take a link down, on a host with calls in progress only with `despite_calls`. For an
    image, `cards` are those of the machine that will boot it, None without one, and `processors` its processors.
    """

    owner: str
    known: Mapping[str, Option]
    rules: Sequence[Rule]
    when: str = BOTH
    disruptive: bool = False
    despite_calls: bool = False
    cards: Sequence[Card] | None = None
    processors: int | None = None

    @property
    def live(self) -> bool:
        return self.when in (NOW, BOTH)

    @property
    def boot(self) -> bool:
        return self.when in (BOOT, BOTH)


class Reading(NamedTuple):
    """An option's value, and the hardware's maximum where the driver reports one."""

    value: str
    maximum: int | None = None


class Nic(NamedTuple):
    """An interface with its options.

    `missing` says why it lacks the other options, `readonly` why one cannot be set. `unresponsive` are those of
    `missing` that may exist all the same, because the driver does not answer: a suspended card, for example.
    `settings` are those of its link, where they were read. `parts` names the queues, or the interrupts, that have an
    option each for itself; `interrupts` are the numbers of these until the next boot, and `slot` is the place of the
    card's device on the PCI bus, empty elsewhere.
    """

    link: Link
    readings: Mapping[str, Reading]
    missing: Mapping[str, str]
    readonly: Mapping[str, str] = {}
    settings: LinkSettings | None = None
    unresponsive: frozenset[str] = frozenset()
    parts: Mapping[str, Sequence[str]] = {}
    interrupts: tuple[int, ...] = ()
    slot: str = ""


class WantedSetting(NamedTuple):
    """The setting of an option of one interface."""

    link: Link
    setting: Setting


class Surroundings(NamedTuple):
    """What the settings of cards depend on beside the card. Each is looked at only where a setting asks for it.

    `isolated` are CPUs that the scheduler leaves alone, `near` the CPUs of each card by its name, and `nodes` those of
    each NUMA node. `flow_table` is net.core.rps_sock_flow_entries, None where it is unknown; `fragments` counts IP
    fragments that have come in since the boot. `ethtool` is the path of that program, empty without one. `balancer` is
    irqbalance, None where nobody has asked.
    """

    isolated: frozenset[int] = frozenset()
    near: Mapping[str, Near] = {}
    nodes: Mapping[int, frozenset[int]] = {}
    flow_table: int | None = None
    fragments: int = 0
    ethtool: str = ""
    balancer: Balancer | None = None


class Observed(NamedTuple):
    """Everything the plan depends on.

    `wanted` are the settings of each interface, `unmatched` the rules that match none. `recorded` are the originals of
    this module's options, by interface and option, `keys` the keys of these interfaces in the record, and `gone` the
    keys of interfaces that no longer exist. `online` are the CPUs in use. `boot` is what .link files and profiles set,
    None if the call leaves the boot alone, and `boot_names` the interfaces for which there may be something of ours.
    `blocked_by_calls` names the calls in progress that forbid taking a link down, empty if there are none. `by_image`
    are the lines of .link files by which an image has set options of this module, by interface and option; to the
    interfaces of `unused` udev did not apply the file, as it is for other drivers.
    """

    links: Mapping[str, Link]
    nics: Mapping[str, Nic]
    wanted: Sequence[WantedSetting]
    unmatched: Sequence[Rule]
    originals: Originals
    recorded: Mapping[str, Mapping[str, LinkOriginal]]
    keys: Mapping[str, str]
    gone: Sequence[str]
    known: frozenset[str]
    boot_id: str
    online: frozenset[int]
    boot: link_files_model.Observed | None = None
    boot_names: Sequence[str] = ()
    blocked_by_calls: str = ""
    surroundings: Surroundings = Surroundings()
    by_image: Mapping[str, Mapping[str, str]] = {}
    unused: frozenset[str] = frozenset()

    @property
    def image(self) -> bool:
        """Whether this is an image, whose interfaces are those of a host to be."""
        return self.boot is not None and self.boot.image


class Decision(NamedTuple):
    """The decision on one option of an interface.

    `target` is the value for the running interface, `boot_value` the one to persist. `met` says that the running
    interface needs no change, `write` that it is set now; `state` is given where it does not follow from these.
    `setting` is None for an option that goes back to its original. `line` is the line of the .link file that an image
    has brought, where that gives the option its `boot_value`, or stays without an effect.
    """

    nic: Nic
    option: Option
    setting: Setting | None
    before: str | None = None
    target: str | None = None
    boot_value: str | None = None
    record: LinkOriginal | None = None
    negotiated: bool = False
    floor: bool = False
    met: bool = False
    write: bool = False
    state: str | None = None
    reason: str = ""
    line: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.nic.link.name, self.option.name


class Unsupported(NamedTuple):
    """The state of an option that turned out not to be supported when it was set, and why."""

    state: str
    reason: str


class GroupWrite(NamedTuple):
    """Options of one group and interface that are set together, with their values before."""

    nic: Nic
    group: Group
    values: Mapping[Option, str]
    before: Mapping[Option, str]


class Plan(NamedTuple):
    """What will be done. `originals` is the record to store before the first effect; `boot` the plan of .link files.

    `hazards` are warnings of what is set, and `bans` what irqbalance is told, None where that is nothing.
    """

    decisions: list[Decision]
    writes: list[GroupWrite]
    boot: link_files_model.Plan | None
    originals: Originals
    changes: list[Change]
    hazards: Sequence[str] = ()
    bans: LiveBans | None = None

    @property
    def changed(self) -> bool:
        return bool(self.writes or (self.boot and self.boot.changed))

    @property
    def warnings(self) -> list[str]:
        return [*self.hazards, *(self.boot.warnings if self.boot else ())]


class Outcome(NamedTuple):
    """The changes with the values that the drivers took, and the plan of .link files that was applied.

    `_core.change.Outcome` lacks the latter: an option that a driver turns out not to support is not persisted either,
    so that files, and with them the diff and the warnings, may differ from the plan's.
    """

    changes: list[Change]
    changed: bool
    boot: link_files_model.Plan | None
    hazards: Sequence[str] = ()

    @property
    def warnings(self) -> list[str]:
        return [*self.hazards, *(self.boot.warnings if self.boot else ())]


def key_of(link: Link) -> str:
    """The key of an interface's options in the record of originals."""
    return link_key(link.name, link.permanent_mac)


def item_name(interface: str, option: str) -> str:
    """An item as a person would say it."""
    return f"{interface} {'speed' if option == LINK_MODE else option}"
