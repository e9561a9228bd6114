#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print, as JSON, what tools of the system say of a machine that a layer may have tuned: observe.py UNIT...

`boot` is the boot's identity, `failed` the units that failed, `interfaces` maps a name to its `mac`, `driver`,
`carrier_changes` and `settings`, as ethtool sees them, `sockets` maps a program and the end that it listens on to the
receive buffer, `units` maps a name to systemd's `properties` and its `processes`, `versions` maps a program to its
version, `log` is the end of the kernel's messages.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

INTERFACES = "/sys/class/net"
LOG_LINES = 40
MOST_SECONDS = 240

# Of /proc/PID/limits, by systemd's names for them.
LIMITS = {
    "Max cpu time": "LimitCPU",
    "Max file size": "LimitFSIZE",
    "Max data size": "LimitDATA",
    "Max stack size": "LimitSTACK",
    "Max core file size": "LimitCORE",
    "Max resident set": "LimitRSS",
    "Max processes": "LimitNPROC",
    "Max open files": "LimitNOFILE",
    "Max locked memory": "LimitMEMLOCK",
    "Max address space": "LimitAS",
    "Max file locks": "LimitLOCKS",
    "Max pending signals": "LimitSIGPENDING",
    "Max msgqueue size": "LimitMSGQUEUE",
    "Max nice priority": "LimitNICE",
    "Max realtime priority": "LimitRTPRIO",
    "Max realtime timeout": "LimitRTTIME",
}


def read(path: str) -> str:
    """A file's text without white space around it, empty if it cannot be read, as a link's speed when it is down."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def output(*words: str) -> str:
    """What a command prints, also one that fails: ethtool does for what a driver does not know."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


# --- Network cards ---


