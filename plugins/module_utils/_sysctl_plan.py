# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what the host has to what must be done: the plan of sysctl settings.

Nothing here reads or writes anything. `plan` takes a Request and what was Observed and gives a
Plan: a Change per item for the user, the kernel writes in their order, and the files. Putting a
host back is the plan for no settings at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._change import (
    ABSENT,
    CHANGED,
    KEPT,
    OK,
    PENDING,
    READONLY,
    SHADOWED,
    Change,
)
from ansible_collections.siptune.linux.plugins.module_utils._file_change import (
    FileChange,
    OwnFile,
    diff_files,
    plan_file,
    record_files,
    released_files,
    settle_files,
    text_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._originals import KeyOriginal, Originals
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_d import (
    HEADING,
    RULES_HEADING,
    Boot,
    Line,
    boot_of,
    render,
    render_rules,
    rules_path,
    with_file,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_kernel import (
    Surroundings,
    foreign,
    module_of,
    partner,
    side_effects,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_key import (
    LONGEST_INTERFACE_NAME,
    SysctlError,
    display_name,
    for_interface,
    interface_of,
    is_glob,
    is_spelled,
    write_rank,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_settings import (
    Setting,
    check_together,
    checked_for,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_value import (
    AT_LEAST,
    EXACT,
    same,
    satisfied,
    stored,
    wanted_from,
)

NR_OPEN = "fs/nr_open"

# --- what is asked for and what there is ----------------------------------------------------


class Request(NamedTuple):
    """What a call asks for: these settings, in this sysctl.d file, now and at boot."""

    path: str
    settings: Sequence[Setting]
    live: bool = True
    boot: bool = True


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


def keys_to_observe(settings: Iterable[Setting], originals: Originals, path: str) -> list[str]:
    """The keys and globs whose live values `plan` needs: the wanted ones, those they affect, and ours of before."""
    wanted = [setting.path for setting in settings]
    ours = [key for key, original in originals.keys.items() if path in original.owners]
    affected = [effect for key in (*wanted, *ours) for effect in side_effects(key)]
    # A key of an interface that is not there is told from a mistyped one by its `default`.
    defaults = [for_interface(key, "default") for key in wanted if interface_of(key) is not None]
    return list(dict.fromkeys((*wanted, *ours, *affected, *defaults)))


# --- the plan -------------------------------------------------------------------------------


class Write(NamedTuple):
    """A value to write to the kernel, and what the key reads before."""

    path: str
    text: str
    before: str


class Plan(NamedTuple):
    """What will be done. `originals` is what to record before the first effect."""

    changes: list[Change]
    writes: list[Write]
    files: list[FileChange]
    originals: Originals
    side_effects: list[str]
    released: list[str]  # keys and files whose records can go
    hazards: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.writes or self.files)


class _Decision(NamedTuple):
    """What becomes of one existing or missing key of a setting."""

    path: str
    setting: Setting
    before: str | None = None
    after: str | None = None
    write: str | None = None  # the text to write now
    fallback: str | None = None  # the text to write should another key's writing undo this one
    line: str | None = None  # the value to persist
    state: str | None = None  # where it is settled already
    reason: str = ""
    release: bool = False  # the host is back at its original, the record can go


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the host to what is requested. Raises SysctlError where that must not be done."""
    boot_without_us = boot_of(observed.others)
    decisions = [
        _decide(path, setting, request, observed, boot_without_us)
        for path, setting in _targets(request.settings, observed)
    ]
    _guard(decisions, observed)
    releases = _releases(request, observed, decisions)
    writes, steadied = _ordered_writes(decisions, releases, observed)
    files, notes = _files(request, decisions, observed, boot_without_us)
    changes = _changes(request, decisions, files, observed) + releases.changes + notes
    effects = _side_effects(writes, observed)
    return Plan(
        changes=changes,
        writes=writes,
        files=files,
        originals=_recorded(request, decisions, writes, effects, releases.governed, files, observed),
        side_effects=sorted(effects),
        released=[
            *releases.settled,
            *steadied,
            *(decision.path for decision in decisions if decision.release),
            *released_files(
                {request.path: observed.own, rules_path(request.path): observed.own_rules},
                files,
                observed.originals.files,
            ),
        ],
        hazards=_hazards(changes, decisions),
    )


def _targets(settings: Sequence[Setting], observed: Observed) -> list[tuple[str, Setting]]:
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


def _decide(path: str, setting: Setting, request: Request, observed: Observed, boot_without_us: Boot) -> _Decision:
    live = observed.live.get(path)
    if live is None:
        return _decide_missing(path, setting, request, observed)
    reason = foreign(path, observed.surroundings)
    if reason is None and live.value is None:
        reason = "cannot be read back: it is an action, or a secret that has not been set"
    if reason is None and not live.writable:
        reason = "not writable from here: the kernel or a read-only mount protects it"
    if reason is not None or live.value is None:
        return _Decision(path, setting, live.value, live.value, state=READONLY, reason=reason or "")
    if setting.rule == EXACT:
        return _decide_exact(path, setting, live.value, request, observed)
    return _decide_bound(path, setting, live.value, request, observed, boot_without_us)


def _decide_missing(path: str, setting: Setting, request: Request, observed: Observed) -> _Decision:
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
        return _Decision(path, setting, line=setting.value, state=PENDING, reason=waits_for)
    if waits_for:
        return _Decision(path, setting, state=ABSENT, reason=waits_for.partition(";")[0])
    reason = "this kernel has no such key"
    if is_glob(path):
        reason = "no key matches"
    elif path.startswith("net/") and observed.surroundings.child_network_namespace:
        reason = "this network namespace has no such key"
    return _Decision(path, setting, state=ABSENT, reason=reason)


def _decide_exact(path: str, setting: Setting, now: str, request: Request, observed: Observed) -> _Decision:
    record = observed.originals.keys.get(path)
    after = stored(path, setting.value, now)
    taken_before = record is not None and record.written == setting.value and record.left == now
    if same(path, after, now) or taken_before:
        after, write = now, None
    else:
        write = setting.value
    return _settled(_Decision(path, setting, now, after, write, setting.value, setting.value), request)


def _decide_bound(
    path: str, setting: Setting, now: str, request: Request, observed: Observed, boot_without_us: Boot
) -> _Decision:
    """A floor or a ceiling, measured against what the host would have without us.

    A value that this file alone has set in an earlier run is not the host's own: when the floor
    falls, the host falls back with it, but never below its original, nor below a limit in use.
    """
    record = observed.originals.keys.get(path)
    without_us = record.value if record is not None else now
    after = wanted_from(
        path, setting.rule, setting.value, without_us if _is_ours_alone(record, path, now, request) else now
    )
    if _lock_out(path, after, now, observed):
        after = now
    write = None if same(path, after, now) else after
    line = None
    if _needs_line(path, setting, without_us, boot_without_us):
        line = wanted_from(path, setting.rule, setting.value, without_us)
    elif record is None:
        line = _surviving_line(path, setting, request, observed)
    decision = _Decision(path, setting, now, after if write else now, write, after, line, release=line is None)
    return _settled(decision, request)


def _is_ours_alone(record: KeyOriginal | None, path: str, now: str, request: Request) -> bool:
    """Whether the key reads what this file, and no other file and nobody else, has made of it."""
    if record is None or record.owners != (request.path,):
        return False
    return record.left is None or same(path, record.left, now)


def _needs_line(path: str, setting: Setting, without_us: str, boot_without_us: Boot) -> bool:
    """Whether the host would not meet the bound after a boot without our file."""
    assignment = boot_without_us.assignment(path)
    if assignment is not None:
        return not _meets(path, setting, assignment.value or "")
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


def _meets(path: str, setting: Setting, value: str) -> bool:
    try:
        return satisfied(path, setting.rule, setting.value, value)
    except SysctlError:  # a file may say anything; what cannot be compared does not meet the setting
        return False


def _settled(decision: _Decision, request: Request) -> _Decision:
    """The decision as far as the call reaches: only now, only at boot, or both."""
    if not request.boot:
        decision = decision._replace(line=None)
    if not request.live and decision.write is not None:
        return decision._replace(
            after=decision.before,
            write=None,
            fallback=None,
            release=False,
            state=PENDING,
            reason="set at the next boot; the running kernel is left alone (live: false)",
        )
    return decision


def _guard(decisions: Iterable[_Decision], observed: Observed) -> None:
    """Raises SysctlError for what would lock people out."""
    for decision in decisions:
        text = decision.write or decision.line
        if text is None:
            continue
        reason = _lock_out(decision.path, text, decision.before or "", observed)
        if reason is not None:
            advice = "leave the key out; with the roles, set it to null in the inventory's own settings"
            raise SysctlError(display_name(decision.path), f"{reason}. To have the rest, {advice}")


def _lock_out(path: str, text: str, now: str, observed: Observed) -> str | None:
    """Why writing `text` over `now` would lock people out; None if it would not."""
    if _switches_ipv6_off(path, text) and now != text and observed.ipv6_reasons:
        return f"IPv6 is in use here and is not switched off: {'; '.join(observed.ipv6_reasons)}"
    if path == NR_OPEN and int(text) < (observed.highest_nofile or 0) and text != now:
        return (
            f"{text} is below a descriptor limit in use ({observed.highest_nofile}): logins and services with such a "
            "limit would be refused"
        )
    return None


def _switches_ipv6_off(path: str, value: str) -> bool:
    """Whether the setting takes IPv6 from a whole host or an interface that is not the loopback."""
    leaf = path.rpartition("/")[2]
    return leaf == "disable_ipv6" and path.startswith("net/ipv6/conf/") and interface_of(path) != "lo" and value == "1"


def needs_ipv6_reasons(paths: Iterable[str]) -> bool:
    """Whether `plan` has to know if IPv6 is in use, given the keys that it may write."""
    return any(_switches_ipv6_off(path, "1") for path in paths)


def needs_highest_nofile(paths: Iterable[str], settings: Iterable[Setting], originals: Originals) -> bool:
    """Whether `plan` has to know the highest descriptor limit of any process: only where it may be lowered."""
    if NR_OPEN not in paths:
        return False
    floors = [setting for setting in settings if setting.path == NR_OPEN and setting.rule == AT_LEAST]
    return not floors or NR_OPEN in originals.keys


# --- what is no longer wanted ---------------------------------------------------------------


class _Releases(NamedTuple):
    changes: list[Change]
    writes: list[Write]
    settled: list[str]  # records that can go once the writes are done
    governed: dict[str, str]  # keys that are no longer wanted, but follow from one that is


def _releases(request: Request, observed: Observed, decisions: Sequence[_Decision]) -> _Releases:
    """Keys this file set in an earlier run and does not want any more go back to their originals."""
    releases = _Releases([], [], [], {})
    wanted = {decision.path for decision in decisions}
    governed = _governed(decisions, observed)
    for path, record in observed.originals.keys.items():
        if request.path not in record.owners or path in wanted or record.cause in wanted:
            continue
        if path in governed:
            releases.governed[path] = governed[path]
            continue
        live = observed.live.get(path)
        if record.owners != (request.path,) or live is None or live.value is None:
            releases.settled.append(path)
            continue
        _release(path, record, live.value, live.writable, request, observed, releases)
    return releases


def _governed(decisions: Iterable[_Decision], observed: Observed) -> dict[str, str]:
    """Keys that the kernel derives from a wanted one that is not at its original, with that one.

    `conf/default` governs nothing: it is copied, and only to interfaces without an address.
    """
    changed = [
        decision.path
        for decision in decisions
        if decision.write is not None or decision.path in observed.originals.keys
    ]
    return {
        affected: path
        for path in changed
        if interface_of(path) != "default"
        for affected in _affected_by(path, observed)
    }


def _release(
    path: str,
    record: KeyOriginal,
    now: str,
    writable: bool,
    request: Request,
    observed: Observed,
    releases: _Releases,
) -> None:
    state, reason, after = OK, "", now
    lock_out = _lock_out(path, record.value, now, observed)
    if same(path, record.value, now):
        releases.settled.append(path)
    elif record.left is not None and not same(path, record.left, now):
        state, reason = KEPT, f"somebody else has set it since (we left {record.left}): left alone"
        releases.settled.append(path)
    elif lock_out is not None:
        state, reason = KEPT, f"not put back: {lock_out}"
    elif not request.live:
        state, reason = PENDING, "back at its original with the next boot (live: false)"
    elif not writable:
        state, reason = READONLY, "not writable from here any more"
    else:
        state, after = CHANGED, record.value
        releases.settled.append(path)
        if partner(path) is None or record.value != "0":  # a 0 comes back by itself with the partner's value
            releases.writes.append(Write(path, record.value, now))
    if record.cause is None or state not in (OK, KEPT):
        why = "no longer wanted: back to what the host had"
        releases.changes.append(Change(display_name(path), None, now, after, None, state, why, reason))


# --- the kernel -----------------------------------------------------------------------------


def _ordered_writes(
    decisions: Iterable[_Decision], releases: _Releases, observed: Observed
) -> tuple[list[Write], list[str]]:
    """All writes in an order in which none undoes another, and the keys that are written only to stay as they are.

    A key that is right already is written again after one that may undo it: a wanted key always, and
    any other key when it is by putting one back that it would change.
    """
    decided = {decision.path: decision for decision in decisions if decision.fallback is not None}
    writes = {write.path: write for write in releases.writes}
    for path, decision in decided.items():
        if decision.write is not None:
            writes[path] = Write(path, decision.write, decision.before or "")
    pending, steadied = list(writes), []
    putting_back = set(releases.settled)
    while pending:
        cause = pending.pop()
        for path in _affected_by(cause, observed):
            if path in writes or path in releases.governed:
                continue
            now = observed.live[path].value or ""
            if path in decided:
                writes[path] = Write(path, decided[path].fallback or "", now)
            elif cause in putting_back and partner(cause) is None and observed.live[path].writable:
                writes[path] = Write(path, now, now)
                steadied.append(path)
                putting_back.add(path)
            else:
                continue
            pending.append(path)
    return sorted(writes.values(), key=lambda write: write_rank(write.path)), steadied


def _affected_by(path: str, observed: Observed) -> list[str]:
    """The existing keys that writing `path` may change."""
    affected: list[str] = []
    for effect in side_effects(path):
        affected += observed.matches.get(effect, ()) if is_glob(effect) else [effect]
    return [effect for effect in affected if effect != path and effect in observed.live]


def _side_effects(writes: Iterable[Write], observed: Observed) -> dict[str, str]:
    """Keys that the writes may change although nobody asked for it, with the key that does it."""
    written = {write.path for write in writes}
    effects: dict[str, str] = {}
    for write in writes:
        for path in _affected_by(write.path, observed):
            if path not in written:
                effects.setdefault(path, write.path)
    return effects


# --- the files ------------------------------------------------------------------------------


def _files(
    request: Request, decisions: Sequence[_Decision], observed: Observed, boot_without_us: Boot
) -> tuple[list[FileChange], list[Change]]:
    """The changes of our sysctl.d file and of the udev rules beside it, and items for files left alone."""
    if not request.boot:
        return [], []
    lines = _lines(decisions, observed, boot_without_us)
    rules = _rules(lines, observed)
    files, notes = [], []
    for path, current, heading, text in (
        (request.path, observed.own, HEADING, render(lines) if lines else None),
        (rules_path(request.path), observed.own_rules, RULES_HEADING, rules),
    ):
        change, note = plan_file(OwnFile(path, current, heading), text, observed.originals.files, observed.owner)
        files += [change] if change else []
        notes += [note] if note else []
    return files, notes


def _lines(decisions: Sequence[_Decision], observed: Observed, boot_without_us: Boot) -> list[Line]:
    lines: dict[str, Line] = {}
    for decision in decisions:
        if decision.line is None:
            continue
        setting = decision.setting
        if not is_glob(setting.path) or setting.rule != EXACT or not observed.glob_lines:
            if is_spelled(decision.path):
                lines[decision.path] = Line(decision.path, decision.line, setting.why)
            continue
        lines.setdefault(setting.path, Line(setting.path, setting.value, setting.why))
        if boot_without_us.named(decision.path) is not None and is_spelled(decision.path):
            reason = "named here too, as another file names it, and that would beat the glob"
            lines[decision.path] = Line(decision.path, decision.line, reason)
    return sorted(lines.values(), key=lambda line: write_rank(line.path))


def _rules(lines: Iterable[Line], observed: Observed) -> str | None:
    """udev rules for the keys of loadable modules; a module that is built in has its keys before any file is read."""
    modules = set()
    for line in lines:
        module = module_of(line.path)
        if module is not None and (module in observed.loaded_modules or line.path not in observed.live):
            modules.add(module)
    if not modules or not observed.systemd_sysctl or not observed.udev:
        return None
    return render_rules(sorted(modules), observed.systemd_sysctl)


# --- what the user sees ---------------------------------------------------------------------


def _changes(
    request: Request, decisions: Iterable[_Decision], files: Iterable[FileChange], observed: Observed
) -> list[Change]:
    own_then = observed.own
    for file in files:
        if file.path == request.path:
            own_then = file.after
    boots = [
        boot_of(with_file(observed.others, request.path, text_of(own) if own is not None else None))
        for own in (observed.own, own_then)
    ]
    return [_change(decision, request, *boots) for decision in decisions]


def _change(decision: _Decision, request: Request, boot_now: Boot, boot_then: Boot) -> Change:
    path, setting, state, reason = decision.path, decision.setting, decision.state, decision.reason
    now, then = boot_now.assignment(path), boot_then.assignment(path)
    if decision.line is not None and (then is None or not _meets(path, setting, then.value or "")):
        state, reason = SHADOWED, _shadow(path, request, boot_then)
    if state is None:
        line_is_new = (now and (now.value, now.file)) != (then and (then.value, then.file))
        if decision.write is not None or (request.boot and line_is_new):
            state = CHANGED
        else:
            state = KEPT if decision.release else OK
    at_boot = then.value if then is not None else None
    return Change(
        display_name(path), _wanted(setting), decision.before, decision.after, at_boot, state, setting.why, reason
    )


def _wanted(setting: Setting) -> str:
    """The wanted value as a person reads it."""
    if setting.rule == EXACT:
        return setting.value
    return f"{'at least' if setting.rule == AT_LEAST else 'at most'} {setting.value}"


def _shadow(path: str, request: Request, boot: Boot) -> str:
    """Who sets what in place of our file at boot."""
    winner = boot.assignment(path)
    if winner is not None:
        return f"{winner.file} line {winner.line} sets {winner.value}"
    exclusion = boot.named(path)
    if exclusion is not None:
        return f"{exclusion.file} line {exclusion.line} excludes it"
    return f"a file named like {request.path} in a directory of higher precedence hides it"


def _hazards(changes: Iterable[Change], decisions: Iterable[_Decision]) -> list[str]:
    """The hazards of the settings that are, or will be, in force."""
    in_force = {change.item for change in changes if change.state in (OK, CHANGED, SHADOWED, PENDING)}
    hazards = [
        f"{display_name(decision.setting.path)} = {decision.setting.value}: {decision.setting.hazard}"
        for decision in decisions
        if decision.setting.hazard and display_name(decision.path) in in_force
    ]
    return list(dict.fromkeys(hazards))


# --- the originals --------------------------------------------------------------------------


def _recorded(
    request: Request,
    decisions: Iterable[_Decision],
    writes: Iterable[Write],
    effects: Mapping[str, str],
    governed: Mapping[str, str],
    files: Iterable[FileChange],
    observed: Observed,
) -> Originals:
    """The originals as they must stand before the first effect: what may change is recorded, once."""
    keys = dict(observed.originals.keys)
    for write in writes:
        first = keys.get(write.path) or KeyOriginal(write.before, None, None, ())
        owners = tuple(sorted({*first.owners, request.path}))
        keys[write.path] = KeyOriginal(first.value, write.text, None, owners)
    for path, cause in effects.items():
        value = observed.live[path].value
        if path in keys:
            keys[path] = keys[path]._replace(left=None)
        elif value is not None:
            keys[path] = KeyOriginal(value, None, None, (request.path,), cause)
    for path, cause in governed.items():
        keys[path] = keys[path]._replace(cause=cause)
    for decision in decisions:
        shared = keys.get(decision.path)
        if shared is not None and decision.state not in (READONLY, ABSENT) and not decision.release:
            keys[decision.path] = shared._replace(owners=tuple(sorted({*shared.owners, request.path})))
    return Originals(keys, record_files(observed.originals.files, files))


def settle(request: Request, planned: Plan, live: Mapping[str, str | None]) -> Originals:
    """The originals once everything is done: what each key was left at, without what is no longer ours.

    `live` has the values read back of all keys that were written or may have changed along.
    """
    keys = dict(planned.originals.keys)
    for path in planned.released:
        if path not in keys:
            continue
        owners = tuple(owner for owner in keys[path].owners if owner != request.path)
        if owners:
            keys[path] = keys[path]._replace(owners=owners)
        else:
            del keys[path]
    for path, value in live.items():
        record = keys.get(path)
        if record is None:
            continue
        if record.cause is not None and value is not None and same(path, record.value, value):
            del keys[path]  # it could have changed along, and did not
        else:
            keys[path] = record._replace(left=value)
    return Originals(keys, settle_files(planned.originals.files, planned.files, planned.released))


# --- diff -----------------------------------------------------------------------------------


def diff(planned: Plan) -> list[dict[str, Any]]:
    """What Ansible's --diff shows: each file, and the live values."""
    shown: list[dict[str, Any]] = [*diff_files(planned.files)]
    changes = {change.item: change for change in planned.changes if change.before != change.after}
    if changes:
        shown.append(
            {
                "before_header": "live values",
                "after_header": "live values",
                "before": "".join(f"{name} = {change.before}\n" for name, change in changes.items()),
                "after": "".join(f"{name} = {change.after}\n" for name, change in changes.items()),
            }
        )
    return shown
