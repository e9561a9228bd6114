# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one page that needs nothing else: style, script and data in it, and no network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

FRAME = Path(__file__).resolve().parent / "frame"  # not "page": Ansible takes such a directory for the module
# Characters that could end a script element, or that JavaScript once took for the end of a line.
UNSAFE_IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def render(title: str, body: str, style: str, script: str = "", data: object = None) -> str:
    """The whole page as text.

    `body` is markup, `style` comes after that of all reports, and the script, if there is one, finds `data` as JSON in
    the element `data`. The page's policy lets just this style and this script through.
    """
    style = _part("base.css") + style
    scripts = f'<script type="application/json" id="data">{json_in_script(data)}</script>\n<script>{script}</script>\n'
    values = {
        "TITLE": title,
        "STYLE_HASH": _hash(style),
        "SCRIPT_POLICY": _hash(script) if script else "'none'",
        "STYLE": style,
        "BODY": body,
        "SCRIPTS": scripts if script else "",
    }
    # In one pass, as what is filled in is not all ours.
    return re.sub("@([A-Z_]+)@", lambda name: values[name.group(1)], _part("frame.html"))


def _part(name: str) -> str:
    return (FRAME / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    """The hash of an inline style or script in a Content-Security-Policy. Source: CSP level 3, "hash-source"."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def json_in_script(value: object) -> str:
    """JSON that nothing inside it can lead out of the script element it stands in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(UNSAFE_IN_SCRIPT)
