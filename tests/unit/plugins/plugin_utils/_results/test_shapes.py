# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes against the modules' documentation, whose samples have all fields."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import (
    CONNTRACK_ENTRIES,
    DESCRIPTORS,
    gauges,
)
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import GAUGES
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.plugin_utils._results.answers import MODULES, checked
from ansible_collections.siptune.linux.plugins.plugin_utils._results.schema import ResultError
from ansible_collections.siptune.linux.plugins.plugin_utils._results.shapes import SIPTUNE_HOST, tuners

# What only a failed call returns, or is not in a result of this kind.
LATER = ("undone",)


def sample(documented: Mapping[str, Any]) -> Any:
    """A value with every field that is documented, from the samples."""
    if "contains" not in documented:
        return documented.get("sample")
    one = {name: sample(field) for name, field in documented["contains"].items()}
    return [one] if documented["type"] == "list" else one


def returned(module: str) -> dict[str, Any]:
    plugin = importlib.import_module(f"ansible_collections.siptune.linux.plugins.modules.{module}")
    fields = yaml.safe_load(plugin.RETURN)
    return {"changed": False, **{name: sample(field) for name, field in fields.items() if name not in LATER}}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "tune"])
def test_all_that_is_documented_gets_through(module: str) -> None:
    answer = returned(module)
    assert checked(module, answer, with_diff=False) == answer


def test_the_facts_of_this_machine_get_through() -> None:
    facts = gather(Host())
    assert SIPTUNE_HOST(facts, "") == facts


def test_the_gauges_are_those_that_are_read() -> None:
    assert [one.name for one in GAUGES] == [CONNTRACK_ENTRIES, DESCRIPTORS]
    read = gauges(Host())
    assert [(one["name"], one["source"], one["unit"], one["part_is"]) for one in read] == [
        (one.name, one.source, one.unit, one.parts) for one in GAUGES
    ]


@pytest.mark.parametrize("keys", [["net.*.rp_filter"] * 201, ["net.a*a*a*a*b"]], ids=["many", "slow"])
def test_globs_are_as_many_as_can_be_matched(keys: list[str]) -> None:
    file = {"file": "/etc/sysctl.d/a.conf", "at_boot": True, "sysctl": [{"key": key, "value": "1"} for key in keys]}
    with pytest.raises(ResultError, match=r"^tuners: must have at most 200 globs, with 3 stars between two dots$"):
        tuners({"sysctl_files": [file]}, "tuners")
