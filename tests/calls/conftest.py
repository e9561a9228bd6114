# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host of all tests of calls; a file that needs more of it has a fixture `host` of its own on top."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from host import CallsError, Host
from namespace import namespace_host


@pytest.fixture
def host() -> Iterator[Host]:
    """A host of its own."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED without root: it takes namespaces of our own, and daemons of root's in them")
    try:
        with namespace_host() as own:
            yield own
    except CallsError as error:
        pytest.fail(f"NOTHING WAS TESTED: {error}", pytrace=False)
