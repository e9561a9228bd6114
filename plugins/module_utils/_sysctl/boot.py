# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sysctl.d files that a boot of this host reads; apart, so that who asks only for them need not pack the rest."""

from __future__ import annotations

from .._engine.conf_files import effective_files
from .._host.host import Host
from .conf import DIRECTORIES, PROCPS_FILE, SUFFIX

SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")


def files_read_at_boot(host: Host, but: str = "") -> list[tuple[str, str]]:
    """The sysctl.d files that are read at boot, in their order and with their text, all but one. Raises HostError.

    What cannot be read, such as a directory or a dangling link, still hides a file of its name.
    """
    paths = [f"{directory}/{name}" for directory in DIRECTORIES for name in host.list_directory(directory)]
    files = effective_files([path for path in paths if path != but], SUFFIX)
    if not any(map(host.exists, SYSTEMD_SYSCTL)):
        files.append(PROCPS_FILE)
    return [(file, host.read_lenient(file) or "") for file in files]
