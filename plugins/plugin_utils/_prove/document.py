# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof as one document. Schema: docs/siptune-prove.schema.json.

Pure: from what `prove_step` has registered for each target to plain data. All of it is checked once more, as names,
answers and counters in it come from hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._results.schema import Check, ResultError, flag, integer, many, maybe, number, one_of, record
from .._results.shapes import COUNT, MILLISECONDS, MOST_PROCESSORS, MOST_STATUSES, NAME, PERCENT, WORDS
from .model import (
    ENDS,
    GENERATOR,
    INVITE,
    INVITE_MEDIA,
    MOST_REASONS,
    MOST_SOCKETS,
    MOST_STEPS,
    MOST_WARNINGS,
    OPTIONS,
    PLACES,
    REGISTER,
    SCENARIOS,
    SCHEMA,
    STATES,
    TARGET,
    TRANSPORTS,
)

MOST_RATE = 1e7  # a second
MOST_COUNT = 1e15  # of a reason, and of a headroom in percent
MOST_LOSSES = 200  # counters with losses
LONGEST_ERROR = 4096

RATE = number(0, MOST_RATE)
MS = maybe(MILLISECONDS)


def counts(most: int) -> Check:
    """Numbers by names."""

    def check(value: Any, place: str) -> dict[str, int]:
        if not isinstance(value, Mapping) or len(value) > most:
            raise ResultError(place, f"must be at most {most} numbers by names")
        return {NAME(name, f"{place}'s names"): COUNT(count, f"{place}[{name!r:.60}]") for name, count in value.items()}

    return check


REASON = record(
    {
        "where": one_of(PLACES),
        "what": NAME,
        "count": number(0, MOST_COUNT),
        "detail": WORDS,
        "help": maybe(WORDS),
    },
    {},
)
STEP = record(
    {
        "rate": RATE,
        "seconds": RATE,
        "stall_ms": COUNT,
        "holds": flag,
        **dict.fromkeys(("asked", "sent", "answered", "failed", "retransmissions"), COUNT),
        "statuses": counts(MOST_STATUSES),
        "response_ms": record({"p50": MS, "p99": MS, "max": MS}, {}),
        "losses": counts(MOST_LOSSES),
        "sockets": many(record({"name": NAME, "drops": COUNT}, {}), MOST_SOCKETS),
        "processors": record(dict.fromkeys(("target", "generator"), many(PERCENT, MOST_PROCESSORS)), {}),
        "generator_losses": counts(MOST_LOSSES),
        "reasons": many(REASON, MOST_REASONS),
    },
    {},
)
RUN = record(
    {
        "state": one_of(STATES),
        "highest_rate": maybe(RATE),
        "ended_by": one_of(ENDS),
        "contract_holds": maybe(flag),
        "headroom_percent": maybe(number(-100, MOST_COUNT)),
        "gave_first": maybe(REASON),
        "steps": many(STEP, MOST_STEPS),
    },
    {},
)
CONTRACT = record({"rate": RATE, "unit": NAME, "from": NAME}, {})
PROOF = record(
    {
        "generator": NAME,
        "address": NAME,
        "port": integer(0, 65535),
        "transport": one_of(TRANSPORTS),
        "scenario": one_of(SCENARIOS),
        "daemon": maybe(NAME),
        "contract": maybe(CONTRACT),
        "error": maybe(WORDS),
        "warnings": many(WORDS, MOST_WARNINGS),
        "runs": many(RUN, len(STATES), unique="state"),
    },
    {},
)

HOLDS, FAILS, UNDECIDED, WITHOUT_CONTRACT, FAILED = "holds", "does not hold", "undecided", "no contract", "not proved"
VERDICTS = (HOLDS, FAILS, UNDECIDED, WITHOUT_CONTRACT, FAILED)

Registered = Mapping[str, Any]


def document(targets: Mapping[str, Registered | None], generated_at: str, collection_version: str) -> dict[str, Any]:
    """The whole proof: what was registered for each target, None where nothing was. Targets keep their order.

    `generated_at` is a UTC time in ISO 8601.
    """
    records = [_target(name, registered) for name, registered in targets.items()]
    return {
        "schema": SCHEMA,
        "generated_at": generated_at,
        "collection_version": collection_version,
        "targets": records,
    }


def _target(name: str, registered: Registered | None) -> dict[str, Any]:
    """A target's record; one whose results are not as they must be was not proved, and has nothing else."""
    found = registered or {}
    if "proof" not in found:
        return _without_proof(name, _failure(found) or "it was not proved, as the play ended before")
    try:
        proof = PROOF(found["proof"], "")
    except ResultError as error:
        return _without_proof(name, f"its results cannot be used: {error}")
    # The name is the inventory's, whatever the results say; and a step that failed is told with all before it.
    known = {field: proof[field] or None for field in ("generator", "address", "port")}
    runs = [run for run in proof["runs"] if run["steps"]]
    said = (
        proof["error"] or _failure(found) or (None if runs else "it was interrupted before the end of its first step")
    )
    return {"name": name, **proof, **known, "error": said, "runs": runs}


def _failure(registered: Registered) -> str | None:
    if not registered.get("failed") and not registered.get("unreachable"):
        return None
    said = str(registered.get("msg") or "no message")[:LONGEST_ERROR]
    return str(WORDS(" ".join(said.split()).removeprefix("Task failed: "), "msg"))


