# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a plan of interface options, and confirm it: drivers round, and some accept a value and do nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from .._core.change import ABSENT, READONLY
from .._core.undo import UndoLog
from .._engine.effects import finalize_originals, store_originals, tidy
from .._engine.originals import Originals
from .._host.host import Host, HostError
from .._host.machine import SYSTEMD_RUNNING
from .._packets.interrupts import BALANCER_DROP_IN
from .boot import plan_boot
from .driver import GoneError, ManagedError, UnsupportedError, read_values, set_options
from .items import items, items_of_files
from .link_files import model as link_files_model
from .link_files.apply import apply as apply_link_files
from .model import Decision, GroupWrite, Observed, Outcome, Plan, Request, Unsupported, item_name
from .options import MANAGED, NEGOTIATED, Option
from .originals import finalize
from .settings import AUTO
from .target import is_rounded


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Apply a plan, and note how to undo it. Raises HostError.

    The originals are stored first, so that nothing is changed unrecorded. Files come after the drivers, because an
    option that a driver turns out not to support must not be persisted either.
    """
    tidy(host, *(observed.boot.own if observed.boot else ()))
    stored = observed.originals
    if planned.changed or planned.originals != observed.originals:
        stored = planned.originals
        store_originals(host, stored, log)
    refused = _Refused(planned)
    if planned.bans is not None:
        # Imported here: few calls set interrupts, and every run on a host compiles what it imports.
        from .bans import ban

        ban(host, planned.bans, log)
    for write in planned.writes:
        _set_group(host, write, refused, log)
    after = _read_back(host, planned, refused)
    unsupported = refused.unsupported
    boot, verdicts = planned.boot, {}
    if boot is not None:
        if unsupported:
            boot = plan_boot(request, observed, planned.decisions, frozenset(unsupported)) or boot
        # A boot reads our own unit anyway. irqbalance may start before, and is not to miss our script then.
        reloads = any(file.path == BALANCER_DROP_IN for file in boot.files) and host.exists(SYSTEMD_RUNNING)
        if reloads:
            log.note("", lambda: _reload(host))
        verdicts = apply_link_files(host, boot, log)
        if reloads:
            _reload(host)
    if planned.bans is not None:
        from .bans import give_back

        give_back(host, planned.bans, refused.places, log)
    finalize_originals(host, _finalized(observed, planned, boot, after, refused.places), stored, log)
    moved = any(after[decision.place] != decision.before for decision in planned.decisions if decision.place in after)
    changes = items(request, observed, planned.decisions, after, verdicts, unsupported, refused.reverts)
    changes += items_of_files(boot)
    return Outcome(changes, moved or bool(boot and boot.changed), boot, planned.hazards)


def _reload(host: Host) -> None:
    """Have systemd read its units again. Raises HostError."""
    from .._systemd.systemctl import systemctl

    systemctl(host, "daemon-reload")


def _finalized(
    observed: Observed,
    planned: Plan,
    boot: link_files_model.Plan | None,
    after: Mapping[tuple[str, str], str],
    refused: frozenset[tuple[str, str]],
) -> Originals:
    links = finalize(planned.originals.links, planned.decisions, after, refused, observed)
    if boot is None:
        return planned.originals._replace(links=links)
    return planned.originals._replace(links=links, files=boot.finalized, profiles=boot.recorded_profiles)


class _Refused:
    """What drivers do not take: options that they do not support, and reverts, which must not block each other.

    A value that was left to us is no reason for a call to fail, whatever the kernel says to it.
    """

    def __init__(self, planned: Plan) -> None:
        self.unsupported: dict[tuple[str, str], Unsupported] = {}
        self.reverts: dict[tuple[str, str], str] = {}  # with the reasons
        self._reverting = {decision.place for decision in planned.decisions if decision.setting is None}
        settings = {decision.place: decision.setting for decision in planned.decisions}
        self._ours = {place for place, setting in settings.items() if setting and setting.value == AUTO}

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        return frozenset({*self.unsupported, *self.reverts})

    def add(self, link: str, options: Iterable[Option], error: HostError) -> None:
        """Add what a driver refuses. Raises the error unless these options are not supported, or all go back."""
        places = [(link, option.name) for option in options]
        if isinstance(error, UnsupportedError):
            managed = isinstance(error, ManagedError)
            lacking = Unsupported(READONLY, MANAGED) if managed else Unsupported(ABSENT, "the driver cannot change it")
            self.unsupported.update(dict.fromkeys(places, lacking))
        elif self._ours.issuperset(places):
            lacking = Unsupported(READONLY, f"left as it is, because the kernel does not take it: {error.reason}")
            self.unsupported.update(dict.fromkeys(places, lacking))
        elif self._reverting.issuperset(places):
            self.reverts.update(dict.fromkeys(places, error.reason))
        else:
            raise error

    def may_be_single(self, link: str, options: Iterable[Option], error: HostError) -> bool:
        """Whether a refusal of these options together may be that of one which can do without."""
        places = [(link, option.name) for option in options]
        return len(places) > 1 and (isinstance(error, UnsupportedError) or bool(self._reverting.intersection(places)))


def _set_group(host: Host, write: GroupWrite, refused: _Refused, log: UndoLog) -> None:
    """Set the options of a group. What the driver does not take is added to `refused`. Raises HostError.

    A driver refuses a whole request for one option, so then each is tried alone.
    """
    link = write.nic.link
    names = ", ".join(item_name(link.name, option.name) for option in write.values)
    log.note(names, lambda: _put_group_back(host, write))
    try:
        set_options(host, link, write.values)
        return
    except HostError as error:
        if not refused.may_be_single(link.name, write.values, error):
            refused.add(link.name, write.values, error)
            return
    for option, value in write.values.items():
        try:
            set_options(host, link, {option: value})
        except HostError as error:
            refused.add(link.name, [option], error)


def _put_group_back(host: Host, write: GroupWrite) -> None:
    """Undo a change. Values that are right already are not set, as that may take the link down again."""
    with contextlib.suppress(GoneError, UnsupportedError):
        now = read_values(host, write.nic.link.name, write.values)
        different = {option: value for option, value in write.before.items() if now.get(option.name) != value}
        if different:
            set_options(host, write.nic.link, different)


def _read_back(host: Host, planned: Plan, refused: _Refused) -> dict[tuple[str, str], str]:
    """The present values of the options that were set. Raises HostError for one that the driver did not change."""
    written: dict[str, list[Decision]] = {}
    for decision in planned.decisions:
        if decision.write and decision.place not in refused.places:
            written.setdefault(decision.nic.link.name, []).append(decision)
    after = {}
    for name, decisions in written.items():
        options = [decision.option for decision in decisions]
        try:
            now = read_values(host, name, options)
        except HostError as error:
            refused.add(name, options, error)
            continue
        for decision in decisions:
            value = now.get(decision.option.name)
            try:
                _check_taken(decision, value)
            except HostError as error:
                refused.add(name, [decision.option], error)
                continue
            after[decision.place] = value or ""
    return after


def _check_taken(decision: Decision, now: str | None) -> None:
    """Raises HostError for an option that its driver did not change, or does not show any more."""
    target = decision.target or ""
    if now is None:
        raise HostError(item_name(*decision.place), "cannot be read back after it was set")
    if now != decision.before or now == target or is_rounded(decision.option, target, now):
        return
    if decision.negotiated and decision.option.name in NEGOTIATED:
        return
    raise HostError(item_name(*decision.place), f"the driver accepted '{target}' but kept {now}")
