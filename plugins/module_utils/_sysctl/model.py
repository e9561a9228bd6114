# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records around the plan of sysctl settings: what is asked for, what there is, what will be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.change import Change
from .._engine.operation import BOOT, BOTH, NOW
from .._engine.originals import Originals
from .._engine.owned_files import FileChange
from .._host.host import FileRecord
from .kernel import Surroundings, side_effects
from .key import for_interface, interface_of, is_glob
from .settings import Setting


class Request(NamedTuple):
    """The settings that a call asks for, the sysctl.d file that is to hold them, and when they are to be in force."""

    path: str
    settings: Sequence[Setting]
    when: str = BOTH

    @property
    def live(self) -> bool:
        return self.when in (NOW, BOTH)

    @property
    def boot(self) -> bool:
        return self.when in (BOOT, BOTH)


class LiveKey(NamedTuple):
    """A key of the running kernel. `value` is None where it cannot be read."""

    value: str | None
    writable: bool


class Observed(NamedTuple):
    """Everything the plan depends on.

    `live` has the keys that exist; `matches` the existing keys of each glob; `others` the sysctl.d
    files but ours, as (path, text) in the order they are read; `systemd_sysctl` the path of that
    program, None where there is none; `glob_lines` whether it understands globs; `udev` whether
    udev rules are read here. `ipv6_reasons` say why IPv6 is needed, `highest_nofile` is the
    highest descriptor limit of any process (None: not looked up, as nothing wants it lowered).
    """

    live: Mapping[str, LiveKey]
    matches: Mapping[str, Sequence[str]]
    own: FileRecord | None
    own_rules: FileRecord | None
    others: Sequence[tuple[str, str]]
    originals: Originals
    surroundings: Surroundings
    loaded_modules: frozenset[str]
    systemd_sysctl: str | None
    glob_lines: bool
    udev: bool
    owner: tuple[int, int]
    ipv6_reasons: Sequence[str] = ()
    highest_nofile: int | None = None

    def affected_by(self, path: str) -> list[str]:
        """The existing keys that writing `path` may change.

        What is written to `conf/default` goes to interfaces, and never to `conf/all`: devinet_copy_dflt_conf() of
        net/ipv4/devinet.c.
        """
        affected: list[str] = []
        for effect in side_effects(path):
            affected += self.matches.get(effect, ()) if is_glob(effect) else [effect]
        untouched = {path, for_interface(path, "all")} if interface_of(path) == "default" else {path}
        return [effect for effect in affected if effect not in untouched and effect in self.live]


class Write(NamedTuple):
    """A value to write to the kernel, and what the key reads before."""

    path: str
    text: str
    before: str


class Decision(NamedTuple):
    """What becomes of one existing or missing key of a setting."""

    path: str
    setting: Setting
    before: str | None = None
    after: str | None = None
    write: str | None = None  # the text to write now
    fallback: str | None = None  # the text to write should another key's writing undo this one
    line: str | None = None  # the value to persist
    state: str | None = None  # set where it is known already
    reason: str = ""
    reverted: bool = False  # nothing of ours is needed: the record can go


class Reverts(NamedTuple):
    changes: list[Change]
    writes: list[Write]
    reverted: list[str]  # keys whose records can go once the writes are done
    derived: dict[str, str]  # keys that are no longer wanted, but follow from one that is


class Plan(NamedTuple):
    """What will be done. `originals` is what to record before the first effect."""

    changes: list[Change]
    writes: list[Write]
    files: list[FileChange]
    originals: Originals
    side_effects: list[str]
    reverted: list[str]  # keys and files that need nothing of ours any more: their records can go
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.writes or self.files)
