# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.tags import refusal, unknown_tags


@pytest.mark.parametrize(
    ("run", "skip", "known", "expected"),
    [
        (["all"], [], (), []),
        (None, None, (), []),
        (["network", "service_limits"], ["fs"], (), []),
        (["always", "never", "tagged", "untagged"], ["all"], (), []),
        (["netwrok"], [], (), [("--tags", "netwrok")]),
        (["network", "netwrok"], ["securty"], (), [("--tags", "netwrok"), ("--skip-tags", "securty")]),
        (["deploy"], ["drain"], ("deploy", "drain"), []),
        (["all"], ["molecule-notest", "notest", "molecule-idempotence-notest"], (), []),
        (["Network"], [], (), [("--tags", "Network")]),
    ],
)
def test_tags_that_select_nothing(run: Any, skip: Any, known: Any, expected: list[tuple[str, str]]) -> None:
    assert unknown_tags({"ansible_run_tags": run, "ansible_skip_tags": skip}, known) == expected


@pytest.mark.parametrize(
    ("tag", "near"),
    [
        ("netwrok", "network"),
        ("NETWORK", "network"),
        ("service-limits", "service_limits"),
        ("limits", "service_limits"),
        ("memroy", "memory"),
        ("securtiy", "security"),
        ("sf", ""),
        ("deploy", ""),
    ],
)
def test_the_nearest_layer_is_named(tag: str, near: str) -> None:
    nearest = f"; the nearest is {near}" if near else ""
    assert refusal([("--tags", tag)]) == (
        f"--tags {tag}: there is no such layer or tag{nearest}. "
        "The layers are network, memory, fs, security, service_limits"
    )
