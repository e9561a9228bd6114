# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a load comes from, and where it goes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.aim import choose_end_point, choose_generator
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.settings import ProveError

from .made_up import settings

HOSTS = ("edge1", "edge2", "gen1", "gen2")


def sockets(*ends: str, daemon: str = "kamailio") -> list[dict[str, Any]]:
    return [{"daemon": daemon, "socket": end} for end in ends]


@pytest.mark.parametrize(
    ("variables", "generators", "chosen"),
    [
        ({}, ["gen1", "gen2"], "gen1"),
        ({"generator": "gen2"}, ["gen1"], "gen2"),
        ({"local": True}, [], "edge1"),
        ({"local": True}, ["gen1"], "gen1"),
        ({"local": True, "generator": "edge1"}, ["gen1"], "edge1"),
        ({}, ["edge1", "gen1"], "gen1"),
    ],
)
def test_the_generator(variables: dict[str, Any], generators: list[str], chosen: str) -> None:
    assert choose_generator("edge1", settings(**variables), generators, HOSTS) == chosen


@pytest.mark.parametrize(
    ("variables", "generators", "words"),
    [
        ({}, [], "there is no generator.*siptune_generators"),
        ({}, ["edge1"], "there is no generator"),
        ({"generator": "gen9"}, ["gen1"], "no host gen9"),
        ({"generator": "edge1"}, ["gen1"], "is the target itself.*siptune_prove_local"),
    ],
)
def test_no_generator(variables: dict[str, Any], generators: list[str], words: str) -> None:
    with pytest.raises(ProveError, match=words):
        choose_generator("edge1", settings(**variables), generators, HOSTS)


@pytest.mark.parametrize(
    ("variables", "found", "local", "expected"),
    [
        ({}, sockets("10.0.0.5:5060"), False, ("10.0.0.5", 5060, "kamailio")),
        ({}, sockets("0.0.0.0:5060"), False, ("edge1.example.org", 5060, "kamailio")),
        ({}, sockets("0.0.0.0:5060"), True, ("127.0.0.1", 5060, "kamailio")),
        ({}, sockets("127.0.0.1:5060", "10.0.0.5:5060"), False, ("10.0.0.5", 5060, "kamailio")),
        ({}, sockets("127.0.0.1:5060"), True, ("127.0.0.1", 5060, "kamailio")),
        ({}, sockets("10.0.0.5:5080"), False, ("10.0.0.5", 5080, "kamailio")),
        ({}, sockets("[2001:db8::5]:5060"), False, ("2001:db8::5", 5060, "kamailio")),
        ({"port": 5080}, sockets("10.0.0.5:5060"), False, ("10.0.0.5", 5080, "kamailio")),
        ({"address": "sip.example.org"}, sockets("10.0.0.5:5060"), False, ("sip.example.org", 5060, "kamailio")),
        ({"transport": "tls"}, sockets("10.0.0.5:5060"), False, ("10.0.0.5", 5061, "kamailio")),
        ({"transport": "tcp"}, sockets("10.0.0.5:5060"), False, ("10.0.0.5", 5060, "kamailio")),
        ({}, sockets("127.0.0.1:2223", daemon="rtpengine"), False, ("edge1.example.org", 5060, None)),
        ({}, sockets("0.0.0.0:4569", "0.0.0.0:5080", daemon="asterisk"), True, ("127.0.0.1", 5080, "asterisk")),
        ({}, sockets("10.0.0.5:4569", daemon="asterisk"), False, ("edge1.example.org", 5060, None)),
        ({}, [], False, ("edge1.example.org", 5060, None)),
    ],
)
def test_the_end_point(
    variables: dict[str, Any], found: list[dict[str, Any]], local: bool, expected: tuple[str, int, str | None]
) -> None:
    assert choose_end_point(settings(**variables), found, "edge1.example.org", local) == expected


@pytest.mark.parametrize(
    ("running", "daemon"),
    [
        (["kamailio"], "kamailio"),
        (["rtpengine", "kamailio"], "kamailio"),
        (["asterisk", "asterisk"], "asterisk"),
        (["asterisk", "kamailio"], None),
        (["rtpengine"], None),
    ],
)
def test_a_daemon_without_a_socket_of_udp_is_the_only_one_that_runs(running: list[str], daemon: str | None) -> None:
    found = choose_end_point(settings(transport="tls"), [], "edge1.example.org", False, running)
    assert found == ("edge1.example.org", 5061, daemon)
