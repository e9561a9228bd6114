# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.conf_files import (
    COMMENT_WIDTH,
    NAME_RULE,
    comment,
    comment_lines,
    effective_files,
    name_fault,
    path_fault,
)
from hypothesis import given
from hypothesis import strategies as st

DIRECTORIES = ("/etc/x.d", "/run/x.d")


@pytest.mark.parametrize(
    ("paths", "read"),
    [
        pytest.param(["/etc/x.d/b.conf", "/run/x.d/a.conf"], ["/run/x.d/a.conf", "/etc/x.d/b.conf"], id="by name"),
        pytest.param(["/etc/x.d/a.conf", "/run/x.d/a.conf"], ["/etc/x.d/a.conf"], id="the first directory wins"),
        pytest.param(["/etc/x.d/a.txt", "/etc/x.d/a.conf~", "/etc/x.d/conf"], [], id="another suffix"),
        pytest.param(["/etc/x.d/.a.conf", "/etc/x.d/.conf"], [], id="hidden"),
        pytest.param(
            ["/etc/x.d/\udcff.conf", "/etc/x.d/\u00e9.conf", "/etc/x.d/z.conf"],
            ["/etc/x.d/z.conf", "/etc/x.d/\u00e9.conf", "/etc/x.d/\udcff.conf"],
            id="bytes that are no text",
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_files_in_the_order_they_are_read(paths: list[str], read: list[str]) -> None:
    assert effective_files(paths, ".conf") == read


@pytest.mark.parametrize("name", ["90-siptune.conf", "a.conf", "_@+-.conf", f"{'n' * 250}.conf"])
def test_names_that_a_file_may_have(name: str) -> None:
    assert name_fault(name, ".conf") == ""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a.txt", "only files that end in .conf and are not hidden are read"),
        (".conf", "only files that end in .conf"),
        (".a.conf", "only files that end in .conf"),
        ("", "only files that end in .conf"),
        ("a b.conf", NAME_RULE),
        ("a/b.conf", NAME_RULE),
        ("\u00e9.conf", NAME_RULE),
        ("a\n.conf", NAME_RULE),
        (f"{'n' * 251}.conf", NAME_RULE),
    ],
)
def test_names_that_it_may_not_have(name: str, fault: str) -> None:
    assert name_fault(name, ".conf").startswith(fault)


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/etc/x.d/a.conf", ""),
        ("/run/x.d/a.conf", ""),
        ("/etc/x.d/b/a.conf", "is not directly in /etc/x.d or /run/x.d"),
        ("/etc/x.d/../y/a.conf", "is not directly in"),
        ("/etc/x.d//a.conf", "is not directly in"),
        ("etc/x.d/a.conf", "is not directly in"),
        ("a.conf", "is not directly in"),
        ("", "is not directly in"),
        ("/etc/x.d/a.txt", "only files that end in .conf"),
        ("/etc/x.d/a b.conf", NAME_RULE),
        ("/etc/x.d/a\0.conf", NAME_RULE),
        ("/etc/x.d/a\nb.conf", NAME_RULE),
    ],
)
def test_paths(path: str, fault: str) -> None:
    assert path_fault(path, DIRECTORIES, ".conf").startswith(fault)
    assert bool(path_fault(path, DIRECTORIES, ".conf")) is bool(fault)


def test_a_comment_is_wrapped() -> None:
    assert comment("") == comment(" \n ") == ""
    assert comment("why\nnot\0so") == "# why not so\n"
    assert comment("word " * 40).count("\n") == 3


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=300))
def test_no_word_of_a_comment_is_broken(text: str) -> None:
    lines = comment_lines(text, "#: ")
    assert " ".join(line[len("#: ") :] for line in lines) == " ".join(text.split())
    assert all(line.startswith("#: ") for line in lines)


@given(st.lists(st.text("ab-", min_size=1, max_size=40), max_size=30))
def test_a_line_of_words_is_no_wider_than_the_width(words: list[str]) -> None:
    assert all(len(line) <= COMMENT_WIDTH for line in comment_lines(" ".join(words)))
