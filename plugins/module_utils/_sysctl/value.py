# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of sysctl keys: parsing the user's, comparing them as the kernel does, floors and ceilings.

A value is text, as in /proc/sys. Comparison is numeric for numbers, field by field for vectors, as
sets for port lists, group by group for hexadecimal masks and keys, and word by word for all other keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from .._core.setting import AT_LEAST, AT_MOST, EXACT
from .._core.text import plural
from .kernel import HEX, HIGHEST_PORT, NUMBERS, PORTS, TEXT, KernelKey, known
from .key import SysctlError, display_name

LONGEST_VALUE = 4095  # the kernel reads at most a page less one byte (proc_sys_call_handler, proc_dointvec)
LONGEST_NUMBER = 40  # digits; the largest number of the kernel has 20
LONGEST_JIFFY_MS = 10  # with CONFIG_HZ=100; the kernel keeps the times of *_ms keys in whole jiffies
_HEX_GROUPS = re.compile(r"(0[xX])?[0-9a-fA-F]{1,16}([-,](0[xX])?[0-9a-fA-F]{1,16})*\Z", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+\Z", re.ASCII)
_OCTAL = re.compile(r"-?0[0-9]+\Z", re.ASCII)
_PORT_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?\Z", re.ASCII)


# --- the user's value -----------------------------------------------------------------------


def parse_value(path: str, given: object) -> str:
    """The text to write for a value from YAML, JSON or the command line. Raises SysctlError.

    Booleans and fractions, which YAML makes of some texts, are refused with advice. So is a number
    with a leading zero, which the kernel would read as octal.
    """
    name = display_name(path)
    text = _joined(path, given) if isinstance(given, (list, tuple)) else _scalar(name, given)
    key = known(path)
    if key is None:
        _check_unknown(name, text)
        return text
    if key.kind == PORTS:
        return render_ports(parse_ports(name, text))
    if key.kind == NUMBERS:
        return _checked_numbers(name, key, text)
    return text


def _scalar(name: str, given: object) -> str:
    if given is None:
        raise SysctlError(name, "has no value; leave the key out if it is to be left alone")
    if isinstance(given, bool):
        raise SysctlError(name, f"YAML has read the boolean {str(given).lower()}; write 1 or 0")
    if isinstance(given, int):
        return str(int(given))
    if isinstance(given, float):
        raise SysctlError(name, f"YAML has read the fraction {given!r}; write a whole number, or a string in quotes")
    if not isinstance(given, str):
        raise SysctlError(name, f"a value must be a string or a number, not a {type(given).__name__}")
    if any((ord(character) < 32 and character != "\t") or ord(character) == 127 for character in given):
        raise SysctlError(name, f"the value {given!r} contains a line break or another control character")
    if len(given) > LONGEST_VALUE:
        raise SysctlError(name, f"the value is longer than the {LONGEST_VALUE} bytes that the kernel reads")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise SysctlError(name, "the value contains an invalid character") from error
    return given.strip()


def _joined(path: str, given: Iterable[object]) -> str:
    """A YAML list as a vector or a list of ports. Raises SysctlError for a key that takes one value."""
    name, key = display_name(path), known(path)
    fields = [_scalar(name, field) for field in given]
    if key is not None and key.kind == PORTS:
        return ",".join(fields)
    if key is None or key.kind != NUMBERS or key.fields == 1:
        raise SysctlError(name, "takes one value, not a list; write a vector as a string, '4096 131072 6291456'")
    if any(" " in field for field in fields):
        raise SysctlError(name, "a field of the list contains several values")
    return " ".join(fields)


def _check_unknown(name: str, text: str) -> None:
    if not text:
        raise SysctlError(name, "the value is empty")
    for token in text.split():
        _refuse_octal(name, token)


def _refuse_octal(name: str, token: str) -> None:
    if _OCTAL.match(token):
        raise SysctlError(
            name, f"the kernel reads {token} as an octal number because of its leading zero; leave the zero out"
        )


def _checked_numbers(name: str, key: KernelKey, text: str) -> str:
    numbers = [_number(name, token) for token in text.split()]
    if not numbers:
        raise SysctlError(name, "the value is empty")
    if len(numbers) > key.fields:
        raise SysctlError(name, f"takes {key.fields} {plural(key.fields, 'number')}, not {len(numbers)}")
    for position, number in enumerate(numbers):
        low, high = _bound(key.low, position), _bound(key.high, position)
        if not low <= number <= high:
            raise SysctlError(name, f"{number} is outside {low}..{high}")
    if key.ascending and numbers != sorted(numbers):
        raise SysctlError(name, f"the values of '{text}' must rise from field to field")
    return " ".join(map(str, numbers))


def _bound(bound: int | tuple[int, ...], position: int) -> int:
    return bound[position] if isinstance(bound, tuple) else bound


def _number(name: str, token: str) -> int:
    _refuse_octal(name, token)
    number = _as_number(token)
    if number is None:
        advice = "; write it without unit, exponent or fraction" if _FLOAT.match(token) or token[:1].isdigit() else ""
        raise SysctlError(name, f"'{token}' is not a whole number{advice}")
    return number


def _as_number(token: str) -> int | None:
    if len(token) > LONGEST_NUMBER:
        return None
    if _DECIMAL.match(token):
        return int(token)
    return int(token, 16) if _HEXADECIMAL.match(token) else None


def check_rule(path: str, rule: str, text: str) -> None:
    """Raises SysctlError for a floor or a ceiling that is not possible for the value."""
    if rule == EXACT:
        return
    name, key = display_name(path), known(path)
    if key is not None and key.kind == PORTS:
        if rule == AT_MOST:
            raise SysctlError(name, "the rule of a list of ports is exact or at_least, not at_most")
        return
    if (key is not None and key.kind in (TEXT, HEX)) or _numbers(text) is None:
        raise SysctlError(name, f"{rule} needs numbers, and '{text}' is not one")


# --- port lists -----------------------------------------------------------------------------


def parse_ports(name: str, text: str) -> tuple[tuple[int, int], ...]:
    """The port ranges of `5060-5061,10000`, merged and ascending. Raises SysctlError."""
    ranges = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _PORT_RANGE.match(part)
        low = int(match.group(1)) if match else -1
        high = int(match.group(2) or low) if match else -1
        if not 0 <= low <= high <= HIGHEST_PORT:
            raise SysctlError(name, f"'{part}' is not a port such as 5060 or a range such as 10000-20000")
        ranges.append((low, high))
    return _merged(ranges)


def _merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def render_ports(ranges: Iterable[tuple[int, int]]) -> str:
    """Port ranges as the kernel prints them."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


# --- comparing and combining ----------------------------------------------------------------


def same(path: str, one: str, other: str) -> bool:
    """Whether two texts are the same value to the kernel."""
    return one == other or _comparable(path, one) == _comparable(path, other)


def _comparable(path: str, text: str) -> object:
    key = known(path)
    if key is not None and key.kind == PORTS:
        return _ports_or_none(path, text)
    words = text.split()
    if key is not None and key.kind == HEX and len(words) == 1 and _HEX_GROUPS.match(words[0]):
        groups = [int(group, 16) for group in re.split("[-,]", words[0])]
        return groups[next((place for place, group in enumerate(groups) if group), len(groups)) :]
    if key is not None and key.kind in (TEXT, HEX):
        return words
    return [word if _as_number(word) is None else _as_number(word) for word in words]


def _ports_or_none(path: str, text: str) -> object:
    try:
        return parse_ports(path, text)
    except SysctlError:
        return text


def stored(path: str, written: str, before: str | None) -> str:
    """The value of the key after `written` has been written over `before`.

    A short vector keeps the remaining fields of `before`; some numbers are rounded up. `before` is None
    if it is unknown.
    """
    key, numbers = known(path), _numbers(written)
    if numbers is None or (key is not None and key.kind != NUMBERS):
        return written
    if key is not None and key.rounded is not None:
        numbers = [key.rounded(number) for number in numbers]
    tail = (before or "").split()[len(numbers) :]
    return " ".join([*map(str, numbers), *tail])


def may_read_as(path: str, written: str, value: str) -> bool:
    """Whether a key can read `value` because `written` means the same to the kernel, and not because it was ignored.

    Numbers speak for themselves, except for the rounding of times. Any other text, such as a list of names or an
    address, may have a form that only the kernel knows.
    """
    numbers, read = _numbers(written), _numbers(value)
    key = known(path)
    if numbers is None or read is None or (key is not None and key.kind != NUMBERS):
        return True
    near = path.endswith("_ms") and len(numbers) == len(read) == 1
    return near and abs(numbers[0] - read[0]) < LONGEST_JIFFY_MS


def raised(path: str, floor: str, value: str) -> str:
    """The value with each field raised to the floor if it is below. Raises SysctlError if they do not fit."""
    return _combined(path, floor, value, _higher)


def lowered(path: str, ceiling: str, value: str) -> str:
    """The value with each field lowered to the ceiling if it is above. Raises SysctlError if they do not fit."""
    return _combined(path, ceiling, value, _lower)


def wanted_from(path: str, rule: str, wanted: str, value: str) -> str:
    """The value that the rule asks for, of a key that has `value`."""
    if rule == AT_LEAST:
        return raised(path, wanted, value)
    if rule == AT_MOST:
        return lowered(path, wanted, value)
    return stored(path, wanted, value)


def satisfied(path: str, rule: str, wanted: str, value: str) -> bool:
    """Whether a key that has `value` meets the rule."""
    return same(path, wanted_from(path, rule, wanted, value), value)


def _combined(path: str, bound: str, value: str, choose: Callable[[KernelKey | None, int, int], int]) -> str:
    name, key = display_name(path), known(path)
    if key is not None and key.kind == PORTS:
        return render_ports(_merged([*parse_ports(name, bound), *parse_ports(name, value)]))
    bounds, numbers = _numbers(bound), _numbers(value)
    if bounds is None or numbers is None:
        raise SysctlError(name, f"a floor or ceiling needs numbers, and the kernel's value is '{value}'")
    if len(bounds) > len(numbers):
        raise SysctlError(name, f"has {len(numbers)} {plural(len(numbers), 'field')}, but {len(bounds)} were given")
    chosen = [choose(key, limit, number) for limit, number in zip(bounds, numbers)]
    rounded = stored(path, " ".join(map(str, chosen)), None)
    return " ".join([rounded, *map(str, numbers[len(bounds) :])])


def _numbers(text: str) -> list[int] | None:
    numbers = []
    for token in text.split():
        number = _as_number(token)
        if number is None:
            return None
        numbers.append(number)
    return numbers or None


def _higher(key: KernelKey | None, floor: int, number: int) -> int:
    if key is not None and key.zero_is_unlimited and 0 in (floor, number):
        return 0
    return max(floor, number)


def _lower(key: KernelKey | None, ceiling: int, number: int) -> int:
    if key is not None and key.zero_is_unlimited and 0 in (ceiling, number):
        return ceiling or number
    return min(ceiling, number)
