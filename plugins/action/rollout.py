# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a rollout before its first batch and after each batch. Documentation: plugins/modules/rollout.py."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail, AnsibleError, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.plugin_utils._results.hosts import (
    variables_of_play,
    with_own,
    written_variables,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import operators_variables, planted
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout import settings
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import Rollout, RolloutError
from ansible_collections.siptune.linux.plugins.plugin_utils._site.names import check_names, known_names
from ansible_collections.siptune.linux.plugins.plugin_utils._site.tags import check_tags

if TYPE_CHECKING:
    from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.hooks import Hook, Wait

BEGIN = "begin"
END = "end"
OPTIONS = {
    "step": {"type": "str", "choices": [BEGIN, END], "required": True},
    "rolling": {"type": "bool", "default": False},
    "batch": {"type": "list", "elements": "str", "default": []},
    "canary": {"type": "bool", "default": False},
}
COUNTERS_BEFORE = "__siptune_counters_before"
COUNTERS_AFTER = "__siptune_counters_after"
COUNTERS_SINCE = "__siptune_counters_since"
OUT_OF_SERVICE = "__siptune_out_of_service"
YES = (b"y", b"yes")
END_OF_LINE = (b"\r", b"\n")

display = Display()

known_names()  # once and for all hosts, as in apply_layers


