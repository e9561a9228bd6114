# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a rollout over a fleet: batches, a failure budget, hooks, pauses, a check between batches.

Functions over values. A RolloutError names the variable and the mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural

HOSTS = "siptune_hosts"
BECOME = "siptune_become"
SERIAL = "siptune_serial"
BUDGET = "siptune_max_fail_percentage"
ROLLING = "siptune_rolling"
BEFORE = "siptune_before_host_tasks"
AFTER = "siptune_after_host_tasks"
HOOKS = (BEFORE, AFTER)
HOOK_TIMEOUT = "siptune_hook_timeout_seconds"
ROLLING_PLAYBOOK = "siptune.linux.rolling"
# What only that playbook does.
PARTS = (*HOOKS, "siptune_pause_seconds", "siptune_confirm", "siptune_check_seconds")
BOOT_ONLY = "siptune_boot_only"
PROFILE = "siptune_profile"
DEFAULT_PROFILE = "modern"  # of every role
MIXED_PROFILES = "siptune_mixed_profiles"

CANARY, EVERY_BATCH = "canary", "every_batch"
LONGEST_PAUSE_SECONDS = 7 * 86400
LONGEST_HOOK_SECONDS = 86400

WHOLE = 100
# Ansible divides all hosts that have failed so far by the size of the batch at hand, so that small batches after a
# large one come to more than 100 % although nothing new has failed. Source: ansible-core, plugins/strategy/linear.py
NEVER = 1e9

# Strategies that take the hosts of a batch side by side, task by task.
SIDE_BY_SIDE = ("linear", "debug", "mitogen", "mitogen_linear")


class RolloutError(ValueError):
    """A rollout with variables that are invalid or contradict each other."""


class Rollout(NamedTuple):
    """The checked variables of a rolling run. Times are in seconds, 0 for none."""

    pause_seconds: int = 0
    confirm: bool = False
    pause_after: str = CANARY
    check_seconds: int = 0
    check_counters: Sequence[str] = ()
    check_tolerance_percent: int = 10
    hook_timeout_seconds: int = 600

    @property
    def waits(self) -> bool:
        """Whether a batch is followed by a pause or a question."""
        return bool(self.pause_seconds) or self.confirm


OF_ROLLING = tuple(f"siptune_{field}" for field in Rollout._fields)
# All variables of the playbooks for a fleet, beside those of the roles.
VARIABLES = (HOSTS, BECOME, SERIAL, BUDGET, MIXED_PROFILES, ROLLING, *HOOKS, *OF_ROLLING)


# --- for the play ----------------------------------------------------------------------------


def parse_batches(value: Any) -> list[int | str]:
    """The sizes of batches for Ansible's `serial`: whole numbers and shares of the fleet.

    Takes a number, a share such as "10%", a list of these, or their text with commas, which -e can say without quotes.
    Raises RolloutError for a size that Ansible would take for the whole fleet at once, or fail on.
    """
    if isinstance(value, str):
        value = value.split(",")
    sizes = list(value) if isinstance(value, list | tuple) else [value]
    if not sizes:
        raise RolloutError(f"{SERIAL}: is an empty list; give at least one size")
    return [_parse_size(size) for size in sizes]


def _parse_size(size: Any) -> int | str:
    text = str(size).strip()
    if isinstance(size, bool) or not re.fullmatch(r"[+-]?[0-9]{1,9}%?", text):
        raise RolloutError(f"{SERIAL}: {size!r} is neither a number of hosts nor a share of them such as 10%")
    number = int(text.rstrip("%"))
    if number <= 0:
        raise RolloutError(f"{SERIAL}: {text} is not a batch; give at least 1 or 1%")
    if not text.endswith("%"):
        return number
    if number > WHOLE:
        raise RolloutError(f"{SERIAL}: {text} is more than all hosts")
    return f"{number}%"


def parse_budget(value: Any) -> float:
    """The share of a batch that may fail, in percent. Raises RolloutError."""
    text = str(value).strip().removesuffix("%")
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise RolloutError(f"{BUDGET}: {value!r} is not a percentage")
    if not 0 <= float(text) <= WHOLE:
        raise RolloutError(f"{BUDGET}: must be from 0 to {WHOLE}, not {text}")
    return float(text)


def ansible_budget(value: Any) -> float:
    """The budget as Ansible's `max_fail_percentage`. Raises RolloutError."""
    budget = parse_budget(value)
    return NEVER if budget == WHOLE else budget


