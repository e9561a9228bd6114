# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports of the plugins go down only, from floor to floor, and pure files touch neither the host nor processes.

All imports are walked, those inside functions too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
ABSOLUTE = ("ansible_collections", "siptune", "linux", "plugins")

# A room is a directory. It may import from itself and from the floors before its own, not from its neighbours.
FLOORS = (
    ("module_utils/_core",),
    ("module_utils/_host",),
    ("module_utils/_engine",),
    ("module_utils/_systemd",),
    ("module_utils/_sip",),
    (
        "module_utils/_sysctl",
        "module_utils/_logins",
        "module_utils/_units",
        "module_utils/_pools",
        "module_utils/_nic",
        "module_utils/_nic/link_files",
        "module_utils/_sockets",
        "module_utils/_alg",
        "module_utils/_journald",
    ),
    ("module_utils/_counters", "module_utils/_facts", "module_utils/_layers", "module_utils/_storage"),
    ("module_utils/_load", "plugin_utils/_results", "plugin_utils/_reports"),
    ("modules", "plugin_utils/_audit", "plugin_utils/_prove", "plugin_utils/_rollout", "plugin_utils/_site"),
    ("action", "filter"),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# What a room may take from a neighbour all the same.
NEIGHBOURS = {
    ("module_utils/_logins", "module_utils/_sysctl/nr_open"),
    ("module_utils/_units", "module_utils/_sysctl/nr_open"),
    ("module_utils/_nic", "module_utils/_nic/link_files"),
    ("plugin_utils/_audit", "plugin_utils/_site"),
    ("plugin_utils/_prove", "plugin_utils/_audit/advice"),
    ("plugin_utils/_prove", "plugin_utils/_site"),
    ("plugin_utils/_site", "plugin_utils/_rollout/settings"),
}
PURE_NAMES = ("plan", "items", "settings", "safety", "revert", "model")
PROCESSES = ("os", "subprocess")
HOST = "module_utils/_host/host"
NAMES_OF_EFFECTS = ("Host", "HostError", "unless_refused")


class Import(NamedTuple):
    """One import in a file, as paths below plugins/; what is not ours has its dotted name.

    `module` is what stands after `from` or `import`; `target` the file that a name comes from, which is the module or
    a module inside it. `bare` is an import `from . import name`.
    """

    file: str
    line: int
    module: str
    name: str
    target: str
    bare: bool = False

    def __str__(self) -> str:
        return f"plugins/{self.file}:{self.line} imports {self.name or self.module}"


def imports_of(file: str, text: str, files: frozenset[str]) -> Iterator[Import]:
    """All imports in the text of a file below plugins/; `files` are those there are, with their endings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = _below_plugins(alias.name)
                yield Import(file, node.lineno, module, "", module)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                parts = [*file.split("/")[: -node.level], *(node.module or "").split(".")]
                module = "/".join(filter(None, parts))
            else:
                module = _below_plugins(node.module or "")
            for alias in node.names:
                inside = f"{module}/{alias.name}"
                target = inside if f"{inside}.py" in files else module
                yield Import(file, node.lineno, module, alias.name, target, not node.module)


def _below_plugins(dotted: str) -> str:
    parts = tuple(dotted.split("."))
    return "/".join(parts[len(ABSOLUTE) :]) if parts[: len(ABSOLUTE)] == ABSOLUTE else dotted


def room_of(path: str) -> str | None:
    """The innermost room that holds a path below plugins/, None for what is in none."""
    return max((room for room in FLOOR_OF if f"{path}/".startswith(f"{room}/")), key=len, default=None)


def goes_up(entry: Import) -> bool:
    """Whether a file imports from a floor above its own, or from a neighbour."""
    here, there = room_of(entry.file), room_of(entry.target)
    if here is None or there is None or here == there:
        return False
    return FLOOR_OF[there] >= FLOOR_OF[here] and not any(
        here == room and f"{entry.target}/".startswith(f"{path}/") for room, path in NEIGHBOURS
    )


def is_impure(entry: Import) -> bool:
    """Whether a file that only computes imports what reads or changes the host."""
    if Path(entry.file).stem not in PURE_NAMES:
        return False
    # FileRecord and other plain values are welcome; the module of Host as a whole is not.
    whole = entry.target != entry.module or entry.name in ("", "*")
    outside = entry.module.split(".")[0]
    return outside in PROCESSES or (whole and entry.target == HOST) or entry.name in NAMES_OF_EFFECTS


def homeless(files: frozenset[str]) -> list[str]:
    """The files of these directories that are in no room of the table."""
    return sorted(
        file
        for file in files
        if file.startswith(("module_utils/", "plugin_utils/")) and room_of(file.rpartition("/")[0]) is None
    )


def mirror_of(file: str) -> str:
    """Where the tests of a file below plugins/ are, below tests/unit/plugins/."""
    directory, _slash, name = file.rpartition("/")
    return f"{directory}/test_{name}"


# --- the plugins ----------------------------------------------------------------------------

SOURCES = {
    str(path.relative_to(PLUGINS)): path.read_text(encoding="utf-8")
    for directory in ("module_utils", "plugin_utils", "modules", "action", "filter")
    for path in PLUGINS.glob(f"{directory}/**/*.py")
}
FILES = frozenset(SOURCES)
IMPORTS = [entry for file, text in sorted(SOURCES.items()) for entry in imports_of(file, text, FILES)]


def test_imports_go_down_only() -> None:
    assert [str(entry) for entry in IMPORTS if goes_up(entry)] == []


def test_what_only_computes_imports_nothing_that_acts() -> None:
    assert [str(entry) for entry in IMPORTS if is_impure(entry)] == []


def test_every_import_names_the_module() -> None:
    assert [str(entry) for entry in IMPORTS if entry.bare] == []


def test_shared_code_imports_its_own_relatively() -> None:
    own = {file: f"{'.'.join(ABSOLUTE)}.{file.partition('/')[0]}" for file in FILES if "_utils/" in file}
    assert [file for file, package in own.items() if package in SOURCES[file]] == []


def test_every_module_answers_through_the_one_way_out() -> None:
    # What it gives to Ansible's own class would leave with every byte of the host in it.
    assert [file for file in FILES if "AnsibleModule" in SOURCES[file]] == ["module_utils/_engine/module.py"]


def test_every_file_is_in_a_room() -> None:
    assert homeless(FILES) == []


def test_every_file_of_module_utils_has_its_tests() -> None:
    tests = CHECKOUT / "tests" / "unit" / "plugins"
    files = {file for file in FILES if file.startswith("module_utils/")}
    assert sorted(file for file in files if not (tests / mirror_of(file)).is_file()) == []


# --- the walker itself ----------------------------------------------------------------------

MADE_UP = frozenset(("module_utils/_core/change.py", "module_utils/_host/host.py", "module_utils/_sysctl/nr_open.py"))


def _only(file: str, text: str) -> Import:
    (entry,) = imports_of(file, text, MADE_UP)
    return entry


@pytest.mark.parametrize(
    ("file", "text", "target"),
    [
        ("module_utils/_host/host.py", "from .._core.change import Change", "module_utils/_core/change"),
        ("module_utils/_host/host.py", "from .._core import change", "module_utils/_core/change"),
        ("module_utils/_host/qdisc.py", "from .host import Host", "module_utils/_host/host"),
        ("module_utils/_nic/link_files/plan.py", "from ..._core.change import OK", "module_utils/_core/change"),
        ("module_utils/_host/host.py", "def late():\n    from .._core.change import OK", "module_utils/_core/change"),
        ("module_utils/_host/host.py", "if True:\n    import subprocess", "subprocess"),
        ("module_utils/_host/host.py", "from os.path import join", "os.path"),
        (
            "modules/tune.py",
            "from ansible_collections.siptune.linux.plugins.module_utils._core import change as c",
            "module_utils/_core/change",
        ),
        ("action/tune.py", "import ansible_collections.siptune.linux.plugins.modules.tune", "modules/tune"),
    ],
)
def test_an_import_is_resolved(file: str, text: str, target: str) -> None:
    assert _only(file, text).target == target


@pytest.mark.parametrize(
    ("file", "text", "up"),
    [
        ("module_utils/_host/host.py", "from .._core.change import Change", False),
        ("module_utils/_core/change.py", "from .._host.host import Host", True),
        ("module_utils/_core/change.py", "def late():\n    from .._host.host import Host", True),
        ("module_utils/_core/change.py", "from .errors import TuningError", False),
        ("module_utils/_core/change.py", "import re", False),
        ("module_utils/_sysctl/plan.py", "from .._units.model import Plan", True),
        ("module_utils/_logins/plan.py", "from .._sysctl.nr_open import highest", False),
        ("module_utils/_logins/plan.py", "from .._sysctl import nr_open", False),
        ("module_utils/_logins/plan.py", "from .._sysctl.value import same", True),
        ("module_utils/_pools/plan.py", "from .._sysctl.nr_open import highest", True),
        ("module_utils/_nic/observe.py", "from .link_files.observe import observe", False),
        ("module_utils/_nic/link_files/observe.py", "from ..observe import observe", True),
        ("module_utils/_units/observe.py", "from .._nic.link_files.observe import observe", True),
        ("module_utils/_layers/calls.py", "from .._facts.gather import gather", True),
        ("module_utils/_layers/calls.py", "from .._nic.module import OPERATION", False),
        ("modules/tune.py", "import ansible_collections.siptune.linux.plugins.plugin_utils._site.layers", True),
        ("plugin_utils/_site/layers.py", "from ...module_utils._layers.layer import LAYERS", False),
    ],
)
def test_the_floors(file: str, text: str, up: bool) -> None:
    assert goes_up(_only(file, text)) is up


@pytest.mark.parametrize(
    ("file", "text", "impure"),
    [
        ("module_utils/_nic/plan.py", "import os", True),
        ("module_utils/_nic/plan.py", "import os.path", True),
        ("module_utils/_nic/plan.py", "from os.path import join", True),
        ("module_utils/_nic/plan.py", "def late():\n    import subprocess", True),
        ("module_utils/_nic/items.py", "from .._host.host import Host", True),
        ("module_utils/_nic/items.py", "from .._host.host import HostError as Failure", True),
        ("module_utils/_nic/items.py", "from .._host import host", True),
        ("module_utils/_nic/items.py", "from .._host.host import *", True),
        ("module_utils/_nic/link_files/model.py", "from ..._host.host import unless_refused", True),
        ("module_utils/_nic/model.py", "from .._host.host import FileRecord", False),
        ("module_utils/_nic/model.py", "import posixpath", False),
        ("module_utils/_nic/observe.py", "import os", False),
    ],
)
def test_pure_files(file: str, text: str, impure: bool) -> None:
    assert is_impure(_only(file, text)) is impure


@pytest.mark.parametrize(("text", "bare"), [("from . import plan", True), ("from .plan import x", False)])
def test_bare_imports(text: str, bare: bool) -> None:
    assert _only("module_utils/_nic/items.py", text).bare is bare


def test_files_outside_of_the_rooms_are_found() -> None:
    there = frozenset(
        ("module_utils/attic.py", "module_utils/_new/file.py", "module_utils/_nic/plan.py", "modules/m.py")
    )
    assert homeless(there) == ["module_utils/_new/file.py", "module_utils/attic.py"]
