#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print, as JSON, all of a host that a tuning run could change: kernel settings and files.

`sysctl` maps the path of a key below /proc/sys to its value, `files` maps a file to its mode, owner and digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
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


def walk(top: str) -> Iterator[str]:
    """The files below a directory."""
    for directory, _, names in os.walk(top):
        for name in names:
            yield os.path.join(directory, name)


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


if __name__ == "__main__":
    files = {file: fingerprint(file) for tree in TREES for file in walk(tree)}
    json.dump({"sysctl": kernel_settings(), "files": files}, sys.stdout)
