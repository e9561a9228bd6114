# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of a sandbox of every kind, and what there is to see of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sandbox
from sandbox import dump

MAKING = (
    "link add br0 type bridge",
    "link add link rtp0 name vlan0 type vlan id 5",
    "link add link rtp0 name mac0 type macvlan",
    "link add bond0 type bond",
    "link add dummy0 type dummy",
    "tuntap add tap0 mode tap",
)
# A sandbox sees all processes of the machine, and the calls of SIP daemons there are not tested.
MAY_FLAP = {"disruptive": True, "despite_calls": True}
SOFTWARE = ["bond0", "br0", "vlan0", "tap0", "dummy0", "mac0", "lo"]


def make_interfaces() -> None:
    """Show this namespace's /sys, and add every kind of software interface."""
    sandbox.mount("sysfs", "/sys", "sysfs")
    os.makedirs("/etc/systemd/network")
    for words in MAKING:  # a kernel may lack some
        subprocess.run(["ip", *words.split()], check=False, capture_output=True)


def there(names: list[str]) -> list[str]:
    """Those that this kernel can make."""
    return [name for name in names if os.path.exists(f"/sys/class/net/{name}")]


def states(result: dict[str, Any]) -> dict[str, str]:
    assert "items" in result, result
    return {item["item"]: item["state"] for item in result["items"]}


def sys_net(path: str) -> str:
    return Path("/sys/class/net", path).read_text(encoding="ascii").strip()


def settings() -> Iterator[tuple[str, str]]:
    """What /sys shows of all interfaces that these modules could change."""
    for name in os.listdir("/sys/class/net"):
        yield name, sys_net(f"{name}/tx_queue_len")
        for queue in os.listdir(f"/sys/class/net/{name}/queues"):
            if queue.startswith("rx-"):
                yield f"{name} {queue}", sys_net(f"{name}/queues/{queue}/rps_cpus")


def whole_host() -> dict[str, object]:
    return {**dump(), **dict(settings())}
