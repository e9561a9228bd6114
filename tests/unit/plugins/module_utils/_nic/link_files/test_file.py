# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import (
    HEADING,
    LINK,
    Assignment,
    LinkFile,
    OwnText,
    Setting,
    Winner,
    files_in_order,
    is_interface_name,
    is_own_name,
    is_vendors,
    own_paths,
    parse,
    parse_own,
    render,
    winner,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.match import Device
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import OPTIONS, OWNERS
from hypothesis import given
from hypothesis import strategies as st

SR_IOV = "SR-IOV"
DEFAULT = "/usr/lib/systemd/network/99-default.link"
USERS = "/etc/systemd/network/10-dmz.link"
CARD = Device("ens3", 2, "52:54:00:12:34:56", "52:54:00:12:34:56", "pci-0", "igb", "ether", "", None, False, {})


# --- syntax ---------------------------------------------------------------------------------


def test_assignments() -> None:
    text = "Lost=1\n[Match]\nDriver = igb e1000\n[Link]\nNoValue\n=x\nAlias=a = b\nName=\n[SR-IOV]\nVirtualFunction=0\n"
    assert parse(text, "f") == [
        Assignment("Match", 2, "Driver", "igb e1000", "f", 3),
        Assignment("Link", 4, "Alias", "a = b", "f", 7),
        Assignment("Link", 4, "Name", "", "f", 8),
        Assignment("SR-IOV", 9, "VirtualFunction", "0", "f", 10),
    ]


def test_a_broken_header_costs_the_whole_file() -> None:
    assert parse("[Match]\nDriver=a\n[Link\nName=b\n", "f") is None
    file = LinkFile(USERS, ((USERS, "[Match]\nOriginalName=*\n"), (USERS + ".d/a.conf", "[Link\n")))
    assert file.lines == file.match == []


def test_bytes_that_are_not_utf8_are_passed_over() -> None:
    text = b"[Link]\nAlias=\xff\nName=a\n".decode("utf-8", "surrogateescape")
    assert [line.key for line in parse(text, "f") or []] == ["Name"]


# --- which files count ----------------------------------------------------------------------


def test_order_and_masks() -> None:
    listing = {
        "/etc/systemd/network": ["99-default.link", "10-b.link", "x.network", "Z.link"],
        "/run/systemd/network": ["10-a.link", "10-b.link"],
        "/usr/lib/systemd/network": ["73-usb-net-by-mac.link", "99-default.link"],
    }
    assert files_in_order(listing) == [
        "/run/systemd/network/10-a.link",
        "/etc/systemd/network/10-b.link",
        "/usr/lib/systemd/network/73-usb-net-by-mac.link",
        "/etc/systemd/network/99-default.link",
        "/etc/systemd/network/Z.link",
    ]


def test_ours_comes_before_all_that_are_common() -> None:
    first, second = own_paths("eth0")
    names = ["0-a", "00-a", "00-siptune", "01-a", "10-netplan-eth0", "10-dmz", "73-usb-net-by-mac", "99-default"]
    listing = {"/etc/systemd/network": [f"{name}.link" for name in names]}
    order = files_in_order({**listing, "x": [first.rsplit("/", 1)[1], second.rsplit("/", 1)[1]]})
    places = [path.rsplit("/", 1)[1] for path in order]
    assert places.index("00-siptune-eth0.link") < places.index("01-a.link")
    assert places.index("0-siptune-eth0.link") < places.index("00-a.link")
    assert is_own_name(first)
    assert is_own_name(second)
    assert not is_own_name("/run/systemd/network/00-siptune-eth0.link")
    assert not is_own_name(USERS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (DEFAULT, True),
        ("/lib/systemd/network/99-default.link", True),
        ("/usr/lib/systemd/network/99-default.link.d/a.conf", True),
        ("/usr/local/lib/systemd/network/a.link", False),
        ("/run/systemd/network/10-netplan-eth0.link", False),
        (USERS, False),
        (DEFAULT.replace("/usr/lib", "/etc") + ".d/a.conf", False),
    ],
)
def test_what_came_with_the_distribution(path: str, expected: bool) -> None:
    assert is_vendors(path) == expected


def _file(path: str, *lines: str) -> LinkFile:
    return LinkFile(path, ((path, "[Match]\n" + "\n".join(lines) + "\n[Link]\nNamePolicy=keep\n"),))


ALL = _file(DEFAULT, "OriginalName=*")
HOSTS = _file("/etc/systemd/network/20-host.link", "Host=x", "OriginalName=*")
OTHER = _file(USERS, "Driver=e1000")
DRIVER = _file("/etc/systemd/network/30-igb.link", "Driver=igb")


