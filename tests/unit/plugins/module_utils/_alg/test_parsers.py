# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of firewalls: what assigns the helper, what only mentions it, and what is broken."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._alg.parsers import (
    has_helper,
    has_rule,
    services_of,
    zones_with_helper,
)
from hypothesis import given
from hypothesis import strategies as st

ZONE = """<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <service name="ssh"/>
  <service  name='sip' />
  <!-- <service name="ftp"/>
       <service name="tftp"/> -->
</zone>
"""
PLAIN = '<service><port port="5060" protocol="udp"/></service>'


def test_the_services_of_a_zone() -> None:
    assert services_of(ZONE) == {"ssh", "sip"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<service><helper name="sip"/></service>', True),
        ('<service><module name="nf_conntrack_sip"/></service>', True),
        ('<service><module name="nf-conntrack-sip"/></service>', True),
        ('<service><helper name="ftp"/></service>', False),
        ('<service><!-- <helper name="sip"/> --></service>', False),
        ('<service><!-- <helper name="sip"/>', False),
        (PLAIN, False),
        ("", False),
    ],
)
def test_a_service_with_the_helper(text: str, expected: bool) -> None:
    assert has_helper(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('table inet f {\n ct helper sip-5060 {\n  type "sip" protocol udp;\n }\n}\n', True),
        ("add ct helper inet f x { type sip protocol tcp\\; }", True),
        ('# type "sip" protocol udp;\n', False),
        ('ct helper f { type "ftp" protocol tcp; }', False),
        ('tcp dport 5060 accept comment "sip protocol"\n', False),
        ("-A PREROUTING -p udp --dport 5060 -j CT --helper sip\n", True),
        ("-A PREROUTING -p udp -j CT --helper sip-5060\n", True),
        ("#-A PREROUTING -j CT --helper sip\n", False),
        ("-A INPUT -m helper --helper ftp -j ACCEPT\n-A INPUT -p udp --dport 5060\n", False),
        ("", False),
    ],
)
def test_a_rule_with_the_helper(text: str, expected: bool) -> None:
    assert has_rule(text) is expected


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ({}, ["a"]),
        ({"sip": PLAIN}, []),
        ({"sip": '<helper name="sip"/>'}, ["a"]),
        ({"ssh": '<service><helper name="sip"/></service>'}, ["a", "b"]),
    ],
    ids=["firewalld's own", "replaced without", "replaced with", "one of the host's own"],
)
def test_zones_that_let_in_a_service_with_the_helper(services: dict[str, str], expected: list[str]) -> None:
    assert zones_with_helper({"a": ZONE, "b": '<service name="ssh"/>', "c": "<zone/>"}, services) == expected


@given(st.text(alphabet="<>!-/\"' \nsipnamervchltyo=", max_size=300))
def test_no_text_makes_a_parser_raise(text: str) -> None:
    zones_with_helper({"a": text}, {"x": text})
    has_rule(text)


@pytest.mark.parametrize("piece", ["<service ", "<!--", "<service name='", "type ", "--helper ", "\n#"])
def test_long_texts_take_linear_time(piece: str) -> None:
    text = piece * 200_000
    zones_with_helper({"a": text}, {"x": text})
    has_rule(text)
