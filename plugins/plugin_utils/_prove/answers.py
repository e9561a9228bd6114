# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a daemon's refusals mean, and how to make it answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._prove import model

MEANINGS = {
    401: "it asks for credentials",
    403: "it forbids this, as it does for a wrong password or an address that it does not know",
    404: "it knows no such user",
    405: "it does not take this method",
    407: "it asks for credentials",
    408: "whom it has handed the request to does not answer",
    420: "it does not take an extension of the request",
    477: "it cannot send the request to whom it hands it to",  # Kamailio's and OpenSIPS's own
    478: "it finds no address of whom it hands the request to",
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
# What a daemon means by a status that others use in another way.
_OF_DAEMON = {
    # The end of its dialplan is the end of the call: switch_core_state_machine.c, switch_core_standard_on_execute().
    ("freeswitch", 480): "its dialplan has no such extension, or whom that calls is not registered",
}
_ACCEPT = "or count the answer as one: siptune_prove_accepted: [{status}]"
_OPTIONS = {
    "kamailio": 'answer it first in request_route: if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}',
    "opensips": 'answer it first in the route: if (is_method("OPTIONS")) {{ sl_send_reply(200, "OK"); exit; }}',
    "asterisk": (
        "give the generator an endpoint in pjsip.conf (type=identify, match={generator}) whose context has the "
        "extension {callee}"
    ),
    "freeswitch": "each of its profiles answers: give the port of one (fs_cli -x 'sofia status') in siptune_prove_port",
}
_REGISTER = {
    "kamailio": 'take it of {generator} without a password: save("location")',
    "opensips": 'take it of {generator} without a password: save("location")',
    "freeswitch": "let {generator} in without a password, by an ACL of the profile (apply-register-acl)",
}
_CALL = {
    "kamailio": "let {callee} register without a password from {generator}, or route calls to it to {generator}:{port}",
    "opensips": "let {callee} register without a password from {generator}, or route calls to it to {generator}:{port}",
    "asterisk": (
        "give the generator an endpoint in pjsip.conf (type=identify, match={generator}) whose context has an "
        "extension {callee} that answers"
    ),
    "freeswitch": (
        "let {generator} in by an ACL of the profile (apply-inbound-acl), and give its context an extension {callee} "
        "that answers"
    ),
}


class Limit(NamedTuple):
    """A setting that bounds a daemon, as the fact `ceilings` names it: what of, and how it is raised while it runs."""

    name: str
    bounds: str
    live: str
    a_second: bool


# What FreeSWITCH bounds itself by. Source: its src/switch_core_session.c, switch_core_session_request_uuid().
_OF_FREESWITCH = (
    Limit("sessions-per-second", "new sessions a second", "fsctl sps", a_second=True),
    Limit("max-sessions", "sessions at once", "fsctl max_sessions", a_second=False),
)
# The answers behind which such a limit may be: for the session of the caller, and for that of whom the call goes to.
_LIMITS: dict[tuple[str, int], tuple[Limit, ...]] = {
    ("freeswitch", 503): _OF_FREESWITCH,
    ("freeswitch", 502): _OF_FREESWITCH,
}
LIMITED = frozenset(daemon for daemon, _status in _LIMITS)
_LEGS = 2  # a call that is handed on is two sessions
_GIVE = "give siptune_prove_user and siptune_prove_password"
_CREDENTIALS = f"{_GIVE}, a user of the daemon's"
_USER_OR_ACL = _GIVE + ", a user of the directory, or let {generator} in by an ACL of the profile "
_REFUSED = "the daemon does not take siptune_prove_user with siptune_prove_password: compare them with its own"
CHALLENGES = (401, 407)
_WRONG_PASSWORD = {"freeswitch": (*CHALLENGES, 403)}  # what daemons answer to one, where it is no second challenge
CALL = "call"  # either of the scenarios with a callee
# Where a status of a daemon has one cause, by daemon, scenario and status. Seen with Asterisk 16 and 22, and
# FreeSWITCH 1.10.12.
_CAUSES = {
    ("asterisk", model.OPTIONS, 404): (
        "give the context of the generator's endpoint, or of chan_sip, the extension {callee}; it need not do anything"
    ),
    ("asterisk", model.REGISTER, 403): (
        "say max_contacts=1 and remove_existing=yes in the section with type=aor, as each registration comes from "
        "another port"
    ),
    ("asterisk", model.REGISTER, 404): (
        "a user needs a section with type=aor of its own name, which its endpoint has in aors, and made-up users have "
        "none: give siptune_prove_user and siptune_prove_password"
    ),
    ("asterisk", CALL, 401): (
        "give siptune_prove_user and siptune_prove_password, or the generator an endpoint in pjsip.conf "
        "(type=identify, match={generator})"
    ),
    ("asterisk", CALL, 404): (
        "give the context of the caller's endpoint an extension: exten = {callee},1,Dial(PJSIP/{callee})"
    ),
    ("asterisk", CALL, 488): "give the endpoints of caller and callee allow=ulaw",
    ("asterisk", CALL, 503): (
        "{callee} is not registered: give it an endpoint, and a section with type=aor and max_contacts=1, or there "
        "contact=sip:{callee}@{generator}:{port}"
    ),
    ("freeswitch", model.REGISTER, 401): f"{_USER_OR_ACL}(apply-register-acl)",
    ("freeswitch", CALL, 407): f"{_USER_OR_ACL}(apply-inbound-acl)",
    ("freeswitch", CALL, 480): "give the context of the caller an extension {callee} that answers",
}


def meaning(status: int, daemon: str | None = None) -> str:
    """What an answer of a daemon with this status says, in words."""
    kind = {3: "it sends the caller elsewhere", 4: "it refuses the request", 5: "it fails", 6: "nobody takes the call"}
    words = _OF_DAEMON.get((daemon or "", status)) or MEANINGS.get(status)
    return words or kind.get(status // 100, "it answers with something else")


def own_limits(
    daemon: str | None, status: int, ceilings: Sequence[Mapping[str, Any]], rate: float, calls: int
) -> tuple[str, str] | None:
    """What a refusal says if a limit of the daemon's own was reached, and how that is raised; else None.

    `ceilings` are the daemon's in the fact sip_daemons. A limit that so many calls at this rate cannot have reached is
    not named; one that is unknown may have been.
    """
    known = {one["name"]: one for one in ceilings}
    limits = [
        limit
        for limit in _LIMITS.get((daemon or "", status), ())
        if limit.name in known and (known[limit.name].get("value") or 0) <= _LEGS * (rate if limit.a_second else calls)
    ]
    if not limits:
        return None
    said = " or ".join(_said(limit, known[limit.name]) for limit in limits)
    names = " and ".join(limit.name for limit in limits)
    live = " and ".join(f"'{limit.live} NUMBER'" for limit in limits)
    return f"it is at a limit of its own, {said}", f"raise {names} in switch.conf.xml, and at once by fs_cli -x {live}"


def _said(limit: Limit, ceiling: Mapping[str, Any]) -> str:
    value = ceiling.get("value")
    number = "" if value is None else f": {value} {limit.bounds}"
    return f"{limit.name}{number} ({ceiling.get('set_by') or 'unknown'})"


def way_out(target: model.Target, status: int | None, callee: str, port: int, with_credentials: bool = False) -> str:
    """How to make the target's daemon answer; `status` is what it answers now, None for nothing at all."""
    daemon, scenario = target["daemon"] or "", target["scenario"]
    cause = _CAUSES.get((daemon, scenario if scenario in _ACCEPTING else CALL, status or 0))
    if with_credentials and status in _WRONG_PASSWORD.get(daemon, CHALLENGES) and scenario != model.OPTIONS:
        return _REFUSED
    if status in CHALLENGES and scenario != model.OPTIONS:
        return _filled(cause or _CREDENTIALS, target, status, callee, port)
    if scenario == model.OPTIONS:
        way = cause or _OPTIONS.get(daemon, "let the daemon answer OPTIONS of {generator}")
    elif scenario == model.REGISTER:
        way = cause or _REGISTER.get(daemon, "let the daemon take registrations of {generator}")
    else:
        way = cause or _CALL.get(daemon, "route calls to {callee} to {generator}:{port}")
    accepting = status is not None and scenario in _ACCEPTING
    return _filled(f"{way}; {_ACCEPT}" if accepting else way, target, status, callee, port)


_ACCEPTING = (model.OPTIONS, model.REGISTER)  # in which a refusal may count as an answer


def _filled(text: str, target: model.Target, status: int | None, callee: str, port: int) -> str:
    return text.format(status=status, generator=target["generator"], callee=callee, port=port)
