# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    ProfileOriginal,
    digest,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import diff_files, text_of
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import (
    LinkFile,
    Setting,
    files_in_order,
    parse_own,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.match import Device
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Observed, Plan, Verdict
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.network_manager import (
    NetworkManager,
    Profile,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import (
    OWNER_LINK,
    OWNER_RING,
    LinkError,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.plan import plan

MAC = "52:54:00:12:34:56"
CARD = Device("ens3", 2, MAC, MAC, "pci-0000:00:03.0", "igb", "ether", "", None, False, {}, None)
TWO = CARD._replace(name="ens4", ifindex=3, mac="52:54:00:12:34:57", permanent_mac="52:54:00:12:34:57")
LO = Device("lo", 1, "", "", "", "", "loopback", "", "lo", True, {})

DEFAULT = "/usr/lib/systemd/network/99-default.link"
DEFAULT_TEXT = """[Match]
OriginalName=*

[Link]
NamePolicy=keep kernel database onboard slot path
AlternativeNamesPolicy=database onboard slot path
MACAddressPolicy=persistent
"""
USERS = "/etc/systemd/network/10-dmz.link"
USERS_TEXT = f"[Match]\nMACAddress={MAC}\n\n[Link]\nName=ens3\nWakeOnLan=off\nRxBufferSize=512\n"
OURS = "/etc/systemd/network/00-siptune-ens3.link"
EARLY = "/etc/systemd/network/0-siptune-ens3.link"

RX = {"RxBufferSize": Setting("4096", "Room for a burst.")}
QUEUE = {"TransmitQueueLength": Setting("2000", "Why not.")}


def host(
    texts: Mapping[str, str],
    originals: Mapping[str, FileOriginal] | None = None,
    profiles: Mapping[str, Mapping[str, ProfileOriginal]] | None = None,
    **more: object,
) -> Observed:
    """A host with these .link files, which are named by their paths."""
    listing: dict[str, list[str]] = {"/etc/systemd/network": [], "/usr/lib/systemd/network": []}
    for path in texts:
        directory, name = path.rsplit("/", 1)
        listing.setdefault(directory, []).append(name)
    own = {path: FileRecord(text.encode(), 0o644, 0, 0) for path, text in texts.items() if "siptune" in path}
    observed = Observed(
        version=252,
        udev_running=True,
        devices={"lo": LO, "ens3": CARD, "ens4": TWO},
        files=tuple(LinkFile(path, ((path, texts[path]),)) for path in files_in_order(listing) if texts[path]),
        own={OURS: None, EARLY: None, **own},
        originals=NOTHING._replace(files=originals or {}, profiles=profiles or {}),
        owner=(0, 0),
    )
    return observed._replace(**more)  # type: ignore[arg-type]


def after(planned: Plan, texts: Mapping[str, str]) -> dict[str, str]:
    """The files once a plan is applied."""
    files = dict(texts)
    for change in planned.files:
        files.pop(change.path, None)
        if change.after is not None:
            files[change.path] = text_of(change.after)
    return files


def apply(texts: Mapping[str, str], settings: Mapping[str, Setting], owner: str, **more: object) -> dict[str, str]:
    """The files after a call for ens3, of which a second one finds everything as it should be."""
    planned = plan(host(texts, **more), {"ens3": settings}, owner)  # type: ignore[arg-type]
    files = after(planned, texts)
    second = plan(host(files, planned.finalized, **more), {"ens3": settings}, owner)  # type: ignore[arg-type]
    assert not second.changed
    return files


STOCK = {DEFAULT: DEFAULT_TEXT}


def test_a_stock_host() -> None:
    planned = plan(host(STOCK), {"ens3": RX}, OWNER_RING)
    assert planned.verdicts == {("ens3", "RxBufferSize"): Verdict("changed", "4096", "")}
    text = after(planned, STOCK)[OURS]
    for line in (f"PermanentMACAddress={MAC}", "Type=ether", "Driver=igb", "# Room for a burst.", "RxBufferSize=4096"):
        assert line in text.split("\n")
    for line in DEFAULT_TEXT.split("[Link]\n")[1].split("\n"):
        assert line in text.split("\n")
    assert "OriginalName" not in text
    assert diff_files(planned.files)[0]["after"] == text
    assert planned.recorded[OURS].record is None
    assert planned.finalized[OURS].written == (digest(text.encode()),)


def test_before_systemd_256_udev_is_shown_the_naming_alone() -> None:
    written = plan(host(STOCK), {"ens3": RX}, OWNER_RING)
    probe = text_of(written.writes[0].probe)
    assert "NamePolicy=keep" in probe
    assert "BufferSize" not in probe
    assert "MACAddressPolicy" not in probe
    assert digest(probe.encode()) in written.recorded[OURS].written  # killed in between, it is known to be ours
    assert plan(host(STOCK, version=257), {"ens3": RX}, OWNER_RING).writes[0].probe is None


@pytest.mark.parametrize("first", [OWNER_RING, OWNER_LINK])
def test_two_owners_whichever_comes_first(first: str) -> None:
    both_settings = {OWNER_RING: RX, OWNER_LINK: QUEUE}
    second = OWNER_LINK if first == OWNER_RING else OWNER_RING
    both = apply(apply(STOCK, both_settings[first], first), both_settings[second], second)
    assert both == apply(apply(STOCK, both_settings[second], second), both_settings[first], first)
    left = apply(both, {}, first)
    assert left == apply(STOCK, both_settings[second], second)
    assert apply(left, {}, second) == STOCK


def test_absent_says_what_is_set_then() -> None:
    files = apply(STOCK, RX, OWNER_RING)
    planned = plan(host(files), {"ens3": {}}, OWNER_RING)
    assert planned.verdicts == {("ens3", "RxBufferSize"): Verdict("changed", None, "no file sets it any more", "4096")}
    assert planned.warnings == []
    planned = plan(host(files, initramfs=True), {"ens3": {}}, OWNER_RING)
    assert "update-initramfs" in planned.warnings[0]


# --- whose file wins ------------------------------------------------------------------------


def test_a_file_of_the_users_own_is_repeated_and_its_values_win() -> None:
    texts = {**STOCK, USERS: USERS_TEXT}
    settings = {**RX, "TxBufferSize": Setting("1024", "")}
    planned = plan(host(texts), {"ens3": settings}, OWNER_RING)
    shadowed = planned.verdicts["ens3", "RxBufferSize"]
    assert shadowed == Verdict("shadowed", "512", f"{USERS} line 7 sets RxBufferSize=512", "512")
    assert planned.verdicts["ens3", "TxBufferSize"] == Verdict("changed", "1024", "")
    text = after(planned, texts)[OURS]
    own = parse_own(text, OURS)
    assert own is not None
    assert [(line.key, line.value, line.file) for line in own.repeated] == [
        ("Name", "ens3", USERS),
        ("WakeOnLan", "off", USERS),
        ("RxBufferSize", "512", USERS),
    ]
    assert "MACAddress=" not in text.split("[Link]")[0].replace("PermanentMACAddress=", "")
    assert planned.files[0].path != USERS
    same = plan(host(texts), {"ens3": {"RxBufferSize": Setting("0512", "")}}, OWNER_RING)
    assert same.verdicts["ens3", "RxBufferSize"].state == "ok"
    assert not same.changed


def test_a_value_of_the_distributions_gives_way() -> None:
    texts = {DEFAULT: DEFAULT_TEXT + "RxBufferSize=256\nAdvertise=100baset-full\n"}
    verdict = plan(host(texts), {"ens3": RX}, OWNER_RING).verdicts["ens3", "RxBufferSize"]
    assert verdict == Verdict("changed", "4096", "", "256")
    text = apply(texts, RX, OWNER_RING)[OURS]
    assert "RxBufferSize=256" not in text
    assert "Advertise=100baset-full" in text


def test_a_change_of_the_users_file_is_taken_over() -> None:
    files = apply({**STOCK, USERS: USERS_TEXT}, {"TxBufferSize": Setting("1024", "")}, OWNER_RING)
    files[USERS] = USERS_TEXT.replace("WakeOnLan=off", "WakeOnLan=magic") + "TxBufferSize=300\n"
    planned = plan(host(files), {"ens3": {"TxBufferSize": Setting("1024", "")}}, OWNER_RING)
    assert planned.verdicts["ens3", "TxBufferSize"].state == "shadowed"
    assert OURS not in after(planned, files)  # nothing of ours is left to be set
    files[USERS] = USERS_TEXT.replace("WakeOnLan=off", "WakeOnLan=magic")
    planned = plan(host(files), {"ens3": {"TxBufferSize": Setting("1024", "")}}, OWNER_RING)
    assert "WakeOnLan=magic" in after(planned, files)[OURS]


def test_a_users_file_that_comes_early() -> None:
    early = USERS.replace("10-dmz", "00-dmz")
    files = apply({**STOCK, early: USERS_TEXT}, {"TxBufferSize": Setting("1024", "")}, OWNER_RING)
    assert EARLY in files
    assert OURS not in files
    # It came when ours was there already: ours moves.
    files = apply(STOCK, RX, OWNER_RING)
    files[early] = USERS_TEXT.replace("RxBufferSize=512\n", "")
    moved = apply(files, RX, OWNER_RING)
    assert sorted(moved) == sorted([EARLY, early, DEFAULT])


def test_nothing_comes_before_this_one() -> None:
    first = USERS.replace("10-dmz", "+dmz")
    planned = plan(host({**STOCK, first: USERS_TEXT}), {"ens3": {"TxBufferSize": Setting("1", "")}}, OWNER_RING)
    verdict = planned.verdicts["ens3", "TxBufferSize"]
    assert verdict.state == "shadowed"
    assert first in verdict.reason
    assert not planned.changed


def test_somebody_elses_file_under_our_name_is_left() -> None:
    texts = {**STOCK, OURS: "[Match]\nDriver=other\n[Link]\nName=x\n"}
    files = apply(texts, RX, OWNER_RING)
    assert files[OURS] == texts[OURS]
    assert EARLY in files


def test_a_file_that_finds_its_card_by_the_kernels_name_is_not_fixed_to_it() -> None:
    text = "[Match]\nOriginalName=eth0\n[Link]\nName=ens3\n"
    texts = {**STOCK, USERS: text}
    devices = {"lo": LO, "ens3": CARD._replace(applied=USERS)}
    planned = plan(host(texts, devices=devices), {"ens3": RX}, OWNER_RING)
    assert planned.verdicts["ens3", "RxBufferSize"].state == "shadowed"
    assert "PermanentMACAddress=" in planned.verdicts["ens3", "RxBufferSize"].reason
    assert not planned.changed
    texts[USERS] = text.replace("Name=ens3", "NamePolicy=mac")
    assert plan(host(texts, devices=devices), {"ens3": RX}, OWNER_RING).changed


def test_a_file_that_applies_perhaps() -> None:
    texts = {**STOCK, USERS: "[Match]\nOriginalName=*\nVirtualization=no\n[Link]\nName=x\n"}
    planned = plan(host(texts), {"ens3": RX}, OWNER_RING)
    assert planned.verdicts["ens3", "RxBufferSize"].state == "pending"
    assert planned.verdicts["ens3", "RxBufferSize"].at_boot is None
    assert not planned.changed
    devices = {"ens3": CARD._replace(applied=DEFAULT)}
    files = apply(texts, RX, OWNER_RING, devices=devices)
    assert "Name=x" not in files[OURS]
    # After a boot udev has recorded our own file: what that repeats tells the rest.
    devices = {"ens3": CARD._replace(applied=OURS)}
    assert not plan(host(files, devices=devices), {"ens3": RX}, OWNER_RING).changed


def test_without_any_file_no_policy_is_made_up() -> None:
    text = apply({DEFAULT: ""}, RX, OWNER_RING)[OURS]
    assert "Policy" not in text
    assert "repeated from" not in text


# --- what cannot be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "interface", "state", "reason"),
    [
        ({}, "eth9", "absent", "no such interface"),
        ({}, "lo", "pending", "loopback"),
        ({"version": None}, "ens3", "pending", "no systemd"),
        ({"version": 247}, "ens3", "pending", "systemd 248, and this is 247: until systemd is updated, set it"),
    ],
)
def test_options_that_cannot_be_persisted(more: dict[str, object], interface: str, state: str, reason: str) -> None:
    planned = plan(host(STOCK, **more), {interface: QUEUE}, OWNER_LINK)  # type: ignore[arg-type]
    verdict = planned.verdicts[interface, "TransmitQueueLength"]
    assert (verdict.state, verdict.at_boot) == (state, None)
    assert reason in verdict.reason
    assert not planned.changed


def test_without_a_udev_the_file_waits() -> None:
    planned = plan(host(STOCK, udev_running=False), {"ens3": RX}, OWNER_RING)
    verdict = planned.verdicts["ens3", "RxBufferSize"]
    assert (verdict.state, verdict.at_boot) == ("pending", "4096")
    assert planned.changed


def test_two_interfaces_that_cannot_be_distinguished() -> None:
    devices = {"ens3": CARD, "ens4": CARD._replace(name="ens4", ifindex=3)}
    with pytest.raises(LinkError, match="match it alone"):
        plan(host(STOCK, devices=devices), {"ens3": RX}, OWNER_RING)


@pytest.mark.parametrize("name", ["../ens3", "a b", "", "x" * 16])
def test_no_interface(name: str) -> None:
    with pytest.raises(LinkError, match="invalid interface name"):
        plan(host(STOCK), {name: RX}, OWNER_RING)


def test_an_owner_sets_its_own_options_only() -> None:
    with pytest.raises(LinkError, match="nic_link, not by"):
        plan(host(STOCK), {"ens3": QUEUE}, OWNER_RING)
    with pytest.raises(LinkError, match="no such owner"):
        plan(host(STOCK), {"ens3": QUEUE}, "nic_other")


# --- edits, renames, cards that go -----------------------------------------------------------


def test_a_file_that_was_edited() -> None:
    files = apply(STOCK, RX, OWNER_RING)
    record = {OURS: FileOriginal(None, (digest(files[OURS].encode()),))}
    files[OURS] = files[OURS].replace("4096", "2048")
    again = plan(host(files, record), {"ens3": RX}, OWNER_RING)
    assert "RxBufferSize=4096" in after(again, files)[OURS]
    gone = plan(host(files, record), {"ens3": {}}, OWNER_RING)
    assert not gone.changed
    assert "somebody else" in gone.warnings[0]


def test_a_card_that_has_another_name_now() -> None:
    files = apply(apply(STOCK, RX, OWNER_RING), QUEUE, OWNER_LINK)
    renamed = host(files, devices={"sip0": CARD._replace(name="sip0")})
    planned = plan(renamed, {"sip0": RX}, OWNER_RING)
    then = after(planned, files)
    assert OURS not in then
    text = then[OURS.replace("ens3", "sip0")]
    assert "RxBufferSize=4096" in text
    assert "TransmitQueueLength=2000" in text
    assert planned.files[0].after is not None  # the new one is there before the old one goes


def test_a_card_that_is_gone() -> None:
    files = apply(apply(STOCK, RX, OWNER_RING), QUEUE, OWNER_LINK)
    gone = host(files, devices={})
    assert plan(gone, {"ens3": RX}, OWNER_RING).verdicts["ens3", "RxBufferSize"].state == "absent"
    one = after(plan(gone, {"ens3": {}}, OWNER_RING), files)
    assert one == apply(STOCK, QUEUE, OWNER_LINK)
    assert after(plan(host(one, devices={}), {"ens3": {}}, OWNER_LINK), one) == STOCK


# --- NetworkManager -------------------------------------------------------------------------

UUID = "690a8c02-dc62-49ec-b466-70b425d7c6cc"
FILE = "/etc/NetworkManager/system-connections/a.nmconnection"
RECORDED = {UUID: {"ethtool.ring-rx": ProfileOriginal("ens3", "", "4096")}}


def manager(version: tuple[int, int] = (1, 42), file: str = FILE, **properties: str) -> NetworkManager:
    named = {f"ethtool.{name.replace('_', '-')}": value for name, value in properties.items()}
    return NetworkManager(version, {UUID: Profile(UUID, "uplink", file, named)}, {"ens3": UUID})


def test_a_profile_takes_the_options_that_it_has_properties_for() -> None:
    settings = {"RxCoalesceSec": Setting("50us", ""), **QUEUE}
    planned = plan(host(STOCK, network_manager=manager()), {"ens3": settings}, OWNER_LINK)
    assert [change[2:] for change in planned.profiles] == [("ethtool.coalesce-rx-usecs", "", "50")]
    assert "next activation" in planned.verdicts["ens3", "RxCoalesceSec"].reason
    assert "Coalesce" not in after(planned, STOCK)[OURS]
    assert "TransmitQueueLength=2000" in after(planned, STOCK)[OURS]  # 1.42 has no property for it
    newer = plan(host(STOCK, network_manager=manager((1, 52))), {"ens3": settings}, OWNER_LINK)
    assert len(newer.profiles) == 2
    assert not newer.files


def test_a_profile_and_back() -> None:
    planned = plan(host(STOCK, network_manager=manager()), {"ens3": RX}, OWNER_RING)
    profiles = planned.recorded_profiles
    assert profiles == RECORDED
    now = {"network_manager": manager(ring_rx="4096"), "profiles": profiles}
    assert not plan(host(STOCK, **now), {"ens3": RX}, OWNER_RING).changed  # type: ignore[arg-type]
    for settings, owner in (({"ens3": {}}, OWNER_LINK), ({"ens4": {}}, OWNER_RING)):
        other = plan(host(STOCK, **now), settings, owner)  # type: ignore[arg-type]
        assert (other.changed, other.recorded_profiles) == (False, profiles)
    back = plan(host(STOCK, **now), {"ens3": {}}, OWNER_RING)  # type: ignore[arg-type]
    assert [change[2:] for change in back.profiles] == [("ethtool.ring-rx", "4096", "")]
    assert back.recorded_profiles == {}


def test_a_property_that_somebody_else_has_set_is_left_alone() -> None:
    theirs = plan(host(STOCK, network_manager=manager(ring_rx="512")), {"ens3": RX}, OWNER_RING)
    assert theirs.verdicts["ens3", "RxBufferSize"].state == "shadowed"
    assert theirs.verdicts["ens3", "RxBufferSize"].at_boot == "512"
    assert not theirs.changed
    largest = plan(
        host(STOCK, network_manager=manager(ring_rx="512")), {"ens3": {"RxBufferSize": Setting("max", "")}}, OWNER_RING
    )
    assert largest.verdicts["ens3", "RxBufferSize"].state == "shadowed"
    since = host(STOCK, network_manager=manager(ring_rx="512"), profiles=RECORDED)
    back = plan(since, {"ens3": {}}, OWNER_RING)
    assert back.verdicts["ens3", "RxBufferSize"].state == "kept"
    assert not back.changed


def test_a_profile_that_is_generated_at_each_boot_is_left_to_a_link_file() -> None:
    volatile = manager(file="/run/NetworkManager/system-connections/netplan-ens3.nmconnection")
    planned = plan(host(STOCK, network_manager=volatile), {"ens3": RX}, OWNER_RING)
    assert not planned.profiles
    assert "RxBufferSize=4096" in after(planned, STOCK)[OURS]


def test_profiles_out_of_reach() -> None:
    planned = plan(host(STOCK, profiles=RECORDED), {"ens3": {}}, OWNER_RING)
    assert planned.warnings == ["ens3: NetworkManager does not run, so that its profiles keep the values set in them"]
    assert planned.recorded_profiles == RECORDED
    assert not planned.changed
