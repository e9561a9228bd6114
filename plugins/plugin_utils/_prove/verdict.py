# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step of load has shown: whether the target holds it, and if not, what gave, in the order of causes.

A pure function of what the generator has counted and of the target's counters before and after. What the generator
itself could not do is told apart, and never laid at the target's door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.growth import grown
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS, UNSIGNED_INT_BITS, amount

from .._audit.advice import advice
from .._prove import model
from .answers import meaning, own_limits, way_out
from .media import BY_THE_WAY, relayed, sent
from .settings import Settings

# Counters of the target that must not grow, in the way of a packet: card, queue, connection tracking, socket.
ON_THE_WAY = (
    "NicAllowanceExceeded",
    "NicRxMissed",
    "NicRxFifo",
    "NicRxNoBuffer",
    "NicQueueDrops",
    "SoftnetDropped",
    "SoftnetFlowLimit",
    "ConntrackDrop",
    "ConntrackEarlyDrop",
    "ConntrackInsertFailed",
    "ConntrackChainTooLong",
    "TCPReqQFullDrop",
    "ListenOverflows",
    "ListenDrops",
    "TCPBacklogDrop",
    "UdpMemErrors",
    "Udp6MemErrors",
)
AT_THE_SOCKET = ("UdpRcvbufErrors", "Udp6RcvbufErrors")
DROPS = "UdpSocketDrops"
ON_THE_WAY_OUT = ("UdpSndbufErrors", "Udp6SndbufErrors", "QdiscDrops")
LOSSES = (*ON_THE_WAY, *AT_THE_SOCKET, *ON_THE_WAY_OUT)
OF_MACHINE = frozenset(counter.name for counter in COUNTERS if counter.of_machine)
UNIT_OF = {counter.name: counter.unit for counter in COUNTERS}
BITS_OF = {counter.name: counter.bits for counter in COUNTERS}

BUSY_PERCENT = 95.0  # a processor that has nothing left
ALL_BUSY_PERCENT = 90.0  # all of them together
OWN_SHARE = 0.5  # of a busy processor that has to be the daemon's, where another host has its share of the machine
HELD_BACK_SHARE = 0.02  # of a step's time that a quota has taken, from which it counts as a cause
LATE_SHARE = 0.05  # of its calls that a generator may be behind
FEW = 10  # calls: of a low rate a single one is a large share
HALF = 0.5


class Evidence(NamedTuple):
    """All that is known of a step.

    `load` is the result of sip_load, `before` and `after` those of sip_counters_info with `work`. `own_machine` tells
    that the generator is the target itself, `same_kernel` that it is on the same machine, as another container.
    """

    target: model.Target
    settings: Settings
    rate: int
    stalled_ms: float
    load: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    own_machine: bool
    same_kernel: bool
    ceilings: Sequence[Mapping[str, Any]] = ()  # of the daemon, as in the fact sip_daemons

    @property
    def seconds(self) -> float:
        return float(self.settings.load_seconds)

    @property
    def unanswered(self) -> int:
        """The calls that nothing came back for, not even a refusal."""
        refused = sum(number for status, number in self.load["statuses"].items() if status != "200")
        return max(0, int(self.load["unanswered"]) - refused)


def judge(evidence: Evidence) -> model.Step:
    """The step with its verdict."""
    load = evidence.load
    sockets: list[model.Socket] = [{"name": name, "drops": drops} for name, drops in _sockets(evidence)]
    losses = {name: found["value"] for name, found in _losses(evidence).items()}
    reasons = list(_reasons(evidence))
    return {
        "rate": float(evidence.rate),
        "seconds": evidence.seconds,
        "stall_ms": round(evidence.stalled_ms),
        "holds": not reasons,
        "asked": load["asked"],
        "sent": load["sent"],
        "answered": load["answered"],
        "failed": load["unanswered"],
        "retransmissions": load["retransmissions"],
        "statuses": dict(load["statuses"]),
        "response_ms": {"p50": None, "p99": None, "max": None, **load["response_ms"]},
        "losses": losses,
        "sockets": sockets[: model.MOST_SOCKETS],
        "processors": {"target": processors(evidence), "generator": list(load["processors"])},
        "generator_losses": dict(load["generator_losses"]),
        "reasons": reasons[: model.MOST_REASONS],
    }


