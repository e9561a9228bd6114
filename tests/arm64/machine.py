#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run check.py on Debian 13's kernels of arm64, one with pages of 4 KiB and one with 16, in an emulated machine.

    tests/arm64/machine.py          both kernels; the status is 0 if every check passed on both
    tests/arm64/machine.py 16k      one of them: 4k or 16k

The packages are unpacked and none of their scripts is run, so that nothing of arm64 runs outside of the machine. Its
root is an initramfs with Python and this checkout, and it ends when the checks do. Debian has no kernel with pages of
64 KiB. What is fetched is kept under ~/.cache/siptune; SIPTUNE_MIRROR_TRIXIE or SIPTUNE_MIRROR is the mirror.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
SUITE = "trixie"
FLAVOURS = {"4k": "arm64", "16k": "arm64-16k"}
PROGRAMS = ("python3", "busybox-static")
EMULATOR = ("usr/bin/qemu-system-aarch64", "usr/lib/x86_64-linux-gnu", "usr/share/qemu")
MODULES = ("igb", "crc32c_generic", "nf_conntrack")  # in this order, with all that they depend on
TREES = (
    *("usr/bin/busybox", "usr/bin/python3", "usr/bin/python3.13", "usr/lib/python3.13"),
    *("usr/lib/aarch64-linux-gnu", "usr/lib/ld-linux-aarch64.so.1"),
)
DIRECTORIES = (
    *("proc", "sys", "dev", "run", "tmp", "var", "var/lib", "usr", "usr/bin", "usr/sbin", "usr/lib", "siptune"),
    *("etc", "etc/sysctl.d", "etc/systemd", "etc/systemd/network"),
)
COLLECTION = "siptune/ansible_collections/siptune/linux"
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib"}
TIMEOUT_SECONDS = 900  # a quiet machine needs a minute, a busy one a few
PASSED = "SIPTUNE CHECKS PASSED"

INIT = """#!/usr/bin/busybox sh
# A tmpfs, which everybody may write to: our record of originals would not be trusted below it.
/usr/bin/busybox chmod 0755 /
/usr/bin/busybox mount -t proc proc /proc
/usr/bin/busybox mount -t sysfs sys /sys
/usr/bin/busybox mount -t devtmpfs dev /dev
for module in $(/usr/bin/busybox cat /modules); do /usr/bin/busybox insmod /$module; done
/usr/bin/busybox ip link set lo up
/usr/bin/python3 -B /siptune/check.py
/usr/bin/busybox poweroff -f
"""


def cache() -> Path:
    """Where images are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "siptune/images"


def fetched(name: str, packages: tuple[str, ...], architecture: str) -> Path:
    """The tar of these packages of Debian 13, unpacked and not set up. Fetched once."""
    digest = hashlib.sha256(" ".join((SUITE, architecture, *packages)).encode()).hexdigest()[:12]
    path = cache() / f"{name}-{SUITE}-{digest}.tar"
    if path.exists():
        return path
    print(f"Fetching {', '.join(packages)} for {architecture}: a minute or two", file=sys.stderr)
    path.parent.mkdir(parents=True, exist_ok=True)
    mirror = os.environ.get(f"SIPTUNE_MIRROR_{SUITE.upper()}") or os.environ.get("SIPTUNE_MIRROR")
    part = path.with_suffix(".part.tar")
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--format=tar", f"--architectures={architecture}"]
    command += [f"--include={','.join(packages)}", '--aptopt=Acquire::Check-Valid-Until "false"', SUITE, str(part)]
    subprocess.run([*command, *([f"deb {mirror} {SUITE} main"] if mirror else [])], check=True)
    return part.rename(path)


def emulator(directory: Path) -> list[str]:
    """The command of Debian 13's QEMU, unpacked into a directory: its own loader starts it, with its own libraries."""
    with tarfile.open(fetched("qemu-arm", ("qemu-system-arm",), "amd64")) as archive:
        wanted = [one for one in archive.getmembers() if one.name[2:].startswith(EMULATOR)]
        archive.extractall(directory, wanted, filter="tar")
    libraries = directory / EMULATOR[1]
    os.environ["QEMU_MODULE_DIR"] = str(libraries / "qemu")
    loader = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]
    return [*loader, str(directory / EMULATOR[0]), "-L", str(directory / EMULATOR[2])]


