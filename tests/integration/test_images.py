# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: files for the next boot in a real chroot, and nothing of the machine that builds it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

from calls import boot, write_file
from controller import PLAIN, Run, playbook
from sandbox import MS_BIND, MS_REC, make_read_only, mount

IMAGE = "/run/image"
UNIT = "/usr/local/lib/systemd/system/kamailio.service"
INSIDE = {
    **PLAIN,
    "ansible_connection": "community.general.chroot",
    "ansible_host": IMAGE,
    "ansible_python_interpreter": "/usr/bin/python3",
    "siptune_boot_only": True,
}
MACHINE = {"memory": "16G", "processors": 8, "swap": "none", "forwarding": False, "interfaces": ["eth0"]}


def build() -> None:
    """A tree with this machine's /usr, read-only as that of rpm-ostree and bootc, and an /etc of its own.

    It has no /etc/os-release, no /proc and no /sys, and a /run that is the machine's, as a container's often is.
    """
    for name in ("usr", "etc/systemd/system", "etc/sysctl.d", "etc/udev/rules.d", "var/lib", "tmp", "run", "dev"):
        os.makedirs(f"{IMAGE}/{name}")
    mount("/usr", f"{IMAGE}/usr", flags=MS_BIND | MS_REC)
    make_read_only(f"{IMAGE}/usr")
    for name in ("bin", "lib", "lib64", "sbin"):
        os.symlink(f"usr/{name}", f"{IMAGE}/{name}")
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        shutil.copy(f"/etc/{name}", f"{IMAGE}/etc/{name}")
    for name in ("null", "urandom"):
        Path(f"{IMAGE}/dev/{name}").touch()
        mount(f"/dev/{name}", f"{IMAGE}/dev/{name}", flags=MS_BIND)
    write_file(f"{IMAGE}/etc/systemd/system/kamailio.service", "[Service]\nExecStart=/usr/sbin/kamailio -m $SHM_MEMORY\n")


def run(name: str, variables: dict[str, Any] | None = None, *words: str) -> Run:
    return playbook(f"siptune.linux.{name}", {"image": {**INSIDE, **(variables or {})}}, *words)


def files() -> dict[str, tuple[int, str]]:
    """The files below the image's /etc and /var, with their modes and texts."""
    found = {}
    for top in ("etc", "var"):
        for parent, _directories, names in os.walk(f"{IMAGE}/{top}"):
            for name in names:
                path = f"{parent}/{name}"
                found[path[len(IMAGE) :]] = (stat.S_IMODE(os.stat(path).st_mode), Path(path).read_text(encoding="utf-8", errors="replace"))
    return found


def boots() -> None:
    """This sandbox as a host that has booted the image: with its files, and what systemd-sysctl makes of them."""
    for top in ("etc", "var/lib/siptune"):
        shutil.copytree(f"{IMAGE}/{top}", f"/{top}", dirs_exist_ok=True)
    os.chmod("/var/lib/siptune", 0o700)
    print(boot())


def test_x() -> None:
    build()
    done = run("audit", {"siptune_machine": MACHINE})
    print(done.output)
    done = run("site", {"siptune_machine": MACHINE})
    os.unlink(f"{IMAGE}/etc/sysctl.d/90-siptune-memory.conf")
    done = run("audit", {"siptune_machine": MACHINE})
    print(done.output)
    done = run("rolling", {"siptune_machine": MACHINE})
    print(done.output)
    done = run("site", {"siptune_machine": {"memory": "16Q"}})
    print(done.output)
    done = run("site", {"siptune_profile": "classic", "siptune_service_limits_restart": True, "siptune_disruptive": True})
    print(done.output)
    done = run("site", {"siptune_network_reserved_ports": ["{{ siptune_host.processors + 8000 }}"], "siptune_machine": MACHINE})
    print(done.output)
    assert 0
