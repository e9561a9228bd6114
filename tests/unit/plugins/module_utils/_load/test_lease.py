# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One proof at a time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import HostError
from ansible_collections.siptune.linux.plugins.module_utils._load.lease import HeldError, release, take


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lease.json")


def test_a_second_run_is_told_who_has_the_host(path: str) -> None:
    take("by a, process 1", 60, path=path)
    take("by a, process 1", 60, path=path)
    with pytest.raises(HeldError, match="by a, process 1: one at a time") as error:
        take("by b, process 2", 60, path=path)
    assert error.value.holder == "by a, process 1"
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_it_ends_by_itself_by_its_holder_and_by_who_knows_that_this_one_is_gone(path: str) -> None:
    take("a", 0, path=path)
    take("b", 60, path=path)
    release("a", path=path)
    with pytest.raises(HeldError):
        take("a", 60, path=path)
    take("c", 60, from_holder="b", path=path)
    release("c", path=path)
    take("a", 60, path=path)


def test_a_shorter_time_does_not_shorten_it(path: str) -> None:
    take("a", 60, path=path)
    take("a", 0, path=path)
    with pytest.raises(HeldError):
        take("b", 60, path=path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"holder": 1}', '{"holder": "a", "until": "soon"}', "\0" * 9999])
def test_what_is_no_lease_is_nobodys(path: str, content: str) -> None:
    Path(path).write_text(content, encoding="ascii")
    take("a", 60, path=path)


def test_no_link_is_followed(path: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious", encoding="ascii")
    Path(path).symlink_to(tmp_path / "other")
    with pytest.raises(HostError):
        take("a", 60, path=path)
    assert (tmp_path / "other").read_text(encoding="ascii") == "precious"
