# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIPp does, and what it writes. Its files: SIPp reference documentation, "Statistics"."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

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

_HEAD = """\
From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]-[call_number]
To: <sip:callee@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
"""

# Of usual length: an INVITE with the headers and the codecs of a telephone has some 1000 bytes.
_SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio 20000 RTP/AVP 9 8 0 18 101
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
"""
_TELEPHONE = """\
User-Agent: A telephone of usual make 1.2.3.4
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, SUBSCRIBE, NOTIFY, PRACK, UPDATE, REFER
Supported: replaces, 100rel, timer, norefersub
Session-Expires: 1800
Min-SE: 90
"""


def _send(method: str, number: int, rest: str, attributes: str = "", tag: str = "") -> str:
    start = f"{method} sip:callee@[remote_ip]:[remote_port] SIP/2.0\n"
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
    head = _HEAD.format(method=method, number=number, tag=tag)
    return f"<send{attributes}><![CDATA[\n{start}{via}{head}{rest}\n]]></send>\n"


def _scenario(steps: str) -> str:
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="caller">\n{steps}</scenario>\n'


def options_scenario() -> str:
    """OPTIONS sent once: a lost one stays without an answer."""
    steps = _send("OPTIONS", 1, f"{_TELEPHONE}Content-Length: 0\n\n", ' start_rtd="1"')
    return _scenario(f'{steps}<recv response="200" rtd="1"/>\n')


def call_scenario() -> str:
    """A call that ends at once, with the retransmissions of RFC 3261 (T1 = 500 ms), through the proxy all the way."""
    peer, empty = "[peer_tag_param]", "Content-Length: 0\n\n"
    steps = [
        _send("INVITE", 1, f"{_TELEPHONE}{_SDP}", ' retrans="500" start_rtd="1" start_txn="invite"'),
        '<recv response="100" optional="true" response_txn="invite"/>\n',
        '<recv response="200" rtd="1" response_txn="invite"/>\n',
        _send("ACK", 1, empty, ' ack_txn="invite"', tag=peer),
        _send("BYE", 2, empty, ' retrans="500" start_txn="bye"', tag=peer),
        '<recv response="100" optional="true" response_txn="bye"/>\n',
        '<recv response="200" response_txn="bye"/>\n',
    ]
    return _scenario("".join(steps))


# Proxies have several processes, so that a BYE may overtake the ACK.
CALLEE = _scenario(
    """\
<recv request="INVITE"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:callee@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<recv request="ACK" optional="true"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""
)


class Totals(NamedTuple):
    """What a run came to: calls begun and lost, and requests sent again."""

    calls: int
    failed: int
    retransmissions: int


def _rows(statistics: str) -> list[dict[str, str]]:
    rows = [row for row in csv.DictReader(io.StringIO(statistics), delimiter=";") if row.get("TotalCallCreated")]
    if not rows:
        raise ValueError(f"no line of statistics in {statistics[:200]!r}")
    return rows


def parse_statistics(statistics: str) -> Totals:
    """The totals of a -trace_stat file: the cumulative columns, (C), of its last line. Raises ValueError."""
    last = _rows(statistics)[-1]
    return Totals(*(int(last[name]) for name in ("TotalCallCreated", "FailedCall(C)", "Retransmissions(C)")))


def started_at(statistics: str) -> float:
    """When SIPp started, in seconds of the epoch, by a -trace_stat file. Raises ValueError."""
    return float(_rows(statistics)[0]["StartTime"].split()[-1])


class Response(NamedTuple):
    """A response time, and when the response came, in seconds since SIPp's start."""

    at: float
    milliseconds: float


def parse_response_times(text: str) -> list[Response]:
    """The responses of a -trace_rtt file: milliseconds since the start, and of the response. Raises ValueError."""
    rows = [line.split(";") for line in text.split("\n")[1:] if line.strip()]
    return [Response(float(row[0]) / 1000, float(row[1])) for row in rows]


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least this share of all do not exceed (nearest rank); None of nothing."""
    ordered: Sequence[float] = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
