# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd on a host: the command systemctl and its output, unit files, and aliases."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Mapping, Sequence

from .._host.host import LONGEST_COMPLAINT, Host, HostError
from .names import UNIT_PATH, instance_of, instances_pattern, is_template, template_of

MOST_LINKS = 8  # in a chain of aliases; systemd itself allows no chain at all


def systemctl(host: Host, *arguments: str) -> str:
    """The output of systemctl. Raises HostError if it fails or does not answer in time."""
    item = f"systemctl {next(word for word in arguments if not word.startswith('-'))}"
    try:
        done = host.run(["systemctl", *arguments])
    except HostError as error:
        late = error.errno is None
        reason = f"{error.reason}: systemd does not answer" if late else error.reason
        raise HostError(item, reason, error.errno) from error
    if done is None:
        raise HostError("systemctl", "systemd runs here, but there is no command systemctl", errno.ENOENT)
    if done.status != 0:
        reason = " ".join(done.stderr[:LONGEST_COMPLAINT].split()) or f"exit status {done.status}"
        raise HostError(item, reason)
    return done.stdout


def show(host: Host, properties: Sequence[str], names: Sequence[str]) -> list[dict[str, str]]:
    """Properties of loaded units, from one call of systemctl. Raises HostError.

    A template's name stands for its loaded instances.
    """
    if not names:
        return []
    wanted = [instances_pattern(name) if is_template(name) else name for name in names]
    return parse_show(systemctl(host, "show", "--no-pager", "--property=" + ",".join(properties), "--", *wanted))


def parse_show(text: str) -> list[dict[str, str]]:
    """The properties of each unit in the output of `systemctl show`. Source: systemctl(1)."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return [dict(_property(line) for line in block.split("\n") if "=" in line) for block in blocks]


def _property(line: str) -> tuple[str, str]:
    name, _equals, value = line.partition("=")
    return name, value


def load_error(properties: Mapping[str, str]) -> str:
    """Why systemd could not load a unit, '' if it could: the quoted text after the name of a D-Bus error."""
    error = properties.get("LoadError", "")
    return error.partition('"')[2].rpartition('"')[0] or error


def names_of(properties: Mapping[str, str]) -> list[str]:
    """A unit's names, the real one first."""
    return list(dict.fromkeys([properties.get("Id", ""), *properties.get("Names", "").split()]))


def unit_file(host: Host, name: str) -> str | None:
    """The path of a unit's own file, None if there is none."""
    return next((path for path in (f"{place}/{name}" for place in UNIT_PATH) if host.exists(path)), None)


def real_name(host: Host, name: str) -> str:
    """The unit that a name stands for: an alias is a link to the file of another unit. Source: systemd.unit(5)"""
    for _link in range(MOST_LINKS):
        path = unit_file(host, name)
        template = template_of(name)
        if path is None and template:
            return instance_of(real_name(host, template), name)
        target = posixpath.basename(host.read_link(path) or "") if path else ""
        if not target or target == name or posixpath.splitext(target)[1] != posixpath.splitext(name)[1]:
            return name
        if path and host.resolves_to_null_device(path):
            return name
        if is_template(target) and not is_template(name):
            return name  # an enabled instance is a link to its template
        name = target
    return name
