# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of the documentation site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "tools" / "check_site.py"


def check(tmp_path: Path, **pages: str) -> subprocess.CompletedProcess[str]:
    """Check a site of these pages; `docs__audit` is docs/audit.html."""
    for name, text in pages.items():
        path = tmp_path / f"{name.replace('__', '/')}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, str(PROGRAM), str(tmp_path)], capture_output=True, text=True, check=False)


def test_links_that_hold(tmp_path: Path) -> None:
    done = check(
        tmp_path,
        index='<a href="docs/audit.html#dr%C3%BCcken">a</a> <a href="#top">b</a> <h1 id="top">c</h1>',
        docs__audit='<h2 id="drücken">a</h2> <a href="../index.html">b</a> <a href="https://example.org/x#y">c</a>',
    )
    assert (done.returncode, done.stdout) == (0, "The links of 2 pages hold.\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="gone.html">a</a>', "index.html: gone.html: no such file"),
        ('<a href="docs">a</a>', "index.html: docs: no such file"),
        ('<a href="/">a</a>', "index.html: /: no such file"),
        ('<img src="gone.png">', "index.html: gone.png: no such file"),
        ('<a href="#gone">a</a>', "index.html: #gone: no such heading"),
        ('<a href="docs/audit.html#gone">a</a>', "index.html: docs/audit.html#gone: no such heading"),
        ('<script src="https://cdn.example.org/x.js"></script>', "index.html: fetches https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//cdn.example.org/x.css">', "index.html: fetches //cdn.example.org/x.css"),
        ('<img src="http://example.org/badge.svg">', "index.html: fetches http://example.org/badge.svg"),
    ],
)
def test_what_does_not_hold_is_named(tmp_path: Path, text: str, fault: str) -> None:
    done = check(tmp_path, index=text, docs__audit="<h1 id='drift'>a</h1>")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [fault]


def test_a_canonical_address_is_fetched_by_nobody(tmp_path: Path) -> None:
    assert check(tmp_path, index='<link rel="canonical" href="https://example.org/">').returncode == 0
