# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proof has found, as `prove_step` registers it and `prove_report` writes it: plain JSON, schema 1.

`prove_step` registers its result for each target as `REGISTERED`; its field `proof` is the Target below, complete
after each step, so that a run that was interrupted still has all that it has measured.
"""

from __future__ import annotations

from typing import TypedDict

SCHEMA = 1
REGISTERED = "__siptune_prove"
APPLIED = ("__siptune_prove_restored", "__siptune_prove_tuned")  # what a comparison does to the host around its runs

# A target's load.
OPTIONS, REGISTER, INVITE, INVITE_MEDIA = "options", "register", "invite", "invite_media"
SCENARIOS = (OPTIONS, REGISTER, INVITE, INVITE_MEDIA)
UDP, TCP, TLS = "udp", "tcp", "tls"
TRANSPORTS = (UDP, TCP, TLS)

# The state of the host that a run has proved.
AS_IS, BEFORE, AFTER = "as_is", "before", "after"
STATES = (AS_IS, BEFORE, AFTER)

# Where a reason lies: at the host that is proved, at the host that sends the load, between them, or in what the daemon
# answers, which no tuning changes.
TARGET, GENERATOR, PATH, DAEMON = "target", "generator", "path", "daemon"
PLACES = (TARGET, GENERATOR, PATH, DAEMON)

# Reasons that a hiccup of a busy machine may have as well: nothing was lost.
RESPONSE_TIME, RETRANSMISSIONS = "response time", "retransmissions"

# What ended a run.
CEILING, TIME, INTERRUPTED = "ceiling", "time", "interrupted"
ENDS = (TARGET, GENERATOR, CEILING, TIME, INTERRUPTED)

MOST_STEPS = 60
MOST_REASONS = 20  # of a step
MOST_SOCKETS = 64  # as sip_counters_info returns
MOST_PROCESSORS = 1024
MOST_STATUSES = 40
MOST_WARNINGS = 100


class Reason(TypedDict):
    """Why a step does not hold. The first one of a step is what gave first."""

    where: str  # one of PLACES
    what: str  # a counter, a socket, a processor, an answer; never empty
    count: float  # how many, or the percentage or milliseconds that `what` names
    detail: str  # a sentence for people
    help: str | None  # the item, key or variable of siptune.linux that would help


class Milliseconds(TypedDict):
    """Response times of a step; all null where nothing was answered."""

    p50: float | None
    p99: float | None
    max: float | None


class Socket(TypedDict):
    """A socket of a SIP daemon on the target, and the datagrams it has dropped in the step."""

    name: str  # "kamailio 10.0.0.5:5060"
    drops: int


class Processors(TypedDict):
    """The busy share in percent of each processor, in the order of their numbers."""

    target: list[float]
    generator: list[float]


class Step(TypedDict):
    """One step of load at one rate. All counts are of requests, calls or registrations, as the contract's unit says."""

    rate: float  # a second, as asked
    seconds: float  # of load
    stall_ms: int  # for how long the daemon was stopped; 0 for not at all
    holds: bool
    asked: int  # what the rate comes to in these seconds
    sent: int
    answered: int
    failed: int
    retransmissions: int
    statuses: dict[str, int]  # of the final answers
    response_ms: Milliseconds
    losses: dict[str, int]  # counters of the target that have grown, by the names of sip_counters_info
    sockets: list[Socket]
    processors: Processors
    generator_losses: dict[str, int]
    reasons: list[Reason]  # empty if the step holds


# What siptune_capacity asks of the target, in the unit of the scenario: `unit` is "calls per second", "messages per
# second" or "registrations per second", `from` the variable, "siptune_capacity.call_setups_per_second".
Contract = TypedDict("Contract", {"rate": float, "unit": str, "from": str})


class Run(TypedDict):
    """A series of steps of a target in one state."""

    state: str  # one of STATES
    highest_rate: float | None  # that held; null if none did
    ended_by: str  # one of ENDS
    contract_holds: bool | None  # null without a contract, or if the run could not decide it
    headroom_percent: float | None  # of highest_rate over the contract; negative if it does not hold
    gave_first: Reason | None
    steps: list[Step]


class Target(TypedDict):
    """A host that was proved."""

    name: str
    generator: str
    address: str
    port: int
    transport: str
    scenario: str
    daemon: str | None
    contract: Contract | None
    error: str | None  # why it could not be proved
    warnings: list[str]
    runs: list[Run]
