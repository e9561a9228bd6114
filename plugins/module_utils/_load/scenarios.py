# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that SIPp makes, in its own XML. Source: SIPp reference documentation, "Create your own XML scenarios".

A request is sent once where its loss has to be seen, and with the retransmissions of RFC 3261 where a telephone has
them. Proxies have several processes, so that messages may overtake each other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

OPTIONS, REGISTER, INVITE, INVITE_MEDIA = "options", "register", "invite", "invite_media"
SCENARIOS = (OPTIONS, REGISTER, INVITE, INVITE_MEDIA)
WITH_CALLEE = (INVITE, INVITE_MEDIA)

REGISTERED_SECONDS = 60  # of an address that the load registers, so that nothing of it stays for long
USERS = 1000  # whose addresses the load registers, in turn
CALL_MILLISECONDS = 2000  # of media in a call that has any
PACKET_MILLISECONDS = 20
AUDIO_FILE, AUDIO_SECONDS = "audio.ulaw", 1
AUDIO = b"\xff" * 8000 * AUDIO_SECONDS  # silence in G.711, 8000 bytes a second: RFC 3551, section 4.5.14
T1 = "500"  # milliseconds: RFC 3261, section 17.1.1.1

_HEAD = """\
{method} {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{user}@{home}>;tag=[pid]-[call_number]
To: <sip:{to}@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:{user}@[local_ip]:[local_port]>
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
m=audio {port} RTP/AVP {formats} 101
{maps}a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:{packet}
a=sendrecv
"""
_CODECS = {"9": "G722", "8": "PCMA", "0": "PCMU", "18": "G729"}
_PCMU = ("0",)  # what the media of a load is
_TELEPHONE = """\
User-Agent: siptune.linux.prove, a telephone of usual make
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, SUBSCRIBE, NOTIFY, PRACK, UPDATE, REFER
Supported: replaces, 100rel, timer, norefersub
Session-Expires: 1800
Min-SE: 90
"""
_EMPTY = "Content-Length: 0\n\n"
_REQUEST_URI = "sip:{to}@[remote_ip]:[remote_port]"
_PEER = "[peer_tag_param]"
_OWN, _OF_TARGET = "[local_ip]:[local_port]", "[remote_ip]:[remote_port]"  # where a user who sends requests is at home
_END = "9"  # the label behind a final answer
_AUTHENTICATED = "8"  # and the one before a request with credentials
_UNASKED = "7"  # and the one behind a call that is taken without them


def _sdp(formats: Sequence[str], port: str) -> str:
    maps = "".join(f"a=rtpmap:{number} {_CODECS[number]}/8000\n" for number in formats)
    return _SDP.format(port=port, formats=" ".join(formats), maps=maps, packet=PACKET_MILLISECONDS)


class _Caller(NamedTuple):
    """Who sends the requests. A user of the target's is at home there: its daemon may know them by no other name."""

    user: str = "caller"
    home: str = _OWN


_STRANGER, _USER = _Caller(), _Caller("[field0]", _OF_TARGET)


def _message(
    method: str, number: int, rest: str, to: str, tag: str = "", uri: str = "", caller: _Caller = _STRANGER
) -> str:
    uri = uri or _REQUEST_URI.format(to=to)
    return _HEAD.format(method=method, uri=uri, **caller._asdict(), to=to, tag=tag, number=number) + rest


def _send(text: str, attributes: str = "") -> str:
    return f"<send{attributes}><![CDATA[\n{text}\n]]></send>\n"


def _receive(response: int, attributes: str = "") -> str:
    return f'<recv response="{response}"{attributes}/>\n'


def _scenario(steps: str) -> str:
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="load">\n{steps}</scenario>\n'


def _answers(accepted: Collection[int]) -> str:
    """The final answer: 200, or one of those that count as well."""
    others = [_receive(status, f' optional="true" rtd="1" next="{_END}"') for status in sorted(accepted)]
    return "".join([*others, _receive(200, ' rtd="1"'), f'<label id="{_END}"/>\n' if others else ""])


def scenario(kind: str, callee: str = "callee", accepted: Collection[int] = (), with_credentials: bool = False) -> str:
    """The scenario of a load of one of SCENARIOS, of requests to `callee` at the host that it is sent to.

    `accepted` are statuses besides 200 that count as an answer, to OPTIONS and REGISTER. With credentials each request
    is sent a second time, with the user and the password of SIPp's injection file.
    """
    if kind == OPTIONS:
        return options_scenario(callee, accepted)
    if kind == REGISTER:
        return _register(accepted, with_credentials)
    return _call(callee, kind == INVITE_MEDIA, with_credentials)


def options_scenario(callee: str = "callee", accepted: Collection[int] = ()) -> str:
    """OPTIONS sent once: a lost one stays without an answer."""
    request = _message("OPTIONS", 1, f"{_TELEPHONE}{_EMPTY}", callee)
    return _scenario(_send(request, ' start_rtd="1"') + _answers(accepted))


# SIPp takes no field inside of a keyword, but a keyword inside of a field: "Injection file" of its documentation.
CREDENTIALS = "[field1]\n"


