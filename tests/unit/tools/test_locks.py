# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of the requirements: current, and with a hash of everything that is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
REQUIREMENTS = sorted(path.name for path in CHECKOUT.glob("requirements*.txt"))
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")


def pins(text: str) -> set[tuple[str, str]]:
    """Names, as they are compared, and versions."""
    return {(re.sub("[-_.]+", "-", name).lower(), version) for name, version in PIN.findall(text)}


def wanted(name: str) -> set[tuple[str, str]]:
    """What a file of requirements pins, with those that it refers to."""
    text = re.sub("#.*", "", (CHECKOUT / name).read_text(encoding="utf-8"))
    others = [wanted(other) for other in re.findall(r"^-r (\S+)", text, re.MULTILINE)]
    return pins(text).union(*others)


def entries(name: str) -> list[str]:
    """The entries of a lock, each with its hashes."""
    text = (CHECKOUT / name).with_suffix(".lock").read_text(encoding="utf-8")
    return re.split(r"\n(?=\S)", text.strip())


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_lock_has_what_is_asked_for(name: str) -> None:
    """If not: make locks."""
    missing = wanted(name) - pins("\n".join(entries(name)))
    assert missing == set()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_everything_has_a_version_and_a_hash(name: str) -> None:
    for entry in entries(name):
        assert re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==\S+ ", entry)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_lock_names_no_server(name: str) -> None:
    assert "://" not in "\n".join(entries(name))
