# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what becomes of packets on their way to a daemon, in a virtual machine: `make packets`, or

    python tests/calls/packets.py [steering] [tracking]

steering: a card with one queue loses packets at a rate that one processor cannot take, without packet steering and with
the collection's. tracking: calls through a table of few connections, tracked and exempt.

Each virtual processor gets a fixed share of a real one while it is fed (the kernel's deadline scheduling, so as root).
Else the emulator's own thread and whatever else this machine does would be what is measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "vm"))

import guest  # noqa: E402
import test_notrack as notracking  # noqa: E402
import virtual  # noqa: E402
from host import CallsError, Host  # noqa: E402
from tuning import module  # noqa: E402

IN_STEERING = Path(__file__).with_name("in_steering.py")
SUITE = "bookworm"
INTERFACE = "enp0s4"
STEERED = f"/sys/class/net/{INTERFACE}/queues/rx-0/rps_cpus"
BACKLOG = {"net.core.netdev_max_backlog": "10000"}  # what the collection sets beside steering
PAIRS, SECONDS, RATE, FLOWS, RTP_BYTES = 4, 7, 10000, 40, 172  # G.711, 20 ms
PAUSE_SECONDS, PERIOD_US = 0.001, 10000
FIRST = -20  # nice(2)
SHARE_US, LARGE_SHARE_US = 700, 6000  # of the period: while it is fed, and else

# We come in by ssh, for which a full table is to have no say.
WAY_IN = """
table inet way_in {
    chain prerouting { type filter hook prerouting priority raw; tcp dport 22 notrack; }
    chain output { type filter hook output priority raw; tcp sport 22 notrack; }
}
"""
OPEN = notracking.OPEN + "tcp dport 22 accept\n"
# Few enough for the calls of a few seconds.
FEW_CONNECTIONS = 32


# --- steering -------------------------------------------------------------------------------


class Loss(NamedTuple):
    """How many packets were sent, how many no socket got, and how many each processor passed on."""

    sent: int
    lost: int
    processed: list[int]
    dropped: int

    @property
    def percent(self) -> float:
        return 100 * self.lost / self.sent


def give_processors(directory: Path, share_us: int) -> None:
    """Let each virtual processor have this much of each period, no less and no more: sched(7). Raises CallsError."""
    pid = (directory / "pid").read_text(encoding="ascii").strip()
    threads = [task for task in Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().startswith("CPU ")]
    if not threads:
        raise CallsError("the emulator does not name the threads of its processors")
    for process in (int(pid), 0):  # the emulator's own thread, which hands the packets on, and the feeder
        os.setpriority(os.PRIO_PROCESS, process, FIRST)
    for thread in threads:
        times = ["-T", f"{share_us}000", "-D", f"{PERIOD_US}000", "-P", f"{PERIOD_US}000"]
        done = subprocess.run(
            ["chrt", "-d", *times, "-p", "0", thread.name], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CallsError(f"the processors cannot be given fixed shares: {done.stderr.strip()}")


def feed(port: int) -> int:
    """Send packets as that many calls do, at the rate. Returns how many."""
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(FLOWS)]
        started, sent = time.monotonic(), 0
        while sent < RATE * SECONDS:
            for number in range(sent, min(RATE * SECONDS, int((time.monotonic() - started) * RATE))):
                senders[number % FLOWS].sendto(bytes(RTP_BYTES), ("127.0.0.1", port))
                sent = number + 1
            time.sleep(PAUSE_SECONDS)
    return sent


def lost(host: Host, directory: Path) -> Loss:
    """Feed the card once."""
    port = json.loads((directory / guest.FEEDS).read_text(encoding="ascii"))[INTERFACE]
    command = guest.ssh(directory, f'sudo python3 -c "$(cat)" {INTERFACE} {guest.FED_PORT}')
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as taking:
        assert taking.stdin and taking.stdout  # noqa: PT018
        taking.stdin.write(IN_STEERING.read_text(encoding="utf-8"))
        taking.stdin.close()
        if taking.stdout.readline() != "ready\n":
            raise CallsError("the machine does not take packets; see above")
        give_processors(directory, SHARE_US)
        try:
            sent = feed(port)
            time.sleep(1)
        finally:
            give_processors(directory, LARGE_SHARE_US)
        found = json.loads(taking.stdout.read())
    return Loss(sent, sent - found["got"], found["processed"], sum(found["dropped"]))


def steering(host: Host) -> Iterator[str]:
    """Lines of a page: pairs of the same load without steering and with it."""
    directory = Path(host.ssh_config).parent
    host.run("nft", "flush", "ruleset")
    host.ask("sysctl", settings=BACKLOG)
    chosen = module(host, "nic_link", {"interfaces": {INTERFACE: {"rps_cpus": "auto"}}})
    yield f"`nic_link` has chosen processor {chosen['items'][0]['after']} for {INTERFACE}."
    mask = host.run("cat", STEERED).strip()
    yield from ("", "| steering | sent | lost | lost % | by processor | lost in its queue |", "|" + " --- |" * 6)
    found: dict[str, list[Loss]] = {"0": [], mask: []}
    for _pair in range(PAIRS):
        for steered, losses in found.items():
            host.run("tee", STEERED, text=steered)
            losses.append(one := lost(host, directory))
            by_processor = " and ".join(f"{number:,}" for number in one.processed)
            cells = (f"{one.sent:,}", f"{one.lost:,}", f"{one.percent:.1f}", by_processor, f"{one.dropped:,}")
            yield f"| {'none' if steered == '0' else 'on'} | {' | '.join(cells)} |"
    without, steered = (median(loss.percent for loss in losses) for losses in found.values())
    fewer = sum(on.lost < off.lost for off, on in zip(*found.values(), strict=True))
    yield f"\nMedians: {without:.1f} % lost without, {steered:.1f} % with steering. Fewer in {fewer} of {PAIRS} pairs."


# --- tracking -------------------------------------------------------------------------------


def tracking(host: Host) -> Iterator[str]:
    """Lines of a page: the same calls, tracked and not."""
    host.run("ip", "addr", "flush", "dev", "enp0s2")  # the network that the peer is to have
    host.run("sh", "-ec", notracking.PEER)
    notracking.firewall(host, OPEN)
    host.run("nft", "-f", "-", text=WAY_IN)
    host.ask("restart", configuration=notracking.KAMAILIO)
    host.ask("sysctl", settings={"net.netfilter.nf_conntrack_max": str(FEW_CONNECTIONS)})
    yield "| SIP is | calls | failed | retransmissions | insert_failed | drop | early_drop | connections |"
    yield "|" + " --- |" * 8
    for words in ("tracked", "exempt"):
        if words == "exempt":
            notracking.notrack(host, ports=notracking.PORTS)
        before = notracking.tracked(host)
        calls, after = notracking.calls(host), notracking.tracked(host)
        grown = [after[name] - before[name] for name in ("insert_failed", "drop", "early_drop")]
        cells: list[Any] = [
            calls.calls,
            calls.failed,
            calls.retransmissions,
            *grown,
            f"{after['count']} of {after['max']}",
        ]
        yield f"| {words} | {' | '.join(str(cell) for cell in cells)} |"


MEASUREMENTS = {function.__name__: function for function in (steering, tracking)}


def main(names: list[str]) -> int:
    """Measure, and print it as the page has it."""
    if os.geteuid() != 0:
        sys.exit("Giving virtual processors their shares takes root.")
    virtual.choose_image(SUITE)
    with virtual.virtual_host() as host:
        for name in names or MEASUREMENTS:
            print(f"\n### {name}\n", flush=True)
            for line in MEASUREMENTS[name](host):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CallsError as error:
        sys.exit(f"NOT MEASURED: {error}")
