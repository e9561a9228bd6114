# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks.md: a section for each part, which can be measured and replaced by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

INTRODUCTION = """\
# Benchmarks

Made by `make bench ARGS=--write`, and each section alone by `make bench ARGS='--write --only NAME'`.

Everything is measured in fresh sandboxes: private namespaces or containers. Where ways are compared, the figures are
medians over rounds; a round runs every way once, so that whatever else the machine does hits all of them. Starting
`ansible-playbook` alone takes much of the time and would hide the rest, so the figures to compare are net of an empty
play of the same round. The absolute times are information only: they belong to the machine. CPU time counts the
controller and, on a local connection, the target; it hardly depends on what else the machine does. Over ssh the
connection is open already, as Ansible keeps it.
"""

_HEADING = re.compile(r"^## (.+)\n", re.MULTILINE)


def sections_of(page: str) -> dict[str, str]:
    """The text of each section, by its heading."""
    _, *rest = _HEADING.split(page)
    return {heading: text.strip() + "\n" for heading, text in zip(rest[::2], rest[1::2], strict=True)}


def with_section(page: str, heading: str, text: str, headings: Sequence[str]) -> str:
    """The page with this text in the section's place, in the order of the headings; any other section goes."""
    sections = {**sections_of(page), heading: text}
    texts = [f"## {known}\n\n{sections[known]}" for known in headings if known in sections]
    return "\n".join([INTRODUCTION, *texts])
