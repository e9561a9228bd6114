# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that users give with a setting: why it is set, and what is dangerous about it."""

from __future__ import annotations

from collections.abc import Callable


def one_line(name: str, field: str, text: object, error: Callable[[str, str], Exception]) -> str:
    """A text on one line, '' for none. Raises the error, which is made of the setting's name and a reason.

    It goes into a file, where a control character might end the comment it stands in.
    """
    if text is None:
        return ""
    if not isinstance(text, str):
        raise error(name, f"{field} is a text, not a {type(text).__name__}")
    line = " ".join(text.split())
    if not line.isprintable():
        raise error(name, f"{field} holds a control character or what is no character")
    return line


def hazard_warning(name: str, value: str, hazard: str) -> str:
    """How every module warns of the known hazard of a setting."""
    return f"{name} = {value}: {hazard}"
