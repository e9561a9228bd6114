# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.ceilings import READERS, ceilings
from ansible_collections.siptune.linux.plugins.module_utils._sip.config_files import ConfigFiles, container_files
from hypothesis import given
from hypothesis import strategies as st

from .test_rtp_ports import config_files

KAMAILIO, OPENSIPS = "/etc/kamailio/kamailio.cfg", "/etc/opensips/opensips.cfg"
ASTERISK, SWITCH = "/etc/asterisk/asterisk.conf", "/etc/freeswitch/autoload_configs/switch.conf.xml"


def look(daemon: str, files: dict[str, str], *words: str) -> dict[str, tuple[int | None, str]]:
    found = ceilings(daemon, [daemon, *words], config_files(files))
    return {one.name: (one.value, one.set_by) for one in found}


@pytest.mark.parametrize(
    ("text", "words", "name", "expected"),
    [
        ("", [], "tcp_max_connections", (2048, "default")),
        ("", [], "tcp_listen_backlog", (1024, "default")),
        ("", [], "children", (8, "default")),
        ("", [], "open_files_limit", (None, "default")),
        ("debug=2\ntcp_max_connections = 8192\n", [], "tcp_max_connections", (8192, f"{KAMAILIO} line 2")),
        ("tcp_max_connections=1\ntcp_max_connections=2", [], "tcp_max_connections", (2, f"{KAMAILIO} line 2")),
        ("# tcp_max_connections=1\n", [], "tcp_max_connections", (2048, "default")),
        ("#!define MOST 4096\ntcp_max_connections=MOST\n", [], "tcp_max_connections", (4096, f"{KAMAILIO} line 2")),
        ("tcp_max_connections=MOST\n", ["-A", "MOST=100"], "tcp_max_connections", (100, f"{KAMAILIO} line 1")),
        ("tcp_max_connections=MOST\n", [], "tcp_max_connections", (None, f"unknown: a word in {KAMAILIO} line 1")),
        ("children=4\n", ["-n", "16"], "children", (16, "command line")),
        ("children=4\n", ["-n16"], "children", (16, "command line")),
        ("tcp_children=4\n", [], "tcp_children", (4, f"{KAMAILIO} line 1")),
        ("open_files_limit=4096\n", [], "open_files_limit", (4096, f"{KAMAILIO} line 1")),
    ],
)
def test_kamailio(text: str, words: list[str], name: str, expected: tuple) -> None:
    assert look("kamailio", {KAMAILIO: text}, *words)[name] == expected


def test_processes_for_tcp_are_as_many_as_for_udp() -> None:
    assert "tcp_children" not in look("kamailio", {KAMAILIO: "children=4"})


@pytest.mark.parametrize(
    ("text", "words", "name", "expected"),
    [
        ("", [], "udp_workers", (8, "default")),
        ("", [], "tcp_socket_backlog", (10, "default")),
        ("children=4\n", [], "children", (4, f"{OPENSIPS} line 1")),
        ("udp_workers=4\n", ["-n", "16"], "udp_workers", (4, f"{OPENSIPS} line 1")),
        ("", ["-n", "16"], "udp_workers", (16, "command line")),
        ("tcp_listen_backlog=5\n", [], "tcp_listen_backlog", (5, f"{OPENSIPS} line 1")),
        ("open_files_limit=0x1000\n", [], "open_files_limit", (4096, f"{OPENSIPS} line 1")),
    ],
)
def test_opensips(text: str, words: list[str], name: str, expected: tuple) -> None:
    assert look("opensips", {OPENSIPS: text}, *words)[name] == expected


def test_a_configuration_elsewhere_and_in_parts() -> None:
    files = {"/a/k.cfg": 'include_file "b.cfg"\n', "/a/b.cfg": "tcp_max_connections=7\n"}
    assert look("kamailio", files, "-f", "/a/k.cfg")["tcp_max_connections"] == (7, "/a/b.cfg line 1")


def test_a_configuration_that_cannot_be_read_is_unknown() -> None:
    assert look("kamailio", {}, "-f", "/gone")["tcp_max_connections"] == (None, "unknown: /gone cannot be read")


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("", [], {"maxcalls": (None, "default"), "maxfiles": (None, "default")}),
        ("[options]\nmaxcalls=200\nmaxfiles=1000 ; x\n", [],
         {"maxcalls": (200, ASTERISK), "maxfiles": (1000, ASTERISK)}),
        ("[options](!)\nmaxcalls=200\n", [], {"maxcalls": (None, "default"), "maxfiles": (None, "default")}),
        ("", ["-M", "30"], {"maxcalls": (30, "command line"), "maxfiles": (None, "default")}),
        ("[options]\nmaxcalls=0\nmaxfiles=many\n", [],
         {"maxcalls": (None, ASTERISK), "maxfiles": (None, f"unknown: many in {ASTERISK}")}),
    ],
)  # fmt: skip
def test_asterisk(text: str, words: list[str], expected: dict) -> None:
    assert look("asterisk", {ASTERISK: text}, *words) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", {"max-sessions": (1000, "default"), "sessions-per-second": (30, "default")}),
        ('<param name="max-sessions" value="5000"/>',
         {"max-sessions": (5000, SWITCH), "sessions-per-second": (30, "default")}),
        ('<param name="sessions-per-second" value="$${sps}"/>',
         {"max-sessions": (1000, "default"), "sessions-per-second": (None, f"unknown: $${{sps}} in {SWITCH}")}),
    ],
)  # fmt: skip
def test_freeswitch(settings: str, expected: dict) -> None:
    assert look("freeswitch", {SWITCH: f"<configuration><settings>{settings}</settings></configuration>"}) == expected


def test_daemons_without_ceilings() -> None:
    assert look("rtpengine", {}) == look("drachtio", {}) == {}


@given(st.sampled_from(sorted(READERS)), st.text(), st.lists(st.text()))
def test_no_text_is_too_strange(daemon: str, text: str, words: list[str]) -> None:
    assert len(ceilings(daemon, [daemon, *words], ConfigFiles(lambda _path: text))) >= 2


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({SWITCH: "<configuration><settings>"}, f"unknown: {SWITCH} is not understood"),
        ({SWITCH: "<!DOCTYPE a><settings/>"}, f"unknown: {SWITCH} is not understood"),
        ({}, "unknown: autoload_configs/switch.conf.xml cannot be read"),
    ],
)
def test_what_a_configuration_that_cannot_be_used_sets_is_unknown(files: dict[str, str], reason: str) -> None:
    assert set(look("freeswitch", files).values()) == {(None, reason)}


@pytest.mark.parametrize("daemon", sorted(READERS))
def test_nothing_is_known_of_a_daemon_in_a_container(daemon: str) -> None:
    found = ceilings(daemon, [daemon], container_files())
    assert found
    assert all(one.value is None and one.set_by.startswith("unknown: ") for one in found)
