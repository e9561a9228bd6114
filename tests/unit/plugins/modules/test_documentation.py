# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of every module and fragment is YAML: ansible-doc drops what it cannot parse, and lint passes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is not there with the oldest Python")

PLUGINS = Path(__file__).parents[4] / "plugins"
FILES = sorted([*(PLUGINS / "modules").glob("*.py"), *(PLUGINS / "lookup").glob("*.py")])
TEXTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")


def texts(file: Path) -> dict[str, str]:
    """The documentation strings of a file, by name; those of a fragment stand in a class."""
    found = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Assign)]
    names = {getattr(node.targets[0], "id", ""): node.value for node in found}
    return {name: str(ast.literal_eval(names[name])) for name in TEXTS if name in names}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_documentation_of_a_plugin_is_whole(file: Path) -> None:
    parsed = {name: yaml.safe_load(text) for name, text in texts(file).items()}
    assert list(parsed) == list(TEXTS)
    documentation = parsed["DOCUMENTATION"]
    assert documentation.get("module", documentation.get("name")) == file.stem
    assert documentation["short_description"]


@pytest.mark.parametrize("file", sorted((PLUGINS / "doc_fragments").glob("*.py")), ids=lambda file: file.stem)
def test_a_fragment_is_a_dictionary(file: Path) -> None:
    assert isinstance(yaml.safe_load(texts(file)["DOCUMENTATION"]), dict)
