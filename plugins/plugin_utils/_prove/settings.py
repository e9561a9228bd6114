# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator wants of a proof: the variables siptune_prove_*, parsed, and the bounds that keep it harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError, parse_capacity

from .._prove import model

PREFIX = "siptune_prove_"
CAPACITY = "siptune_capacity"
CONTRACTS = {
    model.OPTIONS: ("sip_datagrams_per_second", "messages per second"),
    model.REGISTER: ("registrations", "registrations per second"),
    model.INVITE: ("call_setups_per_second", "calls per second"),
    model.INVITE_MEDIA: ("call_setups_per_second", "calls per second"),
}
# A registration is renewed once in an hour, and telephones do that after half of the time: RFC 3261, section 10.2.4
RENEWED_SECONDS = 1800
# The highest rate without a contract, and the rate that a run never exceeds.
DEFAULT_MAX_RATE = {model.OPTIONS: 1000, model.REGISTER: 500, model.INVITE: 100, model.INVITE_MEDIA: 50}
HIGHEST_RATE = 20_000
OVER_CONTRACT = 2  # how far above its contract a host is tried
SIP_PORT, TLS_PORT = 5060, 5061
CALLEE = "siptune-prove"
CALLEE_PORT = 5070
PATIENCE_MS = {model.OPTIONS: 2000, model.REGISTER: 4000, model.INVITE: 4000, model.INVITE_MEDIA: 4000}
MOST_ACCEPTED = 20
# The stall is ordered before the load, and nobody knows how long the load's module takes to begin on a busy host.
STALL_DELAY_MS = 6000
STALL_ROOM_SECONDS = 8  # of load besides a stall: whether it begins at once or late, the stall is in it

FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class ProveError(TuningError):
    """A target that cannot be proved, or a variable that cannot be used: says which, why, and the way out."""


