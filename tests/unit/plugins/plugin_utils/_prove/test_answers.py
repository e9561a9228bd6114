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