class ActionModule(ActionBase):
    """Runs on the controller, once for a batch, and touches no host."""

    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Begin or end a batch. Raises AnsibleActionFail, which ends the play."""
        super().run(tmp, task_vars)
        options = self.validate_argument_spec(OPTIONS)[1]
        self._variables = task_vars or {}
        self._of_play = variables_of_play(self._task, self._loader)
        self._raw_variables: dict[str, dict[str, Any]] = {}
        self._values: dict[tuple[str, str], Any] = {}
        self._read_hooks: dict[str, Hook] = {}
        if planted(self._variables):
            self._follow_a_sound_host()
        try:
            if options["step"] == BEGIN:
                return {"changed": False, **self._begin(options["rolling"])}
            self._end(options["batch"], options["canary"])
        except RolloutError as error:
            raise AnsibleActionFail(printable(error)) from None
        return {"changed": False}

    # --- the beginning of a batch ------------------------------------------------------------

    def _begin(self, rolling: bool) -> dict[str, Any]:
        """Check everything once for the play, and return the settings of the batch's tasks. Raises RolloutError."""
        batch = self._names("ansible_play_batch")
        # A play ends with a batch of which no host is left, so the first one begins with the first host that there is.
        canary = batch[0] == self._names("ansible_play_hosts")[0]
        try:
            # Strategies without batches run this for every host, and once will do.
            if canary and self._variables["inventory_hostname"] == batch[0]:
                self._check(rolling, batch)
            rollout = self._limited_rollout(batch) if rolling else None
        except (RolloutError, CatalogueError) as error:
            raise RolloutError(f"{error}. Nothing was changed.") from None
        announcement = settings.announce_batch(settings.split(self._hosts(), self._task.get_play().serial), batch)
        if announcement:
            display.display(printable(announcement))
        if rollout is None:
            return {"batch": batch}
        done = [host for host in self._earlier(batch) if self._registered(host, COUNTERS_AFTER)]
        return {
            "batch": batch,
            "canary": canary,
            "before": self._hooks(settings.BEFORE, batch),
            "after": self._hooks(settings.AFTER, batch),
            "hook_timeout_seconds": rollout.hook_timeout_seconds,
            "check_seconds": 0 if self._task.check_mode else rollout.check_seconds,
            "check_counters": list(rollout.check_counters),
            "earlier": done,
        }

    def _check(self, rolling: bool, batch: Sequence[str]) -> None:
        """Check the run as a whole. Raises RolloutError."""
        hosts = self._hosts()
        play = self._task.get_play()
        check_names(with_own({host: self._raw(host) for host in hosts}, self._variables))
        hooks = {path for _host, path in self._all_hooks(hosts)} if rolling else set()
        check_tags(self._task, self._variables, {tag for path in hooks for tag in self._hook(path).tags})
        batches = settings.parse_batches(self._given(settings.SERIAL, f"{settings.WHOLE}%"))
        budget = settings.ansible_budget(self._given(settings.BUDGET, settings.WHOLE))
        settings.check_given(settings.SERIAL, batches, list(play.serial))
        settings.check_batches(batches, len(hosts))
        self._check_profiles(hosts)
        if not rolling:
            settings.check_given(settings.BUDGET, budget, play.max_fail_percentage)
            if settings.is_true(self._given(settings.ROLLING, True)):
                parts = (*settings.PARTS, settings.ROLLING)
                settings.check_not_rolling({name: list(self._hosts_with(name, hosts)) for name in parts})
            return
        images = self._hosts_with(settings.BOOT_ONLY, self._sound(hosts))
        settings.check_no_images([host for host, value in images.items() if settings.is_true(value)])
        settings.check_strategy(play.strategy)
        settings.check_pauses(self._limited_rollout(hosts), len(self._later(batch)))

    def _check_profiles(self, hosts: Sequence[str]) -> None:
        hosts = self._sound(hosts)
        profiles = {host: self._raw(host).get(settings.PROFILE) for host in hosts}
        written = set(map(str, profiles.values()))
        # Templating a variable of each host takes time, and most fleets have one profile, or none, in writing.
        if len(written) > 1 or any("{" in profile for profile in written):
            profiles = {host: self._value(host, settings.PROFILE, settings.DEFAULT_PROFILE) for host in hosts}
        settings.check_profiles(profiles, settings.is_true(self._given(settings.MIXED_PROFILES, False)))

    def _given(self, name: str, default: Any) -> Any:
        """A variable of the run as a whole."""
        return self._templar.template(self._variables.get(name, default))

    def _rollout(self) -> Rollout:
        names = [name for name in settings.OF_ROLLING if name in self._variables]
        given = self._templar.template({name: self._variables[name] for name in names})
        # Imported here and below, as only a rolling run needs it, and Ansible compiles what it imports in every run.
        from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
        from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.check import LOSSES

        return settings.parse_rollout(given, [counter.name for counter in COUNTERS], LOSSES)

    def _limited_rollout(self, hosts: Sequence[str]) -> Rollout:
        """The rollout, in which the tasks around these hosts have the time they mean to take. Raises RolloutError."""
        from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.hooks import LongestWait, limit_hooks

        waits = [
            LongestWait(seconds, f"{wait.option} in {path} (for {host})")
            for host, path in self._all_hooks(hosts)
            for wait in self._hook(path).waits
            if (seconds := self._seconds(host, wait)) is not None
        ]
        return limit_hooks(self._rollout(), settings.HOOK_TIMEOUT in self._variables, max(waits, default=LongestWait()))

    def _seconds(self, host: str, wait: Wait) -> float | None:
        """How long a task may wait on this host; None where only a run can tell."""
        value = wait.value
        try:
            if isinstance(value, str) and "{" in value:
                variables = {**self._raw(host), **wait.variables}
                value = self._templar.copy_with_new_env(available_variables=variables).template(value)
            return float(value) * wait.unit
        except (AnsibleError, TypeError, ValueError):
            return None

    def _all_hooks(self, hosts: Sequence[str]) -> list[tuple[str, str]]:
        """Each host with each of its files of tasks. Raises RolloutError."""
        return [one for name in settings.HOOKS for one in self._hooks(name, hosts).items()]

    def _hook(self, path: str) -> Hook:
        """What a file of tasks says; each is read once. Raises RolloutError."""
        from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.hooks import parse_hook

        if path not in self._read_hooks:
            self._read_hooks[path] = parse_hook(path, self._tasks)
        return self._read_hooks[path]

    def _tasks(self, path: str) -> Any:
        """The YAML of a file of tasks, which is the operator's, so that its templates are templates."""
        try:
            return self._loader.load_from_file(path, trusted_as_template=True)
        except TypeError:  # ansible-core 2.18 takes every text for a template
            return self._loader.load_from_file(path)

    def _follow_a_sound_host(self) -> None:
        """Take the settings of the run from another host, as this one has planted some among its facts."""
        sound = self._sound(self._hosts())
        self._variables = operators_variables(self._variables, self._raw(sound[0]) if sound else {})
        self._templar: Any = self._templar.copy_with_new_env(available_variables=self._variables)

    # --- the hosts ---------------------------------------------------------------------------

    def _names(self, variable: str) -> list[str]:
        return [str(host) for host in self._variables[variable]]

    def _hosts(self) -> list[str]:
        """All hosts of the play, in the order in which the batches take them."""
        return self._names("ansible_play_hosts_all")

    def _earlier(self, batch: Sequence[str]) -> list[str]:
        hosts = self._hosts()
        return hosts[: hosts.index(batch[0])]

    def _later(self, batch: Sequence[str]) -> list[str]:
        hosts = self._hosts()
        return hosts[hosts.index(batch[-1]) + 1 :]

    def _raw(self, host: str) -> dict[str, Any]:
        """A host's variables as they are written; each host is looked at once."""
        if host not in self._raw_variables:
            self._raw_variables[host] = written_variables(self._variables["hostvars"], host, self._of_play)
        return self._raw_variables[host]

    def _sound(self, hosts: Sequence[str]) -> list[str]:
        """The hosts without settings of siptune among their facts. The others fail by themselves, for that reason."""
        return [host for host in hosts if not planted(self._raw(host))]

    def _value(self, host: str, name: str, default: Any = None) -> Any:
        """A variable of a host, templated with its others."""
        variables = self._raw(host)
        if variables.get(name) is None:
            return default
        if (host, name) not in self._values:
            templar = self._templar.copy_with_new_env(available_variables=variables)
            self._values[host, name] = templar.template(variables[name])
        return self._values[host, name]

    def _registered(self, host: str, name: str) -> Mapping[str, Any]:
        """The result that a task has registered for a host; empty if it was skipped or has not run."""
        result = self._raw(host).get(name) or {}
        return {} if result.get("skipped") else result

    def _hosts_with(self, name: str, hosts: Sequence[str]) -> dict[str, str]:
        return {host: str(value) for host in hosts if (value := self._value(host, name))}

    def _hooks(self, name: str, hosts: Sequence[str]) -> dict[str, str]:
        """The file of tasks of each host that has one. Raises RolloutError for one that is not there."""
        paths = {}
        for host, given in self._hosts_with(name, hosts).items():
            paths[host] = os.path.abspath(os.path.expanduser(given))
            if not os.path.isfile(paths[host]):
                raise RolloutError(f"{name}: there is no file {paths[host]}, for {host}")
        return paths

    # --- the end of a batch ------------------------------------------------------------------

    def _end(self, batch: Sequence[str], canary: bool) -> None:
        """Print the result of a batch, and wait for the next one. Raises RolloutError if it must not begin."""
        rollout, left = self._rollout(), self._later(batch)
        alive = self._names("ansible_play_batch")
        lost = [host for host in batch if host not in alive]
        lines = [settings.describe_batch(batch, alive, len(left))]
        lines += [settings.out_of_service(host) for host in lost if self._raw(host).get(OUT_OF_SERVICE) is True]
        if not alive:  # Ansible ends the play by itself, and has said why each host has failed
            lines.append(f"All hosts of this batch have failed. {settings.stopped(len(left))}")
        display.display("\n".join(map(printable, lines)))
        if not alive:
            return
        budget = settings.parse_budget(self._given(settings.BUDGET, settings.WHOLE))
        trouble = [settings.over_budget(batch, alive, budget)]
        if rollout.check_seconds and not self._task.check_mode:
            trouble += self._worsened(self._earlier(batch), alive, rollout)
        reasons = [reason for reason in trouble if reason]
        if reasons:
            raise RolloutError(f"{'; '.join(reasons)}. {settings.stopped(len(left))}")
        if left and not self._task.check_mode and (canary or rollout.pause_after == settings.EVERY_BATCH):
            self._wait(rollout, left)

    def _worsened(self, earlier: Sequence[str], alive: Sequence[str], rollout: Rollout) -> list[str]:
        """The counters that have worsened at the hosts of this batch, and since then at those of earlier ones."""
        from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.check import since, window

        found = []
        for host in alive:
            after = window(self._registered(host, COUNTERS_AFTER))
            found += self._judge(host, after, rollout)
        latest = self._latest(alive)
        for host in earlier:
            after_tuning = self._registered(host, COUNTERS_AFTER)
            if not after_tuning:
                continue
            reading = latest.get(host, {})
            if reading.get("unreachable") or reading.get("failed") or not reading:
                found.append(f"{host}: was tuned in an earlier batch, and cannot be asked for its counters any more")
                continue
            found += self._judge(host, since(after_tuning, reading), rollout)
        return found

    def _judge(self, host: str, after: Any, rollout: Rollout) -> list[str]:
        from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.check import window, worsened

        before = window(self._registered(host, COUNTERS_BEFORE))
        return worsened(host, before, after, rollout.check_counters, rollout.check_tolerance_percent)

    def _latest(self, alive: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The latest readings of the hosts of earlier batches, by host; those of this batch have registered them."""
        return {
            str(reading["item"]): reading
            for host in alive
            for reading in self._registered(host, COUNTERS_SINCE).get("results", [])
        }

    def _wait(self, rollout: Rollout, left: Sequence[str]) -> None:
        """Pause, and ask whether to go on. Raises RolloutError where nobody says yes."""
        stopped = settings.stopped(len(left))
        if rollout.pause_seconds:
            display.display(f"Waiting for {rollout.pause_seconds} s before the next batch.")
            from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.progress import count_down

            def say(seconds: int) -> None:
                display.display(f"{seconds} s left before the next batch.")

            count_down(rollout.pause_seconds, say)
        if not rollout.confirm:
            return
        try:
            answer = display.prompt_until(
                f"Go on with the other {settings.hosts_of(len(left))}? yes or no", complete_input=END_OF_LINE
            )
        except AnsiblePromptNoninteractive:
            raise RolloutError(f"siptune_confirm: there is no terminal to ask at. {stopped}") from None
        except AnsiblePromptInterrupt:
            answer = b""
        if answer.strip().lower() not in YES:
            raise RolloutError(f"siptune_confirm: the answer was not yes. {stopped}")
