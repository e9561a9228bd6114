# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that an older version has tuned: today's site takes it over, and today's rollback gives back what was there.

captured/record-schema-*.json hold what `siptune.linux.site` of older commits wrote in a sandbox: its files, the record
of originals in its schema of then, and each value before and after. captured/units-and-pools.json has what two modules
wrote, which a sandbox without systemd sees less of. They are never made again from today's code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sandbox
from calls import originals, write_file
from controller import HERE, Run, playbook
from nics import whole_host
from subjects import ALONE, Subject

UNITS_AND_POOLS = Path(__file__).with_name("captured") / "units-and-pools.json"
CAPTURED = sorted(Path(__file__).with_name("captured").glob("record-schema-*.json"))
RECORD = "/var/lib/siptune"


def captured(path: Path) -> Mapping[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def set_live(old: Mapping[str, Any], when: int) -> None:
    """The live values of before the old run (0), or of after it (1)."""
    for key, values in old["keys"].items():
        sandbox.write(key, values[when])
    for name, values in old["links"].items():
        sandbox.ip("link", "set", name, "txqueuelen", values[when])


def make_host(old: Mapping[str, Any]) -> dict[str, object]:
    """Make the host that the old version met, let it have tuned that, and return what the host was before."""
    sandbox.mount("sysfs", "/sys", "sysfs")
    for directory in ("/etc/systemd/network", "/etc/security/limits.d"):
        os.makedirs(directory)
    for path, text in old["there"].items():
        write_file(path, text)
    set_live(old, 0)
    start = whole_host()
    lay(old["files"])
    set_live(old, 1)
    return start


def lay(files: Mapping[str, list[str]]) -> None:
    """The files that an older version has written, by their lines, and the modes of its record."""
    for path, lines in files.items():
        write_file(path, "\n".join([*lines, ""]))
    os.chmod(RECORD, 0o700)
    os.chmod(f"{RECORD}/originals.json", 0o600)


def run(name: str, variables: Mapping[str, Any], *words: str) -> Run:
    done = playbook(f"siptune.linux.{name}", {"sbc1": {**HERE, **variables}}, *words)
    assert done.status == 0, done.output
    return done


def first_values(record: Mapping[str, Any]) -> dict[str, object]:
    """What a record says of the host before siptune, by item."""
    return {
        **{key: entry["value"] for key, entry in record["sysctl"].items()},
        **{path: (entry["found"] or {}).get("content") for path, entry in record["files"].items()},
        **{
            f"{name} {option}": entry["found"]
            for name, options in record.get("links", {}).items()
            for option, entry in options.items()
        },
    }


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_an_older_version_s_host_is_taken_over_and_goes_back(path: Path) -> None:
    old = captured(path)
    start = make_host(old)
    before = first_values(originals())
    assert f'"schema": {path.stem[-1]}' in Path(RECORD, "originals.json").read_text(encoding="utf-8")

    run("site", old["variables"])
    after = first_values(originals())
    assert {item: after.get(item) for item in before} == before
    tuned = whole_host()
    assert "changed=0" in run("site", old["variables"]).output
    assert whole_host() == tuned

    run("rollback", old["variables"])
    assert sandbox.difference(start, whole_host()) == {}
    assert not os.path.exists(RECORD)


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_a_rollback_needs_no_run_of_today_s_version_first(path: Path) -> None:
    old = captured(path)
    start = make_host(old)
    run("rollback", old["variables"])
    assert sandbox.difference(start, whole_host()) == {}


SUBJECTS = [subject for subject in ALONE if subject.name in captured(UNITS_AND_POOLS)]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_units_and_pools_of_an_older_version_are_taken_over_and_go_back(subject: Subject) -> None:
    subject.make()
    if subject.name == "daemon_pools":
        subject.by_hand()  # the administrator's file of environment variables
    start = whole_host()
    lay(captured(UNITS_AND_POOLS)[subject.name])
    before = first_values(originals())

    subject.run(subject.first)
    assert first_values(originals()) == before
    assert subject.run(subject.first)["changed"] is False
    subject.run(subject.absent)
    assert sandbox.difference(start, whole_host()) == {}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_units_and_pools_of_an_older_version_go_back_at_once(subject: Subject) -> None:
    subject.make()
    if subject.name == "daemon_pools":
        subject.by_hand()
    start = whole_host()
    lay(captured(UNITS_AND_POOLS)[subject.name])
    subject.run(subject.absent)
    assert sandbox.difference(start, whole_host()) == {}
