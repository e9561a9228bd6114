# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import PENDING
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import PATH as RECORD
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    FileOriginal,
    LinkOriginal,
    Originals,
    SocketOriginal,
    digest,
    render,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError, NotGivenError
from ansible_collections.siptune.linux.plugins.module_utils._layers.image import (
    ANY_ADDRESS,
    image_facts,
    parse_machine,
)
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import Layer
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import HEADING, OWN
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Card
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS

GIBIBYTE = 1 << 30
CARD = {"name": "eth0", "mac": None, "virtual": False, "speed_mbps": None, "addresses": [ANY_ADDRESS]}
WHY = "Why."


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({}, {}),
        ({"memory": None, "processors": None, "interfaces": None}, {}),
        ({"memory": "16G"}, {"memory_bytes": 16 * GIBIBYTE}),
        ({"memory": "16 GiB"}, {"memory_bytes": 16 * GIBIBYTE}),
        ({"memory": "512mb"}, {"memory_bytes": 512 << 20}),
        ({"memory": 17179869184}, {"memory_bytes": 16 * GIBIBYTE}),
        ({"processors": "8"}, {"processors": 8}),
        ({"swap": "none"}, {"swap": []}),
        ({"swap": "zram"}, {"swap": [{"kind": "zram"}]}),
        ({"forwarding": False}, {"forwarding": False}),
        ({"interfaces": []}, {"interfaces": [], "default_routes": {"ipv4": [], "ipv6": None}}),
        ({"interfaces": ["eth0"]}, {"interfaces": [CARD], "default_routes": {"ipv4": [], "ipv6": None}}),
        (
            {"interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:AA", "speed_mbps": 10000, "default_route": True}]},
            {
                "interfaces": [{**CARD, "mac": "02:00:00:00:00:aa", "speed_mbps": 10000}],
                "default_routes": {"ipv4": ["eth0"], "ipv6": None},
            },
        ),
        (
            {"interfaces": [{"name": "eth0", "driver": "igb", "rx_queues": 8}]},
            {
                "interfaces": [{**CARD, "driver": "igb", "rx_queues": 8}],
                "default_routes": {"ipv4": [], "ipv6": None},
            },
        ),
        (
            {"interfaces": [{"name": "eth0", "addresses": []}]},
            {"interfaces": [{**CARD, "addresses": []}], "default_routes": {"ipv4": [], "ipv6": None}},
        ),
    ],
)
def test_the_machine_that_will_boot_the_image(given: dict[str, Any], facts: dict[str, Any]) -> None:
    assert parse_machine(given) == facts


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("16G", "must be a dictionary"),
        (["16G"], "must be a dictionary"),
        ({"ram": "16G"}, "there is no 'ram', only memory"),
        ({"memory": "16Q"}, "memory: must be a size such as 16G"),
        ({"memory": 16}, "memory: must be a size such as 16G"),
        ({"memory": -1}, "memory: must be"),
        ({"memory": True}, "memory: must be"),
        ({"memory": "16G\n"}, None),
        ({"memory": "1e9"}, "memory: must be"),
        ({"processors": 0}, "processors: must be from 1"),
        ({"processors": "many"}, "processors: must be from 1"),
        ({"processors": True}, "processors: must be from 1"),
        ({"swap": "yes"}, "swap: must be one of none, disk, file, zram"),
        ({"forwarding": "no"}, "forwarding: must be true or false"),
        ({"interfaces": "eth0"}, "interfaces: must be a list"),
        ({"interfaces": [3]}, "interfaces: takes names"),
        ({"interfaces": [{"nam": "eth0"}]}, "interfaces: takes names"),
        ({"interfaces": [{}]}, "None is no name"),
        ({"interfaces": ["../eth0"]}, "is no name of an interface"),
        ({"interfaces": ["a\nb"]}, "is no name of an interface"),
        ({"interfaces": ["eth0", {"name": "eth0"}]}, "eth0 is there twice"),
        ({"interfaces": ["eth*"]}, "is no name of an interface"),
        ({"interfaces": ["driver:igb"]}, "is no name of an interface"),
        ({"interfaces": [".."]}, "is no name of an interface"),
        ({"interfaces": ["lo"]}, "is no name of an interface"),
        ({"interfaces": ["all"]}, "is no name of an interface"),
        ({"interfaces": ["averyverylongname"]}, "is no name of an interface"),
        ({"interfaces": ["enp0s2\u0660"]}, "is no name of an interface"),
        ({"interfaces": [{"name": "eth0", "ring": 4096}]}, "interfaces: takes names"),
        ({"interfaces": [{"name": "eth0", "driver": "i g b"}]}, "driver must be a name such as igb"),
        ({"interfaces": [{"name": "eth0", "driver": 3}]}, "driver must be a name such as igb"),
        ({"interfaces": [{"name": "eth0", "driver": "igb\n"}]}, "driver must be a name such as igb"),
        ({"interfaces": [{"name": "eth0", "rx_queues": -1}]}, "rx_queues must be from 1"),
        ({"interfaces": [{"name": "eth0", "rx_queues": True}]}, "rx_queues must be from 1"),
        ({"interfaces": [{"name": "eth0", "rx_queues": "8"}]}, "rx_queues must be from 1"),
        ({"interfaces": [{"name": "eth0", "mac": "02:00"}]}, "is no Ethernet address"),
        ({"interfaces": [{"name": "eth0", "mac": 131}]}, "write it in quotes"),
        ({"interfaces": [{"name": "eth0", "speed_mbps": "10G"}]}, "speed_mbps must be a whole number"),
        ({"interfaces": [{"name": "eth0", "addresses": "192.0.2.1"}]}, "addresses must be a list"),
        ({"interfaces": [{"name": "eth0", "default_route": 1}]}, "default_route must be true or false"),
    ],
)
def test_a_machine_that_cannot_be(given: Any, message: str | None) -> None:
    if message is None:
        parse_machine(given)
        return
    with pytest.raises(CatalogueError, match=message) as refused:
        parse_machine(given)
    assert str(refused.value).startswith("siptune_machine")