def check_given(name: str, meant: Any, effective: Any) -> None:
    """Raises RolloutError where a variable does not have its value for the play as a whole."""
    if meant != effective:
        raise RolloutError(f"{name}: has no effect from the inventory; give it with -e")


def check_batches(batches: Sequence[int | str], host_count: int) -> None:
    """Raises RolloutError where the first of several batches has more hosts than the fleet."""
    first = batches[0]
    if len(batches) > 1 and isinstance(first, int) and first > host_count:
        raise RolloutError(f"{SERIAL}: a canary of {hosts_of(first)} is more than the fleet, which has {host_count}")


# --- of a rolling run ------------------------------------------------------------------------


def parse_rollout(variables: Mapping[str, Any], counters: Sequence[str], default_counters: Sequence[str]) -> Rollout:
    """The variables of a rolling run, by their names with siptune_. Raises RolloutError."""
    # Imported here, as only a rolling run needs it, and Ansible compiles what it imports in every run.
    from ansible_collections.siptune.linux.plugins.module_utils._counters.table import LONGEST_SECONDS

    rollout = Rollout(
        pause_seconds=_seconds(variables, "siptune_pause_seconds", 0, LONGEST_PAUSE_SECONDS),
        confirm=_flag(variables, "siptune_confirm"),
        pause_after=variables.get("siptune_pause_after", CANARY),
        check_seconds=_seconds(variables, "siptune_check_seconds", 0, LONGEST_SECONDS),
        check_counters=_counters(variables.get("siptune_check_counters", list(default_counters)), counters),
        check_tolerance_percent=_seconds(variables, "siptune_check_tolerance_percent", 10, 1000),
        hook_timeout_seconds=_seconds(variables, HOOK_TIMEOUT, 600, LONGEST_HOOK_SECONDS),
    )
    if rollout.pause_after not in (CANARY, EVERY_BATCH):
        raise RolloutError(f"siptune_pause_after: must be {CANARY} or {EVERY_BATCH}, not {rollout.pause_after!r}")
    return rollout


def _seconds(variables: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """A whole number from 0 to `most`; a time, or a percentage."""
    value = variables.get(name, default)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value).strip()) or int(value) > most:
        raise RolloutError(f"{name}: must be a whole number from 0 to {most}, not {value!r}")
    return int(value)


FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def is_true(value: Any) -> bool:
    """Whether a value is one of Ansible's words for true."""
    return FLAGS.get(str(value).lower(), False)


def _flag(variables: Mapping[str, Any], name: str) -> bool:
    value = variables.get(name, False)
    if str(value).lower() not in FLAGS:
        raise RolloutError(f"{name}: must be true or false, not {value!r}")
    return is_true(value)


def _counters(names: Any, known: Sequence[str]) -> list[str]:
    if not isinstance(names, list | tuple) or not names:
        raise RolloutError(f"siptune_check_counters: must be a list of counters, not {names!r}")
    for name in names:
        if name not in known:
            raise RolloutError(f"siptune_check_counters: there is no counter {name!r}; there are {', '.join(known)}")
    return [str(name) for name in names]


def check_pauses(rollout: Rollout, later_count: int) -> None:
    """Raises RolloutError for a pause or a question without effect, as no host follows the first batch."""
    if rollout.waits and not later_count:
        name = "siptune_confirm" if rollout.confirm else "siptune_pause_seconds"
        raise RolloutError(f"{name}: all hosts are in one batch, and nothing follows it; give {SERIAL} as well")


def is_side_by_side(strategy: str) -> bool:
    """Whether a strategy takes the hosts of a batch side by side, task by task."""
    return strategy.rpartition(".")[2] in SIDE_BY_SIDE


def check_strategy(strategy: str) -> None:
    """Raises RolloutError for a strategy that does not keep the hosts of a batch together."""
    if not is_side_by_side(strategy):
        raise RolloutError(f"the strategy {strategy} has no batches, and a rolling run needs them; use linear")


def check_profiles(profiles: Mapping[str, Any], allowed: bool) -> None:
    """Raises RolloutError where hosts of one play have different profiles, unless that is allowed."""
    groups: dict[str, list[str]] = {}
    for host, profile in profiles.items():
        groups.setdefault(str(profile), []).append(host)
    if len(groups) > 1 and not allowed:
        words = "; ".join(f"{profile}: {some_of(hosts)}" for profile, hosts in sorted(groups.items()))
        raise RolloutError(f"{PROFILE}: differs in this play, {words}. If that is meant, say -e {MIXED_PROFILES}=true")