@pytest.mark.parametrize(
    ("files", "applied", "expected"),
    [
        pytest.param([OTHER, DRIVER, ALL], None, Winner(DRIVER), id="the first that matches"),
        pytest.param([OTHER, ALL], DEFAULT, Winner(ALL), id="the default"),
        pytest.param([OTHER], None, Winner(None), id="none"),
        pytest.param([HOSTS, ALL], None, Winner(None, HOSTS), id="not known"),
        pytest.param([HOSTS, ALL], HOSTS.path, Winner(HOSTS), id="udev applied it"),
        pytest.param([HOSTS, ALL], DEFAULT, Winner(ALL), id="udev passed over it"),
        pytest.param([HOSTS, ALL], "/gone.link", Winner(None, HOSTS), id="what udev applied is gone"),
        pytest.param([OTHER, HOSTS, ALL], USERS, Winner(None, HOSTS), id="what udev applied matches no longer"),
    ],
)
def test_the_winner(files: list[LinkFile], applied: str | None, expected: Winner) -> None:
    assert winner(files, CARD, 252, applied) == expected


# --- our own --------------------------------------------------------------------------------

OWN = OwnText(
    (("PermanentMACAddress", "52:54:00:12:34:56"), ("Type", "ether")),
    (
        Assignment(LINK, 4, "NamePolicy", "keep kernel", DEFAULT, 5),
        Assignment(LINK, 4, "MACAddressPolicy", "persistent", DEFAULT, 6),
        Assignment(LINK, 1, "Alias", "dmz", DEFAULT + ".d/a.conf", 2),
        Assignment(SR_IOV, 8, "VirtualFunction", "0", DEFAULT, 9),
        Assignment(SR_IOV, 8, "Trust", "yes", DEFAULT, 10),
        Assignment(SR_IOV, 11, "VirtualFunction", "1", DEFAULT, 12),
    ),
    {
        "nic_ring": {"TxBufferSize": Setting("max", ""), "RxBufferSize": Setting("4096", "Room for a burst.")},
        "nic_link": {"TransmitQueueLength": Setting("2000", "Two\nlines.")},
    },
)


def test_rendered() -> None:
    assert render(OWN) == HEADING + (
        "\n[Match]\nPermanentMACAddress=52:54:00:12:34:56\nType=ether\n\n[Link]\n"
        f"#-- repeated from {DEFAULT}\nNamePolicy=keep kernel\nMACAddressPolicy=persistent\n"
        f"#-- repeated from {DEFAULT}.d/a.conf\nAlias=dmz\n"
        "\n#-- siptune.linux.nic_ring\n# Room for a burst.\nRxBufferSize=4096\nTxBufferSize=max\n"
        "\n#-- siptune.linux.nic_link\n# Two lines.\nTransmitQueueLength=2000\n"
        f"\n[SR-IOV]\n#-- repeated from {DEFAULT}\nVirtualFunction=0\nTrust=yes\n"
        f"\n[SR-IOV]\n#-- repeated from {DEFAULT}\nVirtualFunction=1\n"
    )


def test_udev_reads_what_we_repeat_as_it_was() -> None:
    lines = [line for line in parse(render(OWN), "f") or [] if line.section != "Match" and line.key not in OPTIONS]
    assert [(line.section, line.key, line.value) for line in lines] == [
        (line.section, line.key, line.value) for line in OWN.repeated
    ]
    blocks = [line.block for line in lines if line.section == SR_IOV]
    assert blocks[0] == blocks[1] != blocks[2]


def test_what_is_not_ours() -> None:
    assert parse_own("", "f") is None
    assert parse_own("[Match]\nOriginalName=*\n", "f") is None
    assert parse_own(HEADING + "[Link\n", "f") is None
    assert parse_own(render(OWN), "f").source == DEFAULT  # type: ignore[union-attr]


VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30).filter(
    lambda text: not text.endswith("\\")
)
WHYS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=300).map(
    lambda text: " ".join(text.split())
)
SETTINGS = st.fixed_dictionaries(
    {
        owner: st.dictionaries(
            st.sampled_from([name for name, option in OPTIONS.items() if option.owner == owner]),
            st.builds(Setting, VALUES, WHYS),
        )
        for owner in OWNERS
    }
)
KEYS = st.sampled_from(["NamePolicy", "Name", "Alias", "Property", "RxBufferSize", "MTUBytes"])
FILES = st.sampled_from([DEFAULT, USERS])
REPEATED = st.lists(st.tuples(KEYS, VALUES, FILES), max_size=6).map(
    lambda rows: tuple(Assignment(LINK, 1, key, value, file, 0) for key, value, file in rows)
)


@given(settings=SETTINGS, repeated=REPEATED)
def test_our_text_reads_back(settings: dict[str, dict[str, Setting]], repeated: tuple[Assignment, ...]) -> None:
    own = OwnText((("OriginalName", "v0"),), repeated, settings)
    back = parse_own(render(own), "f")
    assert back is not None
    assert back.match == own.match
    assert back.settings == settings
    assert [line[2:5] for line in back.repeated] == [line[2:5] for line in repeated]
    # The other module's options survive a change of the one's.
    without = parse_own(render(back._replace(settings={**back.settings, "nic_ring": {}})), "f")
    assert without is not None
    assert without.settings == {**settings, "nic_ring": {}}


@pytest.mark.parametrize("name", ["eth0", "eth0.100", "enp3s0f0np0", "a", "br-lan", "v@x", "x" * 15])
def test_names_of_interfaces(name: str) -> None:
    assert is_interface_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "a\nb", "a:1", "x" * 16, "ä", "a\0"])
def test_no_names_of_interfaces(name: str) -> None:
    assert not is_interface_name(name)
