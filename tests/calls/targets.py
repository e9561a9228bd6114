# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons as docs/prove-targets.md has them: the texts that people copy are the ones that are tried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from host import CallsError, Host

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "prove-targets.md"
ADDRESSES = ("10.0.0.5", "10.0.0.9")  # of the target and the generator there, which are one host here
LOOPBACK = "127.0.0.1"

_SECTION = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
_BLOCK = re.compile(
    r"(?P<said>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"`(/etc/[^`]+)`(, at its end)?")

START = {
    "kamailio": "kamailio -f /etc/kamailio/kamailio.cfg -E -P /run/kamailio.pid -m 64 -u kamailio -g kamailio",
    "rtpengine": "rtpengine --pidfile=/run/rtpengine.pid",
    "asterisk": "asterisk -g; timeout 60 sh -c 'until asterisk -rx \"core waitfullybooted\"; do sleep 0.2; done'",
}


def section(heading: str) -> str:
    """The text of a section up to the next heading. Raises CallsError."""
    parts = _SECTION.split(DOCUMENT.read_text(encoding="utf-8"))
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    if heading not in found:
        raise CallsError(f"{DOCUMENT.name} has no section {heading}")
    return found[heading]


def configure(host: Host, headings: Sequence[str], define: str = "") -> None:
    """Do what sections say: write their files, or add to them, and run their commands. Raises CallsError.

    `define` goes into the second line of a kamailio.cfg.
    """
    for heading in headings:
        for block in _BLOCK.finditer(section(heading)):
            text = block["text"]
            for address in ADDRESSES:
                text = text.replace(address, LOOPBACK)
            if block["language"] == "sh":
                host.run("sh", "-ec", text)
                continue
            path, at_end = list(_FILE.finditer(block["said"]))[-1].groups()
            if define and path.endswith("kamailio.cfg"):
                text = text.replace("\n", f"\n#!define {define}\n", 1)
            host.run("sh", "-c", f'cat {">>" if at_end else ">"}"$0"', path, text=f"\n{text}" if at_end else text)


def start(host: Host, *daemons: str) -> None:
    """Start daemons, the first one first. Raises CallsError."""
    for daemon in daemons:
        host.run(
            "sh", "-c", f"({START[daemon]}) >/tmp/{daemon}.log 2>&1 </dev/null || (cat /tmp/{daemon}.log >&2; false)"
        )
