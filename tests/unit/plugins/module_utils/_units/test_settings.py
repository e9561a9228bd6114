# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import Setting, SystemdError
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import UnitSettings, parse_units


def test_values_and_dictionaries() -> None:
    given = {
        "a.service": {
            "LimitNOFILE": {"value": 4096, "rule": "at_least", "why": "Many\ncalls.", "hazard": "Much."},
            "Nice": -5,
            "MemoryLimit": {"value": "1G"},
        },
        "b.service": {},
        "c.service": None,
    }
    assert parse_units(given) == [
        UnitSettings(
            "a.service",
            [
                Setting("LimitNOFILE", "4096", "at_least", "Many calls.", "LimitNOFILE", "Much."),
                Setting("Nice", "-5", given="Nice"),
                Setting("MemoryMax", "1G", given="MemoryLimit"),
            ],
        ),
        UnitSettings("b.service", []),
        UnitSettings("c.service", []),
    ]


def test_an_instance_gets_what_its_template_gets() -> None:
    units = {
        unit.name: {setting.directive: setting.text for setting in unit.settings}
        for unit in parse_units(
            {
                "kam@edge.service": {"LimitNOFILE": 8192},
                "kam@.service": {"LimitNOFILE": 4096, "TasksMax": 500},
                "kam@gone.service": {},
                "other@edge.service": {"Nice": 1},
            }
        )
    }
    assert units == {
        "kam@edge.service": {"LimitNOFILE": "8192", "TasksMax": "500"},
        "kam@.service": {"LimitNOFILE": "4096", "TasksMax": "500"},
        "kam@gone.service": {},
        "other@edge.service": {"Nice": "1"},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": {}}, "a: a unit's name ends in"),
        ({"a.service": 5}, "a.service: takes a dictionary of directives, not a int"),
        ({"a.service": "Nice=1"}, "a.service: takes a dictionary of directives, not a str"),
        ({"a.service": {5: 5}}, "a.service: a directive is a name"),
        ({"a.service": {"Ni\nce": 5}}, "a.service: a directive is a name"),
        ({"a.service": {"Nice": {"values": 5}}}, "unknown option values; there are value, rule, why, hazard"),
        ({"a.service": {"Nice": {"why": "x"}}}, "a.service Nice: has no value"),
        ({"a.service": {"Nice": {"value": 1, "why": 5}}}, "a.service Nice: why is a text, not a int"),
        ({"a.service": {"Nice": {"value": 1, "why": "a\0"}}}, "a.service Nice: why holds a control"),
        ({"a.service": {"Nice": {"value": 1, "hazard": "\x1b[2J"}}}, "a.service Nice: hazard holds a control"),
        ({"a.service": {"Nice": {"value": 1, "rule": ["exact"]}}}, "a.service Nice: rule is one of exact"),
        ({"a.service": {"Nice": {"value": {"value": 1}}}}, "a.service Nice: takes a text or a number, not dict"),
        ({"a.service": {"MemoryMax": 1, "MemoryLimit": 1}}, "a.service MemoryMax: is named twice"),
        ({"-.slice": {"TasksMax": 5}}, "-.slice: is the whole machine"),
        ({"a.slice": {"LimitNOFILE": 1}}, "a.slice LimitNOFILE: is a setting of services, not of a slice"),
        (
            {"a.service": {"CPUSchedulingPolicy": "batch", "CPUSchedulingPriority": 5}},
            "a.service CPUSchedulingPriority: has a meaning with the policies fifo and rr only, not with batch",
        ),
        ({"a.service": {"MemoryHigh": "2G", "MemoryMax": "1G"}}, "a.service MemoryHigh: is above MemoryMax"),
        (
            {"k@.service": {"MemoryMax": "1G"}, "k@a.service": {"MemoryHigh": "2G"}},
            "k@a.service MemoryHigh: is above MemoryMax",
        ),
    ],
)
def test_bad_settings(given: dict[Any, Any], message: str) -> None:
    with pytest.raises(SystemdError, match=re.escape(message)):
        parse_units(given)


@pytest.mark.parametrize(
    "directives",
    [
        {"CPUSchedulingPriority": 5},
        {"CPUSchedulingPolicy": "rr", "CPUSchedulingPriority": 5},
        {"MemoryHigh": "1G", "MemoryMax": "1G"},
        {"MemoryHigh": "50%", "MemoryMax": "1G"},
        {"MemoryHigh": "1G", "MemoryMax": "infinity"},
    ],
)
def test_what_goes_together(directives: dict[str, Any]) -> None:
    assert len(parse_units({"a.service": directives})[0].settings) == len(directives)
