# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the sysctl.d files that a boot of this host applies.

`conf` has the rules and touches no host. This is separate from `observe` so that other domains and the facts of a host
can ask for these files without packing the rest of the module.
"""

from __future__ import annotations

from .._engine.conf_files import effective_files
from .._host.host import Host
from .conf import DIRECTORIES, PROCPS_FILE, SUFFIX

SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")


def files_read_at_boot(host: Host, but: str = "") -> list[tuple[str, str]]:
    """The (path, text) of the sysctl.d files in the order a boot reads them, without the file `but`. Raises HostError.

    An unreadable entry, such as a directory or a dangling link, has no text and still hides other files of its name.
    """
    paths = [f"{directory}/{name}" for directory in DIRECTORIES for name in host.list_directory(directory)]
    files = effective_files([path for path in paths if path != but], SUFFIX)
    if not any(map(host.exists, SYSTEMD_SYSCTL)):
        files.append(PROCPS_FILE)
    return [(file, host.read_decisive(file)) for file in files]
