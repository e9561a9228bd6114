# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options, the diff and the policy of nic_ring and nic_link, with models of cards."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._engine.policy import NotAcceptableError
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import RINGS
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK, NIC_RING, build_request
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import RING_OPTIONS, NicError
from nic_cards import CardHost, igb, links, predict_rings, rings, rtl8139

PARAMS = {"interfaces": {"eth0": {"rx": 512}}, "when": "now", "disruptive": True, "despite_calls": False}


@pytest.mark.parametrize(("state", "patterns"), [("present", ["eth0"]), ("absent", [])])
def test_request(state: str, patterns: list[str]) -> None:
    request = build_request("nic_ring", RING_OPTIONS, {**PARAMS, "state": state})
    assert [rule.pattern for rule in request.rules] == patterns
    assert (request.owner, request.when, request.disruptive, request.despite_calls) == ("nic_ring", "now", True, False)
    with pytest.raises(NicError) as caught:
        build_request("nic_ring", RING_OPTIONS, {**PARAMS, "state": state, "interfaces": {"eth0": {"rx": 0}}})
    assert (caught.value.item, caught.value.reason.startswith("cannot be 0")) == ("eth0 rx", True)


def test_the_two_modules_have_the_same_options() -> None:
    assert NIC_RING.argument_spec == NIC_LINK.argument_spec


def test_diff(tmp_path: Path) -> None:
    shown = rings(CardHost(tmp_path, igb()), {"eth0": {"rx": 512, "tx": 256}}, disruptive=True).diff
    assert [part["after_header"] for part in shown] == ["/etc/systemd/network/00-siptune-eth0.link", "live values"]
    assert "RxBufferSize=512\n" in shown[0]["after"]
    assert (shown[1]["before"], shown[1]["after"]) == ("eth0 rx = 256\n", "eth0 rx = 512\n")


def test_the_diff_lacks_the_options_that_the_driver_turned_out_not_to_support(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    host.card("eth0").refuses[RINGS.set] = errno.EOPNOTSUPP
    assert rings(host, {"eth0": {"rx": 512}}, disruptive=True).diff == []


# --- missing and shadowed --------------------------------------------------------------------

USERS = "etc/systemd/network/10-users.link"
USERS_TEXT = "[Match]\nDriver=igb\n\n[Link]\nTxBufferSize=300\n"


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        pytest.param({"eth1": {"rx": 512}}, "eth1 rx is absent: the driver 8139cp has no rings", id="no group"),
        pytest.param({"eth0": {"rx_jumbo": 8}}, "eth0 rx_jumbo is absent: the driver igb has no", id="no option"),
        pytest.param({"wlan*": {"rx": 512}}, r"wlan\* rx is absent: no hardware interface matches", id="no interface"),
        pytest.param({"driver:ixgbe": {"rx": 1}}, "driver:ixgbe rx is absent: no hardware", id="no such driver"),
    ],
)
@pytest.mark.parametrize("disruptive", [False, True])
def test_missing_fail(tmp_path: Path, interfaces: dict[str, Any], message: str, disruptive: bool) -> None:
    host = CardHost(tmp_path, igb(), rtl8139("eth1"))
    wanted = {**interfaces, "eth0": {"tx": 512, **interfaces.get("eth0", {})}}
    with pytest.raises(NotAcceptableError, match=message):
        predict_rings(host, wanted, missing="fail", disruptive=disruptive)
    with pytest.raises(RefusedError, match=message) as caught:
        rings(host, wanted, missing="fail", disruptive=disruptive)
    assert caught.value.undone == []
    assert host.card("eth0").sets == 0
    assert not (tmp_path / "var/lib/siptune").exists()
    assert rings(host, wanted, shadowed="fail", disruptive=disruptive).changed


def test_missing_fail_where_an_option_cannot_be_written(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    host.writable = lambda path: False  # type: ignore[method-assign]
    assert links(host, {"eth0": {"rps_cpus": "0"}}).states() == {"eth0 rps_cpus": "readonly"}
    with pytest.raises(RefusedError, match="eth0 rps_cpus is readonly: not writable from here"):
        links(host, {"eth0": {"rps_cpus": "0"}}, missing="fail")


def test_missing_fail_does_not_stop_an_option_from_going_back(tmp_path: Path) -> None:
    """Nor does one that its card no longer has keep the others from going back."""
    host = CardHost(tmp_path, igb())
    rings(host, {"eth0": {"rx": 512, "tx": 512}}, disruptive=True)
    host.card("eth0").numbers[RINGS].update(rx=0, rx_max=0)
    done = rings(host, {}, state="absent", disruptive=True, missing="fail", shadowed="fail")
    assert done.states() == {"eth0 rx": "absent", "eth0 tx": "changed"}


def test_shadowed_fail(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    (tmp_path / USERS).write_text(USERS_TEXT)
    wanted = {"eth0": {"rx": 512, "tx": 512}}
    with pytest.raises(RefusedError, match=r"eth0 tx is shadowed: /etc/.*/10-users\.link line 5") as caught:
        rings(host, wanted, shadowed="fail", disruptive=True)
    assert (caught.value.undone, host.card("eth0").sets) == ([], 0)
    done = rings(host, wanted, missing="fail", disruptive=True)
    assert done.states() == {"eth0 rx": "changed", "eth0 tx": "shadowed"}
    now = rings(host, wanted, shadowed="fail", disruptive=True, when="now")
    assert now.states() == {"eth0 rx": "ok", "eth0 tx": "ok"}
