# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running kernel and the files are as the run said, and the originals are kept."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import SYSCTL_LAYERS, Record, normal, path_of, read_originals

IN_FORCE = ("ok", "changed", "shadowed")
LEFT_ALONE = ("kept", "readonly", "absent")


def file_of(layer: str) -> str:
    """The file that a layer keeps."""
    return f"/etc/sysctl.d/90-siptune-{layer}.conf"


def parse(text: str) -> dict[str, str]:
    """The settings of a sysctl.d file by the path of their key; a line that is none fails the test."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and line[0] not in "#;"]
    assert all(separator for _, separator, _ in pairs)
    return {path_of(key.strip().lstrip("-")): normal(value) for key, _, value in pairs}


def persisted(host: Any, layer: str) -> dict[str, str]:
    """What a layer's file sets; nothing without a file."""
    file = host.file(file_of(layer))
    return parse(file.content_string) if file.exists else {}


def test_live_values_are_as_reported(again: Record, live: dict[str, str]) -> None:
    reported = {path: item["after"] for path, item in again.by_path.items() if item["after"] is not None}
    assert reported
    assert {path: live.get(path) for path in reported} == reported


def test_absent_keys_are_absent(again: Record, live: dict[str, str]) -> None:
    assert [path for path, item in again.by_path.items() if item["state"] == "absent" and path in live] == []


@pytest.mark.parametrize("layer", SYSCTL_LAYERS)
def test_the_file_is_plain_and_roots(host: Any, converge: Record, layer: str) -> None:
    file = host.file(file_of(layer))
    expected = any(item["state"] in IN_FORCE for item in converge.results[layer]["items"])
    assert file.exists == expected
    if expected:
        assert file.is_file
        assert not file.is_symlink
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


@pytest.mark.parametrize("layer", SYSCTL_LAYERS)
def test_what_was_left_alone_is_not_persisted(host: Any, converge: Record, layer: str) -> None:
    left_alone = {path_of(item["item"]) for item in converge.results[layer]["items"] if item["state"] in LEFT_ALONE}
    # A live key may be absent from a container and be at the next boot's disposal all the same, with a reason.
    promised = {path_of(item["item"]) for item in converge.results[layer]["items"] if item["at_boot"] is not None}
    assert persisted(host, layer).keys() & (left_alone - promised) == set()


@pytest.mark.parametrize("layer", SYSCTL_LAYERS)
def test_each_line_says_why(host: Any, converge: Record, layer: str) -> None:
    file = host.file(file_of(layer))
    comments = normal(file.content_string.replace("#", "")) if file.exists else ""
    changed = [item for item in converge.results[layer]["items"] if item["state"] == "changed"]
    assert [item["item"] for item in changed if not item["why"] or normal(item["why"]) not in comments] == []


def test_originals_are_what_the_clean_host_had(host: Any, clean: Record, converge: Record) -> None:
    directory = host.file("/var/lib/siptune")
    assert (directory.user, directory.mode) == ("root", 0o700)
    file = host.file("/var/lib/siptune/originals.json")
    assert (file.user, file.mode) == ("root", 0o600)
    kept = {path: normal(entry["value"]) for path, entry in read_originals(host).items()}
    changed = {path for path, item in converge.by_path.items() if item["before"] != item["after"]}
    assert changed <= kept.keys()
    assert {path: clean.state["sysctl"][path] for path in kept} == kept
