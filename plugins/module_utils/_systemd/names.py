# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of units: their types, templates and instances, the directories of their files, and their load states.

Everything here is a function of names. Source: systemd.unit(5).
"""

from __future__ import annotations

import posixpath

SERVICE = "service"
SLICE = "slice"
SUFFIXES = {".service": SERVICE, ".slice": SLICE}
ROOT_SLICE = "-.slice"
ETC = "/etc/systemd/system"

# LoadState of a unit, org.freedesktop.systemd1(5)
LOADED = "loaded"
MASKED = "masked"
NOT_FOUND = "not-found"

RUNNING_STATES = ("active", "reloading")  # ActiveState of a unit that runs

# The directories of unit files, the most important first. Source: systemd.unit(5), "Unit File Load Path", and
# `systemctl show -p UnitPath`. On most hosts /lib is a link to /usr/lib, so that files appear twice, which is harmless.
OF_SCRIPTS = "/run/systemd/generator.late"  # of the scripts in /etc/init.d: systemd-sysv-generator(8)
UNIT_PATH = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    ETC,
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    OF_SCRIPTS,
)


def unit_type(name: str) -> str:
    """SERVICE or SLICE."""
    return SUFFIXES[posixpath.splitext(name)[1]]


def split_name(name: str) -> tuple[str, str | None, str]:
    """(prefix, instance, suffix); the instance is None without an @, and empty in a template's name."""
    stem, suffix = posixpath.splitext(name)
    prefix, at, instance = stem.partition("@")
    return prefix, instance if at else None, suffix


def is_template(name: str) -> bool:
    """Whether this is the name of a template, such as kamailio@.service."""
    return split_name(name)[1] == ""


def template_of(name: str) -> str | None:
    """kamailio@.service for kamailio@edge.service; None for a unit that is not an instance."""
    prefix, instance, suffix = split_name(name)
    return f"{prefix}@{suffix}" if instance else None


def instance_of(template: str, name: str) -> str:
    """kamailio@edge.service for kamailio@.service and kam@edge.service: the same instance of another template."""
    prefix, _instance, suffix = split_name(template)
    return f"{prefix}@{split_name(name)[1]}{suffix}"


def instances_pattern(template: str) -> str:
    """The pattern for systemctl that matches the loaded instances of a template."""
    prefix, _instance, suffix = split_name(template)
    return f"{prefix}@*{suffix}"


def drop_in_path(unit: str, drop_in: str) -> str:
    """The path of our drop-in for a unit."""
    return f"{ETC}/{unit}.d/{drop_in}"


def unit_of_path(path: str) -> str:
    """The unit of a drop-in path; '' for any other path."""
    directory = posixpath.dirname(path)
    if posixpath.dirname(directory) != ETC or not directory.endswith(".d"):
        return ""
    return posixpath.basename(directory)[: -len(".d")]