def test_a_fact_that_is_not_given_is_no_default() -> None:
    facts = image_facts({"memory_bytes": None, "swap": None, "systemd": 252, "sip_daemons": []}, {"swap": "none"})
    assert facts.get("swap") == []
    assert facts.get("systemd") == 252
    assert facts.get("udp_mem_pages") is None
    with pytest.raises(NotGivenError, match="memory"):
        facts.get("memory_bytes")
    with pytest.raises(NotGivenError, match="interfaces"):
        facts.get("default_routes")


# --- calls ----------------------------------------------------------------------------------


def entry(**modern: Any) -> dict[str, Any]:
    return {"extra": True, "classic": None, "modern": modern, "why": WHY}


NETWORK = Layer(
    "network",
    {
        "net.core.rmem_max": entry(sized="receive_buffer_max_bytes", rule="at_least"),
        "net.core.somaxconn": entry(value=4096, rule="at_least"),
    },
    {
        "rings": {"rx": entry(value="max", rule="at_least")},
        "links": {"txqueuelen": entry(value=3000, rule="exact", from_mbps=10000)},
        "sockets": {"receive_buffer_bytes": entry(sized="sip_receive_buffer_bytes", rule="at_least")},
    },
)
SERVICES = Layer(
    "service_limits",
    {
        "logins": {},
        "units": {"kamailio": {"LimitNOFILE": entry(sized="open_files_of_proxy", rule="at_least")}},
        "pools": {"kamailio": {"shared_mib": entry(sized="shared_pool_mib", rule="at_least")}},
    },
)
FACTS = {"sip_daemons": [{"name": "kamailio", "unit": "kamailio.service", "installed": True, "running": False}]}
VARIABLES: dict[str, Any] = {
    "siptune_profile": "modern",
    "siptune_state": "present",
    "siptune_capacity": {"registrations": 10000},
    "siptune_boot_only": True,
    "siptune_disruptive": True,
    "siptune_network_sysctl": {},
    "siptune_network_sysctl_path": "/etc/sysctl.d/90-siptune-network.conf",
    "siptune_network_missing": "report",
    "siptune_network_shadowed": "report",
    "siptune_network_nic_rings": {},
    "siptune_network_nic_links": {},
    "siptune_network_sip_receive_buffer": None,
    "siptune_network_reserved_ports": [],
    "siptune_network_sip_alg": None,
    "siptune_network_notrack": False,
    "siptune_network_notrack_tcp": False,
    "siptune_service_limits_services": None,
    "siptune_service_limits_units": {},
    "siptune_service_limits_pools": {},
    "siptune_service_limits_logins": [],
    "siptune_service_limits_logins_path": "/etc/security/limits.d/90-siptune.conf",
    "siptune_service_limits_drop_in": "90-siptune.conf",
    "siptune_service_limits_when": "both",
    "siptune_service_limits_restart": True,
    "siptune_service_limits_missing": "report",
    "siptune_service_limits_shadowed": "report",
}


