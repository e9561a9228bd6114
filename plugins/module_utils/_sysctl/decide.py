# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides for each wanted key: the value to write now, the line to persist, or the reason for neither."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from .._core.change import ABSENT, PENDING, READONLY
from .._core.setting import EXACT
from .._core.text import encoded
from .._engine.owned_files import text_of
from .conf import Boot, boot_of
from .kernel import is_copied_to_interfaces, module_of, not_namespaced
from .key import (
    LONGEST_INTERFACE_NAME,
    SysctlError,
    display_name,
    for_interface,
    interface_of,
    is_glob,
    split_interface_of,
)
from .model import Decision, Observed, Request
from .originals import OurFiles, original_text
from .safety import objection
from .settings import Setting, check_together, checked_for
from .value import same, satisfied, stored, wanted_from

LOOPBACK = "lo"


def settings_by_key(settings: Sequence[Setting], observed: Observed) -> dict[str, Setting]:
    """The setting of each key. A glob stands for the existing keys that no setting names in full.

    A glob that matches no key stays as it is. Raises SysctlError where two globs want different values for one key.
    """
    by_key: dict[str, Setting] = {setting.path: setting for setting in settings if not is_glob(setting.path)}
    for setting in settings:
        if not is_glob(setting.path):
            continue
        found = [path for path in observed.matches.get(setting.path, ()) if path in observed.live]
        for path in found:
            first = by_key.setdefault(path, checked_for(setting, path))
            if is_glob(first.path) and (first.value, first.rule) != (setting.value, setting.rule):
                raise SysctlError(
                    display_name(path),
                    f"{display_name(first.path)} and {display_name(setting.path)} want different values for it",
                )
        if not found:
            by_key[setting.path] = setting
    check_together((path, setting.value) for path, setting in by_key.items())
    return by_key


def decide_all(request: Request, observed: Observed, boot_without_us: Boot, ours: OurFiles) -> list[Decision]:
    """The decisions on all keys of the settings, and on the keys that a boot changes along with them.

    Raises SysctlError.
    """
    by_key = settings_by_key(request.settings, observed)
    decisions = [decide(path, setting, request, observed, boot_without_us, ours) for path, setting in by_key.items()]
    for path, setting in _followers(decisions, by_key, observed, boot_without_us).items():
        # The line of `default` is theirs, too.
        decisions.append(decide(path, setting, request, observed, boot_without_us, ours)._replace(line=None))
    return decisions


def _followers(
    decisions: Iterable[Decision], by_key: Container[str], observed: Observed, boot_without_us: Boot
) -> dict[str, Setting]:
    """The settings of the interfaces that get the value of `default` with the next boot, by their keys.

    A boot sets `default` before interfaces have addresses, and they take it over then; later they do not any more. An
    interface that a file sets for itself does not, nor does lo, to which systemd gives its addresses first, nor those
    that a container is started with. Sources: devinet_copy_dflt_conf() and ipv4_devconf_setall(), net/ipv4/devinet.c,
    include/linux/inetdevice.h; loopback_setup() of systemd's src/core/main.c.
    """
    found: dict[str, Setting] = {}
    if observed.surroundings.container:
        return found
    for decision in decisions:
        if decision.line is None or not is_copied_to_interfaces(decision.path):
            continue
        why = f"Interfaces take it over from {display_name(decision.path)} with a boot, and now."
        for path in observed.affected_by(decision.path):
            if path not in by_key and interface_of(path) != LOOPBACK and boot_without_us.assignment(path) is None:
                found[path] = decision.setting._replace(path=path, why=why, hazard="")
    return found


def decide(
    path: str, setting: Setting, request: Request, observed: Observed, boot_without_us: Boot, ours: OurFiles
) -> Decision:
    """The decision on one key, or on a glob that matches none. `boot_without_us` is a boot without our file."""
    live = observed.live.get(path)
    if observed.boot_only:
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import decide_for_boot

        return decide_for_boot(path, setting, request, observed, boot_without_us)
    if live is None:
        return _decide_missing(path, setting, request, observed)
    reason = not_namespaced(path, observed.surroundings)
    if reason is None and live.value is None:
        reason = "cannot be read back: the key triggers an action, or is a secret that is not set"
    if reason is None and not live.writable:
        reason = "not writable: the kernel or a read-only mount protects it"
    if reason is not None or live.value is None:
        return Decision(path, setting, live.value, live.value, state=READONLY, reason=reason or "")
    if setting.rule == EXACT:
        return _decide_exact(path, setting, live.value, request, observed, ours)
    return _decide_bound(path, setting, live.value, request, observed, boot_without_us, ours)


