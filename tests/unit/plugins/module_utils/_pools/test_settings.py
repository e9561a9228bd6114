# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import (
    KINDS,
    Pool,
    UnitPools,
    parse_pools,
)

SHARED, PRIVATE = KINDS["shared_mib"], KINDS["private_mib"]
UNIT = "kamailio.service"


def test_pools() -> None:
    given = {
        UNIT: {
            "shared_mib": {"value": "512", "rule": "at_least", "why": "Many\n calls.", "hazard": "h"},
            "private_mib": 8,
        },
        "kamailio@edge.service": {"private_mib": "16"},
        "opensips.service": None,
        "other.service": {},
    }
    assert parse_pools(given) == [
        UnitPools(UNIT, [Pool(SHARED, 512, "at_least", "Many calls.", "h"), Pool(PRIVATE, 8)]),
        UnitPools("kamailio@edge.service", [Pool(PRIVATE, 16)]),
        UnitPools("opensips.service", []),
        UnitPools("other.service", []),
    ]


BAD = {
    "list": ([], "pools"),
    "no-text": ({5: {}}, "kamailio.service"),
    "path": ({"../x.service": {}}, "neither / nor .."),
    "newline": ({"a\nb.service": {}}, "a unit name"),
    "no-suffix": ({"kamailio": {}}, "ends in"),
    "slice": ({"sip.slice": {}}, "only services"),
    "template": ({"kamailio@.service": {}}, "template"),
    "no-dict": ({UNIT: 512}, "not a int"),
    "unknown": ({UNIT: {"shared": 512}}, "did you mean shared_mib?"),
    "unknown-number": ({UNIT: {5: 512}}, "available: shared_mib and private_mib"),
    "unit": ({UNIT: {"shared_mib": "512M"}}, "without a unit"),
    "fraction": ({UNIT: {"shared_mib": 1.5}}, "1.5"),
    "boolean": ({UNIT: {"shared_mib": True}}, "True"),
    "none": ({UNIT: {"shared_mib": None}}, "no value"),
    "empty": ({UNIT: {"shared_mib": ""}}, "''"),
    "zero": ({UNIT: {"shared_mib": 0}}, "0 MiB is not between 1 and 16777216"),
    "negative": ({UNIT: {"private_mib": "-4"}}, "-4 MiB"),
    "leading-zero": ({UNIT: {"private_mib": "08"}}, "'08'"),
    "too-much": ({UNIT: {"private_mib": 1048577}}, "1 and 1048576"),
    "endless": ({UNIT: {"private_mib": 10**5000}}, "so many digits"),
    "list-value": ({UNIT: {"shared_mib": [1]}}, "[1]"),
    "no-value": ({UNIT: {"shared_mib": {"why": "x"}}}, "has no value"),
    "unknown-field": ({UNIT: {"shared_mib": {"value": 1, "reason": "x"}}}, "unknown option reason"),
    "rule": ({UNIT: {"shared_mib": {"value": 1, "rule": "about"}}}, "exact, at_least, at_most"),
    "rule-type": ({UNIT: {"shared_mib": {"value": 1, "rule": ["exact"]}}}, "exact, at_least, at_most"),
    "why": ({UNIT: {"shared_mib": {"value": 1, "why": "a\0b"}}}, "control character"),
    "hazard": ({UNIT: {"shared_mib": {"value": 1, "hazard": 5}}}, "hazard is a text"),
}


@pytest.mark.parametrize(("given", "reason"), BAD.values(), ids=BAD.keys())
def test_invalid_pools_are_refused(given: Any, reason: str) -> None:
    with pytest.raises(TuningError) as caught:
        parse_pools(given)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("rule", "value", "meets"),
    [
        *(("exact", 64, True), ("exact", 63, False), ("exact", 65, False), ("exact", None, False)),
        *(("at_least", 64, True), ("at_least", 63, False), ("at_least", 65, True)),
        *(("at_most", 64, True), ("at_most", 63, True), ("at_most", 65, False)),
    ],
)
def test_rules(rule: str, value: int | None, meets: bool) -> None:
    assert Pool(SHARED, 64, rule).meets(value) is meets