def calls(machine: dict[str, Any], **variables: Any) -> dict[str, Any]:
    made = all_calls([NETWORK, SERVICES], {**VARIABLES, **variables}, image_facts(FACTS, machine))
    return {call.name: call for call in made}


def test_what_depends_on_a_fact_that_is_not_given_is_left_and_said() -> None:
    made = calls({})
    assert [setting.path for setting in made["network"].request.settings] == ["net/core/somaxconn"]
    assert {item.item: (item.state, item.reason) for item in made["network"].left} == {
        "net.core.rmem_max": (
            PENDING,
            "left to a run on the booted host: its size depends on siptune_machine.memory, which is not given",
        ),
        "network cards rx": (
            PENDING,
            "left to a run on the booted host: its size depends on siptune_machine.interfaces, which is not given",
        ),
    }
    assert [item.item for item in made["service_limits pools"].left] == ["kamailio.service shared_mib"]
    assert made["service_limits units"].left == []


def test_steering_of_a_media_host_is_left_to_its_card() -> None:
    links = {"rps_cpus": {"modern": {"value": "auto", "rule": "exact", "with_media": True}, "why": "Queues."}}
    network = NETWORK._replace(interfaces={**NETWORK.interfaces, "links": links})
    relay = {**FACTS, "sip_daemons": [{"name": "rtpengine", "installed": True}]}
    made, *_others = all_calls([network], VARIABLES, image_facts(relay, {}))
    assert [item.item for item in made.left if item.item.startswith("network cards")] == [
        "network cards rx",
        "network cards rps_cpus",
    ]


def test_what_is_given_sizes_the_image() -> None:
    made = calls({"memory": "16G", "interfaces": [{"name": "eth0", "speed_mbps": 10000}]})
    assert {one.path: one.value for one in made["network"].request.settings} == {
        "net/core/rmem_max": str(16 << 20),
        "net/core/somaxconn": "4096",
    }
    assert made["network"].left == []
    rings, links = made["network rings"].request, made["network links"].request
    assert rings.cards == links.cards == (Card("eth0"),)
    assert (rings.when, rings.processors) == ("boot", None)
    assert [(rule.pattern, list(rule.settings)) for rule in rings.rules] == [("*", ["rx"])]
    assert [(rule.pattern, list(rule.settings)) for rule in links.rules] == [("eth0", ["txqueuelen"])]
    assert made["service_limits pools"].left == []


SIZED = NETWORK._replace(
    interfaces={
        **NETWORK.interfaces,
        "rings": {"rx": entry(value="max", sized_limit="receive_ring_packets", rule="at_least")},
    }
)


