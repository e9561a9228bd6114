# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.yaml_numbers import advice, misread

loader = pytest.importorskip("ansible.parsing.dataloader", reason="only the controller reads YAML")
release = pytest.importorskip("ansible.release")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("010", 8, id="octal"),
        pytest.param("010}", 8, id="octal in a flow mapping"),
        pytest.param("0b101", 5, id="binary"),
        pytest.param("1:30", 90, id="base sixty"),
        pytest.param("1_000", 1000, id="underscore"),
        pytest.param("-010", -8, id="negative octal"),
    ],
)
def test_a_number_that_reads_differently_is_told(written: str, read: int) -> None:
    assert f"as {read}" in (advice(written, read) or "")


def test_a_text_that_is_not_the_number_is_somebody_elses() -> None:
    assert advice("34373133313664390a353763", 8192) is None  # the line of a vault


@pytest.mark.parametrize("written", ["0", "10", "-1", "4096  # pages", "4096}", "0x1b6", "{{ value }}", "- 5"])
def test_a_plain_number_is_as_it_was_written(written: str) -> None:
    assert advice(written, 0) is None


@pytest.mark.skipif(release.__version__.startswith("2.18."), reason="this core forgets where a value was written")
def test_the_text_is_found_again_where_it_was_written(tmp_path) -> None:
    playbook = tmp_path / "vars.yml"
    playbook.write_text("a: 10\nb: {value: 010, rule: exact}\nc: '010'\nd: [1, 1_0]\n", encoding="utf-8")
    settings = loader.DataLoader().load_from_file(str(playbook))
    assert [key for key, _ in misread(settings)] == ["b.value", "d"]


def test_a_value_without_a_source_is_taken_as_it_is() -> None:
    assert list(misread({"a": 8, "b": {"value": 8}})) == []
