# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of a proof: what is taken over, what is refused, and what is made of it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import (
    FAILED,
    FAILS,
    HOLDS,
    STEP,
    UNDECIDED,
    WITHOUT_CONTRACT,
    compared,
    contract_line,
    document,
    failures,
    grown,
    totals,
    verdict,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.model import (
    ENDS,
    PLACES,
    SCENARIOS,
    STATES,
    TRANSPORTS,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.query import compile_query, search
from hypothesis import given
from hypothesis import strategies as st
from prove_results import AFTER, BEFORE, GENERATED_AT, proof, run, step, target

DOCS = Path(__file__).resolve().parents[5] / "docs"
SCHEMA = json.loads((DOCS / "siptune-prove.schema.json").read_text("utf-8"))


def one(registered: Any, name: str = "edge1") -> dict[str, Any]:
    (found,) = document({name: registered}, GENERATED_AT, "0.1.0")["targets"]
    return found


def validate(made: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator(SCHEMA).validate(made)


# --- the schema ------------------------------------------------------------------------------


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(part) for name, part in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in inner and "required" in inner else inner


def test_the_schema_has_every_field_and_no_other() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(proof())


def test_the_schema_knows_every_word() -> None:
    kinds = SCHEMA["$defs"]
    assert kinds["reason"]["properties"]["where"]["enum"] == list(PLACES)
    assert kinds["run"]["properties"]["state"]["enum"] == list(STATES)
    assert kinds["run"]["properties"]["ended_by"]["enum"] == list(ENDS)
    assert kinds["target"]["properties"]["transport"]["enum"] == [*TRANSPORTS, None]
    assert kinds["target"]["properties"]["scenario"]["enum"] == [*SCENARIOS, None]


def documented_queries() -> list[str]:
    page = (DOCS / "prove.md").read_text("utf-8")
    return page.split("```jmespath\n")[1].split("\n```")[0].split("\n")


@pytest.mark.parametrize("query", documented_queries())
def test_the_questions_in_the_documentation_have_answers(query: str) -> None:
    assert search(compile_query(query, "siptune_prove_query"), proof(), "siptune_prove_query", "the proof")


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registered", "error"),
    [
        (None, "it was not proved, as the play ended before"),
        ({"changed": False}, "it was not proved, as the play ended before"),
        ({"unreachable": True, "msg": "no\nroute"}, "no route"),
        ({"failed": True, "msg": "Task failed: it broke"}, "it broke"),
        ({"proof": 5}, "its results cannot be used: the whole: must be a dictionary, not 5"),
        ({"proof": {}}, "its results cannot be used: generator: is missing"),
    ],
)
def test_without_a_proof_there_is_a_reason(registered: Any, error: str) -> None:
    found = one(registered)
    assert found["error"] == error
    assert (found["runs"], verdict(found)) == ([], FAILED)
    validate(document({"edge1": registered}, GENERATED_AT, "0.1.0"))


WRONG = {
    "rate": ("rate", "fast"),
    "infinity": ("rate", float("inf")),
    "not a number": ("seconds", float("nan")),
    "below zero": ("sent", -1),
    "a share above all": ("processors", {"target": [101.0], "generator": []}),
    "a name over two lines": ("losses", {"a\nb": 1}),
    "too many counters": ("losses", {f"c{number}": 1 for number in range(201)}),
    "a place there is not": ("reasons", [{"where": "moon", "what": "x", "count": 1, "detail": "", "help": None}]),
    "text for truth": ("holds", "yes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_step_that_is_not_as_it_must_be_spoils_its_target_alone(case: str) -> None:
    field, value = WRONG[case]
    bad = target("edge1", run("as_is", 40.0, [{**step(40), field: value}], gave_first=None))
    made = document({"edge1": bad, "edge2": target("edge2", AFTER)}, GENERATED_AT, "0.1.0")
    first, second = made["targets"]
    assert first["error"].startswith(f"its results cannot be used: runs[0].steps[0].{field}")
    assert verdict(second) == HOLDS


def test_a_target_cannot_speak_in_the_name_of_another() -> None:
    assert one(target("edge2", AFTER), "edge1")["name"] == "edge1"


def test_what_is_not_known_is_null() -> None:
    found = one(target("edge1", generator="", address="", port=0, error="there is no generator"))
    assert [found[field] for field in ("generator", "address", "port")] == [None] * 3


def test_a_run_without_a_step_is_none() -> None:
    found = one(target("edge1", run("before", None, [])))
    assert (found["runs"], found["error"]) == ([], "it was interrupted before the end of its first step")
    assert failures({"targets": [found]}, strict=False) == {"edge1": found["error"]}
    later = one(target("edge1", BEFORE, run("after", None, [])))
    assert [one["state"] for one in later["runs"]] == ["before"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(step(40))), JSON)
def test_any_value_of_a_step_is_taken_as_the_schema_says_or_refused(field: str, value: Any) -> None:
    only = run("as_is", 40.0, [step(40)])
    only["steps"][0][field] = value
    made = document({"edge1": target("edge1", only)}, GENERATED_AT, "0.1.0")
    json.dumps(made, allow_nan=False)
    validate(made)


# --- what is made of it ----------------------------------------------------------------------


def of(run_: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return one(target("edge1", run_, **fields))


CASES = [
    (of(AFTER), HOLDS, "the contract's 400 calls per second hold, with 75 % of headroom"),
    (of(BEFORE), FAILS, "the contract's 400 calls per second do not hold: target, UdpRcvbufErrors: lost 71 datagrams"),
    (
        of({**AFTER, "contract_holds": None, "ended_by": "generator"}),
        UNDECIDED,
        "the contract's 400 calls per second are undecided: the generator gave before the target did",
    ),
    (of(AFTER, contract=None), WITHOUT_CONTRACT, "there is no contract: set siptune_capacity"),
    (of(AFTER, error="lost"), FAILED, "the contract's 400 calls per second hold"),
]


@pytest.mark.parametrize(("found", "said", "words"), CASES)
def test_verdicts(found: dict[str, Any], said: str, words: str) -> None:
    assert verdict(found) == said
    assert contract_line(found).startswith(words)


def test_the_last_run_counts() -> None:
    assert verdict(one(target("edge1", BEFORE, AFTER))) == HOLDS
    assert verdict(one(target("edge1", AFTER, {**BEFORE, "state": "as_is"}))) == FAILS


def test_what_tuning_has_brought() -> None:
    both = one(target("edge1", BEFORE, AFTER))
    assert compared(both) == "tuning: from 190 to 700 calls per second (+268%)"
    assert compared(of(AFTER)) == ""
    both["runs"][0]["highest_rate"] = None
    assert compared(both) == "tuning: from – to 700 calls per second"


def test_a_run_that_ended_before_the_target_did_has_shown_no_more_than_a_least_rate() -> None:
    allowed = one(target("edge1", BEFORE, {**AFTER, "ended_by": "ceiling"}))
    assert compared(allowed) == "tuning: from 190 to at least 700 calls per second (+268% or more)"
    hasty = one(target("edge1", {**BEFORE, "ended_by": "time"}, {**AFTER, "ended_by": "ceiling"}))
    assert compared(hasty) == (
        "tuning: from at least 190 to at least 700 calls per second; what it brings is not known, as "
        "the target was not at its end before"
    )


def test_totals() -> None:
    expected = {"targets": 4, "holds": 1, "does_not_hold": 1, "undecided": 0, "no_contract": 1, "not_proved": 1}
    assert totals(proof()) == expected


def test_who_fails() -> None:
    assert failures(proof(), strict=False) == {"gone": "Failed to connect to the host via ssh"}
    strict = failures(proof(), strict=True)
    assert list(strict) == ["edge2", "pbx1", "gone"]
    assert "do not hold" in strict["edge2"]


def test_counters_of_all_steps_together() -> None:
    assert grown(BEFORE["steps"], "losses") == {"UdpRcvbufErrors": 2510, "SoftnetDropped": 61}
    assert grown([], "losses") == {}


def test_the_registered_is_left_as_it_was() -> None:
    registered = target("edge1", BEFORE)
    before = copy.deepcopy(registered)
    made = one(registered)
    made["runs"][0]["steps"].clear()
    assert registered == before
    assert STEP(before["proof"]["runs"][0]["steps"][0], "")["holds"]