@pytest.mark.parametrize(
    ("machine", "limit", "left"),
    [
        ({"memory": "16G", "processors": 8}, 4096, None),
        ({"memory": "16G", "processors": 32}, 1024, None),
        ({"memory": "1G", "interfaces": [{"name": "eth0", "rx_queues": 1}]}, 2048, None),
        ({"memory": "16G", "interfaces": ["eth0"]}, None, "processors"),
        ({"processors": 8}, None, "memory"),
    ],
)
def test_the_limit_of_rings_is_of_what_is_given(machine: dict[str, Any], limit: int | None, left: str | None) -> None:
    facts = image_facts(FACTS, {"interfaces": ["eth0"], **machine})
    made = {call.name: call for call in all_calls([SIZED], VARIABLES, facts)}
    limits = [rule.settings["rx"].limit for rule in made["network rings"].request.rules if "rx" in rule.settings]
    assert limits == ([] if limit is None else [limit])
    reasons = {item.item: item.reason for item in made["network"].left if item.item.startswith("network cards")}
    assert reasons == ({} if left is None else {"network cards rx": made["network"].left[-1].reason})
    assert left is None or f"siptune_machine.{left}, which is not given" in reasons["network cards rx"]


def test_the_inventory_own_settings_need_no_size() -> None:
    made = calls({}, siptune_network_sysctl={"net.core.rmem_max": 8388608}, siptune_network_nic_rings={"*": None})
    assert [setting.path for setting in made["network"].request.settings] == ["net/core/rmem_max", "net/core/somaxconn"]
    assert made["network"].left == []


def test_an_image_gets_files_and_nothing_that_runs() -> None:
    made = calls({"memory": "16G"})
    assert {"network", "service_limits logins", "service_limits units", "service_limits pools"} <= set(made)
    assert {"network rings", "network links", "network sockets"}.isdisjoint(made)
    assert made["network"].operation is SYSCTL_BULK
    assert not made["network"].request.live
    assert made["service_limits units"].operation is SYSTEMD_LIMITS
    assert made["service_limits units"].request.when == "boot"
    assert not any(made[name].request.restart for name in ("service_limits units", "service_limits pools"))


def test_on_the_way_back_the_files_of_cards_go_too() -> None:
    made = calls({}, siptune_state="absent")
    assert {"network", "network rings", "network links", "network sockets"} < set(made)
    assert not made["network rings"].request.live
    assert not any(call.left for call in made.values())


LINK_FILE = "/etc/systemd/network/00-siptune-eth0.link"
LINK_TEXT = f"{HEADING}[Match]\nPermanentMACAddress=02:00:00:00:00:01\n\n[Link]\n\n{OWN}nic_ring\nRxBufferSize=4096\n"


def test_what_the_image_of_a_tuned_host_has_of_cards_and_sockets_goes_with_its_record(tmp_path: Path) -> None:
    record = Originals(
        {},
        {LINK_FILE: FileOriginal(None, (digest(LINK_TEXT.encode()),))},
        {"eth0 02:00:00:00:00:01": {"rx": LinkOriginal("256", "4096", None, "a boot")}},
        sockets={"12 34 56": SocketOriginal("kamailio 192.0.2.1:5060", "a boot", 5060, 212992, 400000, 400000)},
    )
    for path, content in ((LINK_FILE, LINK_TEXT.encode()), (RECORD, render(record))):
        (tmp_path / path[1:]).parent.mkdir(parents=True, mode=0o700)
        (tmp_path / path[1:]).write_bytes(content)
        (tmp_path / path[1:]).chmod(0o644 if path == LINK_FILE else 0o600)
    for name, call in calls({}, siptune_state="absent").items():
        if name.startswith("network "):
            call.run(Image(str(tmp_path)), False, UndoLog())
    assert not (tmp_path / LINK_FILE[1:]).exists()
    assert not (tmp_path / RECORD[1:]).exists()
