# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of limits.d: how they are read, and which line decides for whom.

The rules are those of limits.conf(5) and of pam_limits: limits.conf first, then the files of
limits.d in the order of their names' bytes; a line of a more specific domain beats one of a less
specific domain in any order, and of equals the last one wins. Source: linux-pam,
modules/pam_limits/pam_limits.c, 1.4.0 to 1.7.2, and Debian's patch 027 to it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.errors import ItemError
from .._core.setting import shown
from .._engine.conf_files import effective_files, path_fault
from .._host.accounts import Account

DIRECTORY = "/etc/security/limits.d"
CONFIGURATION = "/etc/security"  # where pam_limits looks first; a distribution may have a second place
SUFFIX = ".conf"

HEADING = (
    "# Managed by Ansible (siptune.linux.limits_file). Edits made here are lost with the next run;\n"
    "# a later file such as 99-local.conf has the last word. Takes effect with the next login.\n"
)

INFINITE = 2**64 - 1  # RLIM_INFINITY, asm-generic/resource.h
NO_LIMIT = ("unlimited", "infinity", "-1")
HIGHEST_INT = 2**31 - 1
LAST_ID = 2**32 - 2  # (uid_t) -1 is no id: chown(2)


class LimitsError(ItemError):
    """A limit or a file that is refused: the item, and the reason."""


# --- items ----------------------------------------------------------------------------------

RESOURCE = "resource"  # a limit of setrlimit(2), soft and hard
LOGINS = "logins"  # maxlogins and maxsyslogins share one slot
LAST = "last"  # one slot; the last line wins, whatever its domain

SOFT = "soft"
HARD = "hard"
BOTH = "both"
SIDES = {SOFT: (SOFT,), HARD: (HARD,), BOTH: (SOFT, HARD)}
WRITTEN_TYPES = {SOFT: "soft", HARD: "hard", BOTH: "-"}
READ_TYPES = {written: name for name, written in WRITTEN_TYPES.items()}


class Item(NamedTuple):
    """An item of limits.conf(5).

    The number in a file times `scale` is the kernel's number.
    `zero_locks_out`: with a limit of 0, nobody to whom it applies could log in.
    """

    name: str
    unit: str
    kind: str = RESOURCE
    scale: int = 1
    lowest: int = 0
    highest: int | None = None
    zero_locks_out: bool = False

    @property
    def limit(self) -> str:
        """The resource limit that it sets, by systemd's name: LimitNOFILE of nofile."""
        return f"Limit{self.name.upper()}" if self.kind == RESOURCE else ""


KIBIBYTE = 1024
SECONDS_A_MINUTE = 60

_ALL_ITEMS = (
    Item("core", "KB", scale=KIBIBYTE),
    Item("data", "KB", scale=KIBIBYTE, zero_locks_out=True),
    Item("fsize", "KB", scale=KIBIBYTE, zero_locks_out=True),
    Item("memlock", "KB", scale=KIBIBYTE),
    Item("nofile", "files", zero_locks_out=True),
    Item("rss", "KB", scale=KIBIBYTE),
    Item("stack", "KB", scale=KIBIBYTE, zero_locks_out=True),
    Item("cpu", "minutes", scale=SECONDS_A_MINUTE, zero_locks_out=True),
    Item("nproc", "processes", zero_locks_out=True),
    Item("as", "KB", scale=KIBIBYTE, zero_locks_out=True),
    Item("maxlogins", "logins", LOGINS, highest=HIGHEST_INT, zero_locks_out=True),
    Item("maxsyslogins", "logins", LOGINS, highest=HIGHEST_INT, zero_locks_out=True),
    Item("nonewprivs", "0 or 1", LAST, highest=1),
    Item("priority", "nice value", LAST, lowest=-20, highest=19),
    Item("locks", "locks"),
    Item("sigpending", "signals"),
    Item("msgqueue", "bytes"),
    Item("nice", "nice value", lowest=-20, highest=19),
    Item("rtprio", "priority"),
    Item("rttime", "microseconds"),
)
ITEMS: Mapping[str, Item] = {item.name: item for item in _ALL_ITEMS}

TYPELESS = ("maxlogins", "maxsyslogins", "nonewprivs")  # pam_limits accepts any word as their type
LIMITED_TO_NUMBERS = ("priority", "nice", "nonewprivs")  # here -1 does not mean unlimited
NICE_TO_LIMIT = 20  # getrlimit(2): RLIMIT_NICE is 20 less the nice value

# Items that no current Linux applies, and why.
WITHOUT_EFFECT = {
    "rss": "has no effect: Linux ignores it since 2.4.30",
    "locks": "has no effect: Linux does not enforce it since 2.4.25",
}