def fields(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of lines such as `RX:  256`, the name in lower case with underscores."""
    for line in text.splitlines():
        name, separator, value = line.partition(":")
        if separator:
            yield re.sub(r"\W+", "_", name.strip().lower()), value.strip()


def ethtool(option: str, interface: str, prefix: str = "") -> dict[str, str]:
    """The settings that an option of ethtool shows; of those shown twice the latter, the current after the most."""
    shown = fields(output("ethtool", option, interface))
    return {prefix + name: value for name, value in shown if value and value != "n/a"}


def coalescing(interface: str) -> dict[str, str]:
    """What `ethtool -c` shows, with its one line of two values taken apart: `Adaptive RX: off  TX: off`."""
    shown = ethtool("-c", interface)
    adaptive = re.fullmatch(r"(\S+)\s+TX:\s+(\S+)", shown.pop("adaptive_rx", ""))
    if adaptive is None or "n/a" in adaptive.groups():
        return shown
    return {**shown, "adaptive_rx": adaptive[1], "adaptive_tx": adaptive[2]}


def link_mode(interface: str) -> dict[str, str]:
    """`speed`: `auto` and the speeds that are advertised, or `forced`, the speed in Mb/s and the duplex."""
    text = output("ethtool", interface)
    shown = dict(fields(text))
    if shown.get("auto_negotiation") == "on":
        advertised = re.search(r"Advertised link modes:((?:\s+\w+/\w+)+)", text)
        return {"speed": " ".join(["auto", *re.findall(r"(\w+/\w+)", advertised[1])])} if advertised else {}
    speed = re.match(r"\d+", shown.get("speed", ""))
    return {"speed": f"forced {speed[0]} {shown.get('duplex', '').lower()}"} if speed else {}


def listed(mask: str) -> str:
    """The CPUs of a mask: `0-1`, or `none`."""
    number = int(mask.replace(",", ""), 16)
    cpus = [cpu for cpu in range(number.bit_length()) if number >> cpu & 1]
    runs = [cpu for cpu in cpus if cpu - 1 not in cpus], [cpu for cpu in cpus if cpu + 1 not in cpus]
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in zip(*runs)) or "none"


def joined(values: dict[str, str]) -> str:
    """What all parts have, or else each of them: `tx-0=0 tx-1=1`."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return " ".join(f"{name}={value}" for name, value in values.items())


def queues(place: str) -> dict[str, str]:
    """What /sys shows of the queues: which CPUs packets of each go to, or are sent from, and the tables of flows."""
    found = {}
    for kind, file in (("rx", "rps_cpus"), ("rx", "rps_flow_cnt"), ("tx", "xps_cpus")):
        names = sorted(name for name in os.listdir(f"{place}/queues") if name.startswith(f"{kind}-"))
        texts = {name: read(f"{place}/queues/{name}/{file}") for name in names}
        values = {name: listed(text) if file.endswith("cpus") else text for name, text in texts.items() if text}
        if values:
            found[file] = joined(values)
    return found


def udp_hash(name: str) -> dict[str, str]:
    """The fields that UDP is hashed by, as ethtool(8) abbreviates them."""
    words = {"IP SA": "s", "IP DA": "d", "L4 bytes 0": "f", "L4 bytes 2": "n"}
    values = {}
    for flow in ("udp4", "udp6"):
        shown = output("ethtool", "-n", name, "rx-flow-hash", flow)
        values[flow] = "".join(letter for text, letter in words.items() if text in shown)
    return {"udp_hash": joined(values)} if any(values.values()) else {}


def interrupts(name: str) -> dict[str, str]:
    """The CPUs that may take the interrupts of each receive queue, where these are named for the card."""
    found = {}
    for number in os.listdir("/sys/kernel/irq"):
        action = read(f"/sys/kernel/irq/{number}/actions")
        if action.startswith(f"{name}-rx-"):
            found[action] = read(f"/proc/irq/{number}/smp_affinity_list")
    return {"irq_cpus": joined(dict(sorted(found.items())))} if found else {}


def interface(name: str) -> dict[str, object]:
    """What is to be known of a network card."""
    place = f"{INTERFACES}/{name}"
    pause = ethtool("-a", name, "pause_")
    if "pause_autonegotiate" in pause:
        pause["pause_autoneg"] = pause.pop("pause_autonegotiate")
    return {
        "mac": read(f"{place}/address"),
        "driver": os.path.basename(os.path.realpath(f"{place}/device/driver")),
        "carrier": read(f"{place}/carrier"),
        "carrier_changes": int(read(f"{place}/carrier_changes")),
        "settings": {
            "txqueuelen": read(f"{place}/tx_queue_len"),
            **queues(place),
            **interrupts(name),
            **(udp_hash(name) if os.path.exists(f"{place}/queues/rx-1") else {}),
            **ethtool("-g", name),
            **coalescing(name),
            **pause,
            **ethtool("-l", name, "channels_"),
            **link_mode(name),
        },
    }


# --- Sockets ---


def sockets() -> dict[str, str]:
    """The receive buffers of UDP sockets in bytes, as ss(8) shows them: `kamailio 127.0.0.1:5060`."""
    found = {}
    for line in output("ss", "-H", "-u", "-a", "-n", "-p", "-m", "-O").splitlines():
        program, size = re.search(r'users:\(\("([^"]+)"', line), re.search(r",rb([0-9]+),", line)
        if program and size:
            found[f"{program[1]} {line.split()[3]}"] = size[1]
    return found


# --- Units ---


def limits(pid: str) -> dict[str, str]:
    """A process's limits, soft and hard with a colon between."""
    found = {}
    for line in read(f"/proc/{pid}/limits").splitlines()[1:]:
        name, soft, hard = re.split(r"\s{2,}", line)[:3]
        found[LIMITS[name]] = f"{soft}:{hard}".replace("unlimited", "infinity")
    return found


def processes(control_group: str) -> list[dict[str, object]]:
    """The processes of a unit."""
    pids = read(f"/sys/fs/cgroup{control_group}/cgroup.procs").split() if control_group else []
    return [
        {
            "command": read(f"/proc/{pid}/cmdline").split("\0"),
            "limits": limits(pid),
            "nice": os.getpriority(os.PRIO_PROCESS, int(pid)),
            "oom_score_adj": int(read(f"/proc/{pid}/oom_score_adj")),
        }
        for pid in pids
    ]


def unit(name: str) -> dict[str, object]:
    """What systemd and the kernel say of a unit."""
    lines = output("systemctl", "show", "--all", name).splitlines()
    properties = dict(line.split("=", 1) for line in lines if "=" in line)
    return {"properties": properties, "processes": processes(properties["ControlGroup"])}


def main(units: list[str]) -> None:
    """Print everything."""
    for _second in range(MOST_SECONDS):  # it looks for interrupts until all are there
        if output("systemctl", "is-active", "siptune-interrupts.service").strip() != "active":
            break
        time.sleep(1)
    failed = output("systemctl", "list-units", "--failed", "--plain", "--no-legend", "--full")
    cards = [name for name in sorted(os.listdir(INTERFACES)) if os.path.exists(f"{INTERFACES}/{name}/device")]
    document = {
        "boot": read("/proc/sys/kernel/random/boot_id"),
        "failed": [line.split()[0] for line in failed.splitlines()],
        "interfaces": {name: interface(name) for name in cards},
        "sockets": sockets(),
        "units": {name: unit(name) for name in units},
        "versions": {
            "systemd": output("systemctl", "--version").split()[1],
            "NetworkManager": output("NetworkManager", "--version").strip(),
        },
        "log": output("dmesg").splitlines()[-LOG_LINES:],
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
