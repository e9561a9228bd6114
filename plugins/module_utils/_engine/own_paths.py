# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths that modules of this collection may write at all; the record of originals is checked against them.

Rollback writes files as root from that record. The places are fixed here, so that an edited record cannot name
/etc/shadow. The modules' own checks are stricter; no module writes outside of these.
"""

from __future__ import annotations

import re

from .conf_files import PLAIN_NAME

# Where units read environment files with settings from: Debian's place, Red Hat's, OpenRC's, the daemons' own.
ENVIRONMENT_DIRECTORIES = ("/etc/default", "/etc/sysconfig", "/etc/conf.d", "/etc/kamailio", "/etc/opensips")
# Permissions that a file of settings may have: no set-user-ID, set-group-ID or sticky bit.
ORDINARY_MODE_BITS = 0o777

_READ_AT_BOOT = r"/(?:etc|run|usr/local/lib|usr/lib|lib)"
_UNIT_DROP_IN = rf"/etc/systemd/system/[A-Za-z0-9:_.\\@-]+\.(?:service|slice)\.d/{PLAIN_NAME}\.conf"
_PATTERNS = (
    rf"{_READ_AT_BOOT}/sysctl\.d/{PLAIN_NAME}\.conf",
    rf"{_READ_AT_BOOT}/udev/rules\.d/{PLAIN_NAME}\.rules",
    rf"/etc/modprobe\.d/{PLAIN_NAME}\.conf",
    rf"/etc/security/limits\.d/{PLAIN_NAME}\.conf",
    _UNIT_DROP_IN,
    rf"/etc/systemd/journald\.conf\.d/{PLAIN_NAME}\.conf",
    r"/etc/siptune/(?:notrack\.nft|interrupts)",
    r"/etc/systemd/system/siptune-(?:notrack|interrupts)\.service",
    rf"/etc/systemd/system/multi-user\.target\.d/{PLAIN_NAME}\.conf",
    r"/etc/systemd/network/00?-siptune-[!-.0-9;-~]{1,15}\.link",
    rf"(?:{'|'.join(map(re.escape, ENVIRONMENT_DIRECTORIES))})/.+",
)
# Directories that hold the directories of such files, and are missing on a host without systemd.
_PARENTS = ("/etc/systemd", "/etc/systemd/system", "/etc/security", "/etc/udev")
UNIT_DROP_IN = re.compile(_UNIT_DROP_IN)
_WRITTEN = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS))


def may_be_written(path: object) -> bool:
    """Whether a module of this collection could have written this path."""
    if not isinstance(path, str) or not path.isprintable():
        return False
    steps = path.split("/")[1:]
    return not any(step in ("", ".", "..") for step in steps) and bool(_WRITTEN.fullmatch(path))


def may_be_made(directory: object) -> bool:
    """Whether a module of this collection could have made this directory, for a file of its own."""
    names = ("a.conf", "a.rules", "notrack.nft", "00-siptune-a.link")
    return any(may_be_written(f"{directory}/{name}") for name in names) or directory in _PARENTS


def is_below_proc_sys(path: str) -> bool:
    """Whether a key can have this path, whatever its interface is called; no step leads out of /proc/sys."""
    parts = path.split("/")
    return len(parts) > 1 and "\0" not in path and not any(part in ("", ".", "..") for part in parts)
