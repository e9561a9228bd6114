# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of systemd.link(5), "[Match] Section Options", and what net_match_config() makes of them."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.match import (
    Device,
    any_matches,
    collect,
    matches,
    own_match,
    read_mac,
)

CARD = Device(
    name="ens3",
    ifindex=2,
    mac="52:54:00:12:34:56",
    permanent_mac="52:54:00:12:34:56",
    path="pci-0000:00:03.0",
    driver="igb",
    type="ether",
    kind="",
    original_name=None,
    virtual=False,
    properties={"ID_MODEL_ID": "9999", "ID_VENDOR_FROM_DATABASE": "vendor name", "KEY": 'with "quotation"'},
)
SECOND = CARD._replace(name="ens4", ifindex=3, mac="52:54:00:12:34:57", permanent_mac="52:54:00:12:34:57")
VETH = Device("v0", 5, "e2:9a:c6:14:df:78", "", "", "veth", "ether", "veth", "v0", True, {})
VLAN = VETH._replace(name="ens3.5", ifindex=6, mac=CARD.mac, driver="802.1Q VLAN Support", type="vlan", kind="vlan")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12:34:56:78:90:ab", "12:34:56:78:90:ab"),
        ("AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:ff"),
        ("12-34-56-78-90-ab", "12:34:56:78:90:ab"),
        ("1234.5678.90ab", "12:34:56:78:90:ab"),
        ("AABB.CCDD.EEFF", "aa:bb:cc:dd:ee:ff"),
        ("1:2:3:4:5:6", "01:02:03:04:05:06"),
        ("12:34", "12:34"),
        ("12345678", None),
        ("12:34-56", None),
        ("gg:34:56:78:90:ab", None),
        ("", None),
    ],
)
def test_addresses(text: str, expected: str | None) -> None:
    assert read_mac(text) == expected


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        (["igb"], "igb", True),
        (["e1000*", "igb"], "igb", True),
        (["e1000*"], "igb", False),
        (["!igb"], "igb", False),
        (["!e1000"], "igb", True),
        (["!e1000", "!igb"], "igb", False),
        (["i*", "!igb"], "igb", False),
        (["!igb"], "", True),
        (["igb"], "", False),
        (["*"], "", False),
        (["igb"], None, None),
        (["!igb"], None, None),
        (["*"], None, True),
        (["pci-*/usb"], "pci-0/usb", True),
        (["eth[^1-9]"], "eth0", True),
        (["eth[!1-9]"], "eth2", False),
        ([r"eth\*"], "eth*", True),
        ([r"eth\*"], "eth0", False),
        (["eth?"], "eth0", True),
    ],
)
def test_lists_of_globs(patterns: list[str], text: str | None, expected: bool | None) -> None:
    assert any_matches(patterns, text) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([("OriginalName", "*")], True, id="the distribution's default"),
        pytest.param([], False, id="nothing valid: udev ignores the file"),
        pytest.param([("Nonsense", "x")], False, id="no known key"),
        pytest.param([("MACAddress", "52:54:00:12:34:56")], True, id="address"),
        pytest.param([("MACAddress", "00:00:00:00:00:01 5254.0012.3456")], True, id="one of a list"),
        pytest.param([("MACAddress", "nonsense")], False, id="no valid address"),
        pytest.param([("PermanentMACAddress", "52-54-00-12-34-56")], True, id="permanent"),
        pytest.param([("Path", "pci-0000:00:03.0*"), ("Driver", "e1000 igb")], True, id="all hold"),
        pytest.param([("Path", "*-usb-*"), ("OriginalName", "*")], False, id="one does not"),
        pytest.param([("Driver", "!e1000 virtio_net")], True, id="negated list"),
        pytest.param([("Driver", "!e1000 igb")], False, id="negated list that has it"),
        pytest.param([("Driver", "e1000"), ("Driver", "igb")], True, id="lists are merged"),
        pytest.param([("Driver", "e1000"), ("Driver", ""), ("Driver", "igb")], True, id="an empty value resets"),
        pytest.param([("Driver", "e1000"), ("Driver", "")], False, id="reset, and then nothing is left"),
        pytest.param([("Type", "ether wlan")], True, id="type"),
        pytest.param([("Type", "!ether")], False, id="not this type"),
        pytest.param([("Kind", "veth")], False, id="a card has no kind"),
        pytest.param([("Kind", "!veth")], True, id="a card has no kind, negated"),
        pytest.param([("OriginalName", "eth0")], None, id="its first name is not known"),
        pytest.param([("OriginalName", "eth0"), ("Driver", "e1000")], False, id="which then does not matter"),
        pytest.param([("Virtualization", "no")], None, id="a condition is udev's to judge"),
        pytest.param([("Virtualization", "no"), ("Virtualization", "")], False, id="a condition that is reset"),
        pytest.param([("Host", "x"), ("MACAddress", "00:00:00:00:00:01")], False, id="which does not matter"),
        pytest.param(
            [("Property", r'ID_MODEL_ID=9999 "ID_VENDOR_FROM_DATABASE=vendor name"')], True, id="two properties"
        ),
        pytest.param([("Property", "ID_MODEL_ID=9999 OTHER=1")], False, id="properties are ANDed"),
        pytest.param([("Property", "!ID_MODEL_ID=9998")], True, id="property negated"),
        pytest.param([("Property", "!OTHER=1")], True, id="no such property, negated"),
        pytest.param([("Property", "ID_MODEL_ID=99??")], True, id="glob of a property"),
    ],
)
def test_a_card(lines: list[tuple[str, str]], expected: bool | None) -> None:
    assert matches(lines, CARD) is expected