def _decide_missing(path: str, setting: Setting, request: Request, observed: Observed) -> Decision:
    """A key that does not exist: this kernel lacks it, or its module or interface is not there yet."""
    module, interface = module_of(path), interface_of(path)
    waits_for = None
    if module is not None and module not in observed.loaded_modules and observed.udev:
        waits_for = f"the {module} module is not loaded; udev sets the key once it is"
    elif (
        interface is not None
        and not is_glob(path)
        and len(encoded(interface)) <= LONGEST_INTERFACE_NAME
        and for_interface(path, "default") in observed.live
    ):
        waits_for = f"there is no interface {interface}; udev sets the key once there is"
    if waits_for and setting.rule == EXACT and request.boot and not observed.surroundings.container:
        return Decision(path, setting, line=setting.value, state=PENDING, reason=waits_for)
    if waits_for:
        return Decision(path, setting, state=ABSENT, reason=waits_for.partition(";")[0])
    reason = "this kernel has no such key"
    split = split_interface_of(path)
    if split is not None:
        right = display_name("/".join([*path.split("/")[:3], split, path.rpartition("/")[2]]))
        reason = f"{reason}; after dots, the interface {split} is written {display_name(split)}: {right}"
    elif is_glob(path):
        reason = "no key matches"
    elif path.startswith("net/") and observed.surroundings.child_network_namespace:
        reason = "this network namespace has no such key"
    return Decision(path, setting, state=ABSENT, reason=reason)


def _decide_exact(
    path: str, setting: Setting, now: str, request: Request, observed: Observed, ours: OurFiles
) -> Decision:
    record = observed.originals.keys.get(path)
    without_us = now
    if record is not None and ours.is_alone(path, record, now):
        without_us = stored(path, original_text(path, record), now)
    after = stored(path, setting.value, without_us)
    # The kernel may store a value in a form of its own, which is recorded in `left`.
    already_written = record is not None and record.written == setting.value and record.left == now
    if same(path, after, now) or already_written:
        after, write = now, None
    else:
        write = setting.value if same(path, after, stored(path, setting.value, now)) else after
    return _limited(Decision(path, setting, now, after, write, write or setting.value, setting.value), request)


def _decide_bound(
    path: str,
    setting: Setting,
    now: str,
    request: Request,
    observed: Observed,
    boot_without_us: Boot,
    ours: OurFiles,
) -> Decision:
    """A floor or a ceiling, compared with the value the host would have without us.

    A value that only this file has set does not count as the host's own: when the floor is lowered,
    the key is lowered too, but not below its original or a limit in use.
    """
    record = observed.originals.keys.get(path)
    without_us = record.value if record is not None else now
    alone = record is not None and ours.is_alone(path, record, now)
    after = wanted_from(path, setting.rule, setting.value, without_us if alone else now)
    if objection(path, after, now, observed):
        after = now
    write = None if same(path, after, now) else after
    line = None
    if _needs_line(path, setting, without_us, boot_without_us):
        line = wanted_from(path, setting.rule, setting.value, without_us)
    elif record is None:
        line = surviving_line(path, setting, request, observed)
    decision = Decision(path, setting, now, after if write else now, write, after, line, reverted=line is None)
    return _limited(decision, request)


def _needs_line(path: str, setting: Setting, without_us: str, boot_without_us: Boot) -> bool:
    """Whether a boot without our file would leave the key outside of the bound."""
    assignment = boot_without_us.assignment(path)
    if assignment is not None:
        return not meets(path, setting, assignment.value or "")
    return not satisfied(path, setting.rule, setting.value, without_us)


def surviving_line(path: str, setting: Setting, request: Request, observed: Observed) -> str | None:
    """The value for a line of ours without a record of the original: the line stays, and is never lowered."""
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
    """Whether a value from a file meets the setting, as the kernel stores it. One that cannot be compared does not."""
    try:
        return satisfied(path, setting.rule, setting.value, stored(path, value, None))
    except SysctlError:
        return False


def _limited(decision: Decision, request: Request) -> Decision:
    """The decision limited to the part that `when` asks for."""
    if not request.boot:
        decision = decision._replace(line=None)
    if not request.live and decision.write is not None:
        return decision._replace(
            after=decision.before,
            write=None,
            fallback=None,
            reverted=False,
            state=PENDING,
            reason="set at the next boot; the running kernel is not changed (when: boot)",
        )
    return decision
