# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted of units and what the host has to what must be done: the plan of systemd's directives.

Nothing here reads or writes anything. `plan` takes a Request and what was Observed and gives a Plan: a Change per
item for the user, the drop-ins, and what running processes get. `confirmed` says the same of what was read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._change import (
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
    text_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._limits_plan import NrOpen
from ansible_collections.siptune.linux.plugins.module_utils._originals import Originals
from ansible_collections.siptune.linux.plugins.module_utils._prlimit import (
    Pair,
    Powers,
    Process,
    raised,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_settings import UnitSettings, item_name
from ansible_collections.siptune.linux.plugins.module_utils._systemd_unit import (
    HEADING,
    Assignment,
    deciding,
    effective_drop_ins,
    render,
    unit_type,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_values import (
    AT_LEAST,
    AT_RELOAD,
    DIRECTIVES,
    FIRST_SYSTEMD_WITH_IDLE_WEIGHT,
    INFINITY,
    SERVICE,
    Meaning,
    Setting,
    SystemdError,
    agrees,
    at_least,
    describe,
    shown_value,
)

KEEP = "keep"
PRLIMIT = "prlimit"
RESTART = "restart"

LOADED = "loaded"
MASKED = "masked"
NOT_FOUND = "not-found"


# --- what is asked for and what there is ----------------------------------------------------


class Request(NamedTuple):
    """What a call asks for: these settings, in drop-ins of this name.

    `running` says what becomes of running processes; `others`, whether drop-ins of this name that were written
    for other units earlier go back to what they were.
    """

    units: Sequence[UnitSettings]
    drop_in: str
    running: str = PRLIMIT
    others: bool = False


class Bearer(NamedTuple):
    """A unit as systemd has it loaded: an ordinary unit, or an instance of a template.

    `properties` is what `systemctl show` says, `candidates` are the paths of its possible drop-ins, the most
    important first, ours included. `older` tells that its processes were started before our drop-in was written.
    """

    name: str
    properties: Mapping[str, str]
    fragment: str
    candidates: Sequence[str]
    processes: Sequence[Process] = ()
    older: bool = False

    @property
    def transient(self) -> bool:
        return self.properties.get("Transient") == "yes"

    @property
    def main_pid(self) -> int:
        return int(self.properties.get("MainPID", "") or 0)


class UnitState(NamedTuple):
    """A unit that the call is about.

    `asked` is the name it goes by in the request, `name` the real one, `path` our drop-in and `own` what it holds.
    `load` is systemd's word, or what the files say; `bearers` are the loaded units that live by it: itself, or the
    instances of a template.
    """

    asked: str
    name: str
    path: str
    own: FileRecord | None
    load: str
    load_error: str
    fragment: str
    candidates: Sequence[str]
    bearers: Sequence[Bearer] = ()


class Observed(NamedTuple):
    """Everything the plan depends on.

    `texts` has the content of each unit file and drop-in that is there, ours included. `first` is PID 1, whose hard
    limits systemd falls back to, and `first_sys_resource` tells whether it may exceed them. `defaults` are systemd's
    own, by the properties that show them for a unit, where `needs_defaults`.
    """

    systemd_running: bool
    version: int | None
    units: Sequence[UnitState]
    texts: Mapping[str, str]
    originals: Originals
    owner: tuple[int, int]
    powers: Powers
    nr_open: NrOpen
    first: Process | None
    first_sys_resource: bool
    defaults: Mapping[str, str] = {}


def needs_defaults(request: Request, units: Iterable[UnitState], texts: Mapping[str, str]) -> bool:
    """Whether `plan` has to know systemd's defaults: for a floor that our own drop-in covers today."""
    floors = {
        unit.name: {setting.directive for setting in unit.settings if setting.rule == AT_LEAST}
        for unit in request.units
    }
    return any(not floors.get(state.asked, set()).isdisjoint(_own_lines(state, texts)) for state in units)


# --- the plan -------------------------------------------------------------------------------


class Decision(NamedTuple):
    """What becomes of one directive of one unit.

    `wanted` is the meaning that the drop-in sets, None for a directive that is no longer in it; `now` and `then`
    are the lines that decide it today and after the call. `changed` tells that this differs.
    """

    unit: UnitState
    directive: str
    setting: Setting | None
    wanted: Meaning | None
    now: Assignment | None
    then: Assignment | None
    kept: bool = False

    @property
    def item(self) -> str:
        return item_name(self.unit.asked, self.directive)

    @property
    def changed(self) -> bool:
        return _line_of(self.now) != _line_of(self.then)


class Raise(NamedTuple):
    """What the processes of a loaded unit get now: limits by their names, and an OOM score (None: as it is)."""

    limits: Mapping[str, Pair]
    oom_score_adj: int | None


class Plan(NamedTuple):
    """What will be done. `originals` is what to record before the first effect, `then` the texts after the call."""

    changes: list[Change]
    decisions: list[Decision]
    notes: list[Change]
    files: list[FileChange]
    then: Mapping[str, str]
    originals: Originals
    released: list[str]
    reload: bool
    raises: Mapping[str, Raise]
    restarts: list[str]
    warnings: list[str]
    changed: bool


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the host to what is requested. Raises SystemdError where that must not be done."""
    settings = _settings_by_unit(request, observed)
    effective = {state.name: _effective(state, settings[state.name], observed) for state in observed.units}
    files, notes = _files(effective, observed)
    then = _texts_after(observed.texts, files)
    decisions = [
        decision
        for state in observed.units
        for decision in _decisions(state, effective[state.name], then, observed)
        if not any(note.item == state.path for note in notes)
    ]
    _guard(decisions, observed)
    reload = observed.systemd_running and (bool(files) or _behind(decisions, observed, then))
    written = {file.path for file in files}
    lagging = _lagging(decisions, written, observed, then)
    restarts = lagging if request.running == RESTART else []
    raises = _raises(decisions, observed, then) if request.running == PRLIMIT else {}
    predicted = _predicted(decisions, observed, written, raises, restarts, then)
    return Plan(
        changes=_changes(decisions, predicted, observed, then) + notes,
        decisions=decisions,
        notes=notes,
        files=files,
        then=then,
        originals=Originals(observed.originals.keys, record_files(observed.originals.files, files)),
        released=released_files({unit.path: unit.own for unit in observed.units}, files, observed.originals.files),
        reload=reload,
        raises=raises,
        restarts=restarts,
        warnings=_warnings(decisions),
        changed=bool(files or reload or restarts or raises),
    )


def _settings_by_unit(request: Request, observed: Observed) -> dict[str, Sequence[Setting]]:
    """The settings by the real names of the units. Raises SystemdError for two names of one unit."""
    asked = {unit.name: unit.settings for unit in request.units}
    by_name: dict[str, str] = {}
    for state in observed.units:
        other = by_name.setdefault(state.name, state.asked)
        if other != state.asked:
            raise SystemdError(state.asked, f"is named twice, also as {other}: both are {state.name}")
    return {state.name: asked.get(state.asked, []) for state in observed.units}


# --- the drop-ins ---------------------------------------------------------------------------


class _Effective(NamedTuple):
    """The settings of a unit as they are written, and those whose floor the unit meets without us.

    `asked` has them as they were asked for: a floor is written together with what is higher without us.
    """

    asked: Mapping[str, Setting]
    lines: Sequence[Setting]
    kept: Mapping[str, tuple[Setting, Meaning]]


def _effective(state: UnitState, settings: Sequence[Setting], observed: Observed) -> _Effective:
    without_us = {path: text for path, text in observed.texts.items() if path != state.path}
    lines, kept = [], {}
    for setting in settings:
        if setting.rule != AT_LEAST:
            lines.append(setting)
            continue
        there = _without_us(state, setting.directive, without_us, observed)
        floor = at_least(setting.meaning, there)
        if there is not None and floor == there:
            kept[setting.directive] = (setting, there)
        elif floor == setting.meaning:
            lines.append(setting)
        else:
            lines.append(setting._replace(text=describe(setting.directive, floor) or setting.text))
    return _Effective({setting.directive: setting for setting in settings}, lines, kept)


def _without_us(state: UnitState, directive: str, texts: Mapping[str, str], observed: Observed) -> Meaning | None:
    """What the unit would have without our drop-in: from its files, or systemd's default where we set nothing."""
    line = _chain(state, texts).get(directive)
    if line is not None and line.meaning is not None:
        return line.meaning
    if directive in _own_lines(state, observed.texts):
        return shown_value(directive, observed.defaults) if unit_type(state.name) == SERVICE else None
    if not state.bearers:
        return None
    shown = [shown_value(directive, bearer.properties) for bearer in state.bearers]
    known = [meaning for meaning in shown if meaning is not None]
    return min(known) if len(known) == len(shown) else None


def _own_lines(state: UnitState, texts: Mapping[str, str]) -> dict[str, Assignment]:
    return deciding([(state.path, texts.get(state.path, ""))], unit_type(state.name))


def _chain(place: UnitState | Bearer, texts: Mapping[str, str]) -> dict[str, Assignment]:
    """The lines that decide, of a unit's own file and of the drop-ins that are read for it."""
    drop_ins = effective_drop_ins(path for path in place.candidates if path in texts)
    return deciding([(path, texts.get(path, "")) for path in (place.fragment, *drop_ins)], unit_type(place.name))


def _files(effective: Mapping[str, _Effective], observed: Observed) -> tuple[list[FileChange], list[Change]]:
    files, notes = [], []
    for state in observed.units:
        lines = effective[state.name].lines
        text = render(lines, unit_type(state.name)) if lines else None
        own = OwnFile(state.path, state.own, HEADING)
        change, note = plan_file(own, text, observed.originals.files, observed.owner)
        files += [change] if change else []
        notes += [note] if note else []
    return files, notes


def _texts_after(texts: Mapping[str, str], files: Iterable[FileChange]) -> dict[str, str]:
    after = dict(texts)
    for file in files:
        if file.after is None:
            after.pop(file.path, None)
        else:
            after[file.path] = text_of(file.after)
    return after


# --- decisions ------------------------------------------------------------------------------


def _decisions(state: UnitState, effective: _Effective, then: Mapping[str, str], observed: Observed) -> list[Decision]:
    lines_now, lines_then = _chain(state, observed.texts), _chain(state, then)
    decisions = []
    for setting in effective.lines:
        lines = lines_now.get(setting.directive), lines_then.get(setting.directive)
        asked = effective.asked[setting.directive]
        decisions.append(Decision(state, setting.directive, asked, setting.meaning, *lines))
    for directive, (setting, there) in effective.kept.items():
        lines = lines_now.get(directive), lines_then.get(directive)
        decisions.append(Decision(state, directive, setting, there, *lines, kept=True))
    known = {decision.directive for decision in decisions}
    for directive in _own_lines(state, observed.texts):
        if directive not in known:
            decisions.append(
                Decision(state, directive, None, None, lines_now.get(directive), lines_then.get(directive))
            )
    return decisions


def _line_of(line: Assignment | None) -> tuple[Any, ...] | None:
    return None if line is None else (line.file, line.meaning)


def _guard(decisions: Iterable[Decision], observed: Observed) -> None:
    """Raises SystemdError for what would keep a service from starting, or end it."""
    for decision in decisions:
        if decision.setting is None or decision.wanted is None or decision.kept:
            continue
        if decision.directive == "LimitNOFILE":
            _guard_nofile(decision.item, decision.wanted, observed.nr_open)
        if decision.directive == "MemoryMax":
            _guard_memory(decision.item, decision.wanted, decision.unit.bearers)
        too_old = observed.version is not None and observed.version < FIRST_SYSTEMD_WITH_IDLE_WEIGHT
        if decision.directive == "CPUWeight" and decision.wanted == ("idle",) and too_old:
            raise SystemdError(
                decision.item,
                f"idle is known since systemd {FIRST_SYSTEMD_WITH_IDLE_WEIGHT}, and this is {observed.version}",
            )


def _guard_nofile(item: str, wanted: Meaning, nr_open: NrOpen) -> None:
    highest = max((value for value in wanted if value != INFINITY), default=0)
    ending = "the service would get less, or fail to start (status 205/LIMITS)"
    if highest > nr_open.live:
        raise SystemdError(item, f"{highest} is above fs.nr_open ({nr_open.live}): {ending}")
    if highest > nr_open.boot:
        source = nr_open.source or "the kernel's default"
        raise SystemdError(
            item, f"{highest} is above what fs.nr_open will be after a boot ({nr_open.boot}, {source}): {ending}"
        )


def _guard_memory(item: str, wanted: Meaning, bearers: Iterable[Bearer]) -> None:
    for bearer in bearers:
        used = bearer.properties.get("MemoryCurrent", "")
        # "[not set]" and 2^64-1 stand for not known
        if used.isdecimal() and int(used) < INFINITY and isinstance(wanted[0], int) and wanted[0] < int(used):
            raise SystemdError(
                item, f"{wanted[0]} is below the {used} bytes that {bearer.name} uses: it would be killed"
            )


def _shadow(decision: Decision, place: UnitState | Bearer, then: Mapping[str, str]) -> str:
    """Who decides the directive for this unit in place of our drop-in; '' if we do, or if it comes to the same."""
    if decision.setting is None or decision.kept:
        return ""
    line = _chain(place, then).get(decision.directive)
    if line is None:
        return f"another drop-in of the name {decision.unit.path.rpartition('/')[2]} hides ours"
    if line.file == decision.unit.path or line.meaning == decision.wanted:
        return ""
    does = f"sets {line.text}" if line.meaning is not None else "resets it"
    return f"{line.file} line {line.line} {does}"


def _target(decision: Decision, place: UnitState | Bearer, then: Mapping[str, str]) -> Meaning | None:
    """What the files say of the directive after the call; None for systemd's default."""
    line = _chain(place, then).get(decision.directive)
    return line.meaning if line is not None else None


def _behind(decisions: Iterable[Decision], observed: Observed, then: Mapping[str, str]) -> bool:
    """Whether systemd has not read a drop-in of ours that is in place already."""
    return any(
        bearer.properties.get("NeedDaemonReload") == "yes" and disagreement(decision, bearer, then) is not None
        for decision in decisions
        for bearer in decision.unit.bearers
    )


def disagreement(decision: Decision, bearer: Bearer, then: Mapping[str, str]) -> str | None:
    """What systemd shows instead of the value of our drop-in; None if it agrees, or if others have the say."""
    if decision.setting is None or decision.kept or _shadow(decision, bearer, then):
        return None
    target = _target(decision, bearer, then)
    if target is None:
        return None
    shown = shown_value(decision.directive, bearer.properties)
    if agrees(decision.directive, target, shown):
        return None
    return describe(decision.directive, shown) or "nothing"


# --- running processes ----------------------------------------------------------------------


def start_value(limit: str, wanted: Pair, observed: Observed) -> Pair:
    """The limit that systemd can give a process: what it may not set, it cuts to its own hard limit in silence.

    Source: systemd, src/basic/rlimit-util.c, setrlimit_closest
    """
    own = observed.first.limits.get(limit) if observed.first is not None else None
    above_kernel = limit == "LimitNOFILE" and wanted[1] > observed.nr_open.live
    if own is None or wanted[1] <= own[1] or (observed.first_sys_resource and not above_kernel):
        return wanted
    return (min(wanted[0], own[1]), own[1])


def start_score(wanted: int, observed: Observed) -> int:
    """The OOM score that systemd can give a process: without CAP_SYS_RESOURCE none below its own, and it goes on.

    Source: systemd, src/core/exec-invoke.c, "Failed to adjust OOM setting, assuming containerized execution"
    """
    own = observed.first.oom_score_adj if observed.first is not None else None
    return wanted if own is None or observed.first_sys_resource else max(own, wanted)


def live_value(directive: str, process: Process) -> Meaning | None:
    """What a running process has of a directive; None where that cannot be read."""
    if DIRECTIVES[directive].is_limit:
        return process.limits.get(directive)
    if directive == "OOMScoreAdjust":
        return None if process.oom_score_adj is None else (process.oom_score_adj,)
    if process.scheduling is None:
        return None
    scheduling = process.scheduling
    values: dict[str, Meaning] = {
        "Nice": (scheduling.nice,),
        "CPUSchedulingPolicy": (scheduling.policy,),
        "CPUSchedulingPriority": (scheduling.rt_priority,),
    }
    return values.get(directive)


def _of_each_process(directive: str) -> bool:
    return DIRECTIVES[directive].is_limit or directive == "OOMScoreAdjust"


def _live_values(directive: str, bearer: Bearer) -> list[Meaning]:
    """The values of all processes; of scheduling only the main process's, as the others may choose their own."""
    values = [
        live_value(directive, process)
        for process in bearer.processes
        if _of_each_process(directive) or process.pid == bearer.main_pid
    ]
    return [value for value in values if value is not None]


def _raises(decisions: Iterable[Decision], observed: Observed, then: Mapping[str, str]) -> dict[str, Raise]:
    """What running processes get now, for the units of which some process gets more than it has."""
    limits: dict[str, dict[str, Pair]] = {}
    scores: dict[str, int] = {}
    for decision in decisions:
        for bearer in decision.unit.bearers:
            target = _target(decision, bearer, then)
            if decision.setting is None or target is None or not bearer.processes:
                continue
            if _shadow(decision, bearer, then):
                continue
            if DIRECTIVES[decision.directive].is_limit:
                limits.setdefault(bearer.name, {})[decision.directive] = start_value(
                    decision.directive, target, observed
                )
            elif decision.directive == "OOMScoreAdjust":
                scores[bearer.name] = target[0]
    found = {}
    for bearer in _bearers(observed):
        what = Raise(limits.get(bearer.name, {}), scores.get(bearer.name))
        if any(
            new_limits(process, what, observed.powers) or new_score(process, bearer, what, observed.powers) is not None
            for process in bearer.processes
        ):
            found[bearer.name] = what
    return found


def _bearers(observed: Observed) -> list[Bearer]:
    return list({bearer.name: bearer for state in observed.units for bearer in state.bearers}.values())


def new_limits(process: Process, what: Raise, powers: Powers) -> dict[str, Pair]:
    """The limits of a process that are to be raised, with what they become."""
    if not powers.may_change(process):
        return {}
    new = {
        limit: raised(process.limits[limit], wanted, powers)
        for limit, wanted in what.limits.items()
        if limit in process.limits
    }
    return {limit: pair for limit, pair in new.items() if pair != process.limits[limit]}


def new_score(process: Process, bearer: Bearer, what: Raise, powers: Powers) -> int | None:
    """The OOM score that a process is to get; None to leave it.

    Only what a process was started with is changed: one with another score than the unit's main process has
    chosen it for itself. A score is lowered with CAP_SYS_RESOURCE only, proc_pid_oom_score_adj(5).
    """
    inherited = next((one.oom_score_adj for one in bearer.processes if one.pid == bearer.main_pid), None)
    score = process.oom_score_adj
    if what.oom_score_adj is None or score is None or score != inherited or score == what.oom_score_adj:
        return None
    if what.oom_score_adj < score and not powers.sys_resource:
        return None
    return what.oom_score_adj


def _lagging(
    decisions: Iterable[Decision], written: Iterable[str], observed: Observed, then: Mapping[str, str]
) -> list[str]:
    """The running units that have to be restarted for something of theirs to come into force."""
    names = []
    for decision in decisions:
        for bearer in decision.unit.bearers:
            after = bearer._replace(
                properties=_properties_after([decision], bearer, then),
                older=bearer.older or decision.unit.path in written,
            )
            state, _ = _judge_running(decision, after, observed, then)
            if state == PENDING and not bearer.transient:
                names.append(bearer.name)
    return sorted(set(names))


# --- prediction and confirmation ------------------------------------------------------------


def _predicted(
    decisions: Sequence[Decision],
    observed: Observed,
    written: Iterable[str],
    raises: Mapping[str, Raise],
    restarts: Iterable[str],
    then: Mapping[str, str],
) -> dict[str, Bearer]:
    """The loaded units as they will be if the host does what it is told."""
    predicted = {}
    for state in observed.units:
        mine = [decision for decision in decisions if decision.unit.name == state.name]
        for bearer in state.bearers:
            after = bearer._replace(properties=_properties_after(mine, bearer, then))
            if bearer.name in restarts:
                fresh = [_fresh(process, mine, bearer, observed, then) for process in bearer.processes]
                after = after._replace(processes=fresh, older=False)
            else:
                what = raises.get(bearer.name, Raise({}, None))
                given = [_given(process, bearer, what, observed.powers) for process in bearer.processes]
                after = after._replace(processes=given, older=bearer.older or state.path in written)
            predicted[bearer.name] = after
    return predicted


def _properties_after(decisions: Iterable[Decision], bearer: Bearer, then: Mapping[str, str]) -> dict[str, str]:
    """The properties that `systemctl show` will print, as far as files can tell."""
    properties = dict(bearer.properties)
    for decision in decisions:
        target = _target(decision, bearer, then)
        shown = shown_value(decision.directive, properties)
        if decision.kept or (target is not None and agrees(decision.directive, target, shown)):
            continue
        names = DIRECTIVES[decision.directive].properties
        values = target if target is not None and len(target) == len(names) else ("",) * len(names)
        for name, value in zip(names, values):
            properties[name] = _property_text(decision.directive, value)
    return properties


def _property_text(directive: str, value: Any) -> str:
    if value == INFINITY:
        return "infinity"
    if DIRECTIVES[directive].properties[0].endswith("USec") and isinstance(value, int):
        return f"{value}us"
    return str(value)


def _fresh(
    process: Process, decisions: Iterable[Decision], bearer: Bearer, observed: Observed, then: Mapping[str, str]
) -> Process:
    """A process as its unit's next start would make it."""
    limits, score, scheduling = dict(process.limits), process.oom_score_adj, process.scheduling
    for decision in decisions:
        target = _target(decision, bearer, then)
        if target is None:
            continue
        if DIRECTIVES[decision.directive].is_limit:
            limits[decision.directive] = start_value(decision.directive, target, observed)
        elif decision.directive == "OOMScoreAdjust":
            score = start_score(target[0], observed)
        elif scheduling is not None:
            field = {"Nice": "nice", "CPUSchedulingPolicy": "policy", "CPUSchedulingPriority": "rt_priority"}
            if decision.directive in field:
                scheduling = scheduling._replace(**{field[decision.directive]: target[0]})
    return process._replace(limits=limits, oom_score_adj=score, scheduling=scheduling)


def _given(process: Process, bearer: Bearer, what: Raise, powers: Powers) -> Process:
    score = new_score(process, bearer, what, powers)
    return process._replace(
        limits={**process.limits, **new_limits(process, what, powers)},
        oom_score_adj=process.oom_score_adj if score is None else score,
    )


def confirmed(planned: Plan, observed: Observed, after: Mapping[str, Bearer]) -> list[Change]:
    """The items, given the loaded units as they were read back."""
    return _changes(planned.decisions, after, observed, planned.then) + planned.notes


# --- what the user sees ---------------------------------------------------------------------


class _Verdict(NamedTuple):
    state: str
    before: str | None
    after: str | None
    reason: str


_WORST_FIRST = (SHADOWED, PENDING, READONLY, CHANGED, KEPT, OK)


def _changes(
    decisions: Iterable[Decision], after: Mapping[str, Bearer], observed: Observed, then: Mapping[str, str]
) -> list[Change]:
    return [_change(decision, after, observed, then) for decision in decisions]


def _change(decision: Decision, after: Mapping[str, Bearer], observed: Observed, then: Mapping[str, str]) -> Change:
    state = decision.unit
    verdicts = [
        (bearer.name, _judge(decision, bearer, after.get(bearer.name, bearer), observed, then))
        for bearer in state.bearers
    ]
    if not verdicts:
        verdicts = [(state.name, _judge_by_files(decision, observed, then))]
    worst = min((verdict.state for _, verdict in verdicts), key=_WORST_FIRST.index)
    target = decision.then.text if decision.then is not None and decision.then.text else None
    return Change(
        item=decision.item,
        wanted=_wanted(decision.setting),
        before=_joined(verdict.before for _, verdict in verdicts),
        after=_joined(verdict.after for _, verdict in verdicts),
        at_boot=target,
        state=worst,
        why=decision.setting.why if decision.setting else "no longer wanted: back to what the unit had",
        reason="; ".join(_reasons(decision, verdicts)),
    )


def _wanted(setting: Setting | None) -> str | None:
    if setting is None:
        return None
    return f"at least {setting.text}" if setting.rule == AT_LEAST else setting.text


def _joined(values: Iterable[str | None]) -> str | None:
    """The one value of all units, or all their values."""
    known = list(dict.fromkeys(value for value in values if value is not None))
    return ", ".join(known) if known else None


def _reasons(decision: Decision, verdicts: Sequence[tuple[str, _Verdict]]) -> list[str]:
    state = decision.unit
    reasons = []
    if state.asked != state.name:
        reasons.append(f"{state.asked} is another name of {state.name}")
    if decision.setting is not None and decision.setting.translated:
        reasons.append(f"asked for as {decision.setting.given}, a deprecated name")
    if decision.setting is not None and DIRECTIVES[decision.directive].note:
        reasons.append(DIRECTIVES[decision.directive].note)
    for name, verdict in verdicts:
        if verdict.reason:
            reasons.append(verdict.reason if name == state.name else f"{name}: {verdict.reason}")
    return list(dict.fromkeys(reasons))


def _judge_by_files(decision: Decision, observed: Observed, then: Mapping[str, str]) -> _Verdict:
    """An item of a unit that systemd has not loaded: files are all there is to go by."""
    before = describe(decision.directive, decision.now.meaning if decision.now else None)
    after = describe(decision.directive, decision.then.meaning if decision.then else None)
    shadow = _shadow(decision, decision.unit, then)
    if shadow:
        return _Verdict(SHADOWED, before, after, shadow)
    state, reason = _not_loaded(decision.unit, observed) if decision.setting is not None else (None, "")
    if state is None:
        state = CHANGED if decision.changed else KEPT if decision.kept else OK
    return _Verdict(state, before, after, reason)


def _not_loaded(unit: UnitState, observed: Observed) -> tuple[str | None, str]:
    if not observed.systemd_running:
        return PENDING, "systemd does not run here: in force when it starts the unit"
    if unit.load == MASKED:
        return PENDING, "the unit is masked: in force when it has been unmasked and is started"
    if unit.load == NOT_FOUND:
        return PENDING, "there is no such unit yet: in force when it is installed"
    if unit.load != LOADED:
        return PENDING, f"systemd could not load the unit: {unit.load_error or unit.load}"
    return None, ""


def _judge(decision: Decision, before: Bearer, after: Bearer, observed: Observed, then: Mapping[str, str]) -> _Verdict:
    """An item at one loaded unit, from what was there and what is, or will be."""
    had, has = _in_force(decision.directive, before), _in_force(decision.directive, after)
    texts = describe(decision.directive, had), describe(decision.directive, has)
    shadow = _shadow(decision, before, then)
    if shadow:
        return _Verdict(SHADOWED, *texts, shadow)
    state, reason = _judge_running(decision, after, observed, then)
    if state is None:
        moved = decision.changed or had != has
        state = CHANGED if moved else KEPT if decision.kept else OK
    if state in (CHANGED, OK) and before.transient and not reason:
        reason = "a transient unit: it goes when it ends, the drop-in stays"
    return _Verdict(state, *texts, reason)


def _in_force(directive: str, bearer: Bearer) -> Meaning | None:
    """What counts now: the least that a running process has, or else what systemd would start one with."""
    if DIRECTIVES[directive].in_force != AT_RELOAD:
        live = _live_values(directive, bearer)
        if live:
            return min(live)
    return shown_value(directive, bearer.properties)


def _judge_running(
    decision: Decision, bearer: Bearer, observed: Observed, then: Mapping[str, str]
) -> tuple[str | None, str]:
    """What running processes lack: a state and its reason, (None, '') if there is nothing to say."""
    directive = DIRECTIVES[decision.directive]
    if directive.in_force == AT_RELOAD or _shadow(decision, bearer, then):
        return None, ""
    target = _target(decision, bearer, then) if not decision.kept else decision.wanted
    if target is None:  # systemd's default, as the properties show it
        target = shown_value(decision.directive, bearer.properties)
    if target is None:
        keeps = bearer.processes and bearer.older
        return (PENDING, f"the processes keep what they have until {_restart_words(bearer)}") if keeps else (None, "")
    if directive.is_limit:
        return _judge_limit(decision, target, bearer, observed)
    if not bearer.processes:
        return None, ""
    live = _live_values(decision.directive, bearer)
    possible: Meaning = target
    if decision.directive == "OOMScoreAdjust":
        possible = (start_score(target[0], observed),)
    different = [value for value in live if value not in (target, possible)]
    if not different and possible != target and live.count(target) < len(live):
        return READONLY, f"systemd may not go below {possible[0]} here, and starts the unit without a word of it"
    if (live and not different) or not (live or bearer.older):
        return None, ""
    if bearer.older:
        have = _have(decision.directive, different, live) if live else "set when a process starts"
        return PENDING, f"{have}: in force when {_restart_words(bearer)}"
    return KEPT, f"a process has set {_listed(directive.name, different)} by itself"


def _judge_limit(decision: Decision, target: Pair, bearer: Bearer, observed: Observed) -> tuple[str | None, str]:
    name = decision.directive
    floor = decision.setting if decision.setting is not None and decision.setting.rule == AT_LEAST else None
    if floor is not None:
        target = floor.meaning
    possible = start_value(name, target, observed)
    cut = ""
    if possible != target and decision.setting is not None:
        cut = f"systemd cuts it to {describe(name, possible)} in silence: it may not exceed its own hard limit here"
    live = _live_values(name, bearer)
    short = [pair for pair in live if pair[0] < possible[0] or pair[1] < possible[1]]
    above = [] if floor else [pair for pair in live if pair != possible and pair not in short]
    if short and bearer.older:
        helpless = decision.setting is not None and not observed.powers.sys_resource
        by = "raising it now takes CAP_SYS_RESOURCE, which this call has not" if helpless else ""
        have = f"{_have(name, short, live)}: in force when {_restart_words(bearer)}"
        return PENDING, "; ".join(filter(None, (have, by, cut)))
    if above and bearer.older:
        have = f"{_have(name, above, live)}, and a limit in use is never lowered: in force when "
        return PENDING, "; ".join(filter(None, (have + _restart_words(bearer), cut)))
    if cut:
        return READONLY, cut
    if short or above:
        return KEPT, f"a process has set {_listed(name, short or above)} by itself"
    return None, ""


def _have(directive: str, some: Sequence[Meaning], live: Sequence[Meaning]) -> str:
    if _of_each_process(directive):
        return f"{len(some)} of {len(live)} processes have {_listed(directive, some)}"
    return f"the main process has {_listed(directive, some)}"


def _restart_words(bearer: Bearer) -> str:
    if bearer.transient:
        return "the transient unit is started anew, which nobody does here"
    return f"{bearer.name} is restarted"


def _listed(directive: str, values: Iterable[Meaning]) -> str:
    return " or ".join(sorted({describe(directive, value) or "" for value in values}))


def _warnings(decisions: Iterable[Decision]) -> list[str]:
    return [
        f"{item_name(decision.unit.asked, decision.setting.given)} is deprecated; "
        f"written as {decision.directive}={decision.setting.text}"
        for decision in decisions
        if decision.setting is not None and decision.setting.translated
    ]


# --- diff -----------------------------------------------------------------------------------


def diff(planned: Plan) -> list[dict[str, Any]]:
    """What Ansible's --diff shows: each drop-in, and the values in force."""
    shown: list[dict[str, Any]] = [*diff_files(planned.files)]
    moved = [change for change in planned.changes if change.before != change.after]
    if moved:
        shown.append(
            {
                "before_header": "values in force",
                "after_header": "values in force",
                "before": "".join(f"{change.item} = {change.before}\n" for change in moved),
                "after": "".join(f"{change.item} = {change.after}\n" for change in moved),
            }
        )
    return shown
