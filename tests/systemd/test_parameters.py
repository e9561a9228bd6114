# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What needs ansible and no container: the module's parameters, its examples, its documentation as Ansible reads it."""

from __future__ import annotations

import subprocess
import sys
import types
from typing import Any

import pytest
import yaml
from machine import CHECKOUT

for _name, _path in (
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", [str(CHECKOUT)]),
):
    sys.modules[_name] = types.ModuleType(_name)
    sys.modules[_name].__path__ = _path

from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import SystemdError  # noqa: E402
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Request  # noqa: E402
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS  # noqa: E402
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import (  # noqa: E402
    UnitSettings,
    parse_units,
)
from ansible_collections.siptune.linux.plugins.modules import systemd_limits  # noqa: E402

UNITS = {"a.service": {"Nice": 1}}


def parameters(**changes: Any) -> dict[str, Any]:
    return {
        "units": UNITS,
        "drop_in": "90-x.conf",
        "when": "both",
        "restart": False,
        "despite_calls": False,
        "exclusive": False,
        "state": "present",
        **changes,
    }


def test_a_request_to_set() -> None:
    assert SYSTEMD_LIMITS.parse(parameters()) == Request(parse_units(UNITS), "90-x.conf")
    assert SYSTEMD_LIMITS.parse(parameters(exclusive=True)).others


def test_a_request_to_put_back_named_units_or_all() -> None:
    named = SYSTEMD_LIMITS.parse(parameters(state="absent"))
    assert (named.units, named.others) == ([UnitSettings("a.service", [])], False)
    everything = SYSTEMD_LIMITS.parse(parameters(state="absent", units={}))
    assert (everything.units, everything.others) == ([], True)


@pytest.mark.parametrize(
    "changes", [{"drop_in": "../x.conf"}, {"units": {"a": {}}}, {"units": {"a.service": {"X": 1}}}]
)
def test_bad_parameters(changes: dict[str, Any]) -> None:
    with pytest.raises(SystemdError):
        SYSTEMD_LIMITS.parse(parameters(**changes))


def test_the_examples_are_accepted() -> None:
    for task in yaml.safe_load(systemd_limits.EXAMPLES):
        request = SYSTEMD_LIMITS.parse({**parameters(units={}), **task["siptune.linux.systemd_limits"]})
        assert request.drop_in.endswith(".conf")


def test_ansible_reads_the_documentation() -> None:

    done = subprocess.run(
        [f"{sys.prefix}/bin/ansible-doc", "--type", "module", "siptune.linux.systemd_limits"],
        env={"PATH": "/usr/bin:/bin", "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build"), "HOME": "/tmp"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "drop_in" in done.stdout