def _reasons(evidence: Evidence) -> Iterator[model.Reason]:
    """Empty if the step holds. What holds a target back is a reason where something else shows the damage."""
    lost = list(_lost(evidence, (*ON_THE_WAY, *AT_THE_SOCKET, *ON_THE_WAY_OUT)))
    seen = list(_seen_by_callers(evidence))
    limits = list(_limits_of_generator(evidence))
    if not (lost or seen or limits):
        return
    held = list(_held_back(evidence))
    yield from _restarted(evidence)
    yield from held
    yield from _lost(evidence, ON_THE_WAY)
    strain = list(_strain(evidence))
    worn = list(_lost(evidence, (*AT_THE_SOCKET, *ON_THE_WAY_OUT)))
    # Without a processor left no buffer is large enough; one busy processor of many may have nothing to do with it.
    everywhere = any(reason["what"] == ALL_PROCESSORS for reason in strain)
    of_target = [*strain, *worn] if everywhere else [*worn, *strain]
    yield from [*of_target, *limits] if lost or held else [*limits, *of_target]
    yield from seen


# --- what the target has lost ----------------------------------------------------------------


def _grown(name: str, before: Any, after: Any) -> int:
    """The growth of a count, which may begin again at zero; 0 where either is not known."""
    return 0 if before is None or after is None else grown(int(before), int(after), BITS_OF.get(name))


