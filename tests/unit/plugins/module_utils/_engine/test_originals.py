# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    KeyOriginal,
    LinkOriginal,
    Originals,
    OriginalsError,
    ProfileOriginal,
    link_key,
    parse,
    render,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from hypothesis import given
from hypothesis import strategies as st

A_CONF = "/etc/sysctl.d/a.conf"
ABSENT = {"found": None, "written": []}
ORIGINALS = Originals(
    {
        "net/core/somaxconn": KeyOriginal("4096", "8192", "8192", ("/etc/sysctl.d/a.conf", "/etc/sysctl.d/b.conf")),
        "net/ipv4/conf/eth0/forwarding": KeyOriginal("1", None, "0", ("/etc/sysctl.d/a.conf",), "net/ipv4/ip_forward"),
    },
    {
        "/etc/sysctl.d/a.conf": FileOriginal(FileRecord(b"vm.swappiness=1\n\xff", 0o640, 0, 4), ("ab", "cd")),
        "/etc/sysctl.d/b.conf": FileOriginal(None, ("ef",)),
    },
)
WITH_LINKS = ORIGINALS._replace(
    links={
        link_key("eth0", "52:54:00:12:34:56"): {
            "rx": LinkOriginal("256", "511", "512"),
            "tx": LinkOriginal("256", "1024", None, "3f2b1c00-0000-4000-8000-000000000000"),
        },
        link_key("veth0", None): {"txqueuelen": LinkOriginal("1000", "500", "500", "")},
    }
)


UUID = "690a8c02-dc62-49ec-b466-70b425d7c6cc"
PROPERTY = "ethtool.ring-rx"
WITH_PROFILES = WITH_LINKS._replace(
    profiles={
        UUID: {
            PROPERTY: ProfileOriginal("eth0", "", "512"),
            "link.tx-queue-length": ProfileOriginal("veth0", "700", "2000"),
        }
    }
)


@pytest.mark.parametrize("originals", [NOTHING, ORIGINALS, WITH_LINKS, WITH_PROFILES])
def test_originals_survive_a_round_trip(originals: Originals) -> None:
    assert parse(render(originals)) == originals


@given(st.binary())
def test_any_content_survives_a_round_trip(content: bytes) -> None:
    originals = Originals({}, {"/etc/sysctl.d/a.conf": FileOriginal(FileRecord(content, 0o644, 0, 0), ())})
    assert parse(render(originals)) == originals


@given(st.binary())
def test_damage_is_always_the_domain_error(content: bytes) -> None:
    with pytest.raises(OriginalsError, match="damaged"):
        parse(content)


def test_a_record_has_the_oldest_schema_that_holds_it() -> None:
    """So that an older version can read it, and a record of its own, which lacks the section, is read here."""
    document = json.loads(render(ORIGINALS))
    assert (document["schema"], "links" in document, "profiles" in document) == (1, False, False)
    document = json.loads(render(WITH_LINKS))
    assert (document["schema"], "links" in document, "profiles" in document) == (2, True, False)
    document = json.loads(render(ORIGINALS._replace(profiles=WITH_PROFILES.profiles)))
    assert (document["schema"], "links" in document, "profiles" in document) == (3, False, True)
    assert Originals({}, {}, {"eth0": {}}).empty
    assert not Originals({}, {}, {"eth0": {"rx": LinkOriginal("1", "2", "2")}}).empty
    assert Originals({}, {}, {}, {UUID: {}}).empty
    assert not Originals({}, {}, {}, WITH_PROFILES.profiles).empty


def older_record(**options: object) -> bytes:
    """A record of schema 2, with more options of veth0."""
    document = json.loads(render(WITH_LINKS))
    document["links"]["veth0"].update(options)
    return json.dumps(document).encode()


OLDER = {"found": "", "written": "512", "left": None, "boot": None}


def test_profiles_of_an_older_record_are_converted() -> None:
    """Until schema 2, a profile's property was an option of the interface."""
    converted = parse(older_record(**{f"nmcli {UUID} {PROPERTY}": OLDER}))
    assert converted.links == WITH_LINKS.links
    assert converted.profiles == {UUID: {PROPERTY: ProfileOriginal("veth0", "", "512")}}
    assert parse(render(converted)) == converted


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        pytest.param(f"nmcli {UUID}", OLDER, id="no property"),
        pytest.param(f"nmcli {UUID} {PROPERTY} x", OLDER, id="a word too many"),
        pytest.param(f"nmcli {UUID} connection.autoconnect", OLDER, id="a property that is not ours"),
        pytest.param(f"nmcli --help {PROPERTY}", OLDER, id="an option of nmcli for a UUID"),
        pytest.param(f"nmcli {UUID} {PROPERTY}", {**OLDER, "found": None}, id="no text"),
        pytest.param(f"nmcli {UUID} {PROPERTY}", {"found": "", "written": ""}, id="fields missing"),
    ],
)
def test_an_older_record_edited_by_hand_is_not_trusted_either(name: str, fields: object) -> None:
    with pytest.raises(OriginalsError, match="damaged"):
        parse(older_record(**{name: fields}))


