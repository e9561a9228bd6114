#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count how packets spread over processors and queues: spread.py INTERFACE PACKETS

Prints `ready`, waits until so many packets have come in, half a minute at most, and prints as JSON what has grown
since: `processed` packets and `interrupts` of the card by processor, and `queues` as far as the driver counts them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

TIMEOUT_SECONDS = 30
QUEUE = re.compile(r"^\s*rx_queue_([0-9]+)_packets: ([0-9]+)$", re.MULTILINE)


def read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as stream:
        return stream.read()


def processed() -> list[int]:
    """The packets that each processor has passed on: the first column of softnet_stat."""
    return [int(line.split()[0], 16) for line in read("/proc/net/softnet_stat").splitlines()]


def interrupts(interface: str) -> list[int]:
    """The interrupts of a card by processor. A virtio card's are those of the device that it sits on."""
    device = f"/sys/class/net/{interface}/device"
    above = f"{device}/../msi_irqs"
    numbers = set(os.listdir(above if os.path.exists(above) else f"{device}/msi_irqs"))
    header, *lines = read("/proc/interrupts").splitlines()
    rows = [line.split() for line in lines if line.split(":")[0].strip() in numbers]
    return [sum(int(row[1 + cpu]) for row in rows) for cpu in range(len(header.split()))]


def queues(interface: str) -> list[int]:
    """The packets of each receive queue, where the driver counts them."""
    shown = subprocess.run(["ethtool", "-S", interface], capture_output=True, text=True, check=False).stdout
    return [packets for _queue, packets in sorted((int(queue), int(text)) for queue, text in QUEUE.findall(shown))]


def counters(interface: str) -> dict[str, list[int]]:
    return {"processed": processed(), "interrupts": interrupts(interface), "queues": queues(interface)}


def main(interface: str, packets: int) -> None:
    """Count, wait, count again."""
    come_in = f"/sys/class/net/{interface}/statistics/rx_packets"
    before, wanted = counters(interface), int(read(come_in)) + packets
    print("ready", flush=True)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while int(read(come_in)) < wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    after = counters(interface)
    json.dump({name: [new - old for old, new in zip(before[name], after[name])] for name in before}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
