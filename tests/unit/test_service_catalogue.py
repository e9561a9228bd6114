# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service layer's catalogue against the two source documents: nothing lost, nothing changed in classic."""

from __future__ import annotations

import sys
from typing import Any

import pytest

if sys.version_info < (3, 11):  # noqa: UP036 - a target may have less
    pytest.skip("the roles' data is read on the controller, from Python 3.11 on", allow_module_level=True)

from ansible_collections.siptune.linux.plugins.module_utils._layers.formulas import FORMULAS
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SERVICE_LAYER
from ansible_collections.siptune.linux.plugins.module_utils._logins.settings import parse_limits
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import DAEMONS
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import parse_units
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

CATALOGUE = load_layer(SERVICE_LAYER).catalogue

# S0's limits.conf and S1's, taken down by hand from their text, with their comments.
LOGINS = """
root soft nofile 102400
root hard nofile 102400
root soft core unlimited
root soft data unlimited
root soft fsize unlimited
root soft memlock unlimited
root hard memlock unlimited
root soft stack unlimited
root hard stack unlimited
root soft cpu unlimited
root soft nproc unlimited
root hard nproc unlimited
root soft as unlimited
root soft priority -11
root soft locks unlimited
root soft sigpending unlimited
root hard sigpending unlimited
root soft msgqueue unlimited
root hard msgqueue unlimited
opensips soft nofile 4096
opensips hard nofile 40000
"""
LOGINS_WITHOUT_EFFECT = {"root soft rss": "unlimited", "root soft nice": "-11"}

# The [Service] section of S0's asterisk.service, with the modern names of two directives.
ASTERISK = """
Nice=1
LimitCORE=infinity
LimitNPROC=infinity
LimitAS=infinity
LimitRSS=infinity
LimitDATA=infinity
LimitFSIZE=infinity
TimeoutStopSec=300
LimitNOFILE=1024000
LimitSTACK=infinity
TasksMax=infinity
LimitRTPRIO=70
MemoryMax=infinity
LimitSIGPENDING=infinity
LimitMSGQUEUE=infinity
LimitMEMLOCK=infinity
"""
NO_LIMITS_OF_ASTERISK = {"Restart", "RestartSec", "PrivateTmp", "ExecStop", "Type"}

ENTRIES = [
    pytest.param(name, entry, id=f"{part} {name}")
    for part, entries in [
        ("logins", CATALOGUE["logins"]),
        *((f"units {daemon}", entries) for daemon, entries in CATALOGUE["units"].items()),
        *((f"pools {daemon}", entries) for daemon, entries in CATALOGUE["pools"].items()),
    ]
    for name, entry in entries.items()
]


def test_each_line_of_limits_conf_is_in_classic_as_written() -> None:
    written = dict(line.rsplit(" ", 1) for line in LOGINS.split("\n") if line)
    classic = {name: entry["classic"] for name, entry in CATALOGUE["logins"].items() if entry["classic"]}
    assert {name: str(choice["value"]) for name, choice in classic.items()} == written
    assert {choice["rule"] for choice in classic.values()} == {"exact"}


@pytest.mark.parametrize(("name", "value"), LOGINS_WITHOUT_EFFECT.items())
def test_a_line_without_effect_has_an_entry_that_says_so(name: str, value: str) -> None:
    entry = CATALOGUE["logins"][name]
    assert entry["classic"] is entry["modern"] is None
    assert entry["sources"].startswith(value)
    assert entry["why"].startswith("No effect today.")


def test_each_directive_of_the_unit_is_in_classic_as_written() -> None:
    written = dict(line.split("=") for line in ASTERISK.split("\n") if line)
    entries = CATALOGUE["units"]["asterisk"]
    classic = {name: str(entry["classic"]["value"]) for name, entry in entries.items() if entry["classic"]}
    assert classic == written
    assert entries.keys() - written.keys() - {"OOMScoreAdjust"} == NO_LIMITS_OF_ASTERISK
    assert all(entries[name]["sources"] for name in NO_LIMITS_OF_ASTERISK)


def test_the_daemons_are_those_that_are_recognized() -> None:
    assert CATALOGUE["units"].keys() == {daemon.name for daemon in DAEMONS}
    assert CATALOGUE["pools"].keys() == {"kamailio", "opensips"}


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_an_entry_is_whole(name: str, entry: dict[str, Any]) -> None:
    assert entry.keys() <= {"sources", "extra", "classic", "modern", "why", "hazard"}
    assert ("sources" in entry) != bool(entry.get("extra"))
    assert entry["why"].endswith(".")
    assert "hazard" not in entry or entry["classic"] is not None
    for choice in filter(None, (entry["classic"], entry["modern"])):
        assert choice["rule"] in ("exact", "at_least", "at_most")
        assert "sized" not in choice or choice["sized"] in FORMULAS


@pytest.mark.parametrize("daemon", CATALOGUE["units"])
@pytest.mark.parametrize("profile", ["classic", "modern"])
def test_the_directives_are_settings_that_the_module_takes(daemon: str, profile: str) -> None:
    chosen = {
        name: {"value": 65536, **entry[profile], "why": entry["why"]}
        for name, entry in CATALOGUE["units"][daemon].items()
        if entry[profile]
    }
    settings = {name: {key: choice[key] for key in ("value", "rule", "why")} for name, choice in chosen.items()}
    assert len(parse_units({f"{daemon}.service": settings})[0].settings) == len(chosen)


def test_no_capacity_is_ever_lowered_by_modern() -> None:
    for daemon, entries in CATALOGUE["units"].items():
        for name, entry in entries.items():
            if name.startswith(("Limit", "TasksMax", "Memory")) and entry["modern"]:
                assert entry["modern"]["rule"] == "at_least", f"{daemon} {name}"
    for entries in CATALOGUE["pools"].values():
        assert {entry["modern"]["rule"] for entry in entries.values()} == {"at_least"}


def test_the_lines_of_logins_are_limits_that_the_module_takes() -> None:
    lines = [line.split(" ") for line in LOGINS.split("\n") if line]
    limits = [{"domain": line[0], "type": line[1], "item": line[2], "value": line[3]} for line in lines]
    assert len(parse_limits(limits)) == len(lines)
