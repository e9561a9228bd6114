# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins through the real PAM inside a sandbox, and what they get; and calls of limits_file."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import LIMITS
from ansible_collections.siptune.linux.plugins.module_utils._logins.apply import apply as apply_plan
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import INFINITE
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._logins.module import LIMITS_FILE
from ansible_collections.siptune.linux.plugins.module_utils._logins.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._logins.plan import plan
from ansible_collections.siptune.linux.plugins.modules import limits_file
from calls import CHECKOUT, LIBRARY, STARTER, call

LIMITS_D = "/etc/security/limits.d"
FILE = f"{LIMITS_D}/90-test.conf"

# People of the sandbox: asterisk is in a group of its own and in voip, ops is not.
PASSWD = """\
root:x:0:0:root:/root:/bin/sh
asterisk:x:4321:4321::/tmp:/bin/sh
ops:x:5001:5001::/tmp:/bin/sh
"""
GROUP = """\
root:x:0:
asterisk:x:4321:
voip:x:4400:asterisk
ops:x:5001:
"""
PAM = """\
auth sufficient pam_rootok.so
account required pam_permit.so
session [success=ok default=bad] \\
    pam_limits.so   # continued from above
session required pam_permit.so
"""
INCLUDING = "auth include {0}\naccount include {0}\nsession substack {0}\n"

Wanted = Mapping[str, object]


def make_people() -> None:
    """A host with people, and with su as the one login whose sessions get limits."""
    for directory in ("/etc/pam.d", LIMITS_D):
        os.makedirs(directory, exist_ok=True)
    for path, text in (
        ("/etc/passwd", PASSWD),
        ("/etc/group", GROUP),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n"),
        ("/etc/shadow", "root:*:19000::::::\nasterisk:*:19000::::::\nops:*:19000::::::\n"),
        ("/etc/pam.d/su", "@include common\n" if debian() else INCLUDING.format("common")),
        ("/etc/pam.d/su-l", INCLUDING.format("su")),  # what `su -` asks for
        ("/etc/pam.d/common", PAM),
        ("/etc/security/limits.conf", "# nothing\n"),
    ):
        Path(path).write_text(text, encoding="utf-8")


def debian() -> bool:
    """Whether the machine's PAM is Debian's, with its own rules for root."""
    return observe(Host(), Request(FILE, [])).pam.spares_root


class Session(NamedTuple):
    """The soft and hard limits of a login by item, in the kernel's numbers, and its nice value."""

    limits: dict[str, tuple[int, int]]
    nice: int

    def nofile(self) -> tuple[int, int]:
        return self.limits["nofile"]


def login(user: str) -> Session:
    """Log in with su, without a terminal. Raises CalledProcessError where PAM refuses."""
    words = ["su", user, "-s", "/bin/sh", "-c", "cat /proc/self/limits; nice"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    *rows, nice = done.stdout.splitlines()
    return Session(parse_limits("\n".join(rows)), int(nice))


def login_on_terminal(user: str, command: str) -> str:
    """The output of a command in a login shell of a user on a pseudo-terminal."""
    said = bytearray()

    def keep(descriptor: int) -> bytes:
        data = os.read(descriptor, 4096)
        said.extend(data)
        return data

    with open(os.devnull, "w", encoding="ascii") as nowhere:
        output, stdout = os.dup(1), sys.stdout
        os.dup2(nowhere.fileno(), 1)
        try:
            status = pty.spawn(["su", "-", user, "-c", command], keep, lambda _: b"")
        finally:
            os.dup2(output, 1)
            os.close(output)
            sys.stdout = stdout
    assert os.waitstatus_to_exitcode(status) == 0, said
    return said.decode("utf-8", "replace").replace("\r\n", "\n")


def parse_limits(text: str) -> dict[str, tuple[int, int]]:
    """Soft and hard limits by item of a text of proc_pid_limits(5)."""
    names = {row: limit[len("Limit") :].lower() for row, (limit, _number) in LIMITS.items()}
    rows = re.findall(r"^(Max [a-z ]+?) {2,}(\S+) +(\S+)", text, re.MULTILINE)
    assert len(rows) == 16, text
    return {names[row]: (number(soft), number(hard)) for row, soft, hard in rows}


def number(text: str) -> int:
    return INFINITE if text == "unlimited" else int(text)


# --- calls of limits_file -------------------------------------------------------------------


class Result(NamedTuple):
    changed: bool
    items: dict[str, Change]
    warnings: Sequence[str]

    def states(self) -> dict[str, str]:
        return {name: change.state for name, change in self.items.items()}


def limit(domain: str, kind: str, item: str, value: object, why: str | None = None) -> Wanted:
    return {"domain": domain, "type": kind, "item": item, "value": value, "why": why}


def request(*limits: Wanted, path: str = FILE) -> Request:
    return LIMITS_FILE.parse({"path": path, "limits": limits, "state": "present"})


def result(planned: FilesPlan, changes: Sequence[Change], changed: bool) -> Result:
    return Result(changed, {change.item: change for change in changes}, planned.warnings)


def predict(*limits: Wanted, path: str = FILE) -> Result:
    """The result of check mode."""
    wanted = request(*limits, path=path)
    planned = plan(wanted, observe(Host(), wanted))
    return result(planned, planned.changes, planned.changed)


def apply(*limits: Wanted, path: str = FILE) -> Result:
    """A run: observe, plan, carry out. Raises what they raise."""
    host, wanted = Host(), request(*limits, path=path)
    observed = observe(host, wanted)
    planned = plan(wanted, observed)
    outcome = all_or_nothing(lambda log: apply_plan(host, wanted, observed, planned, log))
    return result(planned, outcome.changes, outcome.changed)


def module(check: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of limits_file."""
    return call(limits_file, check, **parameters)


def module_words(parameters: Mapping[str, object], python: str = sys.executable) -> list[str]:
    """The command that runs the real module in a process of its own, by the given Python."""
    document = json.dumps({"ANSIBLE_MODULE_ARGS": dict(parameters)})
    return [python, "-c", STARTER.replace("sysctl_bulk", "limits_file"), str(CHECKOUT), LIBRARY, document]
