# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables on every way in: misspelt ones are refused before a host is touched, and parts are merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calls import write_file
from controller import EXECUTED, HERE, Run, counted, playbook
from sandbox import difference, dump, read

PLAY = "/run/play.yml"
FILE = "/etc/sysctl.d/90-siptune-network.conf"
LAYERS = ("network", "memory", "fs", "security", "service_limits")
WAY_OUT = "Names of variables of your own begin with siptune_my_. Nothing was changed"
KNOWN = {"siptune_my_exporter_port": 9100, "__siptune_internal": 1, "other": 2, "siptune_profile": "modern"}


def fleet(*names: str, **variables: Any) -> dict[str, dict[str, Any]]:
    return {name: {**counted(), **KNOWN, **variables} for name in names}


def written(path: str, content: Any) -> None:
    write_file(path, json.dumps(content))


def own_play(*tasks: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}


def refused(run: Run, *sentences: str) -> None:
    """It ends with one cause, every sentence and the way out, and no host was asked anything."""
    said = " ".join(run.output.split())
    assert run.status == 2, run.output
    assert [sentence for sentence in (*sentences, WAY_OUT) if sentence not in said] == [], run.output
    assert "Traceback" not in said
    assert Path(EXECUTED).read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("name", ["site", "rollback", "audit", "rolling"])
def test_a_playbook_refuses_misspelt_variables_on_every_way_in(name: str) -> None:
    written("/run/group_vars/all.yml", {"siptune_capcity": {"registrations": 5}})
    written("/run/host_vars/edge2.yml", {"siptune_network_sysctl_edge": {"net.core.somaxconn": 1}})
    hosts = {**fleet("edge1", siptune_network_sysctI={"net.core.somaxconn": 1}), **fleet("edge2")}
    note = own_play(
        {"ansible.builtin.set_fact": {"siptune_pofile": "classic"}, "when": "inventory_hostname == 'edge1'"}
    )
    imported = {"import_playbook": f"siptune.linux.{name}", "vars": {"siptune_disruptiv": True}}
    written(PLAY, [note, imported])
    start = dump()
    run = playbook(PLAY, hosts, "-e", "siptune_seriall=1")
    refused(
        run,
        "siptune_network_sysctI: there is no such variable; the nearest is siptune_network_sysctl (set for edge1",
        "siptune_capcity: there is no such variable; the nearest is siptune_capacity (set for edge1, edge2",
        "siptune_network_sysctl_edge: there is no such variable; the nearest is siptune_network_sysctl__edge (set for "
        "edge2",
        "siptune_seriall: there is no such variable; the nearest is siptune_serial (set for edge1, edge2",
        "siptune_pofile: there is no such variable; the nearest is siptune_profile (set for edge1",
        "siptune_disruptiv: there is no such variable; the nearest is siptune_disruptive (set for edge1, edge2",
    )
    assert run.output.count("[ERROR]") == 1
    assert difference(start, dump()) == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_role_alone_refuses_misspelt_variables_on_every_way_in(layer: str) -> None:
    written("/run/group_vars/all.yml", {"siptune_capcity": {"registrations": 5}})
    role = {"role": f"siptune.linux.{layer}", "vars": {f"siptune_{layer}_missin": "fail"}}
    note = own_play({"ansible.builtin.set_fact": {"siptune_pofile": "classic"}})
    written(PLAY, [note, own_play(roles=[role], vars={"siptune_staet": "absent"})])
    refused(
        playbook(PLAY, fleet("edge1", siptune_profil="classic"), "-e", "siptun_state=absent"),
        "siptune_capcity: there is no such variable; the nearest is siptune_capacity (set for edge1",
        f"siptune_{layer}_missin: there is no such variable; the nearest is siptune_{layer}_missing (set for edge1",
        "siptune_pofile: there is",
        "siptune_staet: there is",
        "siptune_profil: there is",
        "siptun_state: there is no such variable; the nearest is siptune_state",
    )


def test_a_role_refuses_a_misspelt_parameter() -> None:
    written(PLAY, [own_play(roles=[{"role": "siptune.linux.fs", "siptune_fs_sysctls": {}}])])
    refused(playbook(PLAY, fleet("edge1")), "siptune_fs_sysctls: there is no such variable; the nearest is siptune_fs_")


def test_a_role_refuses_a_parameter_without_its_prefix() -> None:
    written(PLAY, [own_play(roles=[{"role": "siptune.linux.fs", "sysctl": {"fs.nr_open": 1}}])])
    run = playbook(PLAY, fleet("edge1"))
    assert run.status == 2
    said = "edge1: sysctl: siptune.linux.fs has no such parameter; its own begin with siptune_. Nothing was changed."
    assert said in " ".join(run.output.split())
    assert Path(EXECUTED).read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("include", ["include_role", "import_role"])