def damaged(*path: str, value: object) -> bytes:
    document = json.loads(render(WITH_PROFILES))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"schema": 1}', id="nothing in it"),
        pytest.param(damaged("schema", value="1"), id="schema is a text"),
        pytest.param(damaged("sysctl", value=[]), id="keys are a list"),
        pytest.param(damaged("sysctl", "net/core/somaxconn", "value", value=4096), id="a value is a number"),
        pytest.param(damaged("sysctl", "net/core/somaxconn", "value", value="1\n2"), id="a value has two lines"),
        pytest.param(damaged("sysctl", "net/core/somaxconn", "left", value=1), id="left is a number"),
        pytest.param(damaged("sysctl", "../../etc/passwd", value={}), id="a key leads out of /proc/sys"),
        pytest.param(damaged("files", A_CONF, "found", "mode", value="rw"), id="a mode is no number"),
        pytest.param(damaged("files", A_CONF, "found", value={}), id="a file without content"),
        pytest.param(damaged("files", A_CONF, "found", "mode", value="4755"), id="a file would run as its owner"),
        pytest.param(damaged("files", A_CONF, "found", "mode", value="-644"), id="a mode below zero"),
        pytest.param(damaged("files", A_CONF, "found", "mode", value=420), id="a mode in decimals"),
        pytest.param(damaged("files", A_CONF, "found", "uid", value=-1), id="a user below zero"),
        pytest.param(damaged("files", A_CONF, "found", "uid", value="0"), id="a user as a text"),
        pytest.param(damaged("files", A_CONF, "found", "gid", value=2**32), id="a group beyond all"),
        pytest.param(damaged("files", A_CONF, "found", "content", value=7), id="content is a number"),
        pytest.param(damaged("files", A_CONF, "written", value="ab"), id="digests are a text"),
        pytest.param(damaged("files", A_CONF, "written", value=[1]), id="a digest is a number"),
        pytest.param(damaged("files", "/etc/shadow", value=ABSENT), id="a file that is not ours to write"),
        pytest.param(damaged("files", "/etc/sysctl.d/../shadow", value=ABSENT), id="a file by a detour"),
        pytest.param(damaged("files", "etc/sysctl.d/a.conf", value=ABSENT), id="a path that begins nowhere"),
        pytest.param(damaged("links", value=[]), id="interfaces are a list"),
        pytest.param(damaged("links", "../eth0", value={}), id="an interface's name has a slash"),
        pytest.param(damaged("links", "eth0 52:54", value={"rx": {}}), id="an option without values"),
        pytest.param(damaged("links", "veth0", "txqueuelen", "found", value=1000), id="an option is a number"),
        pytest.param(damaged("links", "veth0", "txqueuelen", "left", value="1\n2"), id="an option has two lines"),
        pytest.param(damaged("links", "veth0", "nmcli u p", value=OLDER), id="an older entry in a new record"),
        pytest.param(damaged("profiles", value=[]), id="profiles are a list"),
        pytest.param(damaged("profiles", "--help", value={}), id="a UUID is an option of nmcli"),
        pytest.param(damaged("profiles", UUID, "connection.id", value={}), id="a property that is not ours"),
        pytest.param(damaged("profiles", UUID, PROPERTY, "found", value=None), id="a property is null"),
        pytest.param(damaged("profiles", UUID, PROPERTY, "found", value="1\n"), id="a property has two lines"),
        pytest.param(damaged("profiles", UUID, PROPERTY, "interface", value="../x"), id="a profile's interface"),
        pytest.param(damaged("profiles", UUID, PROPERTY, value={"found": "", "written": ""}), id="no interface"),
    ],
)
def test_a_record_edited_by_hand_is_not_trusted(content: bytes) -> None:
    with pytest.raises(OriginalsError, match=r"damaged.*nothing was changed.*backup"):
        parse(content)


def test_a_newer_schema_is_refused_with_the_way_out() -> None:
    with pytest.raises(OriginalsError, match="newer version"):
        parse(damaged("schema", value=99))
