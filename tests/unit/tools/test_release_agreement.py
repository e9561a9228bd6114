# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a checkout from being released: checkouts that are made up, and this one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
SPEC = importlib.util.spec_from_file_location("release_agreement", CHECKOUT / "tools" / "release_agreement.py")
assert SPEC is not None
assert SPEC.loader is not None
agreement = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(agreement)

READY = {
    "galaxy.yml": "namespace: siptune\nversion: 1.2.3\n",
    "README.md": "ansible-galaxy collection install siptune-linux-1.2.3.tar.gz\n",
    "docs/fleet.md": "none\n",
    "changelogs/changelog.yaml": "releases:\n  1.2.3:\n    changes: {}\n",
    "changelogs/fragments/.keep": "",
    "CHANGELOG.md": '<a id="v1-2-3"></a>\n## v1\\.2\\.3\n',
}


def checkout(tmp_path: Path, **other: str) -> Path:
    """A checkout that is ready, but for these files; `__` stands for a slash, and `_DOT_` for a dot."""
    changed = {name.replace("__", "/").replace("_DOT_", "."): text for name, text in other.items()}
    for name, text in {**READY, **changed}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("tag", ["", "v1.2.3"])
def test_all_agree(tmp_path: Path, tag: str) -> None:
    assert list(agreement.faults(checkout(tmp_path), tag)) == []


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2.4", "v1.2.30"])
def test_another_tag(tmp_path: Path, tag: str) -> None:
    assert list(agreement.faults(checkout(tmp_path), tag)) == [f"{tag}: is not the tag of 1.2.3, v1.2.3"]


def test_another_archive(tmp_path: Path) -> None:
    there = checkout(tmp_path, docs__fleet_DOT_md="siptune-linux-1.2.2.tar.gz")
    assert list(agreement.faults(there, "")) == ["docs/fleet.md: names the archive of 1.2.2, and galaxy.yml has 1.2.3"]


def test_a_changelog_of_another_release(tmp_path: Path) -> None:
    text = {"changelogs__changelog_DOT_yaml": "releases:\n  1.2.2:\n", "CHANGELOG_DOT_md": "## v1\\.2\\.2\n"}
    first, second = agreement.faults(checkout(tmp_path, **text), "")
    assert first.startswith("changelogs/changelog.yaml: has no release 1.2.3")
    assert second.startswith("CHANGELOG.md: has no part for v1.2.3")


def test_fragments_that_are_left(tmp_path: Path) -> None:
    there = checkout(tmp_path, changelogs__fragments__new_DOT_yml="bugfixes: []")
    assert list(agreement.faults(there, "")) == [
        "changelogs/fragments: 1 not released yet, such as new.yml; "
        "make release VERSION=... puts them into the changelog of a version"
    ]


def test_a_version_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not MAJOR"):
        list(agreement.faults(checkout(tmp_path, galaxy_DOT_yml="version: 1.2\n"), ""))


def test_the_documentation_names_the_archive_that_is_built() -> None:
    assert list(agreement.archives(CHECKOUT, agreement.version_of(CHECKOUT))) == []
