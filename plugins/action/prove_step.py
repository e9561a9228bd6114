# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin a proof of a host, judge a step of it, and end it. Documentation: plugins/modules/prove_step.py."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model, steps
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.aim import (
    GENERATORS,
    choose_end_point,
    choose_generator,
    itself,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.answers import LIMITED
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.progress import describe
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.settings import (
    CAPACITY,
    PREFIX,
    STALL_DELAY_MS,
    ProveError,
    Settings,
    parse,
    warnings,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.verdict import Evidence, hopeless, judge, remarks
from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import HostAction
from ansible_collections.siptune.linux.plugins.plugin_utils._results.answers import FACT
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import without_planted
from ansible_collections.siptune.linux.plugins.plugin_utils._site.names import check_names

BEGIN, JUDGE, END = "begin", "judge", "end"
OPTIONS = {
    "phase": {"type": "str", "choices": [BEGIN, JUDGE, END], "required": True},
    "state": {"type": "str", "choices": list(model.STATES), "default": model.AS_IS},
    "load": {"type": "dict"},
    "stall": {"type": "dict"},
}
SPARE_SECONDS = 120  # that a run may take beyond its budget: a slow connection, and the last step
MOST_MISSED = 2  # stalls that did not fall into their load, as modules began late; the step is taken again

display = Display()


class ActionModule(HostAction):
    """Runs on the controller for one target, and asks that one for its counters."""

    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The state of the proof, with all that is known so far. A target that cannot be proved has an error in it."""
        super().run(tmp, task_vars)
        options = self.validate_argument_spec(OPTIONS)[1]
        self._known = task_vars or {}
        self._name = str(self._known["inventory_hostname"])
        state = self._templar.template(self._known.get(model.REGISTERED)) or {}
        if options["phase"] == BEGIN:
            return {"changed": False, **self._begin(options["state"], state)}
        if options["phase"] == JUDGE:
            return {"changed": False, **self._judge(state, options)}
        return {"changed": False, **self._end(state)}

    # --- the beginning -----------------------------------------------------------------------

    def _begin(self, run_state: str, earlier: Mapping[str, Any]) -> dict[str, Any]:
        """A run of the proof: the first, or with `siptune_prove_compare` one more of the same target."""
        proof = earlier.get("proof") or self._empty()
        proof = {**proof, "runs": [run for run in proof["runs"] if run["steps"]]}
        try:
            return self._prepared(run_state, proof, bool(proof["runs"]))
        except (TuningError, AnsibleError) as error:  # Ansible's, where the target cannot be reached
            return self._failed(proof, str(error))

    def _empty(self) -> model.Target:
        return {
            "name": self._name,
            "generator": "",
            "address": "",
            "port": 0,
            "transport": model.UDP,
            "scenario": model.OPTIONS,
            "daemon": None,
            "contract": None,
            "error": None,
            "warnings": [],
            "runs": [],
        }

    def _prepared(self, run_state: str, proof: model.Target, again: bool) -> dict[str, Any]:
        settings, variables = self._settings()
        generators = self._known["groups"].get(GENERATORS, [])
        proof["generator"] = choose_generator(self._name, settings, generators, self._known["hostvars"])
        proof["scenario"], proof["transport"] = settings.scenario, settings.transport
        proof["contract"] = settings.contract
        if not again:
            self._check_idle(settings)
            proof["warnings"] = warnings(settings, variables)
        holder = self._reserve(settings)
        reading = self._ask("sip_counters_info", {"work": True})
        local = proof["generator"] == self._name
        address = str(self._templar.template(self._known.get("ansible_host", self._name)))
        running = [one["daemon"] for one in (reading.get("work") or {}).get("daemons", [])]
        found = choose_end_point(settings, reading.get("sip_sockets") or [], address, local, running)
        proof["address"], proof["port"], proof["daemon"] = found
        if settings.stall and proof["daemon"] is None:
            raise ProveError(f"{PREFIX}stall: no SIP daemon is found on this host that could be stopped")
        ceilings = self._ceilings(proof["daemon"])
        ladder = _ladder(settings)
        proof["runs"] = [*proof["runs"], steps.finish(run_state, [], ladder, model.INTERRUPTED)]
        return {
            "proof": proof,
            "reading": reading,
            "ceilings": ceilings,
            "started": time.time(),
            "holder": holder,
            "next": self._next(settings, proof, steps.next_rate([], ladder), holder),
        }

    def _settings(self) -> tuple[Settings, dict[str, Any]]:
        """The target's settings and its variables. Raises TuningError."""
        if self._task.check_mode:
            raise ProveError("a load cannot be predicted: leave --check")
        own = without_planted(self._known)
        check_names({self._name: own})
        wanted = {name: value for name, value in own.items() if name.startswith(PREFIX) or name == CAPACITY}
        variables = self._templar.template(wanted)
        return parse(variables), variables

    def _check_idle(self, settings: Settings) -> None:
        """Raises ProveError for a host that carries calls, or may, unless the operator insists."""
        if settings.despite_calls:
            return
        calls = self._ask("sip_calls_info", {})
        if not calls["idle"]:
            raise ProveError(
                f"{calls['summary']}. A load on top of them could cut them off: prove the host out of service, or say "
                f"{PREFIX}despite_calls: true"
            )

    def _reserve(self, settings: Settings) -> str:
        """Take the target for this run; returns how the run names itself. Raises ProveError."""
        holder = f"by {socket.gethostname()}, process {_first_process()}"
        arguments = {"holder": holder, "seconds": settings.max_seconds + SPARE_SECONDS}
        answer = self.ask("sip_reserve", self._known, arguments)
        other = str(answer.get("held_by") or "")
        if answer.get("failed") and _has_ended(other):
            answer = self.ask("sip_reserve", self._known, {**arguments, "from_holder": other})
        return holder if not answer.get("failed") else _raise(answer)

    def _ceilings(self, daemon: str | None) -> list[dict[str, Any]]:
        """What bounds a daemon by its configuration, where its answers may come from that."""
        if daemon not in LIMITED:
            return []
        facts = self._ask("host_facts", {})["ansible_facts"][FACT]
        of_daemon = [found for found in facts.get("sip_daemons") or [] if found["name"] == daemon]
        return [one for found in of_daemon for one in found.get("ceilings") or []]

    def _ask(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of the target. Raises ProveError where it gives none."""
        answer = self.ask(module, self._known, arguments)
        if answer.get("failed"):
            _raise(answer)
        return answer

    # --- a step ------------------------------------------------------------------------------

    def _judge(self, state: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        proof: model.Target = state["proof"]
        try:
            settings, _variables = self._settings()
            load = _usable(options["load"] or {}, f"the generator {proof['generator']}")
            reading = self._ask("sip_counters_info", {"work": True})
            stalled_ms = _stalled(state["next"]["stall"], options["stall"] or {}, load)
            if stalled_ms is None and state.get("missed", 0) < MOST_MISSED:
                return {**state, "reading": reading, "missed": state.get("missed", 0) + 1}
            if stalled_ms is None:
                raise ProveError(MISSED)
            machine = reading.get("work", {}).get("machine", "")
            own_machine = load["machine"] == machine
            if own_machine and not settings.local:
                raise ProveError(itself(proof["generator"]))
            evidence = Evidence(
                target=proof,
                settings=settings,
                rate=state["next"]["rate"],
                stalled_ms=stalled_ms,
                load=load,
                before=state["reading"],
                after=reading,
                own_machine=own_machine,
                same_kernel=load["machine"].split(" ")[0] == machine.split(" ")[0],
                ceilings=state["ceilings"],
            )
        except (TuningError, AnsibleError) as error:
            return {**state, **self._failed(proof, str(error))}
        proof["warnings"] = list(dict.fromkeys([*proof["warnings"], *remarks(evidence)]))
        return self._judged({**state, "reading": reading}, settings, judge(evidence))

    def _judged(self, state: dict[str, Any], settings: Settings, step: model.Step) -> dict[str, Any]:
        proof: model.Target = state["proof"]
        ladder = _ladder(settings)
        run = proof["runs"][-1]
        done = [*run["steps"], step]
        error = hopeless(step) if len(done) == 1 else None
        coming, cut = steps.next_rate(done, ladder), None
        if error or (settings.stop_at_first_loss and not step["holds"]):
            coming = None
        if coming is not None:
            elapsed = time.time() - state["started"]
            in_time = steps.fits(elapsed, settings.load_seconds, settings.max_seconds)
            coming, cut = (coming, model.INTERRUPTED) if in_time else (None, model.TIME)
        proof = {**proof, "error": error, "runs": [*proof["runs"][:-1], steps.finish(run["state"], done, ladder, cut)]}
        display.display(printable(describe(self._name, step, coming)))
        return {**state, "proof": proof, "next": coming and self._next(settings, proof, coming, state["holder"])}

    def _next(self, settings: Settings, proof: model.Target, rate: int | None, holder: str) -> dict[str, Any]:
        """The next step: its rate, the arguments of sip_load, and those of sip_stall where there is one."""
        load = {
            "address": proof["address"],
            "port": proof["port"],
            "transport": settings.transport,
            "scenario": settings.scenario,
            "rate": rate,
            "seconds": settings.load_seconds,
            "patience_ms": settings.patience_ms,
            "callee": settings.callee,
            "callee_port": settings.callee_port,
            "accepted": settings.accepted,
            "holder": holder,
        }
        stall = {
            "daemon": proof["daemon"],
            "milliseconds": settings.stalled_ms,
            "delay_milliseconds": STALL_DELAY_MS,
            "despite_calls": settings.despite_calls,
        }
        return {"rate": rate, "load": load, "stall": stall if settings.stalled_ms else None}

    # --- the end -----------------------------------------------------------------------------

    def _failed(self, proof: model.Target, message: str) -> dict[str, Any]:
        """A target that cannot be proved, or not to the end. What it has shown before stays."""
        proof = {**proof, "runs": [run for run in proof["runs"] if run["steps"]]}
        display.display(printable(f"{self._name}: {message}"))
        return {"proof": {**proof, "error": printable(message)}, "next": None}

    def _end(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Give the target back. That it cannot be reached any more is in the proof already."""
        with contextlib.suppress(AnsibleError):
            if state.get("holder"):
                self.ask("sip_reserve", self._known, {"holder": state["holder"], "seconds": 0})
        return {}


def _ladder(settings: Settings) -> steps.Ladder:
    return steps.Ladder(settings.contract["rate"] if settings.contract else None, settings.max_rate)


def _usable(answer: Mapping[str, Any], who: str) -> Mapping[str, Any]:
    """The answer of a module that another task has run. Raises ProveError where it has none."""
    if "module_stdout" in answer or "timedout" in answer:  # as Ansible says of a module that has not come to its end
        raise ProveError(f"{who}: its connection was lost, or the module killed, half-way: {answer.get('msg')}")
    if answer.get("failed") or answer.get("unreachable") or "machine" not in answer:
        raise ProveError(f"{who}: {answer.get('msg') or 'gave no result'}")
    return answer


MISSED = (
    "the stall: the daemon was not stopped while the load ran, as the connection to one of the hosts is slow; give "
    f"{PREFIX}step_seconds"
)


def _stalled(ordered: Mapping[str, Any] | None, answer: Mapping[str, Any], load: Mapping[str, Any]) -> int | None:
    """For how long the daemon was stopped in the load; None where it was to be, and was not. Raises ProveError."""
    if ordered is None:
        return 0
    milliseconds = int(ordered["milliseconds"])
    if "processes" not in answer:
        raise ProveError(f"the stall: {answer.get('msg') or 'gave no result'}")
    if load["answered"] and (load["response_ms"]["max"] or 0) < milliseconds / 2:
        return None
    return milliseconds


def _raise(answer: Mapping[str, Any]) -> Any:
    raise ProveError(str(answer.get("msg") or "the target gives no answer"))


def _first_process() -> int:
    """The process of ansible-playbook, whose workers run the actions."""
    return os.getppid()


def _has_ended(holder: str) -> bool:
    """Whether a run of this controller, as it has named itself, does not run any more."""
    head, _words, pid = holder.rpartition(", process ")
    return head == f"by {socket.gethostname()}" and pid.isdecimal() and not os.path.exists(f"/proc/{pid}")
