# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables there are, and what is said of one that there is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import snake_case
from ansible_collections.siptune.linux.plugins.plugin_utils._site.names import (
    OWN_PREFIX,
    PartName,
    base_of,
    check_names,
    is_known,
    known_names,
    nearest,
    part_name,
)

CHECKOUT = Path(__file__).resolve().parents[5]
NAME = re.compile(r"(?<![\w-])siptune_[a-z0-9_]*[a-z0-9](?![\w<{*-])")
METRICS = re.compile(r"## siptune-(?:audit|prove)\.prom")  # what follows in a guide are names for it
GROUP = "siptune_generators"  # of the inventory, and no variable


def _named(*patterns: str) -> dict[str, str]:
    """The names of variables in files, each with one of the files."""
    paths = [path for pattern in patterns for path in CHECKOUT.glob(pattern) if path.suffix in (".md", ".yml")]
    texts = {str(path.relative_to(CHECKOUT)): METRICS.split(path.read_text(encoding="utf-8"))[0] for path in paths}
    return {name: file for file, text in texts.items() for name in NAME.findall(text) if name != GROUP}


def _metrics() -> set[str]:
    """The names that an audit and a proof give Prometheus, which begin like variables."""
    pages = [(CHECKOUT / "docs" / name).read_text(encoding="utf-8") for name in ("audit.md", "prove.md")]
    tables = "".join(METRICS.split(page)[1] for page in pages)
    return {*NAME.findall(tables), *(f"siptune_{snake_case(one.name)}_total" for one in COUNTERS)}


def test_every_variable_that_is_written_about_is_known() -> None:
    named = _named("README.md", "docs/**/*", "roles/**/*", "playbooks/*", "molecule/**/*", "extensions/**/*")
    unknown = {name: file for name, file in named.items() if not is_known(name, {})}
    slips = {"siptune_capcity": "docs/first-hour.md"}  # which shows what comes of one
    assert {name: file for name, file in unknown.items() if name not in _metrics()} == slips


def test_every_known_variable_is_one_of_a_role_or_in_the_text_of_a_playbook() -> None:
    assert known_names() - set(_named("playbooks/*", "roles/*/meta/*")) == set()
    assert known_names() - set(_named("README.md", "docs/*", "roles/*/README.md")) == set()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("siptune_network_sysctI", "siptune_network_sysctl"),
        ("siptune_capcity", "siptune_capacity"),
        ("siptune_seriall", "siptune_serial"),
        ("siptune_Profile", "siptune_profile"),
        ("SIPTUNE_SERIAL", "siptune_serial"),
        ("siptune-serial", "siptune_serial"),
        ("siptuneserial", "siptune_serial"),
        ("siptun_serial", "siptune_serial"),
        ("sitpune_capacity", "siptune_capacity"),
        ("sip_tune_profile", "siptune_profile"),
        ("siptume_capacity__edge", "siptune_capacity__edge"),
        ("siptune_check_second", "siptune_check_seconds"),
        ("siptune_audit_promethius", "siptune_audit_prometheus"),
        ("siptune_service_limit_units", "siptune_service_limits_units"),
        pytest.param("siptune_network_sysctl_edge", "siptune_network_sysctl__edge", id="one underscore"),
        pytest.param("siptune_network_sysctl___edge", "siptune_network_sysctl__edge", id="three underscores"),
        pytest.param("siptune_network_sysctl__", "siptune_network_sysctl", id="a part without a name"),
        pytest.param("siptune_network_sysctl_pth", "siptune_network_sysctl_path", id="not a part"),
        pytest.param("siptune_network_sysctI__50_edge", "siptune_network_sysctl__50_edge", id="a part"),
        pytest.param("siptune_profile__edge", "siptune_profile", id="a part of a text"),
        pytest.param("siptune_serial__edge", "siptune_serial", id="a part of a number"),
        pytest.param("siptune_exporter_unit", "", id="like none"),
    ],
)
def test_a_slip_is_found_and_what_was_meant_is_named(name: str, meant: str) -> None:
    assert not is_known(name, 1)
    assert nearest(name) == meant


@pytest.mark.parametrize(
    "name",
    [
        *("siptune_capacity", "siptune_hosts", "siptune_become", "siptune_rolling", "siptune_check_counters"),
        *("siptune_capacity__edge", "siptune_network_sysctl__50", "siptune_network_sysctl__5g_core"),
        *("siptune_my_exporter_port", "__siptune_layers_result", "__siptune_whatever", "siptune"),
        *("ansible_play_hosts", "sip_hosts", "siptrunk_capacity", "sip_profile", "network_sysctl", "state", "x_state"),
    ],
)
def test_what_is_known_or_none_of_our_business_passes(name: str) -> None:
    assert is_known(name, 1)


def test_the_fact_is_known_and_a_text_of_its_name_is_not() -> None:
    assert is_known("siptune_host", {"processors": 4})
    assert not is_known("siptune_host", "edge1")  # which was meant for siptune_hosts, and would tune all of them
    assert nearest("siptune_host") == "siptune_hosts"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("siptune_capacity__edge", PartName("siptune_capacity", 0)),
        ("siptune_network_sysctl__50_proxies", PartName("siptune_network_sysctl", 50)),
        ("siptune_network_sysctl__007_Bond", PartName("siptune_network_sysctl", 7)),
        ("siptune_network_reserved_ports__50", PartName("siptune_network_reserved_ports", 50)),
        ("siptune_service_limits_units__site_ams", PartName("siptune_service_limits_units", 0)),
        ("siptune_service_limits_units__site__ams", PartName("siptune_service_limits_units", 0)),
        ("siptune_service_limits_units__5g", PartName("siptune_service_limits_units", 0)),
        ("siptune_network_sysctl__", None),
        ("siptune_network_sysctl___edge", None),
        ("siptune_network_sysctl_path__edge", None),
        ("siptune_disruptive__edge", None),
        ("siptune_capacity", None),
        ("__siptune_network_sysctl", None),
    ],
)
def test_dictionaries_and_lists_can_be_given_in_parts(name: str, part: PartName | None) -> None:
    assert part_name(name) == part
    assert base_of(name) == (part.base if part else name)


def test_all_unknown_variables_are_named_at_once_with_their_hosts() -> None:
    fleet: dict[str, dict[str, Any]] = {f"edge{number}": {"siptune_capcity": {}} for number in range(1, 8)}
    fleet["relay1"] = {"siptune_zzz": 1, "siptune_profile": "classic"}
    with pytest.raises(CatalogueError) as caught:
        check_names(fleet)
    assert str(caught.value) == (
        "siptune_capcity: there is no such variable; the nearest is siptune_capacity (set for edge1, edge2, edge3, "
        "edge4, edge5 and 2 more); siptune_zzz: there is no such variable (set for relay1). Names of variables of your "
        f"own begin with {OWN_PREFIX}"
    )


def test_known_variables_pass() -> None:
    check_names({"edge1": {"siptune_profile": "modern", "siptune_capacity__edge": {}, "other": 1}, "edge2": {}})
