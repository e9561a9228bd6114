# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of network interfaces, both profiles, and the inventory's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import PROFILES
from ansible_collections.siptune.linux.plugins.module_utils._layers.interfaces import nic_settings, of_links
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LINKS, RINGS, WHY_OF_OVERRIDE
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import LINK_OPTIONS, RING_OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import parse_rules

yaml = pytest.importorskip("yaml", reason="the catalogues are YAML, which only the controller reads")

CATALOGUE = yaml.safe_load(
    (Path(__file__).resolve().parents[5] / "roles/network/vars/nics.yml").read_text(encoding="utf-8")
)
KNOWN = {RINGS: RING_OPTIONS, LINKS: LINK_OPTIONS}
HOST: dict[str, Any] = {
    "interfaces": [
        {"name": "eth0", "virtual": False, "speed_mbps": 1000},
        {"name": "eth1", "virtual": False, "speed_mbps": 10000},
        {"name": "eth2", "virtual": False, "speed_mbps": None},
        {"name": "bond0", "virtual": True, "speed_mbps": 20000},
        {"name": "eth\udce9", "virtual": False, "speed_mbps": 10000},
        {"name": "eth\x1b[2J", "virtual": False, "speed_mbps": 10000},
    ]
}


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Without the reasons."""
    return {
        pattern: {
            option: {field: value for field, value in setting.items() if field != "why"} if setting else setting
            for option, setting in options.items()
        }
        for pattern, options in settings.items()
    }


@pytest.mark.parametrize("host", [HOST, {}, {"interfaces": None}], ids=["known", "nothing known", "null"])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("part", KNOWN)
def test_the_modules_take_what_the_catalogue_gives(part: str, profile: str, host: dict[str, Any]) -> None:
    settings = nic_settings(CATALOGUE, part, profile, host, None)
    assert len(parse_rules(settings, KNOWN[part])) == len(settings)


def test_modern_raises_receive_rings_and_nothing_else() -> None:
    floor = {"value": "max", "limit": 4096, "rule": "at_least"}
    large = {**HOST, "memory_bytes": 64 << 30}
    assert plain(nic_settings(CATALOGUE, RINGS, "modern", large, {})) == {"*": {"rx": floor}}
    assert nic_settings(CATALOGUE, LINKS, "modern", HOST, {}) == {}


def daemons(name: str, **more: Any) -> dict[str, Any]:
    return {**HOST, "sip_daemons": [{"name": name, "installed": True, "running": False}], **more}


@pytest.mark.parametrize(
    ("host", "steers"),
    [
        pytest.param(daemons("rtpengine"), True, id="a relay"),
        pytest.param(daemons("asterisk"), True, id="a PBX"),
        pytest.param(daemons("kamailio"), False, id="a proxy"),
        pytest.param(HOST, False, id="no daemon"),
        pytest.param(daemons("rtpengine", interfaces=[{"name": "eth0", "virtual": True}]), False, id="a container"),
        pytest.param(daemons("rtpengine", interfaces=None), True, id="unknown interfaces, as of an image"),
    ],
)
def test_modern_steers_packets_where_media_is_carried(host: dict[str, Any], steers: bool) -> None:
    steering = {"*": {"rps_cpus": {"value": "auto", "rule": "exact"}}} if steers else {}
    assert plain(nic_settings(CATALOGUE, LINKS, "modern", host, {})) == steering
    assert "*" not in nic_settings(CATALOGUE, LINKS, "classic", host, {})
    given = nic_settings(CATALOGUE, LINKS, "modern", host, {"eth0": {"rps_cpus": None}, "eth1": None})
    assert [given[name].get("rps_cpus", "") for name in ("eth0", "eth1")] == [None, None if steers else ""]


AUTO = {"rps_cpus": {"value": "auto"}}
CARD = {"name": "eth0", "virtual": False, "rx_queues": 1, "driver": "virtio_net"}


@pytest.mark.parametrize(
    ("links", "card", "steers"),
    [
        pytest.param({"*": AUTO}, {}, True, id="one queue"),
        pytest.param({"*": AUTO}, {"rx_queues": 4}, False, id="queues enough"),
        pytest.param({"*": AUTO}, {"rx_queues": None}, False, id="unknown queues"),
        pytest.param({"*": AUTO}, {"virtual": True}, False, id="software"),
        pytest.param({"*": AUTO, "eth0": {"rps_cpus": None}}, {}, False, id="left alone by name"),
        pytest.param({"*": AUTO, "driver:virtio*": {"rps_cpus": "0-1"}}, {"rx_queues": 4}, True, id="own"),
        pytest.param({"eth1": {"rps_cpus": "0"}, "eth0": 5, "*": None}, {}, False, id="another's, and mistakes"),
    ],
)
def test_formulas_learn_what_is_steered(links: dict[str, Any], card: dict[str, Any], steers: bool) -> None:
    host = {"processors": 4, "interfaces": [{**CARD, **card}]}
    assert of_links(links, host) == {"steers_packets": steers, "steers_flows": False}


@pytest.mark.parametrize(("flows", "steers"), [(4096, True), ({"value": 64}, True), (0, False), (None, False)])
def test_formulas_learn_of_flows(flows: object, steers: bool) -> None:
    assert of_links({"eth*": {"rps_flow_cnt": flows}}, {"interfaces": [CARD]})["steers_flows"] is steers


def test_classic_is_the_document_without_what_it_would_break() -> None:
    assert plain(nic_settings(CATALOGUE, RINGS, "classic", HOST, {}))["*"]["rx"] == {"value": "max", "rule": "exact"}
    links = nic_settings(CATALOGUE, LINKS, "classic", HOST, {})
    assert plain(links) == {"eth1": {"txqueuelen": {"value": 3000, "rule": "exact"}}}


@pytest.mark.parametrize("part", KNOWN)
def test_every_entry_says_what_and_why(part: str) -> None:
    for option, entry in CATALOGUE[part].items():
        assert set(entry) == {"extra" if entry.get("extra") else "sources", "classic", "modern", "why"}, option
        assert entry["why"]


def test_overrides_stand_for_the_profile_s_options() -> None:
    own = {"eth0": {"rx": 512, "tx": {"value": 9, "rule": "at_least", "why": "Mine."}}, "eth1": None, "*": {"tx": None}}
    settings = nic_settings(CATALOGUE, RINGS, "modern", HOST, own)
    assert settings["eth0"] == {"rx": {"value": 512, "why": WHY_OF_OVERRIDE}, "tx": own["eth0"]["tx"]}
    assert settings["eth1"] == {"rx": None}
    assert (settings["*"]["tx"], settings["*"]["rx"]["value"]) == (None, "max")


def test_a_mistake_is_left_to_the_module() -> None:
    assert nic_settings(CATALOGUE, RINGS, "modern", HOST, {"eth0": 4096})["eth0"] == 4096
    assert nic_settings(CATALOGUE, RINGS, "modern", HOST, {"eth0": {"rx": 0}})["eth0"]["rx"]["value"] == 0


def test_overrides_that_are_no_dictionary_are_named_by_their_variable() -> None:
    with pytest.raises(CatalogueError, match="siptune_network_nic_rings: must be a dictionary of interfaces"):
        nic_settings(CATALOGUE, RINGS, "modern", HOST, [{"eth0": 4096}])
