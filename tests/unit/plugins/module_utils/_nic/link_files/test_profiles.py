# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import ProfileOriginal
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import Setting
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import ProfileChange
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.network_manager import (
    NetworkManager,
    Profile,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import OWNER_LINK, OWNER_RING
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.profiles import (
    diff_profiles,
    is_recorded,
    merge_profiles,
    plan_profile,
)

RX = "ethtool.ring-rx"
RECORDED = {"u-1": {RX: ProfileOriginal("eth0", "256", "512"), "ethtool.pause-rx": ProfileOriginal("eth0", "", "off")}}


def manager(file: str = "/etc/a", **properties: str) -> NetworkManager:
    named = {f"ethtool.{name.replace('_', '-')}": value for name, value in properties.items()}
    return NetworkManager((1, 52), {"u-1": Profile("u-1", "uplink", file, named)}, {"eth0": "u-1"})


@pytest.mark.parametrize(
    ("properties", "value", "state", "after", "original"),
    [
        pytest.param({}, "512", "changed", "512", ("eth0", "", "512"), id="not set yet"),
        pytest.param({"ring_rx": "512"}, "512", "ok", None, None, id="set already"),
        pytest.param({"ring_rx": "300"}, "512", "shadowed", None, None, id="set by somebody else"),
    ],
)
def test_an_option(properties, value: str, state: str, after: str | None, original) -> None:
    planned = plan_profile(manager(**properties), {}, "eth0", {"RxBufferSize": Setting(value, "")}, OWNER_RING)
    assert planned.verdicts["RxBufferSize"].state == state
    assert [change.after for change in planned.changes] == ([] if after is None else [after])
    assert planned.originals == ({} if original is None else {("u-1", RX): original})


@pytest.mark.parametrize(
    ("properties", "in_file", "state"),
    [
        pytest.param({}, "512", None, id="the file has it, and the profile does not name it"),
        pytest.param({}, "256", "changed", id="the file has another value"),
        pytest.param({"ring_rx": "300"}, "512", "shadowed", id="the profile has the last word"),
    ],
)
def test_an_option_that_an_image_has_set_by_its_file(properties, in_file: str, state: str | None) -> None:
    wanted = {"RxBufferSize": Setting("512", "")}
    planned = plan_profile(manager(**properties), {}, "eth0", wanted, OWNER_RING, {"RxBufferSize": in_file})
    assert [verdict.state for verdict in planned.verdicts.values()] == ([] if state is None else [state])
    assert bool(planned.changes) == (state == "changed")


def test_another_value_keeps_the_original() -> None:
    planned = plan_profile(manager(ring_rx="512"), RECORDED, "eth0", {"RxBufferSize": Setting("1024", "")}, OWNER_RING)
    assert planned.originals == {("u-1", RX): ("eth0", "256", "1024")}
    assert planned.changes == [ProfileChange("u-1", "uplink", RX, "512", "1024")]


@pytest.mark.parametrize(
    ("manager_now", "owner", "changes", "dropped"),
    [
        pytest.param(manager(ring_rx="512"), OWNER_RING, [("512", "256")], [RX], id="back to the original"),
        pytest.param(manager(pause_rx="off"), OWNER_LINK, [("off", "")], ["ethtool.pause-rx"], id="unset again"),
        pytest.param(manager(ring_rx="9"), OWNER_RING, [], [RX], id="changed by somebody else"),
        pytest.param(NetworkManager((1, 52), {}, {}), OWNER_RING, [], [RX], id="the profile is deleted"),
        pytest.param(None, OWNER_RING, [], [], id="NetworkManager does not run"),
    ],
)
def test_back(manager_now, owner: str, changes, dropped) -> None:
    planned = plan_profile(manager_now, RECORDED, "eth0", {}, owner)
    assert [change[3:] for change in planned.changes] == changes
    assert planned.originals == {("u-1", name): None for name in dropped}


def test_profiles_of_other_interfaces_are_left_alone() -> None:
    assert plan_profile(manager(ring_rx="512"), RECORDED, "eth1", {}, OWNER_RING) == ([], {}, {})
    assert (is_recorded(RECORDED, "eth0"), is_recorded(RECORDED, "eth1")) == (True, False)


def test_a_profile_that_is_generated_at_each_boot_takes_nothing() -> None:
    volatile = manager(file="/run/NetworkManager/system-connections/netplan.nmconnection")
    assert plan_profile(volatile, {}, "eth0", {"RxBufferSize": Setting("512", "")}, OWNER_RING) == ([], {}, {})


def test_originals_with_changes() -> None:
    original = ProfileOriginal("eth1", "", "1")
    merged = merge_profiles(RECORDED, {("u-1", RX): None, ("u-1", "ethtool.pause-rx"): None, ("u-2", RX): original})
    assert merged == {"u-2": {RX: original}}
    assert len(RECORDED["u-1"]) == 2


def test_diff() -> None:
    (shown,) = diff_profiles([ProfileChange("u", "uplink", RX, "", "512")])
    assert (shown["before"], shown["after"]) == ("ethtool.ring-rx not set\n", "ethtool.ring-rx 512\n")
    assert "uplink" in shown["after_header"]
