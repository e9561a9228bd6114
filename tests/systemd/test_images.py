# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of a Debian tuned as an image, in a chroot, and then booted with its own systemd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from machine import CHECKOUT, Machine, podman, settings

PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
COMMON: dict[str, Any] = {
    "siptune_become": False,
    "ansible_python_interpreter": "/usr/bin/python3",
    "siptune_capacity": {"registrations": 20000},
    # In the network namespace of a container these are read-only, and those of vm, kernel and fs are the machine's.
    "siptune_network_sysctl": dict.fromkeys(("net.core.rmem_max", "net.core.rmem_default", "net.core.wmem_max")),
    "siptune_service_limits_units": {"sipd.service": {"LimitNOFILE": "3000:4096", "OOMScoreAdjust": 100}},
    "siptune_hosts": "target",
}
MACHINE = {"memory": "16G", "swap": "none", "forwarding": False, "interfaces": []}
TAGS = ("--tags", "network,service_limits")
KEYS = {
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/lo/accept_redirects": "0",
    "net/ipv4/conf/all/send_redirects": "0",
}
# A service of the image's own that its first boot starts.
UNIT = "[Service]\nExecStart=/bin/sleep infinity\nLimitNOFILE=1024:4096\n[Install]\nWantedBy=multi-user.target\n"
DROP_IN = "/etc/systemd/system/sipd.service.d/90-siptune.conf"


def play(directory: Path, name: str, *words: str, **target: Any) -> str:
    """What a playbook prints for one host. Raises AssertionError if it fails."""
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"target": {**COMMON, **target}}}}))
    environment = {
        **os.environ,
        **settings(),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build"),
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_PIPELINING": "true",
    }
    command = [PLAYBOOK, "-i", str(inventory), f"siptune.linux.{name}", *TAGS, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.fixture
def booted(container: Machine, tmp_path: Path) -> Iterator[tuple[Machine, str]]:
    """A container that has booted a tree that was tuned in a chroot; and what the playbook has said of that."""
    name = f"{container.name}-image"
    base = podman("inspect", "--format", "{{.ImageName}}", container.name).stdout.strip()
    podman("create", "--name", name, "--pull", "never", base, "/bin/true")
    machine = None
    try:
        tree = Path(podman("mount", name).stdout.strip())
        (tree / "etc/systemd/system/sipd.service").write_text(UNIT)
        (tree / "etc/systemd/system/multi-user.target.wants/sipd.service").symlink_to(
            "/etc/systemd/system/sipd.service"
        )
        (tree / "etc/os-release").unlink()
        said = play(
            tmp_path,
            "site",
            ansible_connection="community.general.chroot",
            ansible_host=str(tree),
            siptune_boot_only=True,
            siptune_machine=MACHINE,
        )
        podman("unmount", name)
        podman("commit", "--quiet", name, name)
        machine = Machine(container.suite, name)
        yield machine, said
    finally:
        if machine is not None:
            machine.remove()
        podman("rm", "--force", "--time", "0", name, check=False)
        podman("rmi", "--force", name, check=False)


def test_a_boot_brings_what_the_image_got_and_the_host_knows_the_way_back(
    booted: tuple[Machine, str], tmp_path: Path
) -> None:
    machine, said = booted
    assert "(an image: files for the next boot, and nothing live)" in said
    assert {key: (machine.read(f"/proc/sys/{key}") or "").strip() for key in KEYS} == KEYS
    pid = int(machine.show("sipd.service", "MainPID"))
    assert machine.limit(pid, "Max open files") == ("3000", "4096")
    assert machine.show("kamailio.service", "LimitNOFILE") == "524288"
    assert int(machine.show("kamailio.service", "LimitNOFILESoft")) >= 65536

    host = {"ansible_connection": "containers.podman.podman", "ansible_host": machine.name}
    tuned = machine.dump()
    again = play(tmp_path, "site", **host)
    assert "changed=0" in again, again
    assert machine.dump() == tuned

    back = play(tmp_path, "rollback", **host)
    assert "goes back with the next boot: it was set by the image" in back
    assert machine.read(DROP_IN) is None
    assert machine.read("/var/lib/siptune/originals.json") is None
    assert machine.show("sipd.service", "LimitNOFILESoft") == "1024"
    assert machine.limit(pid, "Max open files") == ("3000", "4096")  # no running limit is lowered