def amount(item: Item, value: str) -> int | None:
    """The kernel's number for a value, INFINITE for no limit, None if pam_limits skips the line.

    For logins, -1 is no limit. A `nofile` without limit is INFINITE here; some versions of pam_limits map it to
    fs.nr_open.
    """
    if item.name == "nonewprivs":
        return 1 if value == "1" else 0
    if item.name not in LIMITED_TO_NUMBERS and value in (*NO_LIMIT, "-"):
        return -1 if item.kind == LOGINS else INFINITE
    number = _leading_number(value)
    if number is None:
        return None
    if item.name == "nice":
        return NICE_TO_LIMIT - max(-20, min(19, number))
    if item.kind != RESOURCE:
        return max(-HIGHEST_INT - 1, min(HIGHEST_INT, number))
    number = INFINITE if abs(number) > INFINITE else number % (INFINITE + 1)  # strtoull(3) takes a sign
    return number * item.scale if number < INFINITE // item.scale else INFINITE


def shown_amount(item: str, number: int) -> str:
    """A kernel's number as limits.conf has it."""
    if number == INFINITE:
        return NO_LIMIT[0]
    return str(NICE_TO_LIMIT - number if item == "nice" else number // ITEMS[item].scale)


def _leading_number(text: str) -> int | None:
    found = re.match(r"[+-]?[0-9]{1,60}", text)
    return int(found.group()) if found else None


# --- domains --------------------------------------------------------------------------------

USER = "user"
UIDS = "uids"
GROUP = "group"
GIDS = "gids"
GROUP_LOGINS = "group logins"  # %group
GID_LOGINS = "gid logins"  # %:gid
ALL_LOGINS = "all logins"  # %
EVERYBODY = "everybody"  # *

# The precedence of pam_limits: of two lines the one with the lower rank wins. (LIMITS_DEF_* in pam_limits.c)
RANKS = {USER: 0, UIDS: 0, GROUP: 1, GIDS: 1, GROUP_LOGINS: 2, GID_LOGINS: 2, ALL_LOGINS: 3, EVERYBODY: 4}
NO_RANK = 5  # no line sets it
FOR_LOGINS_ONLY = (GROUP_LOGINS, GID_LOGINS, ALL_LOGINS)


class Domain(NamedTuple):
    """Whom a line applies to. `name` is a user's or a group's; `low` and `high` are ids, both included.

    `exact` is a range of one id written as `:id`. For groups, only this form matches secondary groups too.
    """

    kind: str
    name: str = ""
    low: int = 0
    high: int = 0
    exact: bool = False


def read_domain(word: str) -> Domain | None:
    """The domain of a line, None if pam_limits would skip the line."""
    sign = word[:1] if word[:1] in ("@", "%") else ""
    rest = word[len(sign) :]
    if ":" in word:
        return _read_range(sign, rest)
    if sign == "%":
        return Domain(GROUP_LOGINS, rest) if rest else Domain(ALL_LOGINS)
    if sign == "@":
        return Domain(GROUP, rest)
    return Domain(EVERYBODY) if word == "*" else Domain(USER, word)


def _read_range(sign: str, text: str) -> Domain | None:
    found = re.fullmatch(r"([0-9]{0,20}):([0-9]{0,20})", text)
    if not found or text == ":":
        return None
    low, high = found.groups()
    kind = {"": UIDS, "@": GIDS, "%": GID_LOGINS}[sign]
    if not low:
        return Domain(kind, "", int(high), int(high), True)
    if sign == "%":
        return None  # "range unsupported for %group matching"
    return Domain(kind, "", int(low), int(high) if high else LAST_ID)


def rank_for(domain: Domain, account: Account, spares_root: bool) -> int | None:
    """The rank with which a line of this domain applies to an account, None if it does not apply.

    With `spares_root`, Debian's patch, lines of groups and of everybody skip root. The patch compares
    ranges of gids with root's uid, and so does this function.
    """
    if spares_root and account.uid == 0 and domain.kind not in (USER, UIDS):
        as_uids = domain.kind in (GIDS, GID_LOGINS) and domain.low <= 0 <= domain.high
        return RANKS[UIDS] if as_uids else None
    if domain.kind in (ALL_LOGINS, EVERYBODY):
        applies = True
    elif domain.kind in (GROUP, GROUP_LOGINS):
        applies = domain.name in account.groups
    elif domain.kind == GID_LOGINS:
        applies = domain.high in account.gids
    else:
        applies = _names(domain, account)
    return RANKS[domain.kind] if applies else None


def _names(domain: Domain, account: Account) -> bool:
    """Whether a domain of users, of a group or of ids includes an account."""
    if domain.kind == USER:
        return domain.name == account.name
    if domain.kind == UIDS:
        return domain.low <= account.uid <= domain.high
    if domain.kind == GROUP:
        return domain.name in account.groups
    if domain.kind == GIDS and domain.exact:
        return domain.high in account.gids
    return domain.kind == GIDS and domain.low <= account.gid <= domain.high


# --- one file -------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A line of a limits file. Without an `item` it lifts all limits for its domain (`name -`).

    `spelling` is the domain as written, `type` is soft, hard or both.
    """

    domain: Domain
    spelling: str
    type: str
    item: str
    value: str
    file: str
    line: int

    @property
    def name(self) -> str:
        """The name of the line in results, such as `asterisk soft nofile`."""
        return f"{self.spelling} {self.type} {self.item}"


def check_file_path(path: str) -> None:
    """Raises LimitsError unless `path` names a .conf file directly in limits.d."""
    fault = path_fault(path, [DIRECTORY], SUFFIX)
    if fault:
        raise LimitsError(shown(path), fault)


def parse(text: str, file: str) -> list[Entry]:
    """The valid lines of a file: those that pam_limits does not skip."""
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        words = re.split(r"[ \t\r\f\v]+", line.partition("#")[0].strip(" \t\r\f\v"))
        domain = read_domain(words[0]) if len(words) > 1 else None
        if domain is None:
            continue
        entry = None
        if len(words) == 2 and words[1].startswith("-"):
            entry = Entry(domain, words[0], BOTH, "", "", file, number)
        elif len(words) > 3:
            entry = _complete_entry(domain, words, file, number)
        if entry is not None:
            entries.append(entry)
    return entries


def _complete_entry(domain: Domain, words: Sequence[str], file: str, number: int) -> Entry | None:
    kind, name, value = (word.lower() for word in words[1:4])
    item = ITEMS.get(name)
    if item is None or amount(item, value) is None:
        return None
    if kind not in READ_TYPES and name not in TYPELESS:
        return None
    return Entry(domain, words[0], READ_TYPES.get(kind, BOTH), name, value, file, number)


# --- all files ------------------------------------------------------------------------------


def reading_order(paths: Iterable[str], directories: Sequence[str]) -> list[str]:
    """The files that pam_limits reads, in its order.

    `paths` are all limits.conf and limits.d/*.conf files below `directories`, such as /etc/security
    and /usr/etc/security, the most important first. Only the first limits.conf is read, and of
    files with the same name only the first.
    """
    found = set(paths)
    mains = [path for path in (f"{directory}/limits.conf" for directory in directories) if path in found]
    by_directory = [
        path for directory in directories for path in found if posixpath.dirname(path) == f"{directory}/limits.d"
    ]
    return mains[:1] + effective_files(by_directory, SUFFIX)


def read_all(texts: Mapping[str, str], directories: Sequence[str]) -> list[Entry]:
    """The lines of these files, given as texts by path, in the order pam_limits reads them."""
    return [entry for path in reading_order(texts, directories) for entry in parse(texts[path], path)]


class Decision(NamedTuple):
    """The lines that decide an item for an account, None where no line does.

    An item without soft and hard has the same line on both sides. If there is an `exemption`, a
    line that lifts all limits, no other line has any effect.
    """

    soft: Entry | None = None
    hard: Entry | None = None
    exemption: Entry | None = None

    def side(self, side: str) -> Entry | None:
        """The line that decides the soft or the hard limit."""
        return self.soft if side == SOFT else self.hard


def decide(entries: Iterable[Entry], item: str, account: Account, spares_root: bool) -> Decision:
    """The lines, out of these in reading order, that decide an item for an account."""
    kind = ITEMS[item].kind
    winners: dict[str, tuple[int, Entry]] = {}
    for entry in entries:
        if not entry.item:
            if _names(entry.domain, account):
                return Decision(exemption=entry)
            continue
        same_slot = entry.item == item or (kind == LOGINS and ITEMS[entry.item].kind == LOGINS)
        rank = rank_for(entry.domain, account, spares_root) if same_slot else None
        if rank is None or (entry.domain.kind in FOR_LOGINS_ONLY and entry.item != "maxlogins"):
            continue
        for side in SIDES[entry.type] if kind == RESOURCE else (SOFT,):
            if kind != LAST and winners.get(side, (NO_RANK,))[0] < rank:
                break  # pam_limits then skips the hard side as well
            winners[side] = (rank, entry)
    soft, hard = ((winners[side][1] if side in winners else None) for side in (SOFT, HARD))
    return Decision(soft, hard) if kind == RESOURCE else Decision(soft, soft)