def _without_proof(name: str, error: str) -> dict[str, Any]:
    return {
        "name": name,
        "generator": None,
        "address": None,
        "port": None,
        "transport": None,
        "scenario": None,
        "daemon": None,
        "contract": None,
        "error": error[:LONGEST_ERROR],
        "warnings": [],
        "runs": [],
    }


# --- the verdict -----------------------------------------------------------------------------


def last_run(target: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The run that says what the host carries now: the one after the change, if both were proved."""
    return target["runs"][-1] if target["runs"] else None


def verdict(target: Mapping[str, Any]) -> str:
    """One of VERDICTS."""
    run = last_run(target)
    if target["error"] or run is None:  # without a run there is an error, too
        return FAILED
    if target["contract"] is None:
        return WITHOUT_CONTRACT
    return {True: HOLDS, False: FAILS}.get(run["contract_holds"], UNDECIDED)


def totals(proof: Mapping[str, Any]) -> dict[str, int]:
    """How many targets there are, and how many of each verdict."""
    found = [verdict(target) for target in proof["targets"]]
    return {"targets": len(found), **{word.replace(" ", "_"): found.count(word) for word in VERDICTS}}


def failures(proof: Mapping[str, Any], strict: bool) -> dict[str, str]:
    """The targets that the proof fails for, and why: those not proved and, if `strict`, those not seen to hold."""
    found = {}
    for target in proof["targets"]:
        said = verdict(target)
        if said == FAILED:
            found[target["name"]] = target["error"]
        elif strict and said != HOLDS:
            found[target["name"]] = contract_line(target)
    return found


# --- words that all reports share ------------------------------------------------------------

UNITS = {
    OPTIONS: "messages per second",
    REGISTER: "registrations per second",
    INVITE: "calls per second",
    INVITE_MEDIA: "calls per second",
}
STATE_WORDS = {"as_is": "as it is", "before": "before tuning", "after": "after tuning"}
END_WORDS = {
    TARGET: "the target gave",
    GENERATOR: "the generator gave before the target did, which may carry more",
    "ceiling": "the highest rate that was allowed holds, so the target may carry more",
    "time": "the time was used up before all was known",
    "interrupted": "it was interrupted",
}
PLACE_WORDS = {TARGET: "target", GENERATOR: "generator", "path": "network path", "daemon": "daemon"}


def unit_of(target: Mapping[str, Any]) -> str:
    """What its rates count: `calls per second`."""
    return str(target["contract"]["unit"] if target["contract"] else UNITS[target["scenario"]])


def rate_text(rate: float | None) -> str:
    """A rate for people: 200, 182.5, and a dash for none."""
    return "–" if rate is None else f"{rate:,.1f}".removesuffix(".0")


def contract_line(target: Mapping[str, Any]) -> str:
    """Whether the contract holds, in words: `the contract's 200 calls per second do not hold: ...`."""
    run, contract = last_run(target), target["contract"]
    if contract is None:
        return "there is no contract: set siptune_capacity, and the proof says whether the host carries it"
    asked = f"the contract's {rate_text(contract['rate'])} {contract['unit']}"
    if run is None:
        return f"{asked} were not proved"
    if run["contract_holds"] is None:
        return f"{asked} are undecided: {END_WORDS[run['ended_by']]}"
    if run["contract_holds"]:
        return f"{asked} hold{_headroom(run)}"
    first = f": {reason_line(run['gave_first'])}" if run["gave_first"] else ""
    return f"{asked} do not hold{first}"


def _headroom(run: Mapping[str, Any]) -> str:
    share = run["headroom_percent"]
    return "" if share is None else f", with {share:g} % of headroom"


def reason_line(reason: Mapping[str, Any]) -> str:
    """A reason in one line: where, what, the explanation, and what would help."""
    help_ = f"; would help: {reason['help']}" if reason["help"] else ""
    return f"{PLACE_WORDS[reason['where']]}, {reason['what']}: {reason['detail']}{help_}"


def compared(target: Mapping[str, Any]) -> str:
    """What tuning has changed, in one sentence; empty unless both were proved."""
    runs = {run["state"]: run for run in target["runs"]}
    if not {"before", "after"} <= runs.keys():
        return ""
    before, after = runs["before"], runs["after"]
    said = f"tuning: from {_reached(before)} to {_reached(after)} {unit_of(target)}"
    if before["highest_rate"] and not _was_at_its_end(before):
        return f"{said}; what it brings is not known, as the target was not at its end before"
    if not before["highest_rate"] or after["highest_rate"] is None:
        return said
    more = "" if _was_at_its_end(after) else " or more"
    return f"{said} ({after['highest_rate'] / before['highest_rate'] - 1:+.0%}{more})"


def _was_at_its_end(run: Mapping[str, Any]) -> bool:
    return bool(run["ended_by"] == TARGET)


def _reached(run: Mapping[str, Any]) -> str:
    least = "" if _was_at_its_end(run) or run["highest_rate"] is None else "at least "
    return f"{least}{rate_text(run['highest_rate'])}"


def grown(steps: Iterable[Mapping[str, Any]], field: str) -> dict[str, int]:
    """The counters of `losses` or `generator_losses` with what all steps have added, the largest first."""
    found: dict[str, int] = {}
    for step in steps:
        for name, count in step[field].items():
            found[name] = found.get(name, 0) + count
    return dict(sorted(((name, count) for name, count in found.items() if count), key=lambda one: -one[1]))
