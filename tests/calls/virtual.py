# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with Debian's own kernel and systemd: a virtual machine, which can be booted again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import guest
from host import CallsError, Host

PACKAGES = ("sip-tester", "tuned")
OTHERS = ("rtpengine-daemon",)  # what the image has for other tests: with it, a proxy would be a host of media
SEE_TO_EMULATOR = Path(__file__).resolve().parents[2] / "tools" / "vm-packages.sh"
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def choose_image(suite: str) -> None:
    """Have the machines that start from now on be this Debian's, with what is needed here. Raises CallsError."""
    if subprocess.run([SEE_TO_EMULATOR], stdout=sys.stderr, check=False).returncode != 0:
        raise CallsError("no virtual machine: there is no emulator; see above")
    os.environ.pop("SIPTUNE_VM_IMAGE", None)
    os.environ["SIPTUNE_VM_SUITE"] = suite
    built = subprocess.run([guest.BUILD_IMAGE, *PACKAGES], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise CallsError(f"there is no image of Debian {suite}; see above")
    os.environ["SIPTUNE_VM_IMAGE"] = built.stdout.strip()
    # It need not know every network card.
    os.environ.setdefault("SIPTUNE_VM_EMULATOR", guest.OWN_EMULATOR)


@contextlib.contextmanager
def virtual_host(answering: Collection[str] = ()) -> Iterator[Host]:
    """The host, as long as it is used, of the image that was chosen. Raises CallsError.

    The cards of `answering` are fed, as guest.py has it.
    """
    with tempfile.TemporaryDirectory(prefix="siptune-calls-") as name:
        directory = Path(name)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                guest.start(directory, answering)
        except guest.GuestError as error:
            raise CallsError(f"no virtual machine: {error}") from error
        try:
            host = host_of(directory)
            host.run("dpkg", "--purge", *OTHERS)
            yield host
        finally:
            guest.stop(directory)


def host_of(directory: Path) -> Host:
    """The host in a directory of guest.py."""
    return Host((*guest.ssh(directory), "sudo"), str(directory / "ssh_config"), guest.NAME)


def reboot(host: Host) -> None:
    """Boot a host again, and return when it lets us in. Raises CallsError if it does not."""
    before = host.run("cat", BOOT_ID)
    with contextlib.suppress(CallsError):  # the connection may break before the command has ended
        host.run("systemctl", "reboot")
    deadline = time.monotonic() + guest.BOOT_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(CallsError):
            if host.run("cat", BOOT_ID) != before:
                return
        time.sleep(2)
    raise CallsError("the virtual machine does not come back")