@pytest.mark.parametrize(
    ("lines", "device", "expected"),
    [
        ([("OriginalName", "v0 v1")], VETH, True),
        ([("OriginalName", "!v0")], VETH, False),
        ([("Path", "*-usb-*")], VETH, False),
        ([("PermanentMACAddress", "e2:9a:c6:14:df:78")], VETH, False),
        ([("MACAddress", CARD.mac)], VLAN, True),
        ([("Driver", '"802.1Q VLAN Support"')], VLAN, True),
        ([("Driver", '"802.1Q VLAN')], VLAN, False),
        ([("Property", "A=1")], VETH._replace(properties=None), None),
        ([("Path", "pci-*")], CARD._replace(path=None), None),
    ],
)
def test_others(lines: list[tuple[str, str]], device: Device, expected: bool | None) -> None:
    assert matches(lines, device) is expected


@pytest.mark.parametrize(("version", "expected"), [(247, False), (250, False), (251, True), (None, True)])
def test_an_older_systemd_passes_over_what_it_does_not_know(version: int | None, expected: bool) -> None:
    assert matches([("Kind", "veth")], VETH, version) is expected


@pytest.mark.parametrize(("version", "expected"), [(247, False), (252, True), (257, True)])
@pytest.mark.parametrize("value", ["nonsense", "!00:00:00:00:00:01"])  # addresses cannot be negated
def test_addresses_none_of_which_is_valid(version: int, value: str, expected: bool) -> None:
    assert matches([("MACAddress", value), ("Driver", "igb")], CARD, version) is expected


@pytest.mark.parametrize(("version", "expected"), [(247, True), (252, False)])
def test_names_are_not_reset_in_systemd_247(version: int, expected: bool) -> None:
    assert matches([("OriginalName", "*"), ("OriginalName", "")], CARD, version) is expected


def test_keys_with_a_list_and_a_condition() -> None:
    lines = [("Driver", "!a b"), ("Path", "p"), ("Host", "one"), ("Host", "two"), ("Other", "x")]
    assert collect(lines) == {"Driver": ["!a", "!b"], "Path": ["p"], "Host": ["two"]}


# --- our own --------------------------------------------------------------------------------

TWIN = SECOND._replace(permanent_mac=CARD.permanent_mac, driver="hv_netvsc", path="")
SAME = SECOND._replace(permanent_mac=CARD.permanent_mac)
MACLESS = CARD._replace(permanent_mac="")


@pytest.mark.parametrize(
    ("device", "others", "expected"),
    [
        pytest.param(
            CARD,
            [SECOND, VLAN, VETH],
            [("PermanentMACAddress", CARD.mac), ("Type", "ether"), ("Driver", "igb")],
            id="permanent address",
        ),
        pytest.param(
            CARD,
            [TWIN],
            [("PermanentMACAddress", CARD.mac), ("Type", "ether"), ("Driver", "igb")],
            id="a synthetic card with the address of its virtual function",
        ),
        pytest.param(
            CARD,
            [SAME._replace(path="pci-0000:00:04.0")],
            [("PermanentMACAddress", CARD.mac), ("Type", "ether"), ("Driver", "igb"), ("Path", "pci-0000:00:03.0")],
            id="one more with the same address and driver",
        ),
        pytest.param(CARD, [SAME], [], id="two ports of one slot with one address"),
        pytest.param(CARD, [SAME._replace(path=None)], [], id="who may be the same"),
        pytest.param(MACLESS, [], [("Path", "pci-0000:00:03.0"), ("Type", "ether"), ("Driver", "igb")], id="the slot"),
        pytest.param(MACLESS._replace(path=""), [], [], id="nothing to go by"),
        pytest.param(MACLESS._replace(path="pci-*"), [], [], id="a path that would be a glob"),
        pytest.param(VETH, [CARD], [("OriginalName", "v0"), ("Type", "ether"), ("Driver", "veth")], id="software"),
        pytest.param(
            VLAN._replace(original_name="ens3.5"), [CARD], [("OriginalName", "ens3.5"), ("Type", "vlan")], id="a VLAN"
        ),
        pytest.param(VETH._replace(original_name=None), [], [], id="software that was renamed"),
        pytest.param(VETH._replace(name="v*", original_name="v*"), [], [], id="a name that would be a glob"),
    ],
)
def test_our_match_is_for_one_alone(device: Device, others: list[Device], expected: list[tuple[str, str]]) -> None:
    match = own_match(device, [device, *others])
    assert match == expected
    assert matches(match, device) is (bool(expected) or False)
    assert all(matches(match, other) is False for other in others) or not match


@pytest.mark.parametrize("key", ["MACAddress", "PermanentMACAddress"])
def test_an_address_that_nobody_knows_is_neither_yes_nor_no(key: str) -> None:
    card = CARD._replace(mac=None, permanent_mac=None)
    assert matches([(key, "52:54:00:12:34:56")], card) is None
    assert matches([(key, "52:54:00:12:34:56"), ("Kind", "veth")], card) is False
