# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value that an option is to get, and whether its present value counts as that: drivers round."""

from __future__ import annotations

from .._core.setting import AT_LEAST, AT_MOST, EXACT, meets
from .._engine.originals import LinkOriginal
from .._host.cpus import NONE, cpu_list, parse_cpu_list
from .model import Nic, Reading, item_name
from .modes import PORT_TWISTED_PAIR, LinkMode, names_of, target_mode
from .options import (
    CPUS,
    IRQ_CPUS,
    NEGOTIATED,
    POWERS_OF_TWO_ONLY,
    RING_GROUP,
    RPS_CPUS,
    RPS_FLOW_CNT,
    UDP_HASH,
    NicError,
    Option,
    is_power_of_two,
    may_be_rounded,
    powers_around,
)
from .parts import joined
from .settings import ALL, MAX, Setting
from .steering import steered_cpus

SENDING_HASH_ONLY = ("hv_netvsc",)
SENDING_HASH = (
    "there it changes what sent packets are hashed by and nothing else, and Azure then loses fragments (netvsc.rst of "
    "the kernel's documentation); leave it out for this interface with udp_hash: null"
)


def target_value(
    nic: Nic, option: Option, setting: Setting, online: frozenset[int], isolated: frozenset[int] = frozenset()
) -> str:
    """The value to request, as it reads back from a driver that does not round. Raises NicError."""
    item = item_name(nic.link.name, option.name)
    if isinstance(setting.value, LinkMode):
        if nic.settings is None:
            raise NicError(item, "cannot be set: its link modes are unknown")
        twisted_pair = nic.settings.port == PORT_TWISTED_PAIR
        return target_mode(item, setting.value, names_of(nic.settings.supported), twisted_pair)
    if option.kind == CPUS:
        cpus = _target_cpus(item, str(setting.value), online)
        if option.name == IRQ_CPUS:
            return _of_interrupts(item, cpus, tuple(nic.parts.get(IRQ_CPUS, ())))
        return cpu_list(steered_cpus(cpus, isolated, item) if option.name == RPS_CPUS else cpus)
    if option.name == UDP_HASH and nic.link.driver in SENDING_HASH_ONLY:
        raise NicError(item, f"cannot be set with {nic.link.driver}: {SENDING_HASH}")
    if option.name == RPS_FLOW_CNT:
        return str(table_size(int(str(setting.value))))
    if isinstance(setting.value, str) and setting.value != MAX:
        return setting.value
    return str(_target_number(item, nic, option, setting))


def _target_number(item: str, nic: Nic, option: Option, setting: Setting) -> int:
    maximum = nic.readings[option.name].maximum
    if maximum is None:
        return int(str(setting.value))
    number = min(maximum, setting.limit or maximum) if setting.value == MAX else int(str(setting.value))
    if number > maximum and setting.rule != AT_MOST:
        raise NicError(item, f"cannot be {number}: the hardware's maximum is {maximum}")
    if option.group != RING_GROUP or nic.link.driver not in POWERS_OF_TWO_ONLY or is_power_of_two(number):
        return number
    below, above = powers_around(number)
    if setting.rule == AT_LEAST:
        return above if above <= maximum else below
    if setting.rule == AT_MOST or setting.value == MAX:
        return below
    near = " or ".join(str(power) for power in (below, above) if power <= maximum)
    raise NicError(item, f"cannot be {number}: {nic.link.driver} requires a power of two, such as {near}")


def _of_interrupts(item: str, cpus: frozenset[int], names: tuple[str, ...]) -> str:
    """One CPU for each interrupt, by turns, so that a flow stays on its CPU."""
    if not cpus:
        raise NicError(item, f"cannot be {NONE}: some CPU has to take an interrupt")
    ordered = sorted(cpus)
    return joined({name: str(ordered[place % len(ordered)]) for place, name in enumerate(names)})


def table_size(flows: int) -> int:
    """The size that the kernel gives a table of flows: store_rps_dev_flow_table_cnt(), net/core/net-sysfs.c."""
    return powers_around(flows)[1] if flows else 0


def _target_cpus(item: str, wanted: str, online: frozenset[int]) -> frozenset[int]:
    if wanted == ALL:
        if not online:
            raise NicError(item, f"cannot be {ALL}: /sys does not show which CPUs are online")
        return online
    cpus = frozenset() if wanted == NONE else parse_cpu_list(wanted) or frozenset()
    if online and cpus - online:
        raise NicError(item, f"cannot be {wanted}: this host has the CPUs {cpu_list(online)}")
    return cpus


def is_within(rule: str, bound: str, value: str) -> bool:
    """Whether a number is within a floor or a ceiling, and may stay. An exact setting leaves no room."""
    return rule != EXACT and meets(rule, int(bound), int(value))


def is_booted(record: LinkOriginal, boot_id: str) -> bool:
    """Whether the host has booted since a value was persisted for the next boot, or a change was cut short."""
    return record.boot not in (None, boot_id)


def is_met(option: Option, target: str, now: str, record: LinkOriginal | None, boot_id: str, negotiated: bool) -> bool:
    """Whether a value is the target, or the driver's rounding of it.

    The rounding is known from the last time it was set; or, where a boot set it, from the rules by which drivers round.
    Negotiated pause frames read back the result of the negotiation, so requesting them once is enough.
    """
    if now == target:
        return True
    if record is None or record.written != target:
        return False
    if negotiated and option.name in NEGOTIATED:
        return record.boot is None or is_booted(record, boot_id)
    if record.boot is None:
        return now == record.left
    return is_booted(record, boot_id) and is_rounded(option, target, now)


def is_ours(option: Option, record: LinkOriginal, now: str, boot_id: str) -> bool:
    """Whether we, or a boot with our files, have set this value, and nobody has changed it since."""
    if now in (record.left, record.written):
        return True
    return is_booted(record, boot_id) and is_rounded(option, record.written, now)


def is_rounded(option: Option, target: str, now: str) -> bool:
    """Whether a driver may have rounded the target to this value."""
    return option.group == RING_GROUP and may_be_rounded(int(target), int(now))


def without_us(option: Option, reading: Reading, record: LinkOriginal | None, boot_id: str) -> str:
    """The option's value without us: its original, unless somebody else has set it since."""
    if record is not None and is_ours(option, record, reading.value, boot_id):
        return record.found
    return reading.value
