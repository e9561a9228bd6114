# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of daemons, as Asterisk 16.28, Kamailio 5.6 and rtpengine 10.5 gave them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip import answers
from hypothesis import given
from hypothesis import strategies as st

NOTICE = "No ethernet interface found for seeding global EID. You will have to set it manually.\n"
NO_DIALOGS = "error: 500 - command dlg.stats_active not found\n"
TM_STATS = """{
\tcurrent: 7
\twaiting: 5
\ttotal: 310
\ttotal_local: 0
\trpl_received: 0
\tcreated: 310
\tfreed: 303
\tdelayed_free: 0
}
"""
DIALOGS = "{\n\tstarting: 0\n\tconnecting: 1\n\tanswering: 0\n\tongoing: 2\n\tall: 3\n}\n"


def opensips(text: str) -> int | None:
    return answers.parse_opensips(text, "dialog:active_dialogs")


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        pytest.param(
            answers.parse_asterisk,
            NOTICE + "0 active channels\n0 active calls\n0 calls processed\n",
            0,
            id="asterisk, idle",
        ),
        pytest.param(
            answers.parse_asterisk,
            NOTICE + "2 active channels\n1 active call\n1 call processed",
            1,
            id="asterisk, a call of two channels",
        ),
        pytest.param(
            answers.parse_asterisk,
            "1 active channel\n0 active calls\n7 calls processed\n",
            1,
            id="asterisk, a channel that is in no call",
        ),
        pytest.param(
            answers.parse_asterisk,
            "12 active channels\n6 of 500 max active calls ( 1.20% of capacity)\n9 calls processed\n",
            6,
            id="asterisk with maxcalls",
        ),
        pytest.param(
            answers.parse_asterisk,
            "Unable to connect to remote asterisk (does /var/run/asterisk/asterisk.ctl exist?)\n",
            None,
            id="no asterisk",
        ),
        pytest.param(answers.parse_kamailio_dialogs, DIALOGS, 3, id="kamailio's dialogs"),
        pytest.param(answers.parse_kamailio_dialogs, NO_DIALOGS, None, id="kamailio without dialogs"),
        pytest.param(answers.parse_kamailio_transactions, TM_STATS, 2, id="kamailio's transactions"),
        pytest.param(
            answers.parse_kamailio_transactions,
            "{\n\tcurrent: 1\n\twaiting: 2\n}\n",
            0,
            id="kamailio counts while it goes on",
        ),
        pytest.param(
            answers.parse_kamailio_transactions, "error: 500 - command tm.stats not found\n", None, id="no tm"
        ),
        pytest.param(opensips, '{"dialog:active_dialogs": 4, "tm:inuse_transactions": 0}', 4, id="opensips"),
        pytest.param(opensips, '{"dialog:active_dialogs": "4"}', 4, id="opensips, as text"),
        pytest.param(opensips, '{"tm:inuse_transactions": 0}', None, id="opensips without dialogs"),
        pytest.param(opensips, "[]", None, id="no object"),
        pytest.param(opensips, "ERROR: cannot connect", None, id="no JSON"),
        pytest.param(answers.parse_freeswitch, "\n0 total.\n", 0, id="freeswitch, idle"),
        pytest.param(answers.parse_freeswitch, "\n12 total.\n\n", 12, id="freeswitch"),
        pytest.param(answers.parse_freeswitch, "-ERR Command not found!\n", None, id="freeswitch, no count"),
    ],
)
def test_answers(parse: Callable[[str], int | None], text: str, expected: int | None) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [(NO_DIALOGS, True), (DIALOGS, False), ("error: 500 - out of memory\n", False), ("", False)],
)
def test_only_a_command_that_is_not_there_is_one(text: str, expected: bool) -> None:
    assert answers.is_unknown_command(text) == expected


@given(st.text(st.sampled_from("0123456789 activechnels:\t{}\n.total\"'"), max_size=60))
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (
        answers.parse_asterisk,
        answers.parse_kamailio_dialogs,
        answers.parse_kamailio_transactions,
        opensips,
        answers.parse_freeswitch,
    ):
        count = parse(text)
        assert count is None or count >= 0
