# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What refusals mean, and how to make a daemon answer."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.answers import meaning, way_out

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


@pytest.mark.parametrize("daemon", ["asterisk", "kamailio"])
@pytest.mark.parametrize("scenario", [model.REGISTER, model.INVITE])
def test_credentials_that_were_given_are_not_asked_for_again(daemon: str, scenario: str) -> None:
    found = way_out(target(daemon=daemon, scenario=scenario), 401, "bob", 5070, with_credentials=True)
    assert "compare them with its own" in found
