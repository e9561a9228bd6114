# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as users give them: a plain value, or {value, rule, why, hazard}; and the rules exact, at_least, at_most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

EXACT, AT_LEAST, AT_MOST = "exact", "at_least", "at_most"
RULE_WORDS = {EXACT: "", AT_LEAST: "at least ", AT_MOST: "at most "}
RULES = tuple(RULE_WORDS)

FIELDS = ("value", "rule", "why", "hazard")
LONGEST_SHOWN = 60  # of a user's text, in a message


class Given(NamedTuple):
    """A setting with its value as it was given. `fields` are all fields, for those of one module alone."""

    value: object
    rule: str = EXACT
    why: str = ""
    hazard: str = ""
    fields: Mapping[object, object] = {}


def parse_given(
    item: str, content: object, error: Callable[[str, str], Exception], fields: Sequence[str] = FIELDS
) -> Given:
    """The setting in a plain value or in a dictionary of `fields`. Raises the error, made of the item and a reason."""
    if not isinstance(content, Mapping):
        return Given(content)
    unknown = [shown(field) for field in content if field not in fields]
    if unknown:
        raise error(item, f"unknown option {', '.join(unknown)}; available: {', '.join(fields)}")
    if "value" not in content:
        raise error(item, "has no value")
    why, hazard = (one_line(item, field, content.get(field), error) for field in ("why", "hazard"))
    return Given(content["value"], parse_rule(item, content.get("rule", EXACT), error), why, hazard, content)


def parse_rule(item: str, rule: object, error: Callable[[str, str], Exception]) -> str:
    """The rule of a setting. Raises the error for anything that is no rule."""
    if not isinstance(rule, str) or rule not in RULES:
        raise error(item, f"rule is one of {', '.join(RULES)}, not {shown(repr(rule))}")
    return rule


def one_line(item: str, field: str, text: object, error: Callable[[str, str], Exception]) -> str:
    """A text on one line, '' for none. Raises the error, made of the item and a reason.

    It goes into the comment of a file, which a control character might end.
    """
    if text is None:
        return ""
    if not isinstance(text, str):
        raise error(item, f"{field} is a text, not a {type(text).__name__}")
    line = " ".join(text.split())
    if not line.isprintable():
        raise error(item, f"{field} holds a control character or an invalid character")
    return line


def shown(word: object) -> str:
    """A user's word for a message: short, and without control characters."""
    text = str(word)
    short = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
    return short if short and short.isprintable() else repr(short)


def hazard_warning(item: str, value: str, hazard: str) -> str:
    """The warning of a setting's known hazard."""
    return f"{item} = {value}: {hazard}"


def bounded(rule: str, wanted: int, value: int) -> int:
    """The number that the rule makes of a value: the wanted one, or the value where a floor or ceiling lets it be."""
    if rule == AT_LEAST:
        return max(wanted, value)
    return min(wanted, value) if rule == AT_MOST else wanted


def meets(rule: str, wanted: int, value: int) -> bool:
    """Whether a value is as the rule wants it."""
    return bounded(rule, wanted, value) == value
