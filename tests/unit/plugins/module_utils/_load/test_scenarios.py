# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios that SIPp gets."""

from __future__ import annotations

import re
from itertools import product
from xml.etree import ElementTree

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._load.scenarios import (
    INVITE,
    INVITE_MEDIA,
    OPTIONS,
    REGISTER,
    SCENARIOS,
    USERS,
    callee_scenario,
    injection_file,
    options_scenario,
    scenario,
)

ALL = [scenario(kind, with_credentials=known) for kind, known in product(SCENARIOS, (False, True))]


@pytest.mark.parametrize("text", [*ALL, callee_scenario(), callee_scenario(with_media=True)])
def test_scenarios_are_xml_and_their_messages_are_sip(text: str) -> None:
    for send in ElementTree.fromstring(text).iter("send"):
        head, _, body = (send.text or "").strip("\n").partition("\n\n")
        start, *headers = head.split("\n")
        assert start.startswith("SIP/2.0 ") or start.endswith(" SIP/2.0")
        # A line of brackets alone is a keyword that stands for whole headers, and may stand for none.
        assert all(": " in header or header.startswith("[") for header in headers), head
        assert ("Content-Length: [len]" in head) == bool(body.strip())


def sends(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text).iter("send"))


@pytest.mark.parametrize(
    ("kind", "retransmitted"), [(OPTIONS, []), (REGISTER, ["REGISTER"]), (INVITE, ["INVITE", "BYE"])]
)
def test_what_is_sent_again(kind: str, retransmitted: list[str]) -> None:
    assert [send.text.split()[0] for send in sends(scenario(kind)) if "retrans" in send.attrib] == retransmitted


@pytest.mark.parametrize("text", ALL)
def test_each_response_time_that_begins_ends(text: str) -> None:
    root = ElementTree.fromstring(text)
    assert [send.get("start_rtd") for send in root.iter("send")].count("1") == 1
    assert "1" in [receive.get("rtd") for receive in root.iter("recv")]


def test_other_answers_count_where_they_are_accepted() -> None:
    root = ElementTree.fromstring(options_scenario(accepted=(404, 401)))
    receives = [(one.get("response"), one.get("optional")) for one in root.iter("recv")]
    assert receives == [("401", "true"), ("404", "true"), ("200", None)]
    labels = {label.get("id") for label in root.iter("label")}
    assert {one.get("next") for one in root.iter("recv")} - {None} == labels


def test_requests_with_credentials_name_a_user_of_the_file() -> None:
    first, second = (send.text or "" for send in sends(scenario(REGISTER, with_credentials=True)))
    assert "[field1]" not in first
    assert "\n[field1]\n" in second  # SIPp takes no field inside of [authentication]
    assert injection_file("alice", "s3cret").split("\n")[1:] == [
        'alice;[authentication username=alice password="s3cret"];',
        "",
    ]
    assert len(injection_file().splitlines()) == 1 + USERS


def test_a_password_may_have_any_character_that_a_field_may_have() -> None:
    assert r'password="a\"b\\c d=%0x41"]' in injection_file("alice", r'a"b\c d=%0x41')


@pytest.mark.parametrize("kind", [REGISTER, INVITE, INVITE_MEDIA])
def test_a_user_of_the_target_is_at_home_there(kind: str) -> None:
    froms = [re.findall(r"^From: <(.*?)>", send.text or "", re.M) for send in sends(scenario(kind, "x", (), True))]
    assert {one for found in froms for one in found} == {"sip:[field0]@[remote_ip]:[remote_port]"}


@pytest.mark.parametrize("kind", [REGISTER, INVITE, INVITE_MEDIA])
def test_a_daemon_need_not_ask_for_the_credentials(kind: str) -> None:
    root = ElementTree.fromstring(scenario(kind, with_credentials=True))
    before_the_second = list(root)[: [one.tag for one in root].index("label")]
    unasked = next(one for one in before_the_second if one.get("response") == "200")
    assert unasked.get("next") in {label.get("id") for label in root.iter("label")}


def test_media_is_played_between_answer_and_end() -> None:
    steps = [step.tag for step in ElementTree.fromstring(scenario(INVITE_MEDIA))]
    assert steps.index("nop") < steps.index("pause") < len(steps) - 3
    assert "nop" not in [step.tag for step in ElementTree.fromstring(scenario(INVITE))]
