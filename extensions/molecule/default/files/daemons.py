#!/usr/bin/python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print, as JSON, what becomes of a host's SIP daemons and logins: daemons.py '{"units": {...}, "users": [...]}'

`units` takes the names with `protocol`, sip or ng (rtpengine's), and `port`, and maps them to systemd's `properties`,
`processes` by their pid, the group's `pids_max`, and the daemon's `reply`. `logins` maps a user to the soft and the
hard limit of open files that a login through PAM gets. `defaults` are the files below /etc/default, `init` is the
first process, `root_may_...` say what this host lets its root do, and `asked` is the argument.
"""

from __future__ import annotations

import glob
import json
import re
import resource
import socket
import subprocess
import sys
import uuid

PROPERTIES = (
    "ActiveState",
    "ControlGroup",
    "LimitNOFILE",
    "LimitNOFILESoft",
    "MainPID",
    "NRestarts",
    "OOMPolicy",
    "OOMScoreAdjust",
    "TasksMax",
)
# Where the control groups are: version 2, or the trees of version 1.
GROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/pids")
REPLY_TIMEOUT_SECONDS = 2
ATTEMPTS = 3
DATAGRAM_BYTES = 65535
STARTED = 19  # proc(5), field 22 of stat, counted from the one after the command's name
LIMIT = re.compile(r"^(Max .*?) {2,}(\S+) +(\S+)", re.MULTILINE)


def read(path: str) -> str | None:
    """A file's text; None if there is none, or its process has ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


# --- units ----------------------------------------------------------------------------------


def unit(name: str, protocol: str, port: int) -> dict[str, object]:
    """All that is recorded of a unit."""
    command = ["systemctl", "show", "--property", ",".join(PROPERTIES), "--", name]
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    properties = dict(line.split("=", 1) for line in shown.splitlines())
    group = properties["ControlGroup"]
    pids = {pid for text in in_group(group, "cgroup.procs") for pid in text.split()} if group else set()
    return {
        "properties": properties,
        "pids_max": next((text.strip() for text in in_group(group, "pids.max")), None) if group else None,
        "processes": {pid: process(pid) for pid in sorted(pids, key=int)},
        "reply": ask(protocol, port),
    }


def in_group(group: str, name: str) -> list[str]:
    """The texts of a control group's file, from wherever it is."""
    texts = [read(f"{tree}{group}/{name}") for tree in GROUPS]
    return [text for text in texts if text is not None]


def process(pid: str) -> dict[str, object]:
    """What a process has: limits, soft and hard, by their names, OOM score, start and command line.

    `root_may_set_limits` is for those of its limits that a process may set itself.
    """
    return {
        "limits": {name: [soft, hard] for name, soft, hard in LIMIT.findall(read(f"/proc/{pid}/limits") or "")},
        "oom_score_adj": (read(f"/proc/{pid}/oom_score_adj") or "").strip(),
        "started": (read(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()[STARTED:][:1],
        "command": (read(f"/proc/{pid}/cmdline") or "").split("\0")[:-1],
        "root_may_set_limits": may_set_limits(pid),
    }


# --- calls ----------------------------------------------------------------------------------


def ask(protocol: str, port: int) -> str | None:
    """The first line of what a daemon on the loopback interface replies; None if it stays silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.settimeout(REPLY_TIMEOUT_SECONDS)
        endpoint.connect(("127.0.0.1", port))
        request = ping() if protocol == "ng" else options(port, endpoint.getsockname()[1])
        for _attempt in range(ATTEMPTS):
            try:
                endpoint.send(request.encode())
                reply = endpoint.recv(DATAGRAM_BYTES).decode(errors="replace")
            except OSError:
                continue  # silence, or nobody listens
            return reply.split("\r\n")[0] if protocol == "sip" else without_cookie(request, reply)
    return None


def options(port: int, own_port: int) -> str:
    """A SIP OPTIONS request for the server itself. Source: RFC 3261, section 11."""
    lines = (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{own_port};branch=z9hG4bK{uuid.uuid4().hex}",
        "Max-Forwards: 70",
        f"From: <sip:probe@127.0.0.1>;tag={uuid.uuid4().hex[:8]}",
        f"To: <sip:127.0.0.1:{port}>",
        f"Call-ID: {uuid.uuid4().hex}@127.0.0.1",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:probe@127.0.0.1:{own_port}>",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", ""))


def ping() -> str:
    """A ping of rtpengine's NG protocol: a cookie, a blank and a bencoded dictionary."""
    return f"{uuid.uuid4().hex} d7:command4:pinge"


def without_cookie(request: str, reply: str) -> str | None:
    """The dictionary of an NG reply; None if it belongs to another request."""
    cookie, _, dictionary = reply.partition(" ")
    return dictionary if cookie == request.split(" ")[0] else None


# --- logins ---------------------------------------------------------------------------------


def login(user: str) -> list[str] | None:
    """The soft and the hard limit of open files of a login on a terminal; None if it is refused."""
    # script(1) brings the terminal, su the whole of PAM's session.
    command = ["script", "--quiet", "--return", "--command", f"su - {user} -c 'ulimit -Sn; ulimit -Hn'", "/dev/null"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    words = done.stdout.split()
    return words if done.returncode == 0 and len(words) == 2 else None


def default_files() -> dict[str, str]:
    """The texts of the files below /etc/default by their paths; links that lead nowhere have none."""
    texts = {path: read(path) for path in sorted(glob.glob("/etc/default/*"))}
    return {path: text for path, text in texts.items() if text is not None}


def may_raise_hard_limits() -> bool:
    """Whether root may raise a hard limit here, which a container's root often may not. Source: getrlimit(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, hard - 1)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard - 1))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except (OSError, ValueError):
        return False
    return True


def may_lower_oom_scores() -> bool:
    """Whether root may protect a process from the out-of-memory killer here. Source: proc(5), oom_score_adj."""
    before = read("/proc/self/oom_score_adj") or "0"
    try:
        for score in (int(before) - 1, int(before)):
            with open("/proc/self/oom_score_adj", "w", encoding="utf-8") as stream:
                stream.write(str(score))
    except OSError:
        return False
    return True


def may_set_limits(pid: str) -> bool:
    """Whether root may set a process's limits at all: its own, or those of others too. Source: prlimit(2)."""
    try:
        resource.prlimit(int(pid), resource.RLIMIT_NOFILE)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    state = {
        "asked": asked,
        "units": {name: unit(name, **how) for name, how in asked["units"].items()},
        "logins": {user: login(user) for user in asked["users"]},
        "defaults": default_files(),
        "init": process("1"),
        "root_may_raise_hard_limits": may_raise_hard_limits(),
        "root_may_lower_oom_scores": may_lower_oom_scores(),
    }
    json.dump(state, sys.stdout)