class Settings(NamedTuple):
    """The variables of one target, by their names without the prefix; `contract` is what siptune_capacity asks for."""

    scenario: str
    transport: str
    port: int | None
    address: str | None
    generator: str | None
    local: bool
    max_rate: int
    max_seconds: int
    step_seconds: int
    max_retransmissions_percent: float
    max_p99_ms: float
    stop_at_first_loss: bool
    despite_calls: bool
    stall: bool
    stall_ms: int
    compare: bool
    callee: str
    callee_port: int
    accepted: list[int]
    user: str | None
    password: str | None
    contract: model.Contract | None

    @property
    def stalled_ms(self) -> int:
        """For how long the daemon is stopped in each step; 0 for not at all."""
        return self.stall_ms if self.stall else 0

    @property
    def patience_ms(self) -> int:
        """How long a call waits for a message: well beyond the response time that is accepted."""
        return max(PATIENCE_MS[self.scenario], int(2 * self.max_p99_ms)) + self.stalled_ms

    @property
    def load_seconds(self) -> int:
        """The seconds of load in a step, which have room for a stall."""
        return max(self.step_seconds, self.stalled_ms // 1000 + STALL_ROOM_SECONDS if self.stall else 0)


def parse(variables: Mapping[str, Any]) -> Settings:
    """The settings of a target. `variables` are those whose values have been templated. Raises ProveError."""
    scenario = _choice(variables, "scenario", model.SCENARIOS, model.OPTIONS)
    contract = _contract(variables, scenario)
    settings = Settings(
        scenario=scenario,
        transport=_choice(variables, "transport", model.TRANSPORTS, model.UDP),
        port=_maybe_whole(variables, "port", 1, 65535),
        address=_maybe_text(variables, "address"),
        generator=_maybe_text(variables, "generator"),
        local=_flag(variables, "local"),
        max_rate=_maybe_whole(variables, "max_rate", 1, HIGHEST_RATE) or _default_max_rate(scenario, contract),
        max_seconds=_whole(variables, "max_seconds", 20, 3600, 180),
        step_seconds=_whole(variables, "step_seconds", 2, 60, 8),
        max_retransmissions_percent=_number(variables, "max_retransmissions_percent", 0, 100, 1),
        max_p99_ms=_number(variables, "max_p99_ms", 1, 10_000, 200),
        stop_at_first_loss=_flag(variables, "stop_at_first_loss"),
        despite_calls=_flag(variables, "despite_calls"),
        stall=_flag(variables, "stall"),
        stall_ms=_whole(variables, "stall_ms", 1, 10_000, 500),
        compare=_flag(variables, "compare"),
        callee=_maybe_text(variables, "callee") or CALLEE,
        callee_port=_whole(variables, "callee_port", 1, 65535, CALLEE_PORT),
        accepted=_accepted(variables),
        user=_maybe_text(variables, "user"),
        password=_maybe_text(variables, "password"),
        contract=contract,
    )
    _check_together(variables, settings)
    return settings


def _check_together(variables: Mapping[str, Any], settings: Settings) -> None:
    if _given(variables, "stall_ms") is not None and not settings.stall:
        raise ProveError(
            f"{PREFIX}stall_ms: has no effect without {PREFIX}stall, which stops the daemon's processes: on a "
            f"laboratory's host say {PREFIX}stall: true"
        )
    if (settings.user is None) != (settings.password is None):
        raise ProveError(f"{PREFIX}user and {PREFIX}password: give both, or none")
    if settings.accepted and settings.scenario not in (model.OPTIONS, model.REGISTER):
        raise ProveError(f"{PREFIX}accepted: is for options and register; a call that is refused proves nothing")
    if settings.user and settings.scenario == model.OPTIONS:
        raise ProveError(f"{PREFIX}user: is for register and invite; OPTIONS is sent without credentials")


def warnings(settings: Settings, variables: Mapping[str, Any]) -> list[str]:
    """What the operator should know of these settings."""
    figure = CONTRACTS[settings.scenario][0]
    found = []
    if settings.contract is None:
        given = "has no figure" if _figures(variables) else "is not given"
        found.append(
            f"{CAPACITY}.{figure} {given}, so that nothing is said about a contract; the highest rate is looked for up "
            f"to {settings.max_rate}/s ({PREFIX}max_rate)"
        )
    elif settings.max_rate < settings.contract["rate"]:
        found.append(
            f"{PREFIX}max_rate: {settings.max_rate}/s is below the contract of {settings.contract['rate']:g}/s, which "
            "this run therefore cannot prove"
        )
    return found


# --- the contract ----------------------------------------------------------------------------


def _figures(variables: Mapping[str, Any]) -> dict[str, int]:
    try:
        return parse_capacity(variables.get(CAPACITY) or {})
    except CatalogueError as error:
        raise ProveError(str(error)) from None


def _contract(variables: Mapping[str, Any], scenario: str) -> model.Contract | None:
    name, unit = CONTRACTS[scenario]
    figure: float = _figures(variables).get(name, 0)
    if scenario == model.REGISTER:
        figure = round(figure / RENEWED_SECONDS, 1)
    if not figure:
        return None
    return {"rate": float(figure), "unit": unit, "from": f"{CAPACITY}.{name}"}


def _default_max_rate(scenario: str, contract: model.Contract | None) -> int:
    if contract is None:
        return DEFAULT_MAX_RATE[scenario]
    return min(HIGHEST_RATE, max(10, round(OVER_CONTRACT * contract["rate"])))


# --- values ----------------------------------------------------------------------------------


def _given(variables: Mapping[str, Any], name: str) -> Any:
    return variables.get(PREFIX + name)


def _choice(variables: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = _given(variables, name)
    if value is not None and value not in choices:
        raise ProveError(f"{PREFIX}{name}: must be one of {', '.join(choices)}, not {value!r}")
    return default if value is None else str(value)


def _maybe_whole(variables: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    value = _given(variables, name)
    if value is None:
        return None
    written = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", written) or not least <= int(written) <= most:
        raise ProveError(f"{PREFIX}{name}: must be a whole number from {least} to {most}, not {value!r}")
    return int(written)


def _whole(variables: Mapping[str, Any], name: str, least: int, most: int, default: int) -> int:
    found = _maybe_whole(variables, name, least, most)
    return default if found is None else found


def _number(variables: Mapping[str, Any], name: str, least: float, most: float, default: float) -> float:
    value = _given(variables, name)
    written = str(default if value is None else value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", written):
        raise ProveError(f"{PREFIX}{name}: must be a number from {least:g} to {most:g}, not {value!r}")
    if not least <= float(written) <= most:
        raise ProveError(f"{PREFIX}{name}: must be a number from {least:g} to {most:g}, not {value!r}")
    return float(written)


def _flag(variables: Mapping[str, Any], name: str) -> bool:
    value = _given(variables, name)
    word = str(False if value is None else value).lower()
    if word not in FLAGS:
        raise ProveError(f"{PREFIX}{name}: must be true or false, not {value!r}")
    return FLAGS[word]


def _maybe_text(variables: Mapping[str, Any], name: str) -> str | None:
    value = _given(variables, name)
    if value is None:
        return None
    if isinstance(value, (dict, list, bool)) or not str(value).strip():
        raise ProveError(f"{PREFIX}{name}: must be a text, not {value!r}")
    return str(value).strip()


def _accepted(variables: Mapping[str, Any]) -> list[int]:
    value = _given(variables, "accepted")
    values = [] if value is None else value if isinstance(value, list) else str(value).split(",")
    words = [str(one).strip() for one in values]
    if len(words) > MOST_ACCEPTED or not all(re.fullmatch(r"[2-6][0-9]{2}", word) for word in words):
        raise ProveError(f"{PREFIX}accepted: must be final statuses such as [401, 404], not {value!r}")
    return sorted({int(word) for word in words} - {200})
