# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a daemon's refusals mean, and how to make it answer."""

from __future__ import annotations

from .._prove import model

MEANINGS = {
    401: "it asks for credentials",
    403: "it forbids this",
    404: "it knows no such user",
    405: "it does not take this method",
    407: "it asks for credentials",
    408: "whom it has handed the request to does not answer",
    420: "it does not take an extension of the request",
    480: "the user is not registered",
    481: "it does not know the dialog",
    482: "it sees a loop",
    483: "it has handed the request around in a circle",
    484: "the number is incomplete",
    486: "the user is busy",
    488: "it takes none of the codecs",
    500: "it has failed at this itself, as when it is out of memory or of processes",
    501: "it does not take this method",
    502: "it has got no sense from whom it has handed the request to",
    503: "it is overloaded, or finds nobody to hand the request to",
    504: "it has waited for another server in vain",
    603: "the call is declined",
}
_ACCEPT = "or count the answer as one: siptune_prove_accepted: [{status}]"
_OPTIONS = {
    "kamailio": 'answer it first in request_route: if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}',
    "opensips": 'answer it first in the route: if (is_method("OPTIONS")) {{ sl_send_reply(200, "OK"); exit; }}',
    "asterisk": (
        "give the generator an endpoint in pjsip.conf (type=identify, match={generator}) whose context has the "
        "extension {callee}"
    ),
    "freeswitch": "let the generator in by its address: an ACL of the profile (apply-inbound-acl) with {generator}",
}
_CALL = {
    "kamailio": "let {callee} register without a password from {generator}, or route calls to it to {generator}:{port}",
    "opensips": "let {callee} register without a password from {generator}, or route calls to it to {generator}:{port}",
    "asterisk": (
        "give the generator an endpoint in pjsip.conf (type=identify, match={generator}) whose context has an "
        "extension {callee} that answers"
    ),
    "freeswitch": "let {generator} in by an ACL of the profile, and give its context an extension {callee} to answer",
}
_CREDENTIALS = "give siptune_prove_user and siptune_prove_password, a user of the daemon's"
CHALLENGES = (401, 407)


def meaning(status: int) -> str:
    """What an answer with this status says, in words."""
    kind = {3: "it sends the caller elsewhere", 4: "it refuses the request", 5: "it fails", 6: "nobody takes the call"}
    return MEANINGS.get(status) or kind.get(status // 100, "it answers with something else")


def way_out(target: model.Target, status: int | None, callee: str, port: int) -> str:
    """How to make the target's daemon answer; `status` is what it answers now, None for nothing at all."""
    if target["scenario"] == model.OPTIONS:
        way = _OPTIONS.get(target["daemon"] or "", "let the daemon answer OPTIONS of {generator}")
        return _filled(f"{way}; {_ACCEPT}" if status else way, target, status, callee, port)
    if status in CHALLENGES:
        return _CREDENTIALS
    if target["scenario"] == model.REGISTER:
        way = "let the daemon take registrations of {generator}"
        return _filled(f"{way}; {_ACCEPT}" if status else way, target, status, callee, port)
    way = _CALL.get(target["daemon"] or "", "route calls to {callee} to {generator}:{port}")
    return _filled(way, target, status, callee, port)


def _filled(text: str, target: model.Target, status: int | None, callee: str, port: int) -> str:
    return text.format(status=status, generator=target["generator"], callee=callee, port=port)
