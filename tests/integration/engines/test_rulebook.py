# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook of docs/monitoring under ansible-rulebook's own schema and its own parser of conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
RULESETS = yaml.safe_load((CHECKOUT / "docs" / "monitoring" / "rulebook.yml").read_text(encoding="utf-8"))
CONDITIONS = [text for ruleset in RULESETS for rule in ruleset["rules"] for text in rule["condition"]["all"]]


def validated(rulesets: Any) -> None:
    pytest.importorskip("ansible_rulebook.validators").Validate.rulebook(rulesets)


def test_the_schema_accepts_the_rulebook() -> None:
    validated(RULESETS)


def test_the_schema_refuses_another_action() -> None:
    (ruleset, *_rest) = RULESETS
    wrong = {**ruleset, "rules": [{**ruleset["rules"][0], "action": {"run_plybook": {"name": "siptune.linux.audit"}}}]}
    with pytest.raises(pytest.importorskip("jsonschema").ValidationError):
        validated([wrong])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_can_be_parsed(condition: str) -> None:
    pytest.importorskip("ansible_rulebook.condition_parser").parse_condition(condition)
