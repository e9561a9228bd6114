#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print, as JSON, all of a host that a tuning run could change: kernel settings, files and units: state.py [UNIT...]

`sysctl` maps the path of a key below /proc/sys to its value, `files` maps a file or directory to its mode, owner and
digest, and `units` maps a property of a unit, as `NAME PROPERTY`, to its value, of all units if none is named.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

PROC_SYS = "/proc/sys"
TREES = ("/etc", "/var/lib/siptune")

# Keys that change by themselves, as paths below /proc/sys, each with the reason.
MOVING_KEYS = {
    r"fs/aio-nr": "requests under way",
    r"fs/binfmt_misc/.*": "the whole machine's: the installation of a package registers there, in whatever container",
    r"fs/dentry-state": "entries in the cache",
    r"fs/file-nr": "files that are open",
    r"fs/inode-(nr|state)": "inodes in the cache",
    r"fs/quota/.*": "counters of quota",
    r"kernel/ns_last_pid": "the last process that was started",
    r"kernel/perf_event_max_sample_rate": "the kernel lowers it when an interrupt of perf took long",
    r"kernel/pty/nr": "terminals in use",
    r"kernel/random/boot_id": "drawn at each boot",
    r"kernel/random/entropy_avail": "bits at hand",
    r"kernel/random/uuid": "drawn at each reading",
    r"kernel/sched_domain/.*": "measured by the scheduler",
    r"kernel/tainted": "what the kernel has been through",
    r"net/core/netdev_rss_key": "drawn at each boot",
    r"net/netfilter/nf_conntrack_count": "connections that are tracked",
    r"vm/user_reserve_kbytes": "a share of what is free when the machine boots; no layer sets it",
}

# Properties of units that change by themselves, each with the reason.
MOVING_PROPERTIES = {
    r".*Timestamp(Monotonic)?": "when something has happened",
    r"CPUUsage.*": "processor time so far",
    r"IO(Read|Write).*": "bytes so far",
    r"IP(In|E)gress(Bytes|Packets)": "packets so far",
    r"Memory(Available|Current|Peak|SwapCurrent|SwapPeak|ZSwapCurrent)": "memory in use",
    r"TasksCurrent": "processes there are",
    r"(Active|Sub|Freezer)State": "timers and sockets start and stop units",
    r"Job": "the job under way",
    r"Result|(Condition|Assert)Result|CleanResult|ReloadResult": "how the last start went",
    r"Status(Text|Errno)": "what the daemon says of itself",
    r"NRestarts": "restarts so far",
    r"NConnections|NAccepted|NRefused": "connections of a socket",
    r"NFileDescriptorStore": "descriptors that a daemon has left with systemd",
    r"NextElapse.*": "when a timer elapses: a random delay is drawn anew when systemd reloads",
    r"(Main|Control)PID|ExecMain.*": "the process of the last start",
    r"InvocationID|ControlGroupId": "drawn at each start",
}
# Of the commands of a unit, what the last start has added: [...; start_time=[...]; pid=...; status=0/0].
LAST_START = re.compile(r"(start_time|stop_time|pid|code|status)=[^;}]*")

# Lines of files that change by themselves: in a profile, NetworkManager keeps when it last activated it.
MOVING_LINES = {".nmconnection": re.compile(rb"^timestamp=[0-9]+\n", re.MULTILINE)}

# Not asked for, as it takes systemd long: devices come as udev finds them, mounts and swaps follow what is mounted, and
# scopes are sessions of those who log in, as tests do.
LASTING_UNITS = ("*.automount", "*.path", "*.service", "*.slice", "*.socket", "*.target", "*.timer")
# Of these, units that come and go, each kind with the reason.
PASSING_UNITS = {
    r"user@.*|user-runtime-dir@.*|user-.*\.slice": "come with the sessions",
    r"(ldconfig|systemd-(hwdb-update|journal-catalog-update|sysusers|update-done))\.service": "the first boot's alone",
    r"systemd-tmpfiles-clean.*": "loaded only while its timer has something to do",
    r"systemd-hostnamed\.service": "started by whoever asks for the name, as NetworkManager does, and ends when idle",
}
# Those of them that other units name in their order: systemd writes it down on both sides.
PASSING_WORDS = re.compile(r"session-[a-z0-9]+\.scope|systemd-hostnamed\.service")


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern for whatever one of these matches."""
    return re.compile("|".join(f"({pattern})" for pattern in patterns))


def walk(top: str) -> Iterator[str]:
    """The files below a directory."""
    for directory, _, names in os.walk(top):
        for name in names:
            yield os.path.join(directory, name)


def tree(top: str) -> Iterator[str]:
    """The files and directories below a directory, and itself."""
    for directory, names, files in os.walk(top):
        yield directory
        yield from (os.path.join(directory, name) for name in files)
        yield from (os.path.join(directory, name) for name in names if os.path.islink(os.path.join(directory, name)))


def kernel_settings() -> dict[str, str]:
    """The readable settings by their path, white space collapsed."""
    settings = {}
    moving = any_of(MOVING_KEYS)
    for file in walk(PROC_SYS):
        path = os.path.relpath(file, PROC_SYS)
        if moving.fullmatch(path):
            continue
        try:
            with open(file, encoding="utf-8", errors="replace") as stream:
                settings[path] = " ".join(stream.read().split())
        except OSError:
            continue  # write-only, or a secret that has not been set
    return settings


def fingerprint(file: str) -> str:
    """Mode, owner and content of a file, in a word."""
    status = os.lstat(file)
    if os.path.islink(file):
        content = os.readlink(file).encode()
    elif os.path.isfile(file):
        with open(file, "rb") as stream:
            content = stream.read()
        moving = MOVING_LINES.get(os.path.splitext(file)[1])
        if moving:
            content = moving.sub(b"", content)
    else:
        content = b""
    return f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {hashlib.sha256(content).hexdigest()}"


def unit_settings(units: Iterable[str]) -> dict[str, str]:
    """What the loaded units that these words match are set to."""
    words = ["systemctl", "show", "--no-pager", *units]
    shown = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode("utf-8", "replace")
    settings = {}
    moving, passing = any_of(MOVING_PROPERTIES), any_of(PASSING_UNITS)
    for block in shown.split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = properties.get("Id", "")
        if passing.fullmatch(name):
            continue
        for key, value in properties.items():
            if not moving.fullmatch(key):
                words = [word for word in LAST_START.sub("", value).split() if not PASSING_WORDS.fullmatch(word)]
                settings[f"{name} {key}"] = " ".join(sorted(words))  # lists have no order
    return settings


if __name__ == "__main__":
    files = {file: fingerprint(file) for top in TREES for file in tree(top)}
    units = unit_settings(sys.argv[1:] or LASTING_UNITS)
    json.dump({"sysctl": kernel_settings(), "files": files, "units": units}, sys.stdout)
