# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import ItemError
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    KeyOriginal,
    LinkOriginal,
    Originals,
    OriginalsError,
    ProfileOriginal,
    SocketOriginal,
    check,
    link_key,
    parse,
    parse_socket_key,
    render,
    socket_key,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from hypothesis import HealthCheck, given, settings
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
SOCKET_KEY = socket_key(4711, 230394, 1533586)
WITH_SOCKETS = WITH_LINKS._replace(
    sockets={
        SOCKET_KEY: SocketOriginal("kamailio udp [::1]:5060 receive buffer", "3f2b", 5060, 425984, 6291456, 6291456),
        socket_key(1, 0, 1): SocketOriginal("opensips udp 0.0.0.0:1 receive buffer", "", 1, 4608, 6291456, None),
    }
)


WITH_ATTRIBUTES = Originals(
    {},
    {
        A_CONF: FileOriginal(
            FileRecord(b"", 0o640, 0, 4, (("security.selinux", b"etc_t\0"), ("user.\udcfc", b"\xff"))), ("ab",)
        ),
        "/etc/systemd/system/a.service.d/b.conf": FileOriginal(None, ("cd",)),
    },
    directories=("/etc/systemd/system/a.service.d",),
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
EVERYTHING = WITH_PROFILES._replace(sockets=WITH_SOCKETS.sockets)


@pytest.mark.parametrize(
    "originals", [NOTHING, ORIGINALS, WITH_LINKS, WITH_PROFILES, WITH_SOCKETS, EVERYTHING, WITH_ATTRIBUTES]
)
def test_originals_survive_a_round_trip(originals: Originals) -> None:
    assert parse(render(originals)) == originals


@given(st.binary())
def test_any_content_survives_a_round_trip(content: bytes) -> None:
    originals = Originals({}, {"/etc/sysctl.d/a.conf": FileOriginal(FileRecord(content, 0o644, 0, 0), ())})
    assert parse(render(originals)) == originals


TEXT = st.one_of(st.sampled_from(["", "1", "a/b", "net/core/x", "1\n2", "\0", "\x1b[2J", "\udcff"]), st.text())
NUMBER = st.one_of(st.integers(-2, 2**33), st.sampled_from([0, 0o644, 0o4755, 65535]))
FILES = st.one_of(st.sampled_from([A_CONF, "/etc/default/kamailio", "/etc/default/k\udce9", "/etc/shadow"]), TEXT)
ATTRIBUTES = st.dictionaries(st.one_of(st.just("user.a"), TEXT), st.binary(max_size=9), max_size=2)
RECORDS = st.builds(
    lambda content, mode, uid, gid, attributes: FileRecord(content, mode, uid, gid, tuple(sorted(attributes.items()))),
    *(st.binary(max_size=9), NUMBER, NUMBER, NUMBER, ATTRIBUTES),
)
KEYS = st.builds(KeyOriginal, TEXT, st.none() | TEXT, st.none() | TEXT, st.tuples(TEXT), st.none() | TEXT)
LINKS = st.builds(LinkOriginal, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT)
SOCKETS = st.builds(SocketOriginal, TEXT, TEXT, NUMBER, NUMBER, NUMBER, st.none() | NUMBER)
ANY_ORIGINALS = st.builds(
    Originals,
    st.dictionaries(TEXT, KEYS, max_size=2),
    st.dictionaries(FILES, st.builds(FileOriginal, st.none() | RECORDS, st.tuples(TEXT)), max_size=2),
    st.dictionaries(TEXT, st.dictionaries(st.just("rx") | TEXT, LINKS, min_size=1, max_size=2), max_size=1),
    st.dictionaries(TEXT, st.dictionaries(TEXT, st.builds(ProfileOriginal, TEXT, TEXT, TEXT), min_size=1, max_size=1)),
    st.dictionaries(st.just(SOCKET_KEY) | TEXT, SOCKETS, max_size=1),
    st.sampled_from([(), ("/etc/sysctl.d",), ("/etc/cron.d",)]),
)


@given(ANY_ORIGINALS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_is_recorded_is_accepted_and_what_would_not_be_is_refused(originals: Originals) -> None:
    """Never is anything written that the next run refuses, and nothing is refused that it would accept."""
    try:
        accepted = parse(render(originals))
    except OriginalsError:
        with pytest.raises(ItemError, match="cannot be recorded, and so is not changed: "):
            check(originals)
    else:
        check(originals)
        assert accepted == originals


@pytest.mark.parametrize(
    ("originals", "message"),
    [
        pytest.param(
            Originals({"fs/binfmt_misc/foo": KeyOriginal("enabled\ninterpreter /x", "0", None, ())}, {}),
            "fs.binfmt_misc.foo: .*line break",
            id="a value of two lines",
        ),
        pytest.param(
            Originals({"net/ipv4/conf/eth0.100/forwarding": KeyOriginal("1\0", "0", None, ())}, {}),
            "net.ipv4.conf.eth0/100.forwarding: .*NUL",
            id="an interface with a dot",
        ),
        pytest.param(
            Originals({}, {"/etc/default/k\udce9": FileOriginal(None, ())}),
            "/etc/default/k\udce9: .*no file that siptune.linux writes",
            id="a path that is no text",
        ),
        pytest.param(
            Originals({}, {A_CONF: FileOriginal(FileRecord(bytes(2**24), 0o644, 0, 0), ())}),
            f"{A_CONF}: .*16 MiB",
            id="a file beyond all",
        ),
        pytest.param(
            Originals({}, {A_CONF: FileOriginal(FileRecord(b"", 0o644, 0, 0, (("user.a", bytes(65537)),)), ())}),
            f"{A_CONF}: .*65536 bytes of extended attributes",
            id="attributes beyond all",
        ),
    ],
)
def test_an_entry_that_cannot_be_recorded_is_named_as_its_item(originals: Originals, message: str) -> None:
    with pytest.raises(ItemError, match=f"^{message}"):
        check(originals)


def test_directories_that_older_versions_have_made_are_known() -> None:
    """They recorded none, and removed the directory of a drop-in when it was empty."""
    document = json.loads(render(WITH_ATTRIBUTES))
    del document["directories"]
    assert parse(json.dumps(document).encode()) == WITH_ATTRIBUTES
    document["files"]["/etc/systemd/system/a.service.d/b.conf"]["found"] = document["files"][A_CONF]["found"]
    assert parse(json.dumps(document).encode()).directories == ()


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
    assert json.loads(render(WITH_SOCKETS))["schema"] == 4
    assert not NOTHING._replace(sockets=WITH_SOCKETS.sockets).empty


def test_the_key_of_a_socket_says_which_it_is() -> None:
    assert parse_socket_key(SOCKET_KEY) == (4711, 230394, 1533586)


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
    document = json.loads(render(EVERYTHING))
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
        pytest.param(damaged("files", A_CONF, "found", "attributes", value=["user.a"]), id="attributes are a list"),
        pytest.param(damaged("files", A_CONF, "found", "attributes", value={"user.a": "%"}), id="no base64"),
        pytest.param(damaged("files", A_CONF, "found", "attributes", value={"user.a": 7}), id="an attribute's number"),
        pytest.param(damaged("files", A_CONF, "found", "attributes", value={"a": ""}), id="an attribute of no kind"),
        pytest.param(damaged("directories", value="/etc/sysctl.d"), id="directories are a text"),
        pytest.param(damaged("directories", value=["/etc/cron.d"]), id="a directory that is not ours to make"),
        pytest.param(damaged("directories", value=["/etc/default/../ssh"]), id="a directory by a detour"),
        pytest.param(damaged("directories", value=[["/etc/sysctl.d"]]), id="a directory is a list"),
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
        pytest.param(damaged("sockets", value=[]), id="sockets are a list"),
        pytest.param(damaged("sockets", "../1", value={}), id="a socket has no key"),
        pytest.param(damaged("sockets", SOCKET_KEY, value={"found": 1}), id="a socket without values"),
        pytest.param(damaged("sockets", SOCKET_KEY, "more", value=1), id="a socket with more values"),
        pytest.param(damaged("sockets", SOCKET_KEY, "item", value="a\nb"), id="a socket's name has two lines"),
        pytest.param(damaged("sockets", SOCKET_KEY, "boot", value=None), id="a socket of no boot"),
        pytest.param(damaged("sockets", SOCKET_KEY, "port", value=65536), id="a port beyond all"),
        pytest.param(damaged("sockets", SOCKET_KEY, "port", value="5060"), id="a port as a text"),
        pytest.param(damaged("sockets", SOCKET_KEY, "found", value=0), id="a buffer of nothing"),
        pytest.param(damaged("sockets", SOCKET_KEY, "found", value=None), id="a buffer that is not known"),
        pytest.param(damaged("sockets", SOCKET_KEY, "written", value=2**31), id="a buffer beyond an int"),
        pytest.param(damaged("sockets", SOCKET_KEY, "left", value=True), id="a buffer that is true"),
    ],
)
def test_a_record_edited_by_hand_is_not_trusted(content: bytes) -> None:
    with pytest.raises(OriginalsError, match=r"damaged.*nothing was changed.*backup"):
        parse(content)


def test_a_newer_schema_is_refused_with_the_way_out() -> None:
    with pytest.raises(OriginalsError, match="newer version"):
        parse(damaged("schema", value=99))
