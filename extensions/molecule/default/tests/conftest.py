# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests know of a run: the records that converge.yml kept, and the host as it is now.

Run by verify.yml: pytest --hosts=podman://NAME,... with SIPTUNE_TEST_RECORDS naming the records' directory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SYSCTL_LAYERS = ("network", "memory", "fs", "security")
SERVICE_PARTS = ("logins", "units", "pools")  # what the service layer's modules said, each for itself
RESULTS = (*SYSCTL_LAYERS, *SERVICE_PARTS)
# The whole machine's keys. create.yml has them read-only, so that no host can change them, and anybody else may at any
# time: the kernel, for one, draws up vm.min_free_kbytes anew when memory comes, goes or is in demand.
MACHINES_OWN = ("fs/", "kernel/", "vm/")
RECORDS = Path(os.environ["SIPTUNE_TEST_RECORDS"])
FILES = Path(__file__).parents[1] / "files"


class Record(NamedTuple):
    """A step's record: the host's `state` after it, that of its `daemons`, and what each layer's role registered."""

    state: dict[str, dict[str, str]]
    daemons: dict[str, Any]
    results: dict[str, dict[str, Any]]

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of all layers of kernel parameters."""
        return [item for layer in SYSCTL_LAYERS for item in self.results[layer]["items"]]

    @property
    def by_path(self) -> dict[str, dict[str, Any]]:
        """The items by the path of their key below /proc/sys."""
        return {path_of(item["item"]): item for item in self.items}


def path_of(key: str) -> str:
    """The path below /proc/sys of a key as sysctl.d(5) writes it: the first separator says which is which."""
    dots_separate = "/" not in key or ("." in key and key.index(".") < key.index("/"))
    return key.translate(str.maketrans("./", "/.")) if dots_separate else key


def normal(value: str) -> str:
    """A value with its white space collapsed."""
    return " ".join(value.split())


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """What differs of a host's own between two maps: the value before and after, by the name."""
    names = sorted(name for name in before.keys() | after.keys() if not name.startswith(MACHINES_OWN))
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def read_state(host: Any, prefix: str = "") -> dict[str, dict[str, str]]:
    """The host's state as it is now; `prefix` goes before the command that reads it."""
    script = (FILES / "state.py").read_text(encoding="utf-8")
    return json.loads(host.check_output(f"{prefix}python3 -c %s", script))


def read_daemons(host: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The daemons and logins as they are now; see files/daemons.py for both the argument and the result."""
    script = (FILES / "daemons.py").read_text(encoding="utf-8")
    return json.loads(host.check_output("python3 -c %s %s", script, json.dumps(asked)))


def read_originals(host: Any) -> dict[str, dict[str, Any]]:
    """What the host keeps of the kernel settings it had, by their path."""
    return json.loads(host.file("/var/lib/siptune/originals.json").content_string)["sysctl"]


def record_file(host: Any, step: str) -> Path:
    """Where a step's record is kept."""
    return RECORDS / f"{step}-{host.backend.get_hostname()}.json"


def read_record(host: Any, step: str) -> Record:
    """The record of a step (clean, check, converge, again) for a host. A step that did not run skips its tests."""
    file = record_file(host, step)
    if not file.exists():
        pytest.skip(f"there is no record of the step {step!r}, which molecule test goes through")
    document = json.loads(file.read_text(encoding="utf-8"))
    return Record(document["state"], document["daemons"], document["results"])


def record_of(step: str) -> Any:
    """A fixture of a step's record."""
    return pytest.fixture(scope="module")(lambda host: read_record(host, step))


clean = record_of("clean")  # the host before anything ran
check = record_of("check")  # the dry run on the clean host
converge = record_of("converge")  # the first real run
again = record_of("again")  # the real run after the first


@pytest.fixture(scope="module")
def live(host: Any) -> dict[str, str]:
    """The kernel settings as they are now, by their path."""
    return read_state(host)["sysctl"]
