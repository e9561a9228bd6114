# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markup that is built from elements, in which a text is a text whatever is in it."""

from __future__ import annotations

import html

from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable


class Markup(str):
    """Markup that `element` has made. Any other text is escaped where it goes into an element."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """An element. None among children and attributes is left out; `class_` is class, `aria_label` is aria-label.

    The names of tags and attributes are ours; values and texts may be anybody's.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{written}>{together(*children)}</{tag}>")


def together(*children: object) -> Markup:
    """Elements and texts one after the other; None is left out."""
    return Markup("".join(_text(child) for child in children if child is not None))


def _text(value: object) -> str:
    return value if isinstance(value, Markup) else html.escape(printable(value))
