# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIPp does in the measurements, and what it writes: the collection's own scenarios and parsers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))
import checkout  # type: ignore[import-not-found]  # noqa: F401 - before anything that imports the collection
from ansible_collections.siptune.linux.plugins.module_utils._load.scenarios import (
    INVITE,
    callee_scenario,
    options_scenario,
    scenario,
)
from ansible_collections.siptune.linux.plugins.module_utils._load.statistics import (
    Response,
    Totals,
    parse_response_times,
    parse_statistics,
    percentile,
    started_at,
)

__all__ = [
    "Response",
    "Totals",
    "options_scenario",
    "parse_response_times",
    "parse_statistics",
    "percentile",
    "started_at",
]

OPTIONS, CALL = "OPTIONS", "INVITE"
MESSAGES_A_CALL = 5  # that a relayed call sends to the proxy's socket: INVITE, 200, ACK, BYE, 200

# A daemon that answers OPTIONS itself, and hands calls on to a SIPp that answers them.
KAMAILIO = """\
#!KAMAILIO
debug=1
log_stderror=no
children=4
disable_tcp=yes
dns=no
rev_dns=no
auto_aliases=no
listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
request_route {
    if (method == "OPTIONS") {
        sl_send_reply("200", "OK");
        exit;
    }
    $du = "sip:127.0.0.1:5070";
    t_relay();
}
"""


def call_scenario() -> str:
    """A call that ends at once, with the retransmissions of RFC 3261 (T1 = 500 ms)."""
    return scenario(INVITE)


CALLEE = callee_scenario()
