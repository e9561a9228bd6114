# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows call make, and nothing that cannot be repeated at home; `make lint` checks their form."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 11):  # noqa: UP036 - a target may have less
    pytest.skip("the workflows are read on the controller, from Python 3.11 on", allow_module_level=True)

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in CHECKOUT.glob(".github/workflows/*.yml")}
TARGETS = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.MULTILINE))
PREPARATION = "sudo apt-get update"


def jobs() -> list[Any]:
    found = [(f"{file} {name}", job) for file, flow in WORKFLOWS.items() for name, job in flow["jobs"].items()]
    return [pytest.param(job, id=name) for name, job in found]


@pytest.mark.parametrize("job", jobs())
def test_every_step_is_a_target_of_make(job: dict[str, Any]) -> None:
    stages = job.get("strategy", {}).get("matrix", {}).get("stage", [])
    commands = [step["run"] for step in job["steps"] if "run" in step and step["run"] != PREPARATION]
    assert commands
    for command in commands:
        found = re.search(r"\bmake (\S+|\$\{\{ matrix\.stage \}\})", command)
        assert found
        assert set(stages if "matrix.stage" in found.group(1) + command else [found.group(1)]) <= TARGETS


@pytest.mark.parametrize("job", jobs())
def test_no_job_may_hang(job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= 120


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_workflow_may_write(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in WORKFLOWS[name]["jobs"].values())
    assert "pull_request_target" not in WORKFLOWS[name]["on"]


def test_there_are_workflows() -> None:
    assert set(WORKFLOWS) == {"ci.yml", "nightly.yml", "release.yml"}