def hosts_of(count: int) -> str:
    """So many hosts, in words."""
    return f"{count} {plural(count, 'host')}"


MOST_NAMES = 5
MOST_ANNOUNCED = 20  # of a batch that begins


def some_of(hosts: Sequence[str], most: int = MOST_NAMES) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(hosts) - most} more" if len(hosts) > most else ""
    return ", ".join(hosts[:most]) + more


def check_not_rolling(parts: Mapping[str, Sequence[str]]) -> None:
    """Raises RolloutError for parts of a rolling run, with the hosts that have them, given to another playbook."""
    for name, hosts in parts.items():
        if hosts:
            raise RolloutError(
                f"{name}: is set for {some_of(hosts)}, and has an effect in {ROLLING_PLAYBOOK} alone. Use that "
                f"playbook, or say -e {ROLLING}=false to go on without it"
            )


def check_no_images(hosts: Sequence[str]) -> None:
    """Raises RolloutError for hosts of a rolling run that are images: they carry no calls, and lose none."""
    if hosts:
        raise RolloutError(
            f"{BOOT_ONLY}: is true for {some_of(hosts)}. An image carries no calls, and is never out of service: use "
            "siptune.linux.site, or siptune.linux.rollback"
        )


def share_out(done: Sequence[str], batch: Sequence[str]) -> dict[str, list[str]]:
    """The finished hosts whose counters each host of a batch reads, so that they are read side by side."""
    return {host: list(done[place :: len(batch)]) for place, host in enumerate(batch)}


# --- the batches -----------------------------------------------------------------------------


def split(hosts: Sequence[str], sizes: Sequence[int | str]) -> list[list[str]]:
    """The hosts in batches of these sizes, as Ansible makes them. Source: ansible-core, playbook_executor.py"""
    batches: list[list[str]] = []
    left = list(hosts)
    while left:
        size = sizes[min(len(batches), len(sizes) - 1)] if sizes else len(left)
        count = (int(int(size[:-1]) / WHOLE * len(hosts)) or 1) if isinstance(size, str) else size
        batches.append(left[:count])
        left = left[count:]
    return batches


def announce_batch(batches: Sequence[Sequence[str]], batch: Sequence[str]) -> str:
    """A line for people about a batch that begins; empty where it is the only one."""
    place = next(number for number, hosts in enumerate(batches, 1) if batch[0] in hosts)
    return f"batch {place} of {len(batches)}: {some_of(batch, MOST_ANNOUNCED)}" if len(batches) > 1 else ""


# --- the end of a batch ----------------------------------------------------------------------


def over_budget(batch: Sequence[str], alive: Sequence[str], budget: float) -> str:
    """Why a batch has exceeded the failure budget; empty if it has not."""
    lost = [host for host in batch if host not in alive]
    percentage = WHOLE * len(lost) / len(batch)
    if percentage <= budget:
        return ""
    have = plural(len(lost), "has", "have")
    return (
        f"{len(lost)} of {hosts_of(len(batch))} of this batch {have} failed or cannot be reached, {percentage:.0f} %, "
        f"where {BUDGET} allows {budget:g} %: {some_of(lost)}"
    )


def describe_batch(batch: Sequence[str], alive: Sequence[str], left_count: int) -> str:
    """A line for people about a batch that has ended."""
    lost = [host for host in batch if host not in alive]
    failed = f"; skipped, as they failed: {', '.join(lost)}" if lost else ""
    done = f"{len(batch) - len(lost)} of {hosts_of(len(batch))}"
    return f"{done} of this batch done{failed}. {hosts_of(left_count)} to come."


def out_of_service(host: str) -> str:
    """A line for people about a host that nobody has brought back."""
    return (
        f"{host} may still be out of service: its before-hook ran, its after-hook did not, or not to its end. Look, "
        f"and run the tasks of {AFTER} by hand."
    )


def stopped(left_count: int) -> str:
    """What becomes of the hosts that are left."""
    if not left_count:
        return "It was the last batch."
    verb = plural(left_count, "is left as it was", "are left as they were")
    return f"The rollout stops here, and {hosts_of(left_count)} {verb}."
