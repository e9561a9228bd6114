# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of one's own for a test: private namespaces on the real kernel.

`run` calls a function in a forked child that has a network and a mount namespace of its own, private
/etc, /var/lib and /run, and /proc/sys read-only wherever it is the machine's. Whatever the function
does, the machine is not changed, and everything is gone when it returns. Two more namespaces come on
demand, as with them a host takes itself for a container: one for IPC, and one for processes, in which
daemons are seen by no other sandbox of the same time and end with their own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# linux/capability.h
CAPABILITY_VERSION_3 = 0x20080522
CAP_NET_ADMIN, CAP_SYS_PTRACE = 12, 19

# linux/mount.h
MS_RDONLY = 0x1
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

# What the programs in a sandbox need of the machine's /etc; it holds nothing else.
NEEDED_OF_ETC = ("passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "localtime")
MADE_IN_ETC = ("sysctl.d", "udev/rules.d", "modules-load.d")
MACHINE_TREES = ("vm", "kernel", "fs")
OWN_IPC_KEYS = ("sem", "shmall", "shmmax", "shmmni", "msgmax", "msgmnb", "msgmni")

TIME_LIMIT_SECONDS = 300  # a test that takes longer hangs, on a busy machine too
SIGNAL_STATUS = 128  # and the signal's number: how a shell tells of it
FIRST_PID_NAMESPACE = "pid:[4026531836]"

LONGEST_REPORT_BYTES = 60000  # less than a pipe holds, pipe(7)

# Two pairs of virtual cables. Their ends are with and without an address, with and without a dot in the name.
LINKS = """\
link set lo up
link add sip0 type veth peer name sip0.100
link add rtp0 type veth peer name rtp0.200
address add 192.0.2.1/24 dev sip0
address add 198.51.100.1/24 dev rtp0.200
link set sip0 up
link set sip0.100 up
link set rtp0 up
link set rtp0.200 up
"""
INTERFACES = ("lo", "rtp0", "rtp0.200", "sip0", "sip0.100")

# A new network namespace inherits some values from the machine's; these are the kernel's own (ip-sysctl.rst).
KERNEL_DEFAULTS = {
    "net/core/somaxconn": 4096,
    "net/ipv4/ip_forward": 0,
    "net/ipv4/conf/all/accept_source_route": 0,
    "net/ipv4/conf/default/accept_source_route": 1,
    **{
        f"net/ipv4/conf/{where}/{leaf}": value
        for where in ("all", "default", "lo")
        for leaf, value in (
            ("accept_redirects", 1),
            ("forwarding", 0),
            ("log_martians", 0),
            ("rp_filter", 0),
            ("secure_redirects", 1),
            ("send_redirects", 1),
        )
    },
}

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """mount(2). Raises OSError."""
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    _checked(_libc.mount(*encoded, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def make_read_only(path: str) -> None:
    """Put a read-only view of a file or directory over itself."""
    mount(path, path, flags=MS_BIND)
    mount("none", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)


def mount_small(path: str, kibibytes: int) -> None:
    """Put an empty file system of this size over a directory, which is made if need be."""
    os.makedirs(path, exist_ok=True)
    mount("tmpfs", path, "tmpfs", options=f"size={kibibytes}k,mode=755")


# --- in and out -----------------------------------------------------------------------------


def run(
    function: Callable[[], object],
    own_ipc: bool = False,
    own_processes: bool = False,
    time_limit_seconds: int = TIME_LIMIT_SECONDS,
) -> str:
    """Call a function inside a sandbox. Returns the text of what it raised, empty if it returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_in_child(function, own_ipc, own_processes, time_limit_seconds, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        report = stream.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    if status != 0 and not report:
        return f"the test's process ended without a word: {describe_status(status)}"
    return report


def _run_in_child(
    function: Callable[[], object], own_ipc: bool, own_processes: bool, time_limit_seconds: int, writer: int
) -> None:
    status = 1
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup(1) ignores it for all that it starts
    try:
        _take_namespaces(own_ipc, own_processes)
        if own_processes:
            _become_a_child_of_an_init()
        signal.alarm(time_limit_seconds)
        _become_a_host(own_ipc, own_processes)
        function()
        status = 0
    except BaseException:  # noqa: BLE001 - the child must never return into the test runner
        describe = getattr(function, "describe", traceback.format_exc)
        os.write(writer, describe().encode("utf-8", "replace")[:LONGEST_REPORT_BYTES])
    finally:
        os._exit(status)


def _become_a_child_of_an_init() -> None:
    """Go on in a process of the new PID namespace, under an init that reaps orphans. This one ends as that one does.

    When the init ends, the kernel kills what is left in its namespace. Source: pid_namespaces(7).
    """
    init = os.fork()
    if init:
        _end_as(os.waitpid(init, 0)[1])
    test = os.fork()
    while test:
        pid, status = os.wait()
        if pid == test:
            _end_as(status)


def _end_as(status: int) -> None:
    """End this process with what waitpid(2) said of another. An init cannot be killed by itself: 128 and the signal."""
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else SIGNAL_STATUS - code)


def describe_status(status: int) -> str:
    """What waitpid(2) said of a sandbox, in words."""
    code = os.waitstatus_to_exitcode(status)
    number = code - SIGNAL_STATUS if code > SIGNAL_STATUS else -code
    return f"killed by {signal.Signals(number).name}" if number > 0 else f"exit status {code}"


def processes_are_own() -> bool:
    """Whether no other sandbox sees this one's processes. Source: namespaces(7), include/linux/proc_ns.h."""
    return os.readlink("/proc/self/ns/pid") != FIRST_PID_NAMESPACE


def _take_namespaces(own_ipc: bool, own_processes: bool) -> None:
    """Take this process into namespaces of its own, and its children into one of processes if asked. Raises OSError."""
    flags = CLONE_NEWNS | CLONE_NEWNET | (CLONE_NEWIPC if own_ipc else 0) | (CLONE_NEWPID if own_processes else 0)
    uid, gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(flags | (CLONE_NEWUSER if uid != 0 else 0)), "unshare")
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def _become_a_host(own_ipc: bool, own_processes: bool) -> None:
    """Make these namespaces a host of their own. Raises OSError."""
    if own_processes:
        mount("proc", "/proc", "proc")
    _make_files_private()
    for tree in MACHINE_TREES:
        make_read_only(f"/proc/sys/{tree}")
    for key in OWN_IPC_KEYS if own_ipc else ():
        mount(f"/proc/sys/kernel/{key}", f"/proc/sys/kernel/{key}", flags=MS_BIND)
        mount("none", f"/proc/sys/kernel/{key}", flags=MS_REMOUNT | MS_BIND)
    for key, value in KERNEL_DEFAULTS.items():
        write(key, value)
    subprocess.run(["ip", "-batch", "-"], input=LINKS.encode(), check=True)


def become_nobody() -> None:
    """Give up being root, for good."""
    try:
        os.setresuid(65534, 65534, 65534)
    except OSError:  # a user namespace of ours knows no other user
        _checked(_libc.unshare(CLONE_NEWUSER), "unshare")


def drop_capability(number: int) -> None:
    """Give up a capability, for good. Source: capget(2), with the structures of linux/capability.h."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, of 32 capabilities each
    _checked(_libc.capget(header, sets), "capget")
    for kind in range(3):
        sets[kind] &= ~(1 << number)
    _checked(_libc.capset(header, sets), "capset")


def ip(*words: str) -> None:
    """The command ip(8)."""
    subprocess.run(["ip", *words], check=True)


def _make_files_private() -> None:
    needed = {name: Path("/etc", name).read_bytes() for name in NEEDED_OF_ETC if os.path.exists(f"/etc/{name}")}
    for directory in ("/run", "/var/lib", "/etc"):
        mount("tmpfs", directory, "tmpfs", options="mode=755")
    for name, content in needed.items():
        Path("/etc", name).write_bytes(content)
    for name in MADE_IN_ETC:
        os.makedirs(f"/etc/{name}")
    mount("tmpfs", "/usr/lib/sysctl.d", "tmpfs", options="mode=755")
    _overlay("/usr/local/lib", "sysctl.d")


def _overlay(path: str, made: str) -> None:
    """Put a private, writable view over a directory, in which this empty directory is made."""
    layer = f"/run/layers{path}"
    os.makedirs(f"{layer}/upper/{made}")
    os.makedirs(f"{layer}/work")
    mount("overlay", path, "overlay", options=f"lowerdir={path},upperdir={layer}/upper,workdir={layer}/work")


# --- what a host is -------------------------------------------------------------------------


def dump() -> dict[str, object]:
    """Everything that tuning could change and putting back must restore, by path.

    Every readable file below /proc/sys/net and of this IPC namespace, and everything below /etc and
    /var/lib with type, mode, owner and content.
    """
    state: dict[str, object] = {}
    for directory, _, names in os.walk("/proc/sys/net"):
        state.update((path, kernel_value(path)) for path in (f"{directory}/{name}" for name in names))
    state.update((path, kernel_value(path)) for path in (f"/proc/sys/kernel/{key}" for key in OWN_IPC_KEYS))
    for root in ("/etc", "/var/lib"):
        state.update(_walk(root))
    return state


def kernel_value(path: str) -> str:
    """What a file of /proc/sys reads, or why it does not."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.read(descriptor, 65536).decode("utf-8", "surrogateescape")
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _walk(directory: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Path and description of everything below a directory, if it is there."""
    for parent, directories, names in os.walk(directory):
        for name in (*directories, *names):
            yield f"{parent}/{name}", _describe(f"{parent}/{name}")


def _describe(path: str) -> tuple[object, ...]:
    status = os.lstat(path)
    content: object = None
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        content = Path(path).read_bytes()
    return stat.filemode(status.st_mode), status.st_uid, status.st_gid, content


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """What is not the same in two dumps, as path: (before, after); None stands for not there."""
    paths = sorted({*before, *after})
    return {path: (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)}


def read(key: str) -> str:
    """The live value of a key given as its path below /proc/sys, blanks as single spaces."""
    return " ".join(Path("/proc/sys", key).read_text(encoding="utf-8").split())


def write(key: str, value: object) -> None:
    """Set a key as an administrator would, past the collection."""
    Path("/proc/sys", key).write_text(f"{value}\n", encoding="utf-8")
