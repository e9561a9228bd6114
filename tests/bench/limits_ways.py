# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to write limits for logins that are compared."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import NamedTuple

from ways import BULK, LOOP, MEASURES, TASKS, TEMPLATE, Bound, Subject, Way, template_task

FILE = "/etc/security/limits.d/90-bench.conf"

# Accounts that the sandbox is given, and the services whose logins get limits there.
ACCOUNTS = ("asterisk", "freeswitch", "kamailio", "opensips", "rtpengine")
FIRST_UID = 4321
SERVICES = ("login", "sshd", "su", "sudo", "cron")

# Values that every host can give its logins: nothing here needs more than what a session starts with.
VALUES = {"nofile": "1024", "memlock": "64", "core": "0"}
TYPES = ("soft", "hard")

TASKS_FACTOR = 20


class Line(NamedTuple):
    """A line of limits.conf(5)."""

    domain: str
    type: str
    item: str
    value: str


def lines() -> list[Line]:
    """Thirty lines: three items, soft and hard, for five accounts."""
    return [Line(domain, kind, item, VALUES[item]) for domain, item, kind in product(ACCOUNTS, VALUES, TYPES)]


def subject() -> Subject:
    """The lines, by every way."""
    fields = ("domain", "limit_type", "limit_item", "value")  # as pam_limits names them
    each = {"dest": FILE, **{field: f"{{{{ item.{field} }}}}" for field in fields}}
    loop = [dict(zip(fields, line, strict=True)) for line in lines()]
    limits = [line._asdict() for line in lines()]
    ways = {
        **MEASURES,
        BULK: Way(
            "a task of `siptune.linux.limits_file`", [{"siptune.linux.limits_file": {"path": FILE, "limits": limits}}]
        ),
        "template": Way("`ansible.builtin.template`", [template_task(FILE)]),
        LOOP: Way("`community.general.pam_limits` in a loop", [{"community.general.pam_limits": each, "loop": loop}]),
        TASKS: Way(
            f"{len(loop)} tasks of `community.general.pam_limits`",
            [{"community.general.pam_limits": {"dest": FILE, **line}} for line in loop],
        ),
    }
    words = f"at least {TASKS_FACTOR} times cheaper than {len(loop)} tasks of pam_limits"
    bounds = [Bound(TASKS, BULK, words, least=TASKS_FACTOR)]
    work = f"{len(lines())} lines for {len(ACCOUNTS)} accounts, in a file that is not there yet."
    return Subject(work, ways, bounds, make_host, check_written)


def make_host() -> None:
    """Give the sandbox the accounts, and logins that get limits."""
    os.makedirs(os.path.dirname(FILE))
    os.makedirs("/etc/pam.d")
    for name in SERVICES:
        Path("/etc/pam.d", name).write_text("session required pam_limits.so\n", encoding="ascii")
    for path, form in (("/etc/passwd", "{0}:x:{1}:{1}::/:/bin/false\n"), ("/etc/group", "{0}:x:{1}:\n")):
        with open(path, "a", encoding="ascii") as stream:
            stream.writelines(form.format(name, FIRST_UID + number) for number, name in enumerate(ACCOUNTS))
    Path(TEMPLATE).write_text("".join(" ".join(line) + "\n" for line in lines()), encoding="ascii")


def check_written() -> None:
    """Raises RuntimeError unless the file has exactly the lines, in whatever order and beside whatever comments."""
    text = Path(FILE).read_text(encoding="utf-8").splitlines()
    found = sorted(tuple(line.split()) for line in text if line.strip() and not line.startswith("#"))
    if found != sorted(lines()):
        raise RuntimeError(f"{FILE} has other lines than these: {found}")
