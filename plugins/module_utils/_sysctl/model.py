# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records around the plan of sysctl settings: request, observed host, decisions, and the plan itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.change import Change
from .._engine.operation import BOOT, BOTH, NOW
from .._engine.originals import Originals
from .._engine.owned_files import FileChange
from .._host.host import FileRecord
from .conf import Assignment
from .hazards import Resources
from .kernel import Surroundings, side_effects
from .key import for_interface, interface_of, is_glob
from .nr_open import AskedNofile
from .settings import Setting


class Request(NamedTuple):
    """The settings of a call, the sysctl.d file that holds them at boot, and when they apply (both, now or boot)."""

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

    `live` has the existing keys, `matches` the existing keys of each glob. `own` and `own_rules` are our
    files; `others` are all other sysctl.d files, as (path, text) in the order a boot reads them.
    `systemd_sysctl` is the path of that program or None, `glob_lines` whether it reads globs, `udev`
    whether this host reads udev rules. `owner` is the user and group of new files. `ipv6_reasons` say
    why IPv6 is in use. `highest_nofile` is the highest limit of open files of any process, None if
    nothing lowers fs.nr_open, and `asked_nofile` the highest that a file asks for. `accept_ra` has the interfaces with
    an IPv6 default route from router advertisements, and their accept_ra. `resources` are what a value may starve the
    host of. `later` is what other programs set at boot, after sysctl.d. `no_files` are those of our files in whose
    place something else stands, such as a link, with the reason to leave it alone. With `boot_only` the
    host is an image, without a kernel to look at: `live` is empty.
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
    asked_nofile: AskedNofile | None = None
    accept_ra: Mapping[str, str] = {}
    resources: Resources = Resources()
    later: Sequence[Assignment] = ()
    no_files: Mapping[str, str] = {}
    boot_only: bool = False

    def affected_by(self, path: str) -> list[str]:
        """The existing keys that writing `path` may change.

        A write to `conf/default` reaches interfaces, but never `conf/all`: devinet_copy_dflt_conf(),
        net/ipv4/devinet.c.
        """
        affected: list[str] = []
        for effect in side_effects(path):
            affected += self.matches.get(effect, ()) if is_glob(effect) else [effect]
        untouched = {path, for_interface(path, "all")} if interface_of(path) == "default" else {path}
        return [effect for effect in affected if effect not in untouched and effect in self.live]


class Write(NamedTuple):
    """A value to write to the kernel, and the value that the key has before.

    `reverts` marks the revert of a key that is no longer wanted: if the kernel refuses it, the others go on.
    """

    path: str
    text: str
    before: str
    reverts: bool = False


class Decision(NamedTuple):
    """The decision on one key of a setting, or on a glob that matches none."""

    path: str
    setting: Setting
    before: str | None = None
    after: str | None = None
    write: str | None = None  # the text to write now
    fallback: str | None = None  # the text to write again if the write of another key changes this one
    line: str | None = None  # the value to persist
    state: str | None = None  # set if the decision implies it
    reason: str = ""
    reverted: bool = False  # the host needs nothing of ours: the record of its original can go


class Reverts(NamedTuple):
    """What happens to the keys that an earlier run has set and this one does not want."""

    changes: list[Change]
    writes: list[Write]
    reverted: list[str]  # keys that are no longer this file's once the writes are done
    derived: dict[str, str]  # keys that the kernel derives from a wanted one, with that one
    held: dict[str, str]  # keys that other files of ours have set, with the texts that they want
    confirmed: list[str]  # keys with a value of ours that the record does not have yet


class Plan(NamedTuple):
    """Everything that `apply` does. `originals` is the record as it must be before the first effect.

    `side_effects` are keys that the writes may change although no setting names them.
    """

    changes: list[Change]
    writes: list[Write]
    files: list[FileChange]
    originals: Originals
    side_effects: list[str]
    reverted: list[str]  # keys and files whose records can go
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.writes or self.files)
