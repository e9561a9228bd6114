# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests know: what the first run reported, and the machine before it, after it, and now, after a reboot."""

from __future__ import annotations

from typing import Any

import pytest
from machine import Machine, ask, keep, kept, reported


def machine_at(step: str) -> Any:
    """A fixture of the machine as a step has recorded it."""
    return pytest.fixture(scope="session")(lambda: kept(step))


@pytest.fixture(scope="session")
def results() -> dict[str, list[dict[str, Any]]]:
    """The items of each module call of the first run."""
    return reported("converge")


@pytest.fixture(scope="session")
def items(results: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """All of them by their names."""
    return {item["item"]: item for reported in results.values() for item in reported}


clean = machine_at("clean")  # the machine before anything ran
tuned = machine_at("tuned")  # the machine when the runs were over, before its reboot


@pytest.fixture(scope="session")
def booted(clean: Machine) -> Machine:
    """The machine now, after its reboot. The rollback's tests look at it too."""
    machine = ask(list(clean.units), all_units=True)
    keep("booted", machine)
    return machine
