# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interface's option is to be set to, and whether what it is counts as that. Drivers round.

Nothing here reads or writes anything.
"""

from __future__ import annotations

from .._core.setting import AT_LEAST, AT_MOST, EXACT
from .._engine.originals import LinkOriginal
from .._nic import modes
from .model import Nic, Reading, item_name
from .modes import LinkMode
from .options import (
    CPUS,
    NEGOTIATED,
    POWERS_OF_TWO_ONLY,
    RING_GROUP,
    NicError,
    Option,
    is_power_of_two,
    may_be_rounded,
    powers_around,
)
from .settings import ALL, MAX, NONE, Want, cpu_list, parse_cpu_list


def goal(nic: Nic, option: Option, want: Want, online: frozenset[int]) -> str:
    """What the option is to be asked for, as it will read if the driver does not round. Raises NicError."""
    item = item_name(nic.link.name, option.name)
    if isinstance(want.value, LinkMode):
        settings = nic.settings
        if settings is None:
            raise NicError(item, "cannot be set: its link modes are not known")
        twisted_pair = settings.port == modes.PORT_TWISTED_PAIR
        return modes.target(item, want.value, modes.names_of(settings.supported), twisted_pair)
    if option.kind == CPUS:
        return _goal_of_cpus(item, str(want.value), online)
    if isinstance(want.value, str) and want.value != MAX:
        return want.value
    return str(_goal_of_number(item, nic, option, want))


def _goal_of_number(item: str, nic: Nic, option: Option, want: Want) -> int:
    maximum = nic.readings[option.name].maximum
    if maximum is None:
        return int(str(want.value))
    number = min(maximum, want.limit or maximum) if want.value == MAX else int(str(want.value))
    if number > maximum and want.rule != AT_MOST:
        raise NicError(item, f"cannot be {number}: the hardware's maximum is {maximum}")
    if option.group != RING_GROUP or nic.link.driver not in POWERS_OF_TWO_ONLY or is_power_of_two(number):
        return number
    below, above = powers_around(number)
    if want.rule == AT_LEAST:
        return above if above <= maximum else below
    if want.rule == AT_MOST or want.value == MAX:
        return below
    near = " or ".join(str(power) for power in (below, above) if power <= maximum)
    raise NicError(item, f"cannot be {number}: {nic.link.driver} takes powers of two only, so {near}")


def _goal_of_cpus(item: str, wanted: str, online: frozenset[int]) -> str:
    if wanted == ALL:
        if not online:
            raise NicError(item, f"cannot be {ALL}: /sys does not tell which CPUs there are")
        return cpu_list(online)
    cpus = frozenset() if wanted == NONE else parse_cpu_list(wanted)
    missing = cpus - online
    if online and missing:
        raise NicError(item, f"cannot be {wanted}: this host has the CPUs {cpu_list(online)}")
    return cpu_list(cpus)


def satisfies(rule: str, value: str, bound: str) -> bool:
    """Whether a number is within a floor or a ceiling. What is exact is never within anything."""
    if rule == EXACT:
        return False
    return int(value) >= int(bound) if rule == AT_LEAST else int(value) <= int(bound)


# --- what counts as met, and as ours ---------------------------------------------------------


def is_booted(record: LinkOriginal, boot_id: str) -> bool:
    """Whether what was only written down has had a boot since, or a change of ours was cut short."""
    return record.boot not in (None, boot_id)


def is_met(option: Option, wanted: str, now: str, record: LinkOriginal | None, boot_id: str, negotiated: bool) -> bool:
    """Whether a value is what was wanted, or what the driver makes of it.

    That is known by what it made of it the last time; or, where a boot did it, by how drivers round. Pause frames
    that are negotiated read back what came of that, so that asking once is all that can be done.
    """
    if now == wanted:
        return True
    if record is None or record.written != wanted:
        return False
    if negotiated and option.name in NEGOTIATED:
        return record.boot is None or is_booted(record, boot_id)
    if record.boot is None:
        return now == record.left
    return is_booted(record, boot_id) and is_rounded(option, wanted, now)


def is_ours(option: Option, record: LinkOriginal, now: str, boot_id: str) -> bool:
    """Whether a value is what we made of the option, now or by the boot, and nobody has changed it since."""
    if now in (record.left, record.written):
        return True
    return is_booted(record, boot_id) and is_rounded(option, record.written, now)


def is_rounded(option: Option, wanted: str, now: str) -> bool:
    """Whether a driver may have made one number of the other."""
    return option.group == RING_GROUP and may_be_rounded(int(wanted), int(now))


def without_us(option: Option, reading: Reading, record: LinkOriginal | None, boot_id: str) -> str:
    """What the option would be without us: what was found, unless somebody else has set it since."""
    if record is not None and is_ours(option, record, reading.value, boot_id):
        return record.found
    return reading.value