def test_an_included_role_refuses_misspelt_variables(include: str) -> None:
    task = {f"ansible.builtin.{include}": {"name": "siptune.linux.fs"}, "vars": {"siptune_fs_sysctls": {}}}
    written(PLAY, [own_play(task)])
    refused(playbook(PLAY, fleet("edge1")), "siptune_fs_sysctls: there is no such variable; the nearest is siptune_fs_")


def test_the_layers_in_a_playbook_of_ones_own_refuse_misspelt_variables() -> None:
    written(PLAY, [own_play({"siptune.linux.apply_layers": {}}, vars={"siptune_disruptiv": True})])
    refused(playbook(PLAY, fleet("edge1")), "siptune_disruptiv: there is no such variable")


def test_the_name_of_the_fact_is_no_name_for_hosts() -> None:
    refused(
        playbook("siptune.linux.site", fleet("edge1", "edge2"), "-e", "siptune_host=edge1"), "siptune_hosts (set for"
    )


@pytest.mark.parametrize("first", ["rolling", "audit"])
def test_what_our_own_playbooks_register_passes_in_the_next_one(first: str) -> None:
    gather = own_play({"siptune.linux.host_facts": {}, "tags": ["always"]})  # a fact, and a variable
    written(PLAY, [gather, *({"import_playbook": f"siptune.linux.{name}"} for name in (first, "site"))])
    run = playbook(PLAY, {"edge1": {**HERE, **KNOWN}}, "--tags", "fs")
    assert run.status == 0, run.output


# --- parts -----------------------------------------------------------------------------------

RETRIES, SACK, QUEUE = "net/ipv4/tcp_retries2", "net/ipv4/tcp_sack", "net/core/somaxconn"


def layered_fleet() -> dict[str, dict[str, Any]]:
    """A fleet with values in all, in a group and for a host."""
    written("/run/group_vars/all.yml", {"siptune_network_sysctl": {"net.core.somaxconn": 8192, "net.ipv4.tcp_sack": 0}})
    written("/run/host_vars/edge1.yml", {"siptune_network_sysctl__90_edge1": {"net.ipv4.tcp_sack": 1}})
    group = {"net.core.somaxconn": 9000, "net/ipv4/tcp_retries2": {"value": 9, "why": "Trunks."}}
    return {"edge1": {**HERE, "siptune_network_sysctl__50_proxies": group}}


@pytest.mark.parametrize("by_role", [False, True])
def test_parts_of_all_levels_are_merged(by_role: bool) -> None:
    hosts = layered_fleet()
    written(PLAY, [own_play(roles=["siptune.linux.network"])])
    run = playbook(PLAY if by_role else "siptune.linux.site", hosts, "--tags", "all" if by_role else "network")
    assert run.status == 0, run.output
    assert [read(key) for key in (QUEUE, SACK, RETRIES)] == ["9000", "1", "9"]
    text = Path(FILE).read_text(encoding="utf-8")
    assert "# set in siptune_network_sysctl__50_proxies\nnet.core.somaxconn = 9000\n" in text
    assert "# set in siptune_network_sysctl__90_edge1\nnet.ipv4.tcp_sack = 1\n" in text
    assert "# Trunks.\nnet.ipv4.tcp_retries2 = 9\n" in text


@pytest.mark.parametrize("by_role", [False, True])
def test_parts_of_one_level_that_contradict_each_other_are_refused(by_role: bool) -> None:
    hosts = fleet("edge1", siptune_network_sysctl__a={"net.core.somaxconn": 1})
    extra = {"siptune_network_sysctl__b": {"net/core/somaxconn": 2}}
    written(PLAY, [own_play(roles=["siptune.linux.network"])])
    start = dump()
    run = playbook(PLAY if by_role else "siptune.linux.site", hosts, "-e", json.dumps(extra))
    said = " ".join(run.output.split())
    assert run.status == 2
    assert (
        "net.core.somaxconn: siptune_network_sysctl__a says 1 and siptune_network_sysctl__b says 2. Give the one that "
        "counts a higher number, such as siptune_network_sysctl__50_a; a name without a number has 0. Nothing was"
    ) in said, run.output
    assert Path(EXECUTED).read_text(encoding="utf-8") == ""
    assert difference(start, dump()) == {}


def test_a_wrong_part_is_named() -> None:
    hosts = fleet("edge1", siptune_capacity__edge={"calls": 1})
    run = playbook("siptune.linux.site", hosts)
    assert run.status == 2
    assert "siptune_capacity__edge: there is no figure 'calls', only" in " ".join(run.output.split())
