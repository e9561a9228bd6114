# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proof of a host that is held back by one thing names that first. `make prove-figures` does it many times."""

from __future__ import annotations

import os

import pytest
from host import CallsError
from proofs import gave_first, prove
from throttles import SHORT, THROTTLES, Throttle


@pytest.mark.parametrize("throttle", [pytest.param(throttle, id=throttle.key) for throttle in THROTTLES])
def test_what_holds_a_host_back_is_named_first(throttle: Throttle) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED without root: there are no namespaces for a host of its own")
    try:
        with throttle.bed() as bed, throttle.hold_back(bed):
            target = prove(bed.host, bed.generator, **SHORT, **bed.variables, **throttle.variables)
    except CallsError as error:
        pytest.fail(f"NOTHING WAS PROVED: {error}", pytrace=False)
    assert gave_first(target) in throttle.expected, target["runs"]
