# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rtpengine's module as DKMS has built it for a kernel package of Debian, and a newer package that has none.

The two trees are those of the packages. Which kernel runs, and the daemon, are files beside them: a container runs
neither of the two, and its own kernel is none of its disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from machine import CHECKOUT, image_with, settings

for _name, _path in (
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", [str(CHECKOUT)]),
):
    sys.modules.setdefault(_name, types.ModuleType(_name)).__path__ = _path

from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather  # noqa: E402
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host  # noqa: E402
from ansible_collections.siptune.linux.plugins.plugin_utils._site.relays import relay_records  # noqa: E402

# The older kernel with its headers, so that DKMS builds the module; the newer one without.
WITH_MODULE = ("bookworm", "linux-image-cloud-amd64", "linux-headers-cloud-amd64", "rtpengine-kernel-dkms")
WITHOUT = ("trixie", "linux-image-cloud-amd64")
BUILD = "for kernel in $(ls /lib/modules); do dkms autoinstall -k $kernel; done >&2"
PACK = "exec tar -C / -c usr/lib/modules $(cd / && ls -d boot/vmlinuz-*)"
MODULE = "xt_RTPENGINE"
PROCESS = {
    "comm": "rtpengine\n",
    "status": "PPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t812\n",
    "cgroup": "0::/system.slice/rtpengine-daemon.service\n",
    "cmdline": "/usr/bin/rtpengine\0--table=0\0--config-file=none\0",
}


def unpack(root: Path, package: tuple[str, ...], script: str) -> str:
    """Add the kernel of an image to a tree; returns its release."""
    before = set(releases(root))
    image = image_with(*package)
    words = ["podman", "run", "--rm", "--network", "none", "--pull", "never", image, "/bin/sh", "-c", script]
    with subprocess.Popen(words, env={**os.environ, **settings()}, stdout=subprocess.PIPE) as packed:
        subprocess.run(["tar", "-C", str(root), "-x"], stdin=packed.stdout, check=True)
    assert packed.returncode == 0
    (release,) = set(releases(root)) - before
    return release


def releases(root: Path) -> list[str]:
    modules = root / "usr/lib/modules"
    return os.listdir(modules) if modules.is_dir() else []


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A tree with both, the release with the module and the one without."""
    root = tmp_path_factory.mktemp("kernels")
    (root / "lib").symlink_to("usr/lib")
    with_module = unpack(root, WITH_MODULE, f"{BUILD}; {PACK}")
    without = unpack(root, WITHOUT, PACK)
    (root / "proc/812").mkdir(parents=True)
    for name, text in PROCESS.items():
        (root / "proc/812" / name).write_text(text)
    (root / "proc/812/exe").symlink_to("/bin/sh")  # a program of root's
    (root / "proc/1").mkdir()
    (root / "proc/1/comm").write_text("systemd\n")
    return root, with_module, without


def relay(root: Path, running: str, loaded: bool) -> dict[str, Any]:
    """The record of the audit for the daemon, while a kernel runs, with its module in use or not loaded."""
    release = root / "proc/sys/kernel/osrelease"
    release.parent.mkdir(parents=True, exist_ok=True)
    release.write_text(f"{running}\n")
    files = {
        f"sys/module/{MODULE}/refcnt": "3\n",
        "proc/rtpengine/list": "0\n",
        "proc/rtpengine/0/status": "Control PID: 812\n",
    }
    for name, text in files.items():
        path = root / name
        path.unlink(missing_ok=True)
        if loaded:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for directory in (f"sys/module/{MODULE}", "proc/rtpengine/0", "proc/rtpengine"):
        if not loaded and (root / directory).is_dir():
            (root / directory).rmdir()
    (found,) = relay_records({"rtpengine": gather(Host(str(root)))["rtpengine"]})
    return found


def test_the_packages_are_what_they_are_taken_for(kernels: tuple[Path, str, str]) -> None:
    root, with_module, without = kernels
    built = {one.relative_to(root / "usr/lib/modules").parts[0] for one in root.rglob(f"{MODULE}.ko*")}
    assert built == {with_module}
    assert f"updates/dkms/{MODULE}.ko" in (root / "lib/modules" / with_module / "modules.dep").read_text()
    for release in (with_module, without):
        assert (root / f"boot/vmlinuz-{release}").is_file()
        assert len(list((root / "usr/lib/modules" / release).rglob("*.ko*"))) > 100


def test_the_newest_kernel_without_the_module_is_a_warning(kernels: tuple[Path, str, str]) -> None:
    root, with_module, without = kernels
    found = relay(root, with_module, loaded=True)
    assert (found["forwards"], found["module"], found["newest_kernel"]) == ("kernel", MODULE, without)
    assert (found["kernel_has_module"], found["newest_has_module"]) == (True, False)
    (warning,) = found["warnings"]
    assert warning == (
        f"the newest installed kernel {without} has no module {MODULE} on the disk: once that is booted, it forwards "
        f"in user space; install its headers, and run dkms autoinstall -k {without}"
    )


def test_a_module_that_is_there_and_not_loaded(kernels: tuple[Path, str, str]) -> None:
    root, with_module, _without = kernels
    found = relay(root, with_module, loaded=False)
    assert (found["forwards"], found["kernel_has_module"]) == ("user", True)
    assert f"the module {MODULE} is there for the running kernel {with_module}, but is not loaded" in found["summary"]


def test_after_a_boot_of_the_kernel_without_it(kernels: tuple[Path, str, str]) -> None:
    root, _with_module, without = kernels
    found = relay(root, without, loaded=False)
    assert (found["forwards"], found["kernel"], found["kernel_has_module"]) == ("user", without, False)
    assert found["newest_kernel"] == without
    (warning,) = found["warnings"]
    assert f"the running kernel {without} has no module" in warning


def test_no_warning_once_the_newest_kernel_is_the_one_with_the_module(kernels: tuple[Path, str, str]) -> None:
    root, with_module, without = kernels
    image = root / f"boot/vmlinuz-{without}"
    aside = image.rename(root / "boot/aside")  # as the package's removal leaves the directory of its modules
    try:
        found = relay(root, with_module, loaded=True)
    finally:
        aside.rename(image)
    assert (found["newest_kernel"], found["newest_has_module"], found["warnings"]) == (with_module, True, [])