# --- the initramfs --------------------------------------------------------------------------


def entry(name: str, mode: int, content: bytes = b"") -> bytes:
    """An entry of an archive of cpio, in the format that the kernel reads: buffer-format.rst, "newc"."""
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def modules(directory: Path) -> Iterator[tuple[str, bytes]]:
    """The kernel's modules that we need, in the order in which they can be loaded."""
    files = {path.name.split(".")[0].replace("-", "_"): path for path in directory.rglob("*.ko.xz")}
    seen: set[str] = set()

    def load(name: str) -> Iterator[tuple[str, bytes]]:
        if name in seen or name not in files:
            return
        seen.add(name)
        content = lzma.decompress(files[name].read_bytes())
        found = re.search(rb"\0depends=([^\0]*)\0", content)
        for other in (found.group(1).decode() if found else "").split(","):
            yield from load(other.replace("-", "_"))
        yield name, content

    for name in MODULES:
        yield from load(name)


def initramfs(tree: Path) -> bytes:
    """The root of the machine: Python, the modules, this checkout's plugins and the checks."""
    places = COLLECTION.split("/")
    collection = ["/".join(places[:end]) for end in range(2, len(places) + 1)]
    parts = [entry(name, stat.S_IFDIR | 0o755) for name in (*DIRECTORIES, *collection, f"{COLLECTION}/plugins")]
    parts += [entry(name, stat.S_IFLNK | 0o777, target.encode()) for name, target in LINKS.items()]
    parts += [entry("init", stat.S_IFREG | 0o755, INIT.encode())]
    loaded = list(modules(tree / "usr/lib/modules"))
    parts += [entry(f"{name}.ko", stat.S_IFREG | 0o644, content) for name, content in loaded]
    parts += [entry("modules", stat.S_IFREG | 0o644, " ".join(f"{name}.ko" for name, _ in loaded).encode())]
    for name in TREES:
        parts += below(tree / name, name)
    parts += below(CHECKOUT / "plugins/module_utils", f"{COLLECTION}/plugins/module_utils")
    parts += below(HERE / "check.py", "siptune/check.py")
    return b"".join([*parts, entry("TRAILER!!!", 0)])


def below(path: Path, name: str) -> list[bytes]:
    """The entries of a file, or of a directory and all that is in it."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return [entry(name, status.st_mode, os.readlink(path).encode())]
    if stat.S_ISREG(status.st_mode):
        return [entry(name, status.st_mode, path.read_bytes())]
    if path.name == "__pycache__" or not stat.S_ISDIR(status.st_mode):
        return []
    parts = [entry(name, status.st_mode)]
    for one in sorted(path.iterdir()):
        parts += below(one, f"{name}/{one.name}")
    return parts


# --- the machine ----------------------------------------------------------------------------


def run(flavour: str, directory: Path) -> bool:
    """Boot a kernel, print what it prints, and say whether all checks have passed."""
    tree, qemu = directory / "tree", directory / "qemu"
    packages = (f"linux-image-{FLAVOURS[flavour]}", *PROGRAMS)
    with tarfile.open(fetched(f"arm64-{flavour}", packages, "arm64")) as archive:
        archive.extractall(tree, filter="tar")
    (directory / "initrd").write_bytes(initramfs(tree))
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    command = [
        *emulator(qemu),
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"),
        # A processor of Ampere's Altra and of Graviton 2. It knows pages of 4, 16 and 64 KiB.
        *("-machine", "virt", "-cpu", "neoverse-n1", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024"),
        *("-kernel", str(kernel), "-initrd", str(directory / "initrd")),
        *("-append", "console=ttyAMA0 quiet panic=-1"),
        *("-netdev", "user,id=net0,restrict=on", "-device", "igb,netdev=net0,romfile="),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    print(f"--- {kernel.name}\n{done.stdout}", flush=True)
    return PASSED in done.stdout


def main() -> int:
    """Do what the command line says."""
    wanted = sys.argv[1:] or list(FLAVOURS)
    if not set(wanted) <= set(FLAVOURS) or shutil.which("mmdebstrap") is None:
        print("tests/arm64/machine.py [4k|16k]; it needs mmdebstrap", file=sys.stderr)
        return 2
    passed = True
    for flavour in wanted:
        with tempfile.TemporaryDirectory(prefix="siptune-arm64-") as directory:
            passed = run(flavour, Path(directory)) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