def _losses(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """The counters of LOSSES that have grown, in the shape of sip_counters_info, in their order."""
    earlier = {one["name"]: one for one in evidence.before["counters"]}
    later = {one["name"]: one for one in evidence.after["counters"]}
    found = {}
    for name in LOSSES:
        before, after = earlier.get(name), later.get(name)
        value = 0 if before is None or after is None else _grown(name, before["total"], after["total"])
        if name in AT_THE_SOCKET and evidence.own_machine:
            value = min(value, sum(drops for _name, drops in _sockets(evidence)))
        if value and before and after:
            old = {part["part"]: part["total"] for part in before["parts"]}
            parts = [
                {**part, "value": _grown(name, old.get(part["part"], 0), part["total"])} for part in after["parts"]
            ]
            found[name] = {**after, "value": value, "parts": [part for part in parts if part["value"]]}
    return found


def _sockets(evidence: Evidence) -> Iterator[tuple[str, int]]:
    """The sockets of SIP daemons, and what each has dropped."""
    old = {_socket(one): one["drops_total"] for one in evidence.before.get("sip_sockets") or []}
    for one in evidence.after.get("sip_sockets") or []:
        drops = (one["drops_total"] - old.get(_socket(one), 0)) % (1 << UNSIGNED_INT_BITS)
        yield _socket(one), drops


def _socket(one: Mapping[str, Any]) -> str:
    return f"{one['daemon']} {one['socket']}"


def _lost(evidence: Evidence, names: Sequence[str]) -> Iterator[model.Reason]:
    dropping = [(name, drops) for name, drops in _sockets(evidence) if drops]
    for name, counter in _losses(evidence).items():
        if name not in names:
            continue
        lever = advice(counter, [f"{socket.replace(' ', ' udp ', 1)}" for socket, _drops in dropping])
        places = [f"{part['part']} {part['value']}" for part in counter["parts"]]
        if name in AT_THE_SOCKET:
            places = [f"{socket} {drops}" for socket, drops in dropping] or [OTHER_SOCKET, *_other_sockets(evidence)]
        where = f": {', '.join(places[:4])}" if places else ""
        whole = " (of the whole machine, which the generator is on, too)" if _shared(evidence, name) else ""
        detail = f"lost {amount(counter['value'], UNIT_OF[name])}{where}{whole}"
        yield _reason(model.TARGET, name, counter["value"], detail, ", ".join(lever.items) or lever.text)


OTHER_SOCKET = "not a socket that a SIP daemon listens on, but one of media or of another program"


def _other_sockets(evidence: Evidence) -> list[str]:
    """All sockets that have dropped something and are still open, the worst first."""
    old, new = (
        {part["part"]: part["total"] for one in reading["counters"] if one["name"] == DROPS for part in one["parts"]}
        for reading in (evidence.before, evidence.after)
    )
    drops = {part: _grown(DROPS, old.get(part, 0), total) for part, total in new.items()}
    worst = sorted((-number, part) for part, number in drops.items() if number)
    return [f"{part.rpartition(' ')[0]} {-number}" for number, part in worst]


def _shared(evidence: Evidence, name: str) -> bool:
    return name in OF_MACHINE and evidence.same_kernel


def _reason(where: str, what: str, count: float, detail: str, way: str | None = None) -> model.Reason:
    return {"where": where, "what": what, "count": count, "detail": detail, "help": way or None}


# --- what holds the target back --------------------------------------------------------------

ALL_PROCESSORS, QUOTA = "all processors", "processor quota"


def _work(reading: Mapping[str, Any]) -> Mapping[str, Any]:
    return reading.get("work") or {}


def _restarted(evidence: Evidence) -> Iterator[model.Reason]:
    name = evidence.target["daemon"]
    old, new = (
        {one["pid"] for one in _work(reading).get("daemons", []) if one["daemon"] == name}
        for reading in (evidence.before, evidence.after)
    )
    if old and not old & new:
        detail = "it has crashed or was restarted in this step: read its log" if new else "it has ended in this step"
        yield _reason(model.DAEMON, f"{name} restarted" if new else f"{name} ended", 1, f"{name}: {detail}")


def _held_back(evidence: Evidence) -> Iterator[model.Reason]:
    """The quotas of control groups that have taken time from a daemon."""
    old = {one["group"]: one for one in _work(evidence.before).get("throttled", [])}
    for one in _work(evidence.after).get("throttled", []):
        before = old.get(one["group"], {"periods": 0, "seconds": 0.0})
        seconds, periods = one["seconds"] - before["seconds"], one["periods"] - before["periods"]
        if periods > 0 and seconds >= HELD_BACK_SHARE * evidence.seconds:
            detail = (
                f"the quota of {one['group']} held {one['daemon']} back in {periods} periods, {seconds:.1f} s in all"
            )
            way = f"CPUQuota= of {one['group'].rpartition('/')[2] or 'its container'}, which siptune does not set"
            yield _reason(model.TARGET, QUOTA, periods, detail, way)


def processors(evidence: Evidence) -> list[float]:
    """The busy share of each of the target's processors in percent of the load's time."""
    old, new = (_work(reading).get("processors", []) for reading in (evidence.before, evidence.after))
    pairs = list(zip(old, new, strict=False))
    return [round(max(0.0, min(100.0, 100 * (now - then) / evidence.seconds)), 1) for then, now in pairs]


def _daemon_share(evidence: Evidence) -> float:
    """How many processors the daemons have used."""
    old = {one["pid"]: one["seconds"] for one in _work(evidence.before).get("daemons", [])}
    used = [one["seconds"] - old.get(one["pid"], 0) for one in _work(evidence.after).get("daemons", [])]
    return max(0.0, sum(used)) / evidence.seconds


def _strain(evidence: Evidence) -> Iterator[model.Reason]:
    """The processors, if they have nothing left; on a machine with the generator only if the daemon has its share."""
    busy = processors(evidence)
    share = _daemon_share(evidence)
    if not busy or (evidence.same_kernel and share < OWN_SHARE):
        return
    used = f"the SIP daemons used {share:.1f} of {len(busy)}"
    if sum(busy) / len(busy) >= ALL_BUSY_PERCENT:
        yield _reason(model.TARGET, ALL_PROCESSORS, round(sum(busy) / len(busy), 1), f"all are busy; {used}", MORE)
    elif max(busy) >= BUSY_PERCENT:
        number = busy.index(max(busy))
        detail = f"busy {max(busy):.0f} % of the time; {used}"
        yield _reason(model.TARGET, f"processor {number}", max(busy), detail, SPREAD)


MORE = "more or faster processors: no setting makes up for them"
SPREAD = "more workers of the daemon, or RPS and more queues of the card (siptune_nic_link)"


# --- what the generator could not do ---------------------------------------------------------


def _limits_of_generator(evidence: Evidence) -> Iterator[model.Reason]:
    load, name = evidence.load, evidence.target["generator"]
    behind = (evidence.rate - load["sent_per_second"]) * evidence.seconds
    if load["asked"] - load["sent"] > 0 or behind > max(FEW, LATE_SHARE * load["asked"]):
        detail = f"{name} sent {load['sent_per_second']:g}/s where {evidence.rate}/s were asked for"
        yield _reason(model.GENERATOR, "rate", load["sent_per_second"], detail, ANOTHER)
    felt = load["unanswered"] or load["retransmissions"]
    for counter, number in load["generator_losses"].items():
        # A socket's loss that no call has felt is another program's on that host.
        if _of_target_as_well(evidence, counter) or (counter in AT_THE_SOCKET and not felt):
            continue
        detail = f"{name} itself lost {amount(number, UNIT_OF[counter])}"
        yield _reason(model.GENERATOR, counter, number, detail, ANOTHER)
    if load["sender_busy"] >= BUSY_PERCENT:
        detail = f"SIPp on {name} had its one processor busy {load['sender_busy']:.0f} % of the time"
        yield _reason(model.GENERATOR, "SIPp", load["sender_busy"], detail, ANOTHER)


def _of_target_as_well(evidence: Evidence, counter: str) -> bool:
    """Whether a loss of the generator is one that the target has counted: they have this counter in common."""
    if not evidence.own_machine:
        return _shared(evidence, counter)
    of_target = _losses(evidence).get(counter, {"value": 0})["value"]
    return counter not in AT_THE_SOCKET or of_target >= evidence.load["generator_losses"][counter]


ANOTHER = "another generator, with more processors"


# --- what callers have seen ------------------------------------------------------------------


def _seen_by_callers(evidence: Evidence) -> Iterator[model.Reason]:
    settings, load = evidence.settings, evidence.load
    for status, number in sorted(load["statuses"].items(), key=lambda pair: -pair[1]):
        if status != "200":
            yield _refusal(evidence, int(status), number)
    if evidence.unanswered:
        yield _unanswered(evidence)
    yield from _past_the_relay(evidence)
    sent_again = 100 * load["retransmissions"] / max(1, load["sent"])
    if sent_again > settings.max_retransmissions_percent and not settings.stalled_ms:
        most_again = settings.max_retransmissions_percent
        detail = f"{sent_again:.1f} % of the requests were sent again, where {most_again:g} % may be"
        yield _reason(model.DAEMON, model.RETRANSMISSIONS, load["retransmissions"], detail)
    slowest, most = load["response_ms"].get("p99"), settings.max_p99_ms + settings.stalled_ms
    if slowest is not None and slowest > most:
        detail = f"one answer in a hundred took {slowest:g} ms or longer, where {most:g} ms may be"
        yield _reason(model.DAEMON, model.RESPONSE_TIME, slowest, detail)


def _refusal(evidence: Evidence, status: int, number: int) -> model.Reason:
    """An answer that does not count: what it says, and how to have another one."""
    target, settings, load = evidence.target, evidence.settings, evidence.load
    words = meaning(status, target["daemon"])
    way = way_out(target, status, settings.callee, settings.callee_port, settings.user is not None)
    limits = own_limits(target["daemon"], status, evidence.ceilings, evidence.rate, load["sent"])
    words, way = limits or (words, way)
    return _reason(
        model.DAEMON, f"answer {status}", number, f"{number} of {load['sent']} answered {status}: {words}", way
    )


def _media(evidence: Evidence) -> tuple[int, int] | None:
    """The packets that the target's rtpengines have relayed, and those that were sent; None where nobody counts."""
    packets = relayed(evidence.before, evidence.after) if evidence.target["scenario"] == model.INVITE_MEDIA else None
    return None if packets is None or not evidence.load["answered"] else (packets, sent(evidence.load["answered"]))


def _past_the_relay(evidence: Evidence) -> Iterator[model.Reason]:
    """A relay that had a part of the media alone. One that had none may have nothing to do with these calls."""
    found = _media(evidence)
    if found and 0 < found[0] < HALF * found[1]:
        detail = f"rtpengine relayed {amount(found[0], 'packets')} of some {found[1]:,} of the answered calls"
        yield _reason(model.DAEMON, "media", found[0], detail, PORTS)


PORTS = "more ports (port-min, port-max), which rtpengine keeps for delete-delay (30 s) after a call; look at its log"


def remarks(evidence: Evidence) -> list[str]:
    """What the operator should know of a step that may well hold."""
    found = _media(evidence)
    return [BY_THE_WAY] if found and not found[0] else []


def _unanswered(evidence: Evidence) -> model.Reason:
    """Requests without any answer: did they arrive?"""
    load, number = evidence.load, evidence.unanswered
    words = f"{number} of {load['sent']} had no answer"
    if evidence.target["transport"] != model.UDP:
        return _reason(model.DAEMON, "no answer", number, words)
    arrived, refused = _arrived(evidence)
    if not load["answered"] and refused >= HALF * load["sent"]:
        return _reason(model.DAEMON, "closed port", number, f"{words}: nobody listens there", "siptune_prove_port")
    if load["sent"] - arrived > HALF * number and not _losses(evidence):
        turned_away = _turned_away(evidence)
        if turned_away > HALF * number:
            route = "the target has no route back to the generator by that interface, and dropped them"
            return _reason(model.PATH, REVERSE_PATH, turned_away, f"{words}: {route}", "net.ipv4.conf.all.rp_filter")
        firewall = (
            "look at the firewalls of both hosts and between them (nft list ruleset), for the port and for answers"
        )
        return _reason(model.PATH, "not arrived", number, f"{words}, and they did not reach the target", firewall)
    way = None
    if not load["answered"]:
        way = way_out(evidence.target, None, evidence.settings.callee, evidence.settings.callee_port)
    return _reason(model.DAEMON, "no answer", number, f"{words}, and the target has received them", way)


REVERSE_PATH = "IPReversePathFilter"


def _turned_away(evidence: Evidence) -> int:
    """The packets that the target has dropped because it would answer them by another interface, or not at all."""
    old, new = (
        next((one["total"] for one in reading["counters"] if one["name"] == REVERSE_PATH), None)
        for reading in (evidence.before, evidence.after)
    )
    return _grown(REVERSE_PATH, old, new)


def _arrived(evidence: Evidence) -> tuple[int, int]:
    """The datagrams that have come in at the target, and those for which nobody listened."""
    old, new = (_work(reading).get("traffic", {}) for reading in (evidence.before, evidence.after))
    grown = {name: max(0, new[name] - old.get(name, 0)) for name in new}
    refused = grown.get("UdpNoPorts", 0) + grown.get("Udp6NoPorts", 0)
    return grown.get("UdpInDatagrams", 0) + grown.get("Udp6InDatagrams", 0) + refused, refused


# --- the run as a whole ----------------------------------------------------------------------


def hopeless(step: model.Step) -> str | None:
    """Why a first step says that no rate would do, empty if it does not: nobody answers, or nobody answers well."""
    if step["answered"] >= HALF * step["sent"] or not step["reasons"]:
        return None
    outside = [reason for reason in step["reasons"] if reason["where"] in (model.PATH, model.DAEMON)]
    held_back = any(reason["what"] == QUOTA for reason in step["reasons"])  # a lower rate may do
    if not outside or step["losses"] or held_back:
        return None
    first = outside[0]
    return f"{first['detail']}; {first['help']}" if first["help"] else first["detail"]
