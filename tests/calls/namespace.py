# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of its own on this machine's kernel: namespaces, and a Debian tree of which nothing is ever written.

It has no systemd. The machine's own settings are read-only in it.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from host import CallsError, Host

TESTS = Path(__file__).resolve().parents[1]
BUILD_TREE = TESTS / "images" / "build-calls"
USUAL = "bookworm"  # of the suites that it knows

# Its arguments: the Debian tree, an empty directory. It is ready when its root is the tree's, not before.
SETUP = """
set -eu
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
cd "$2/root"
mount -t proc proc proc
for tree in vm kernel fs; do
    mount --bind "proc/sys/$tree" "proc/sys/$tree"
    mount -o remount,bind,ro "proc/sys/$tree"
done
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
ip link set lo up
echo 127.0.0.1 localhost >etc/hosts
exec chroot . sh -c 'echo ready; exec sleep infinity'
"""


def build_tree(suite: str) -> str:
    """The path of the Debian tree, built if need be. Raises CallsError."""
    built = subprocess.run([BUILD_TREE, suite], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise CallsError(f"the Debian {suite} with SIPp could not be built; see above")
    return built.stdout.strip()


@contextlib.contextmanager
def namespace_host(suite: str = USUAL) -> Iterator[Host]:
    """The host, as long as it is used. Raises CallsError."""
    tree = build_tree(suite)
    with tempfile.TemporaryDirectory(prefix="siptune-calls-") as directory:
        own = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
        command = [*own, "sh", "-c", SETUP, "setup", tree, directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
            try:
                assert started.stdout is not None
                if started.stdout.readline() != "ready\n":
                    raise CallsError("there are no namespaces for a host of its own; see above")
                children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="ascii")
                first = children.split()[0]
                yield Host(("nsenter", "--target", first, "--net", "--mount", "--pid", "--ipc", "--root", "--wd=/"))
            finally:
                started.kill()
