# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capacity contract siptune_capacity: the load that a host must carry."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._core.errors import TuningError

CAPACITY_NAMES = ("call_setups_per_second", "concurrent_calls", "registrations", "sip_datagrams_per_second")
HIGHEST_FIGURE = 9_999_999  # more than any host carries, and no formula leaves the kernel's range with it
_DECIMAL = re.compile(r"[0-9]{1,7}\Z", re.ASCII)


class CatalogueError(TuningError):
    """A variable that cannot be used: names it and says why, in one line."""


class NotGivenError(TuningError):
    """A size depends on a fact of the host that an image is for, and nobody has given it.

    `field` is that of siptune_machine.
    """

    def __init__(self, field: str) -> None:
        super().__init__(f"siptune_machine.{field} is not given")
        self.field = field


def parse_capacity(capacity: Mapping[str, object], variable: str = "siptune_capacity") -> dict[str, int]:
    """The figures of siptune_capacity; those that are null are left out. Raises CatalogueError, with the variable."""
    if not isinstance(capacity, Mapping):
        raise CatalogueError(f"{variable}: must be a dictionary, such as {{concurrent_calls: 2000}}")
    figures = {}
    for name, figure in capacity.items():
        if name not in CAPACITY_NAMES:
            raise CatalogueError(f"{variable}: there is no figure {name!r}, only {', '.join(CAPACITY_NAMES)}")
        if figure is None:
            continue
        if isinstance(figure, bool) or not _DECIMAL.match(str(figure)):
            bounds = f"must be a whole number from 0 to {HIGHEST_FIGURE}"
            raise CatalogueError(f"{variable}.{name}: {bounds}, not {figure!r}")
        figures[str(name)] = int(str(figure))
    return figures