def _register(accepted: Collection[int], with_credentials: bool) -> str:
    """A REGISTER of the user in the first field of the injection file, to the address that it is sent from."""
    uri, sent = f"sip:{_OF_TARGET}", f' retrans="{T1}"'
    rest = f"Expires: {REGISTERED_SECONDS}\n{_TELEPHONE}"
    first = _send(
        _message("REGISTER", 1, f"{rest}{_EMPTY}", "[field0]", uri=uri, caller=_USER), f'{sent} start_rtd="1"'
    )
    if not with_credentials:
        return _scenario(first + _answers(accepted))
    second = _send(_message("REGISTER", 2, f"{CREDENTIALS}{rest}{_EMPTY}", "[field0]", uri=uri, caller=_USER), sent)
    unasked = _receive(200, f' optional="true" rtd="1" next="{_END}"')
    challenged = _receive(407, f' optional="true" auth="true" next="{_AUTHENTICATED}"') + _receive(401, ' auth="true"')
    steps = [first, unasked, challenged, _label(_AUTHENTICATED), second, _answers(()), _label(_END)]
    return _scenario("".join(steps))


def _label(name: str) -> str:
    return f'<label id="{name}"/>\n'


def _call(callee: str, with_media: bool, with_credentials: bool) -> str:
    """A call that the callee takes at once, and the caller ends: at once, or after a while of media."""
    caller = _USER if with_credentials else _STRANGER
    sdp = _sdp(_PCMU, "[rtpstream_audio_port]") if with_media else _sdp(tuple(_CODECS), "20000")
    first = _message("INVITE", 1, f"{_TELEPHONE}{sdp}", callee, caller=caller)
    if not with_credentials:
        invite = _send(first, f' retrans="{T1}" start_rtd="1" start_txn="invite"')
        return _scenario(invite + _taken(callee, 1, with_media, caller))
    second = _message("INVITE", 2, f"{CREDENTIALS}{_TELEPHONE}{sdp}", callee, caller=caller)
    steps = [
        _send(first, f' retrans="{T1}" start_rtd="1"'),
        *(_receive(status, ' optional="true"') for status in _PROVISIONAL),
        _receive(200, f' optional="true" rtd="1" rrs="true" next="{_UNASKED}"'),
        _receive(401, f' optional="true" auth="true" next="{_AUTHENTICATED}"'),
        _receive(407, ' auth="true"'),
        _label(_AUTHENTICATED),
        _send(_message("ACK", 1, _EMPTY, callee, _PEER, caller=caller)),
        _send(second, f' retrans="{T1}" start_txn="invite"'),
        _taken(callee, 2, with_media, caller, f' next="{_END}"'),
        _label(_UNASKED),
        _ended(callee, 1, with_media, caller),
        _label(_END),
    ]
    return _scenario("".join(steps))


_PROVISIONAL = (100, 180, 181, 182, 183)


def _taken(callee: str, number: int, with_media: bool, caller: _Caller, then: str = "") -> str:
    """What comes after an INVITE of this number, from its answers to the end of the call."""
    steps = [_receive(status, ' optional="true" response_txn="invite"') for status in _PROVISIONAL]
    steps += [_receive(200, ' rtd="1" rrs="true" response_txn="invite"')]
    return "".join([*steps, _ended(callee, number, with_media, caller, ' ack_txn="invite"', then)])


def _ended(callee: str, number: int, with_media: bool, caller: _Caller, ack: str = "", then: str = "") -> str:
    """A call that was taken, to its end."""

    def inside(method: str, number: int) -> str:
        return _message(method, number, f"[routes]\n{_EMPTY}", callee, _PEER, "[next_url]", caller)

    steps = [_send(inside("ACK", number), ack)]
    if with_media:
        play = f'<exec rtp_stream="{AUDIO_FILE},-1,0,PCMU/8000"/>'
        steps += [f"<nop><action>{play}</action></nop>\n", f'<pause milliseconds="{CALL_MILLISECONDS}"/>\n']
    steps += [_send(inside("BYE", number + 1), f' retrans="{T1}" start_txn="bye"')]
    steps += [_receive(100, ' optional="true" response_txn="bye"'), _receive(200, f' response_txn="bye"{then}')]
    return "".join(steps)


_ANSWERED = "[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"


def callee_scenario(with_media: bool = False) -> str:
    """Who takes each call at once, and waits for its end."""
    contact = "Contact: <sip:callee@[local_ip]:[local_port]>\n"
    taken = "SIP/2.0 200 OK\n" + _ANSWERED.format(tag=";tag=[pid]-[call_number]") + contact
    ended = "SIP/2.0 200 OK\n" + _ANSWERED.format(tag="") + _EMPTY
    steps = [
        '<recv request="INVITE"/>\n',
        _send(taken + _sdp(_PCMU, "[media_port]" if with_media else "20002"), f' retrans="{T1}"'),
        '<recv request="ACK" optional="true"/>\n',
        '<recv request="BYE"/>\n',
        _send(ended),
    ]
    return _scenario("".join(steps))


def injection_file(user: str = "", password: str = "") -> str:
    """The users whose names a load sends, one a line: the one who has a password, or USERS made-up ones."""
    made_up = [f"siptune-prove-{number:04};" for number in range(1, USERS + 1)]
    quoted = re.sub(r'(["\\])', r"\\\1", password)
    known = f'{user};[authentication username={user} password="{quoted}"];'
    return "\n".join(["SEQUENTIAL", *([known] if user else made_up)]) + "\n"
