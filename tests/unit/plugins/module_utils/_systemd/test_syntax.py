# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.syntax import logical_lines, section_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a\n\n  b  \n", [(1, "a"), (3, "b")]),
        ("# a\n; b\n  # c\nd", [(4, "d")]),
        ("a \\\nb\nc", [(1, "a  b"), (3, "c")]),
        ("a \\\n# comment\n  b", [(1, "a    b")]),
        ("a\\\\\nb", [(1, "a\\\\"), (2, "b")]),
        ("a\\", [(1, "a")]),
        ("\\\n", []),
        ("\ufeff[Match]\r\na", [(1, "[Match]"), (2, "a")]),
        ("a \\\r\nb\rc", [(1, "a  b"), (3, "c")]),
    ],
)
def test_lines(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(logical_lines(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Service]\nA=1\n B = 2 = 3 \nC\n=4\nA=", [(2, "A", "1"), (3, "B", "2 = 3"), (5, "", "4"), (6, "A", "")]),
        ("A=1\n[Unit]\nA=2\n[Service]\nA=3\n[Install]\nA=4\n[Service]\nA=5", [(5, "A", "3"), (9, "A", "5")]),
        ("[Service\nA=1", []),
        ("[Service]\n[Broken\nA=1", []),
        ("", []),
    ],
)
def test_the_lines_of_a_section(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert list(section_lines(text, "Service")) == expected
