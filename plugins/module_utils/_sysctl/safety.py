# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks: refuses changes that would lock people out of the host."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.setting import AT_LEAST
from .._core.text import whole_number
from .._engine.originals import Originals
from .key import SysctlError, display_name, interface_of
from .model import Observed
from .settings import Setting

NR_OPEN = "fs/nr_open"


def check_safety(path: str, text: str | None, now: str, observed: Observed) -> None:
    """Raises SysctlError where setting a key to `text`, now or at boot, would lock people out."""
    if text is None:
        return
    reason = objection(path, text, now, observed)
    if reason is not None:
        advice = "leave the key out; with the roles, set it to null in the inventory's own settings"
        raise SysctlError(display_name(path), f"{reason}. To have the rest, {advice}")


def objection(path: str, text: str, now: str, observed: Observed) -> str | None:
    """The reason why writing `text` over `now` would lock people out; None if it would not."""
    if _switches_ipv6_off(path, text) and now != text and observed.ipv6_reasons:
        return f"IPv6 is in use here and is not switched off: {'; '.join(observed.ipv6_reasons)}"
    if path == NR_OPEN and _number(text) < (observed.highest_nofile or 0) and text != now:
        return (
            f"{text} is below a descriptor limit in use ({observed.highest_nofile}): logins and services with such a "
            "limit would be refused"
        )
    return None


def _switches_ipv6_off(path: str, value: str) -> bool:
    """Whether the setting disables IPv6 on the whole host or on an interface other than the loopback."""
    leaf = path.rpartition("/")[2]
    return leaf == "disable_ipv6" and path.startswith("net/ipv6/conf/") and interface_of(path) != "lo" and value != "0"


def _number(text: str) -> int:
    """The number, or 0 for any other text. Only an edited record of originals can have such a text."""
    return whole_number(text) or 0


def needs_ipv6_reasons(paths: Iterable[str]) -> bool:
    """Whether `plan` needs to know if IPv6 is in use, given the keys that it may write."""
    return any(_switches_ipv6_off(path, "1") for path in paths)


def needs_highest_nofile(paths: Iterable[str], settings: Iterable[Setting], originals: Originals) -> bool:
    """Whether `plan` needs the highest limit of open files of any process, as it may lower fs.nr_open."""
    if NR_OPEN not in paths:
        return False
    floors = [setting for setting in settings if setting.path == NR_OPEN and setting.rule == AT_LEAST]
    return not floors or NR_OPEN in originals.keys
