#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print, as JSON, all of a host that a tuning run could change: kernel settings, files and units.

`sysctl` maps the path of a key below /proc/sys to its value, `files` maps a file or directory to its mode, owner and
digest, and `units` maps a property of a unit, as `NAME PROPERTY`, to its value.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

PROC_SYS = "/proc/sys"
TREES = ("/etc", "/var/lib/siptune")

# Counters and state, which move without anybody's doing; binfmt_misc is a file system of the whole machine's, into
# which the installation of a package registers, in whatever container it happens.
VOLATILE = re.compile(
    r"fs/(aio-nr|binfmt_misc/.*|dentry-state|file-nr|inode-nr|inode-state|quota/.*)"
    r"|kernel/(ns_last_pid|pty/nr|random/.*|tainted|perf_event_max_sample_rate|sched_domain/.*)"
    r"|net/netfilter/nf_conntrack_count"
)


# Properties of a unit that move by themselves, each kind with the reason.
MOVING = re.compile(
    "|".join(
        (
            r".*Timestamp(Monotonic)?",  # when something has happened
            # what it uses
            r"(CPUUsage|IO(Read|Write)|IP(In|E)gress|Memory(Available|Current|Peak|Z?Swap)|Tasks?Current).*",
            # what it does: timers and sockets start units
            r"ActiveState|SubState|Job|.*Result|Status.*|N[A-Z][a-z]+s?",
            # when a timer elapses: a random delay is drawn anew when systemd reloads
            r"NextElapse.*",
            r"MainPID|ControlPID|InvocationID|ControlGroupId|Exec.*",  # of its last start: some tests restart daemons
        )
    )
)
# Units that come and go with sessions, devices and timers.
PASSING = re.compile(
    r".*\.(device|scope|mount|swap)|user@.*|user-runtime-dir@.*|user-.*\.slice|systemd-tmpfiles-clean.*"
)


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
    for file in walk(PROC_SYS):
        path = os.path.relpath(file, PROC_SYS)
        if VOLATILE.fullmatch(path):
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
    else:
        content = b""
    return f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {hashlib.sha256(content).hexdigest()}"


def unit_settings() -> dict[str, str]:
    """What the loaded units are set to."""
    words = ["systemctl", "show", "--no-pager", "*"]
    shown = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode("utf-8", "replace")
    settings = {}
    for block in shown.split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = properties.get("Id", "")
        if PASSING.fullmatch(name):
            continue
        for key, value in properties.items():
            if not MOVING.fullmatch(key):
                settings[f"{name} {key}"] = " ".join(sorted(value.split()))  # lists have no order
    return settings


if __name__ == "__main__":
    files = {file: fingerprint(file) for top in TREES for file in tree(top)}
    json.dump({"sysctl": kernel_settings(), "files": files, "units": unit_settings()}, sys.stdout)
