# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of small layers; those of the collection's own are in plugin_utils/_site/test_layers.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._alg.module import SIP_ALG
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import Layer
from ansible_collections.siptune.linux.plugins.module_utils._notrack.module import SIP_NOTRACK
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import Exempt
from ansible_collections.siptune.linux.plugins.module_utils._sockets.module import SIP_SOCKETS
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import Floor
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK

WHY = "A proxy that swaps is late for its timers."
VARIABLES: dict[str, Any] = {"siptune_profile": "modern", "siptune_state": "present", "siptune_capacity": {}}


def layer(name: str, key: str) -> Layer:
    entry = {"extra": True, "classic": None, "modern": {"value": 10, "rule": "at_most"}, "why": WHY}
    VARIABLES.update(
        {
            f"siptune_{name}_sysctl": {},
            f"siptune_{name}_sysctl_path": f"/etc/sysctl.d/90-siptune-{name}.conf",
            f"siptune_{name}_missing": "report",
            f"siptune_{name}_shadowed": "fail",
        }
    )
    return Layer(name, {key: entry})


MEMORY = layer("memory", "vm.swappiness")
FS = layer("fs", "fs.aio-max-nr")
SWAPPINESS = ("vm/swappiness", "10", "at_most", WHY)


@pytest.mark.parametrize(
    ("variables", "settings"),
    [
        pytest.param({}, [SWAPPINESS], id="modern"),
        pytest.param({"siptune_profile": "classic"}, [], id="classic"),
        pytest.param({"siptune_memory_sysctl": {"vm.swappiness": None}}, [], id="left alone"),
        pytest.param({"siptune_state": "absent"}, [], id="put back"),
    ],
)
def test_a_layer_of_the_kernel_is_one_call(variables: dict[str, Any], settings: list[Any]) -> None:
    (call,) = all_calls([MEMORY], {**VARIABLES, **variables}, {})
    assert (call.name, call.operation) == ("memory", SYSCTL_BULK)
    assert call.request.path == "/etc/sysctl.d/90-siptune-memory.conf"
    assert [(one.path, one.value, one.rule, one.why) for one in call.request.settings] == settings
    # On the way back nothing that is missing or shadowed is worth a failure.
    assert call.policy.shadowed == ("report" if variables.get("siptune_state") == "absent" else "fail")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param(
            {"siptune_memory_sysctl": {"net.core.somaxconn": "lots"}},
            "memory layer: net.core.somaxconn: 'lots'",
            id="no number",
        ),
        pytest.param(
            {"siptune_memory_sysctl": {"vm.swappiness": {"value": 1, "rule": "maybe"}}}, "memory layer: ", id="rule"
        ),
        pytest.param(
            {"siptune_memory_sysctl": {"vm.dirty_ratio": 5, "vm.dirty_bytes": 5}}, "exclude each other", id="pair"
        ),
        pytest.param({"siptune_memory_sysctl_path": "/etc/passwd"}, "memory layer: /etc/passwd", id="path"),
        pytest.param(
            {"siptune_fs_sysctl": {"vm.swappiness": 5}}, "vm.swappiness: both the memory and the fs layer", id="key"
        ),
        pytest.param(
            {"siptune_fs_sysctl_path": "/etc/sysctl.d/90-siptune-memory.conf"}, "both the memory and the fs", id="file"
        ),
        pytest.param(
            {"siptune_fs_sysctl": {"vm.dirty_ratio": 5}, "siptune_memory_sysctl": {"vm.dirty_bytes": 5}},
            "exclude each other",
            id="pair across layers",
        ),
    ],
)
def test_a_mistake_and_a_conflict_are_named_in_one_line(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        all_calls([MEMORY, FS], {**VARIABLES, **variables}, {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


ENTRY = {"extra": True, "classic": None, "modern": {"value": 6291456, "rule": "at_least"}, "why": WHY}
NETWORK = layer("network", "net.core.somaxconn")._replace(
    interfaces={"rings": {}, "links": {}, "sockets": {"receive_buffer_bytes": ENTRY}}
)
OF_NETWORK = {
    "siptune_disruptive": False,
    "siptune_network_nic_rings": {},
    "siptune_network_nic_links": {},
    "siptune_network_sip_receive_buffer": None,
    "siptune_network_sip_alg": None,
    "siptune_network_notrack": False,
    "siptune_network_notrack_tcp": False,
    "siptune_network_missing": "report",
    "siptune_network_shadowed": "report",
}


@pytest.mark.parametrize(
    ("variables", "floor"),
    [
        pytest.param({}, Floor(6291456, WHY), id="modern"),
        pytest.param({"siptune_profile": "classic"}, None, id="classic"),
        pytest.param({"siptune_network_sip_receive_buffer": 0}, None, id="left alone"),
        pytest.param(
            {"siptune_network_sip_receive_buffer": "8192"},
            Floor(8192, "set in siptune_network_sip_receive_buffer"),
            id="own",
        ),
        pytest.param({"siptune_state": "absent"}, None, id="put back"),
    ],
)
def test_the_fourth_call_of_the_network_layer_is_for_sockets(variables: dict[str, Any], floor: Floor | None) -> None:
    call = all_calls([NETWORK], {**VARIABLES, **OF_NETWORK, **variables}, {})[3]
    assert (call.name, call.operation) == ("network sockets", SIP_SOCKETS)
    assert (call.request.floor, call.request.absent) == (floor, variables.get("siptune_state") == "absent")


@pytest.mark.parametrize("own", [-1, "many", 2**31, True, [], {"value": 1}, {"value": 8192, "rule": "exact"}])
def test_a_bad_receive_buffer_is_refused_by_the_name_of_its_variable(own: object) -> None:
    with pytest.raises(CatalogueError, match=r"^network layer: siptune_network_sip_receive_buffer: receive_buffer_by"):
        all_calls([NETWORK], {**VARIABLES, **OF_NETWORK, "siptune_network_sip_receive_buffer": own}, {})


@pytest.mark.parametrize(
    ("own", "state", "block", "tell"),
    [
        (None, "present", False, True),
        ("blocked", "present", True, True),
        ("", "present", False, True),
        ("blocked", "absent", False, False),
    ],
)
def test_the_last_call_of_the_network_layer_is_for_the_sip_alg(
    own: object, state: str, block: bool, tell: bool
) -> None:
    variables = {**VARIABLES, **OF_NETWORK, "siptune_network_sip_alg": own, "siptune_state": state}
    call = all_calls([NETWORK], variables, {})[-1]
    assert (call.name, call.operation) == ("network alg", SIP_ALG)
    assert (call.request.block, call.request.tell) == (block, tell)


@pytest.mark.parametrize("own", ["off", True, False, 5, ["blocked"]])
def test_another_word_for_the_sip_alg_is_refused(own: object) -> None:
    with pytest.raises(CatalogueError, match="siptune_network_sip_alg: is blocked, or null to leave it alone, not"):
        all_calls([NETWORK], {**VARIABLES, **OF_NETWORK, "siptune_network_sip_alg": own}, {})


@pytest.mark.parametrize(
    ("own", "state", "ports"),
    [
        ((False, False), "present", Exempt()),
        ((True, False), "present", Exempt(((5060, 5061),))),
        (([5060], True), "present", Exempt(((5060, 5060),), ((5060, 5061),))),
        ((["5060-5061/tcp"], False), "present", Exempt(tcp=((5060, 5061),))),
        ((True, True), "absent", Exempt()),
    ],
)
def test_the_call_before_is_for_what_is_not_tracked(own: tuple, state: str, ports: Exempt) -> None:
    given = {"siptune_network_notrack": own[0], "siptune_network_notrack_tcp": own[1]}
    variables = {**VARIABLES, **OF_NETWORK, **given, "siptune_state": state}
    call = all_calls([NETWORK], variables, {})[-2]
    assert (call.name, call.operation, call.request.ports) == ("network notrack", SIP_NOTRACK, ports)


@pytest.mark.parametrize("own", ["on", [0], ["sip"], {"a": 1}])
def test_ports_that_are_none_are_refused_by_the_name_of_their_variable(own: object) -> None:
    with pytest.raises(CatalogueError, match=r"^network layer: siptune_network_notrack: "):
        all_calls([NETWORK], {**VARIABLES, **OF_NETWORK, "siptune_network_notrack": own}, {})
    with pytest.raises(CatalogueError, match=r"^network layer: siptune_network_notrack_tcp: "):
        all_calls([NETWORK], {**VARIABLES, **OF_NETWORK, "siptune_network_notrack_tcp": own}, {})
