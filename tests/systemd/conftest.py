# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of Debian 11, 12 and 13 under systemd, or loud words that nothing was tested."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from machine import CHECKOUT, SUITES, Machine, find_settings


def _chosen() -> list[str]:
    """All suites, or those that SIPTUNE_TEST_SUITES names."""
    return os.environ.get("SIPTUNE_TEST_SUITES", " ".join(SUITES)).split()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Of several workers one takes all tests of a suite (--dist=loadgroup), so that its containers start once."""
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        suite = next((value for value in parameters if value in SUITES), item.path.name)
        item.add_marker(pytest.mark.xdist_group(str(suite)))


@pytest.fixture(scope="session", params=_chosen())
def container(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A container of one suite, started once."""
    if not shutil.which("podman"):
        pytest.exit("THE TESTS UNDER SYSTEMD DID NOT RUN. There is no podman.", returncode=2)
    built = subprocess.run(
        [CHECKOUT / "tests/images/build", request.param], capture_output=True, text=True, check=False
    )
    if built.returncode != 0:
        pytest.exit(f"THE TESTS UNDER SYSTEMD DID NOT RUN. No image: {built.stderr}", returncode=2)
    image = built.stdout.strip()
    find_settings(image)
    machine = Machine(request.param, image)
    yield machine
    machine.remove()


@pytest.fixture
def machine(container: Machine) -> Machine:
    """The container with nothing in it but fresh scratch units."""
    container.reset()
    return container
