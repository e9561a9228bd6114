# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each key that is wanted: what to write now, what to persist, or why neither."""

from __future__ import annotations

from collections.abc import Sequence

from .._core.change import ABSENT, PENDING, READONLY
from .._engine.originals import KeyOriginal
from .._engine.owned_files import text_of
from .conf import Boot, boot_of
from .kernel import module_of, not_namespaced
from .key import LONGEST_INTERFACE_NAME, SysctlError, display_name, for_interface, interface_of, is_glob
from .model import Decision, Observed, Request
from .safety import objection
from .settings import Setting, check_together, checked_for
from .value import EXACT, same, satisfied, stored, wanted_from


def targets(settings: Sequence[Setting], observed: Observed) -> list[tuple[str, Setting]]:
    """Each setting with each key it names; a key named outright is not also taken from a glob."""
    targets: dict[str, Setting] = {setting.path: setting for setting in settings if not is_glob(setting.path)}
    for setting in settings:
        if not is_glob(setting.path):
            continue
        for path in observed.matches.get(setting.path, ()):
            taken = targets.setdefault(path, checked_for(setting, path))
            if is_glob(taken.path) and (taken.value, taken.rule) != (setting.value, setting.rule):
                raise SysctlError(
                    display_name(path),
                    f"{display_name(taken.path)} and {display_name(setting.path)} want different values for it",
                )
        if not observed.matches.get(setting.path):
            targets[setting.path] = setting
    check_together((path, setting.value) for path, setting in targets.items())
    return list(targets.items())


def decide(path: str, setting: Setting, request: Request, observed: Observed, boot_without_us: Boot) -> Decision:
    live = observed.live.get(path)
    if live is None:
        return _decide_missing(path, setting, request, observed)
    reason = not_namespaced(path, observed.surroundings)
    if reason is None and live.value is None:
        reason = "cannot be read back: it is an action, or a secret that has not been set"
    if reason is None and not live.writable:
        reason = "not writable from here: the kernel or a read-only mount protects it"
    if reason is not None or live.value is None:
        return Decision(path, setting, live.value, live.value, state=READONLY, reason=reason or "")
    if setting.rule == EXACT:
        return _decide_exact(path, setting, live.value, request, observed)
    return _decide_bound(path, setting, live.value, request, observed, boot_without_us)


def _decide_missing(path: str, setting: Setting, request: Request, observed: Observed) -> Decision:
    """A key that is not there: gone for good, or only waiting for its module or interface."""
    module, interface = module_of(path), interface_of(path)
    waits_for = None
    if module is not None and module not in observed.loaded_modules and observed.udev:
        waits_for = f"the {module} module is not loaded; udev sets the key when it is"
    elif (
        interface is not None
        and not is_glob(path)
        and len(interface.encode()) <= LONGEST_INTERFACE_NAME
        and for_interface(path, "default") in observed.live
    ):
        waits_for = f"there is no interface {interface}; udev sets the key when there is"
    if waits_for and setting.rule == EXACT and request.boot and not observed.surroundings.container:
        return Decision(path, setting, line=setting.value, state=PENDING, reason=waits_for)
    if waits_for:
        return Decision(path, setting, state=ABSENT, reason=waits_for.partition(";")[0])
    reason = "this kernel has no such key"
    if is_glob(path):
        reason = "no key matches"
    elif path.startswith("net/") and observed.surroundings.child_network_namespace:
        reason = "this network namespace has no such key"
    return Decision(path, setting, state=ABSENT, reason=reason)


def _decide_exact(path: str, setting: Setting, now: str, request: Request, observed: Observed) -> Decision:
    record = observed.originals.keys.get(path)
    after = stored(path, setting.value, now)
    taken_before = record is not None and record.written == setting.value and record.left == now
    if same(path, after, now) or taken_before:
        after, write = now, None
    else:
        write = setting.value
    return _limited(Decision(path, setting, now, after, write, setting.value, setting.value), request)


def _decide_bound(
    path: str, setting: Setting, now: str, request: Request, observed: Observed, boot_without_us: Boot
) -> Decision:
    """A floor or a ceiling, measured against what the host would have without us.

    A value that this file alone has set in an earlier run is not the host's own: when the floor
    falls, the host falls back with it, but never below its original, nor below a limit in use.
    """
    record = observed.originals.keys.get(path)
    without_us = record.value if record is not None else now
    after = wanted_from(
        path, setting.rule, setting.value, without_us if _is_ours_alone(record, path, now, request) else now
    )
    if objection(path, after, now, observed):
        after = now
    write = None if same(path, after, now) else after
    line = None
    if _needs_line(path, setting, without_us, boot_without_us):
        line = wanted_from(path, setting.rule, setting.value, without_us)
    elif record is None:
        line = _surviving_line(path, setting, request, observed)
    decision = Decision(path, setting, now, after if write else now, write, after, line, reverted=line is None)
    return _limited(decision, request)


def _is_ours_alone(record: KeyOriginal | None, path: str, now: str, request: Request) -> bool:
    """Whether the key reads what this file, and no other file and nobody else, has made of it."""
    if record is None or record.owners != (request.path,):
        return False
    return record.left is None or same(path, record.left, now)


def _needs_line(path: str, setting: Setting, without_us: str, boot_without_us: Boot) -> bool:
    """Whether the host would not meet the bound after a boot without our file."""
    assignment = boot_without_us.assignment(path)
    if assignment is not None:
        return not meets(path, setting, assignment.value or "")
    return not satisfied(path, setting.rule, setting.value, without_us)


def _surviving_line(path: str, setting: Setting, request: Request, observed: Observed) -> str | None:
    """The value of a line of ours whose original is not recorded (any more): it stays, at least as high."""
    if observed.own is None:
        return None
    line = boot_of([(request.path, text_of(observed.own))]).named(path)
    if line is None or line.value is None:
        return None
    try:
        return wanted_from(path, setting.rule, setting.value, line.value)
    except SysctlError:
        return None


def meets(path: str, setting: Setting, value: str) -> bool:
    try:
        return satisfied(path, setting.rule, setting.value, value)
    except SysctlError:  # a file may say anything; what cannot be compared does not meet the setting
        return False


def _limited(decision: Decision, request: Request) -> Decision:
    """The decision as far as the call reaches: only now, only at boot, or both."""
    if not request.boot:
        decision = decision._replace(line=None)
    if not request.live and decision.write is not None:
        return decision._replace(
            after=decision.before,
            write=None,
            fallback=None,
            reverted=False,
            state=PENDING,
            reason="set at the next boot; the running kernel is left alone (when: boot)",
        )
    return decision
