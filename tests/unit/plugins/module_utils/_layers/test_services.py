# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the service layer's catalogue to logins, units and pools."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("yaml", reason="the catalogues are YAML, which only the controller reads")

from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import layer_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SERVICE_LAYER
from ansible_collections.siptune.linux.plugins.module_utils._layers.services import (
    OwnSettings,
    left_alone,
    service_limits,
    unusable_configuration,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

LAYER = load_layer(SERVICE_LAYER)
CATALOGUE = LAYER.catalogue
OWN = "set in the inventory"


def daemon(name: str, unit: str | None) -> dict[str, Any]:
    return {"name": name, "unit": unit, "installed": True, "running": True}


HOST: dict[str, Any] = {
    "memory_bytes": 2**36,
    "nr_open": 1048576,
    "sip_daemons": [
        daemon("kamailio", "kamailio.service"),
        daemon("kamailio", "kamailio@edge.service"),
        daemon("rtpengine", "ngcp-rtpengine-daemon.service"),
        daemon("asterisk", None),
    ],
}


def limits(profile: str = "modern", host: Any = None, capacity: Any = None, **own: Any) -> dict[str, Any]:
    return service_limits(CATALOGUE, profile, HOST if host is None else host, capacity or {}, OwnSettings(**own))


def values(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: setting["value"] for name, setting in settings.items()}


PROXY = {"LimitNOFILE": 65536, "OOMScoreAdjust": -600, "OOMPolicy": "kill"}


def test_modern_looks_after_each_unit_that_is_found() -> None:
    wanted = limits()
    assert {unit: values(settings) for unit, settings in wanted["units"].items()} == {
        "kamailio.service": PROXY,
        "kamailio@edge.service": PROXY,
        "ngcp-rtpengine-daemon.service": {"LimitNOFILE": 150000, "OOMScoreAdjust": -500},
    }
    assert {unit: values(settings) for unit, settings in wanted["pools"].items()} == {
        "kamailio.service": {"shared_mib": 64, "private_mib": 8},
        "kamailio@edge.service": {"shared_mib": 64, "private_mib": 8},
    }
    assert wanted["logins"] == []


def test_capacities_are_floors_with_a_reason() -> None:
    wanted = limits(capacity={"registrations": 50000})["units"]["kamailio.service"]["LimitNOFILE"]
    assert wanted["value"] == 100304
    assert wanted["rule"] == "at_least"
    assert wanted["why"].startswith("Two for each TCP or TLS connection")


def test_a_unit_that_several_daemons_run_in_gets_the_most_of_each() -> None:
    for names in (["kamailio", "rtpengine"], ["rtpengine", "kamailio"]):
        host = {**HOST, "sip_daemons": [daemon(name, "sbc.service") for name in names]}
        wanted = limits(host=host)
        assert values(wanted["units"]["sbc.service"]) == {
            "LimitNOFILE": 150000,
            "OOMScoreAdjust": -600,
            "OOMPolicy": "kill",
        }
        assert values(wanted["pools"]["sbc.service"]) == {"shared_mib": 64, "private_mib": 8}
        (ours,) = limits(host=host, units={"rtpengine": {"LimitNOFILE": 200000}})["units"].values()
        assert ours["LimitNOFILE"]["value"] == 200000


def test_a_running_daemon_that_gets_no_limits_is_named() -> None:
    running = {**daemon("asterisk", None), "main_pid": 812, "no_unit": "it runs in a container"}
    hosts = {"sip_daemons": [running, {**running, "running": False}, daemon("kamailio", "kamailio.service")]}
    said = ["service_limits leaves asterisk (process 812) alone: it runs in a container"]
    assert left_alone(None, hosts) == said
    assert left_alone(["asterisk.service"], hosts) == []
    assert left_alone(None, {}) == []


def test_what_a_user_runs_under_a_daemons_name_is_named() -> None:
    hosts = {"sip_daemons_of_users": [{"name": "kamailio", "pid": 4711, "user": "alice"}]}
    said = "service_limits leaves kamailio (process 4711) alone: the user alice has started it; if it is to be tuned, "
    assert left_alone(None, hosts) == [f"{said}give it a service of the system"]


def test_what_is_said_of_configurations_has_a_way_out() -> None:
    notes = ["/x cannot be read", "port-max = 0 is no port; name the ports in siptune_network_reserved_ports"]
    found = {**daemon("rtpengine", None), "rtp_ports": ["30000-40000"], "notes": notes}
    said = unusable_configuration({"sip_daemons": [found, daemon("kamailio", "kamailio.service")]})
    assert said == [
        "rtpengine: /x cannot be read; if its media ports are others than 30000-40000, name them in "
        "siptune_network_reserved_ports",
        f"rtpengine: {notes[1]}",
    ]
    assert unusable_configuration({}) == []


def test_a_host_without_daemons_has_nothing_to_do() -> None:
    assert limits(host={}) == {"logins": [], "units": {}, "pools": {}}


def test_classic_is_the_document_to_the_letter() -> None:
    wanted = limits("classic", services=["asterisk.service", "opensips.service", "kamailio.service"])
    assert set(wanted["units"]) == {"asterisk.service"}
    asterisk = wanted["units"]["asterisk.service"]
    assert asterisk["LimitNOFILE"]["value"] == 1024000
    assert {setting["rule"] for setting in asterisk.values()} == {"exact"}
    assert "behind everything else" in asterisk["Nice"]["hazard"]
    assert values(wanted["pools"]["opensips.service"]) == {"shared_mib": 1024, "private_mib": 10}
    first = wanted["logins"][0]
    assert (first["domain"], first["type"], first["item"], first["value"]) == ("root", "soft", "nofile", 102400)
    assert "524288 to 102400" in first["hazard"]
    assert len(wanted["logins"]) == 21


def test_services_of_ones_own_choice() -> None:
    wanted = limits(services=["opensips@a.service", {"unit": "sbc.service", "daemon": "freeswitch"}])
    assert list(wanted["units"]) == ["opensips@a.service", "sbc.service"]
    assert "OOMPolicy" not in wanted["units"]["sbc.service"]
    assert list(wanted["pools"]) == ["opensips@a.service"]
    assert limits(services=[])["units"] == {}


def test_own_directives_by_daemon_and_by_unit() -> None:
    wanted = limits(
        units={
            "kamailio": {"LimitNOFILE": {"value": 200000, "rule": "at_least", "why": "TLS."}, "Nice": -5},
            "kamailio@edge.service": {"Nice": None, "OOMPolicy": None, "LimitNOFILE": 300000},
            "ngcp-rtpengine-daemon.service": None,
            "nginx.service": {"LimitNOFILE": 8192},
        }
    )["units"]
    assert values(wanted["kamailio.service"]) == {**PROXY, "LimitNOFILE": 200000, "Nice": -5}
    assert wanted["kamailio.service"]["LimitNOFILE"]["why"] == "TLS."
    assert wanted["kamailio@edge.service"]["LimitNOFILE"] == {"value": 300000, "rule": "exact", "why": OWN}
    assert values(wanted["kamailio@edge.service"]) == {"OOMScoreAdjust": -600, "LimitNOFILE": 300000}
    assert wanted["nginx.service"] == {"LimitNOFILE": {"value": 8192, "rule": "exact", "why": OWN}}
    assert "ngcp-rtpengine-daemon.service" not in wanted


def test_own_pools() -> None:
    wanted = limits(pools={"kamailio": {"shared_mib": 512}, "kamailio@edge.service": None})["pools"]
    assert {unit: values(settings) for unit, settings in wanted.items()} == {
        "kamailio.service": {"private_mib": 8, "shared_mib": 512}
    }


def test_own_logins_stand_for_those_of_the_catalogue() -> None:
    own = [
        {"domain": "root", "type": "both", "item": "nofile", "value": "max"},
        {"domain": "root", "type": "soft", "item": "priority", "value": None},
        {"domain": "@voip", "type": "both", "item": "core", "value": "unlimited", "why": "Traces."},
    ]
    wanted = limits("classic", logins=own)["logins"]
    of_root = [limit for limit in wanted if limit["domain"] == "root" and limit["item"] in ("nofile", "priority")]
    assert of_root == [own[0]]
    assert wanted[-1] == own[2]
    assert limits(logins=own[2:])["logins"] == own[2:]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        pytest.param({"services": "kamailio.service"}, "must be a list of units", id="no list"),
        pytest.param({"services": ["sbc.service"]}, "does not say which daemon it runs", id="unknown daemon"),
        pytest.param({"services": [{"unit": "sbc.service", "daemon": "ser"}]}, "no daemon 'ser'", id="no such daemon"),
        pytest.param({"services": [{"daemon": "kamailio"}]}, "dictionaries of unit and daemon", id="no unit"),
        pytest.param({"services": ["kamailio"]}, "kamailio", id="no suffix"),
        pytest.param({"services": ["../kamailio.service"]}, "kamailio.service", id="traversal"),
        pytest.param({"services": ["kamailio.service"] * 2}, "named twice", id="twice"),
        pytest.param({"units": ["kamailio"]}, "siptune_service_limits_units: must be", id="units no dictionary"),
        pytest.param({"units": {"kamailio": 5}}, "takes a dictionary of settings", id="a number for a unit"),
        pytest.param({"units": {"kamailio": {"LimitNOFLE": 5}}}, "LimitNOFILE", id="the nearest known name"),
        pytest.param({"units": {"kamailio": {"Nice": {"value": 1, "because": "x"}}}}, "because", id="field"),
        pytest.param({"units": {"kam ailio.service": {"Nice": 1}}}, "kam ailio", id="blank in a unit"),
        pytest.param({"pools": {"kamailio": {"shared_mib": "many"}}}, "shared_mib", id="pool"),
        pytest.param({"pools": {"kamailio": {"sharde_mib": 5}}}, "sharde_mib", id="no such pool"),
        pytest.param({"logins": {"root": 5}}, "siptune_service_limits_logins: must be a list", id="logins no list"),
        pytest.param({"logins": [{"domain": "root"}]}, "takes dictionaries of domain", id="half a login"),
        pytest.param(
            {"logins": [{"domain": "root", "type": "soft", "item": "nofiles", "value": 1}]},
            "nofiles",
            id="no such item",
        ),
    ],
)
def test_a_mistake_is_named_with_its_layer(own: dict, message: str) -> None:
    variables = {**LAYER.defaults, **{f"siptune_service_limits_{name}": value for name, value in own.items()}}
    with pytest.raises(CatalogueError, match=r"^service_limits layer: ") as caught:
        layer_calls(LAYER, variables, HOST)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_or_figure_is_named() -> None:
    with pytest.raises(CatalogueError, match="no profile 'fancy'"):
        limits("fancy")
    with pytest.raises(CatalogueError, match="no figure 'calls'"):
        limits(capacity={"calls": 1})
