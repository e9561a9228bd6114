# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What refusals mean, and how to make a daemon answer."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.answers import meaning, own_limits, way_out

from .made_up import target


@pytest.mark.parametrize("status", range(300, 700))
def test_every_refusal_has_a_meaning(status: int) -> None:
    assert meaning(status)


@pytest.mark.parametrize("daemon", ["asterisk", "drachtio", "freeswitch", "kamailio", "opensips", None])
@pytest.mark.parametrize("scenario", model.SCENARIOS)
@pytest.mark.parametrize("status", [401, 404, 503, None])
def test_every_refusal_has_a_way_out(daemon: str | None, scenario: str, status: int | None) -> None:
    found = way_out(target(daemon=daemon, scenario=scenario), status, "siptune-prove", 5070)
    assert found
    assert "{{" not in found
    assert "None" not in found


def test_it_names_what_is_to_be_done() -> None:
    asterisk = way_out(target(daemon="asterisk"), 401, "siptune-prove", 5070)
    assert "match=gen1" in asterisk
    assert "siptune_prove_accepted: [401]" in asterisk
    assert "siptune_prove_user" in way_out(target(scenario=model.REGISTER), 401, "x", 5070)
    assert 'if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }' in way_out(target(), None, "x", 5070)


@pytest.mark.parametrize(
    ("scenario", "status", "words"),
    [
        (model.OPTIONS, None, "siptune_prove_port"),
        (model.REGISTER, 401, "apply-register-acl"),
        (model.REGISTER, 403, "siptune_prove_accepted: [403]"),
        (model.INVITE, 407, "a user of the directory, or let gen1 in by an ACL of the profile (apply-inbound-acl)"),
        (model.INVITE, 403, "let gen1 in by an ACL of the profile (apply-inbound-acl)"),
        (model.INVITE_MEDIA, 480, "an extension siptune-prove that answers"),
    ],
)
def test_what_makes_freeswitch_answer(scenario: str, status: int | None, words: str) -> None:
    assert words in way_out(target(daemon="freeswitch", scenario=scenario), status, "siptune-prove", 5070)


def test_a_status_that_a_daemon_uses_in_its_own_way() -> None:
    assert "dialplan has no such extension" in meaning(480, "freeswitch")
    assert meaning(480, "kamailio") == meaning(480) == "the user is not registered"


def ceiling(name: str, value: int | None, set_by: str = "/etc/freeswitch/autoload_configs/switch.conf.xml") -> dict:
    return {"name": name, "value": value, "set_by": set_by}


OF_FREESWITCH = (ceiling("max-sessions", 1000), ceiling("sessions-per-second", 30, "default"))


@pytest.mark.parametrize(
    ("ceilings", "rate", "calls", "named"),
    [
        pytest.param(OF_FREESWITCH, 40, 120, ["sessions-per-second: 30 new sessions a second (default)"], id="rate"),
        pytest.param(OF_FREESWITCH, 15, 45, ["sessions-per-second: 30 "], id="two sessions a call"),
        pytest.param(
            (ceiling("max-sessions", 100), ceiling("sessions-per-second", 2000)),
            20,
            160,
            ["max-sessions: 100 sessions at once (/etc/freeswitch/autoload_configs/switch.conf.xml)"],
            id="at once",
        ),
        pytest.param(OF_FREESWITCH, 500, 4000, ["sessions-per-second: 30", "max-sessions: 1000"], id="both"),
        pytest.param(
            (ceiling("sessions-per-second", None, "unknown: no file"),), 1, 8, ["(unknown: no file)"], id="unknown"
        ),
        pytest.param(({"name": "sessions-per-second"},), 1, 8, ["sessions-per-second (unknown)"], id="a name"),
        pytest.param(OF_FREESWITCH, 5, 40, [], id="too few to be refused for that"),
        pytest.param((), 5000, 40000, [], id="no limit is known"),
    ],
)
@pytest.mark.parametrize("status", [503, 502])
def test_limits_of_the_daemon_itself(
    ceilings: list[dict], rate: int, calls: int, named: list[str], status: int
) -> None:
    found = own_limits("freeswitch", status, ceilings, rate, calls)
    if not named:
        assert found is None
        return
    assert found is not None
    words, way = found
    assert words.startswith("it is at a limit of its own, ")
    assert [name in words for name in named] == [True] * len(named)
    assert {name for name in ("sessions-per-second", "max-sessions") if name in way} == {
        name for name in ("sessions-per-second", "max-sessions") if name in words
    }
    assert "fs_cli -x 'fsctl" in way


@pytest.mark.parametrize(("daemon", "status"), [("freeswitch", 404), ("kamailio", 503), (None, 503)])
def test_other_refusals_are_no_such_limit(daemon: str | None, status: int) -> None:
    assert own_limits(daemon, status, OF_FREESWITCH, 5000, 40000) is None


@pytest.mark.parametrize(
    ("scenario", "status", "words"),
    [
        (model.OPTIONS, 401, "type=identify, match=gen1"),
        (model.OPTIONS, 404, "the extension bob"),
        (model.REGISTER, 401, "siptune_prove_user"),
        (model.REGISTER, 403, "remove_existing=yes"),
        (model.REGISTER, 404, "type=aor"),
        (model.INVITE, 401, "siptune_prove_user and siptune_prove_password, or the generator an endpoint"),
        (model.INVITE, 404, "exten = bob,1,Dial(PJSIP/bob)"),
        (model.INVITE_MEDIA, 488, "allow=ulaw"),
        (model.INVITE_MEDIA, 503, "contact=sip:bob@gen1:5070"),
        (model.INVITE, 486, "type=identify"),
    ],
)
def test_asterisk_is_told_by_its_own_settings(scenario: str, status: int, words: str) -> None:
    found = way_out(target(daemon="asterisk", scenario=scenario), status, "bob", 5070)
    assert words in found
    assert ("siptune_prove_accepted" in found) == (scenario == model.OPTIONS or (scenario, status) in ACCEPTED)


ACCEPTED = [(model.REGISTER, 403), (model.REGISTER, 404)]


@pytest.mark.parametrize(("daemon", "status"), [("asterisk", 401), ("kamailio", 401), ("freeswitch", 403)])
@pytest.mark.parametrize("scenario", [model.REGISTER, model.INVITE])
def test_credentials_that_were_given_are_not_asked_for_again(daemon: str, status: int, scenario: str) -> None:
    found = way_out(target(daemon=daemon, scenario=scenario), status, "bob", 5070, with_credentials=True)
    assert "compare them with its own" in found
