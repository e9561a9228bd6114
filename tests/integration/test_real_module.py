# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as users run it: through Ansible, on the oldest installed Python, with values from YAML."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from calls import FILE, module
from controller import environment, program
from sandbox import difference, dump, read

OLDEST_TARGET_PYTHON = (3, 8)

SETTINGS = {
    "net.core.somaxconn": {"value": 9000, "rule": "at_least", "why": "Room for a burst of calls."},
    "net.ipv4.conf.*.rp_filter": 2,
    "net.ipv4.tcp_tw_recycle": 1,
}


def version_of(python: str) -> str:
    """The version of an interpreter such as 3.11, empty if it does not run."""
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def oldest_python() -> str:
    """The oldest interpreter here that a target may have; all other tests use our own."""
    installed = Path.home() / ".pyenv" / "versions"
    for minor in range(OLDEST_TARGET_PYTHON[1], sys.version_info.minor):
        version = f"{OLDEST_TARGET_PYTHON[0]}.{minor}"
        candidates = [shutil.which(f"python{version}"), *map(str, installed.glob(f"{version}.*/bin/python"))]
        for python in filter(None, candidates):
            if version_of(python) == version:
                return python
    return sys.executable


def ansible(python: str, check: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of one ad-hoc call on localhost."""
    words = ["localhost", "-o", "-m", "siptune.linux.sysctl_bulk", "-a", json.dumps(parameters)]
    words += ["-e", f"ansible_python_interpreter={python}"] + ["--check", "--diff"] * check
    done = subprocess.run(
        [program("ansible"), *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    _, arrow, document = done.stdout.rpartition("=> ")
    assert arrow, done.stdout + done.stderr
    return json.loads(document)


@pytest.mark.parametrize("python", [oldest_python()], ids=version_of)
def test_through_ansible(python: str) -> None:
    start = dump()
    predicted = ansible(python, check=True, path=FILE, settings=SETTINGS)
    assert predicted["changed"], predicted
    assert difference(start, dump()) == {}

    first = ansible(python, path=FILE, settings=SETTINGS)
    assert first["changed"], first
    assert first["items"] == predicted["items"]
    assert (read("net/core/somaxconn"), read("net/ipv4/conf/sip0.100/rp_filter")) == ("9000", "2")
    assert "# Room for a burst of calls." in Path(FILE).read_text(encoding="utf-8")

    second = ansible(python, path=FILE, settings=SETTINGS)
    assert not second["changed"]
    assert {item["state"] for item in second["items"]} == {"ok", "absent"}

    assert ansible(python, path=FILE, state="absent")["changed"]
    assert difference(start, dump()) == {}


# What stands in the YAML, and either what the kernel then reads or a part of the error.
YAML_VALUES = [
    ("8192", "8192"),
    ("'8192'", "8192"),
    ("0x1000", "4096"),
    ("0755", "493"),  # an octal number to YAML, to sysctl(8) and to the kernel alike
    ("'0755'", "octal"),
    ("yes", "write 1 or 0"),
    ("off", "write 1 or 0"),
    ("1.5", "whole number"),
    ("4096.0", "whole number"),
    ("1e3", "whole number"),
    ("~", "no value"),
    ("[1]", "not a list"),
    ("2020-01-01", "not a"),
    ('"1\\n2"', "line break"),
]


@pytest.mark.parametrize(("written", "wanted"), YAML_VALUES)
def test_values_from_yaml_are_taken_as_written_or_refused(written: str, wanted: str) -> None:
    settings = DataLoader().load(f"net.core.somaxconn: {written}")
    result = module(path=FILE, settings=settings)
    outcome = result["msg"] if result.get("failed") else result["items"][0]["after"]
    assert wanted in outcome
