#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and stop a virtual machine with Debian's own kernel and real network cards, reached over ssh on 127.0.0.1.

    tests/vm/guest.py start DIRECTORY    start it with a fresh disk, and wait until it can be logged in to
    tests/vm/guest.py reboot DIRECTORY   reboot it, and wait until it can be logged in to
    tests/vm/guest.py stop DIRECTORY     switch it off; no error if it is not running
    tests/vm/guest.py shell DIRECTORY    start it, give a shell in it, and switch it off when the shell ends
    tests/vm/guest.py emulator           print the path of the QEMU that is used, and fetch it if need be

DIRECTORY holds all that belongs to it. Any number of shells: ssh -F DIRECTORY/ssh_config siptune-vm
SIPTUNE_VM_EMULATOR names a QEMU to use, SIPTUNE_VM_IMAGE an image: see tests/images/build-emulator and build-vm.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

NAME = "siptune-vm"
USER = "admin"
IMAGES = Path(__file__).resolve().parents[1] / "images"
BUILD_IMAGE = IMAGES / "build-vm"
BUILD_EMULATOR = IMAGES / "build-emulator"
OWN_EMULATOR = "qemu-system-x86_64"  # this machine's

PROCESSORS = 2
MEMORY_MIB = 1024

# A quiet machine boots in a quarter of a minute under emulation, a busy one in a few minutes.
BOOT_TIMEOUT_SECONDS = 600
STOP_TIMEOUT_SECONDS = 10
# The probe's kernel panics within a second.
KVM_PROBE_TIMEOUT_SECONDS = 10
PORT_ATTEMPTS = 5
MONITOR = "monitor"  # in the machine's directory: the socket on which QEMU takes commands
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
CONNECTION_FAILED = 255  # ssh's own status
# What an emulated kernel says of a processor whose timer was lost as it booted on a busy machine: it never comes up.
LOST_TIMER = b"timer wakeup didn't happen"
FEEDS = "feeds.json"  # in the machine's directory: the port of 127.0.0.1 for each card that is fed


class GuestError(Exception):
    """The machine cannot be started or stopped; the message says why."""


class Nic(NamedTuple):
    """A network card on a segment of its own. vm-setup.sh gives the addresses, by the card's number.

    What is sent to a UDP port of 127.0.0.1 comes in at one that is `fed`, from as many ports as it is sent from.
    """

    number: int
    model: str
    network: str
    options: str = ""
    fed: bool = False

    @property
    def mac(self) -> str:
        return f"52:54:00:5e:00:{self.number:02}"

    @property
    def interface(self) -> str:
        """The name that udev gives it, by its slot."""
        return f"enp0s{self.number}"

    @property
    def address(self) -> str:
        """Its address in the machine."""
        return f"{self.network.rpartition('.')[0]}.10"

    def arguments(self, forward: str = "", restrict: str = "on") -> list[str]:
        """QEMU's arguments for the card. `restrict` keeps its packets from leaving this machine, and UDP in it."""
        return [
            *("-netdev", f"user,id=net{self.number},restrict={restrict},net={self.network}{forward}"),
            # The slot makes the interface's name.
            *("-device", f"{self.model},netdev=net{self.number},addr={self.number:#x},mac={self.mac}{self.options}"),
        ]


MANAGEMENT = Nic(1, "virtio-net-pci", "10.0.2.0/24")
NICS = (
    Nic(2, "e1000e", "192.0.2.0/24"),
    Nic(3, "vmxnet3", "198.51.100.0/24"),
    Nic(4, "virtio-net-pci", "203.0.113.0/24", ",rx_queue_size=1024", fed=True),
    Nic(5, "e1000", "198.18.5.0/24"),
    Nic(6, "rtl8139", "198.18.6.0/24"),
    # From QEMU 8.0 on.
    Nic(7, "igb", "198.18.7.0/24"),
    # NetworkManager's.
    Nic(8, "e1000e", "198.18.8.0/24"),
    # With a queue for each of the two processors.
    Nic(9, "igb", "198.18.9.0/24", fed=True),
)
FED_PORT = 4000  # in the machine, where nobody listens


class Image(NamedTuple):
    """What build-vm has made."""

    directory: Path

    @property
    def kernel(self) -> list[str]:
        return ["-kernel", str(self.directory / "vmlinux")]

    @property
    def initrd(self) -> list[str]:
        return ["-initrd", str(self.directory / "initrd")]

    @property
    def disk(self) -> Path:
        return self.directory / "disk.qcow2"

    @property
    def host_key(self) -> str:
        return (self.directory / "host_key.pub").read_text(encoding="ascii").strip()


def find_image() -> Image:
    """The image, built if need be. Raises GuestError if it cannot be."""
    built = subprocess.run([BUILD_IMAGE], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise GuestError("there is no image to start; see above")
    return Image(Path(built.stdout.strip()))


def run(*words: str | Path) -> str:
    """What a command prints. Raises GuestError, with its complaint, if it fails or is not there."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise GuestError(f"{words[0]} is not installed; tools/vm-packages.sh sees to it") from error
    if done.returncode != 0:
        raise GuestError(f"{words[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


# --- Which QEMU ---


def find_emulator() -> str:
    """The QEMU to use: this machine's own, or another one where it lacks a card. Raises GuestError."""
    given = os.environ.get("SIPTUNE_VM_EMULATOR")
    if given:
        return given
    lacking = [nic.model for nic in NICS if not knows(OWN_EMULATOR, nic.model)]
    if not lacking:
        return OWN_EMULATOR
    built = subprocess.run([BUILD_EMULATOR], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        cards = ", ".join(lacking)
        print(f"NOT TESTED: {cards}. This machine's QEMU lacks it, and no other could be had.", file=sys.stderr)
        return OWN_EMULATOR
    return built.stdout.strip()


def knows(emulator: str, model: str) -> bool:
    """Whether a QEMU has a network card. Its exit status does not say so."""
    return f"{model} options:" in run(emulator, "-device", f"{model},help")


# --- What QEMU is told ---


def kvm_works(emulator: str, image: Image) -> bool:
    """Whether the processor's own virtualization runs our kernel. That /dev/kvm can be opened does not say so.

    Without a disk the kernel panics at once, and QEMU ends instead of rebooting.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    command = [emulator, "-nodefaults", "-display", "none", "-machine", "q35", "-m", "256", "-no-reboot"]
    command += ["-accel", "kvm", "-cpu", "host", *image.kernel, "-append", "panic=-1"]
    try:
        probe = subprocess.run(command, capture_output=True, timeout=KVM_PROBE_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0


def acceleration(emulator: str, image: Image) -> list[str]:
    """QEMU's arguments for the processor. Without KVM, an old one is the quickest to emulate."""
    if kvm_works(emulator, image):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"]


def network_cards(emulator: str, port: int, feeds: Mapping[str, int], answering: Collection[str]) -> list[str]:
    """QEMU's arguments for the cards whose models it knows, with ssh forwarded from a port of 127.0.0.1.

    `feeds` are the ports for the cards that are fed, by their interfaces' names; the `answering` may answer.
    """
    arguments = MANAGEMENT.arguments(f",hostfwd=tcp:127.0.0.1:{port}-:22")
    for nic in NICS:
        if knows(emulator, nic.model):
            feed = feeds.get(nic.interface)
            forward = f",hostfwd=udp:127.0.0.1:{feed}-{nic.address}:{FED_PORT}" if feed else ""
            arguments += nic.arguments(forward, "off" if nic.interface in answering else "on")
    return arguments


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A TCP port of 127.0.0.1, or one of UDP, that nobody listens on, at this moment."""
    with socket.socket(type=kind) as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_qemu(directory: Path, image: Image, answering: Collection[str]) -> int:
    """Start QEMU in the background and return the port of ssh. Raises GuestError."""
    emulator = find_emulator()
    key = (directory / "key.pub").read_text(encoding="ascii").split()[1]
    command = [
        # Its threads have names, so that tests/calls/packets.py finds those of the processors.
        *(emulator, "-name", f"{NAME},debug-threads=on", "-nodefaults", "-no-user-config", "-daemonize"),
        *("-display", "none"),
        *("-pidfile", str(directory / "pid"), "-serial", f"file:{directory / 'console.log'}"),
        *("-qmp", f"unix:{directory / MONITOR},server=on,wait=off"),
        *("-machine", "q35", "-smp", str(PROCESSORS), "-m", str(MEMORY_MIB), *acceleration(emulator, image)),
        *(*image.kernel, *image.initrd, "-append", f"root=/dev/vda rw quiet console=ttyS0 panic=-1 siptune.key={key}"),
        # Nothing of it is to survive this machine, so it need not be flushed to disk.
        *("-drive", f"file={directory / 'disk.qcow2'},if=none,id=disk,cache=unsafe"),
        # The slots below are the network cards'.
        *("-device", "virtio-blk-pci,drive=disk,addr=0x10", "-device", "virtio-rng-pci,addr=0x11"),
    ]
    for attempts_left in reversed(range(PORT_ATTEMPTS)):
        port = free_port()
        feeds = {nic.interface: free_port(socket.SOCK_DGRAM) for nic in NICS if nic.fed or nic.interface in answering}
        try:
            run(*command, *network_cards(emulator, port, feeds, answering))
        except GuestError as error:
            # Somebody else was quicker to use the port.
            if "host forwarding" in str(error) and attempts_left:
                continue
            raise
        (directory / FEEDS).write_text(json.dumps(feeds), encoding="ascii")
        return port
    raise AssertionError("the last attempt returns or raises")


# --- Its life ---


@contextlib.contextmanager
def running(directory: Path) -> Iterator[int | None]:
    """A file descriptor of the machine's process (see pidfd_open(2)), or None if it does not run."""
    pidfile = directory / "pid"
    with contextlib.ExitStack() as stack:
        try:
            pid = int(pidfile.read_text(encoding="ascii"))
            process = os.pidfd_open(pid)
            stack.callback(os.close, process)
            # The number may have become another process's since; a descriptor stays with what it was opened for.
            ours = str(pidfile).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            ours = False
        yield process if ours else None


def make_files(directory: Path, image: Image) -> None:
    """A fresh disk over the image's, and a key to log in with."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("key", "key.pub", "console.log", "disk.qcow2", "ssh_config", "known_hosts", FEEDS):
        (directory / name).unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", directory / "key")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image.disk, directory / "disk.qcow2")
    (directory / "known_hosts").write_text(f"{NAME} {image.host_key}\n", encoding="ascii")


def write_ssh_config(directory: Path, port: int) -> None:
    """How ssh gets into the machine, and knows that it is the one."""
    settings = {
        "HostName": "127.0.0.1",
        "Port": port,
        "User": USER,
        "IdentityFile": f'"{directory / "key"}"',
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{directory / "known_hosts"}"',
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": NAME,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": 10,
        "LogLevel": "ERROR",
    }
    lines = [f"Host {NAME}", *(f"    {name} {value}" for name, value in settings.items())]
    (directory / "ssh_config").write_text("\n".join(lines) + "\n", encoding="utf-8")


def ssh(directory: Path, *words: str) -> list[str]:
    """The command that runs another one, or a shell, in the machine."""
    return ["ssh", "-F", str(directory / "ssh_config"), NAME, *words]


@contextlib.contextmanager
def monitor(directory: Path) -> Iterator[Callable[[str], None]]:
    """What has QEMU do a command, such as `stop`. Source: QEMU Machine Protocol specification."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(directory / MONITOR))
        stream = connection.makefile("rw", encoding="utf-8")

        def order(command: str) -> None:
            stream.write(json.dumps({"execute": command}) + "\n")
            stream.flush()
            while "return" not in json.loads(stream.readline()):  # an event
                pass

        stream.readline()  # the greeting
        order("qmp_capabilities")
        yield order


def wait_for_login(directory: Path, boot_before: str = "") -> None:
    """Return when the machine has booted and lets us in. Raises GuestError if it ends, or takes too long.

    `boot_before` is the identity of the boot that is to be over.
    """
    console = directory / "console.log"
    read = console.stat().st_size if boot_before else 0
    deadline = time.monotonic() + BOOT_TIMEOUT_SECONDS
    # NetworkManager applies its profiles after systemd has started it.
    words = f"{BOOT_ID}; systemctl is-system-running --wait; nm-online --wait-for-startup --quiet --timeout=120"
    while True:
        tried = subprocess.run(ssh(directory, words), capture_output=True, text=True, check=False)
        # A system of which a unit failed is still a system.
        if tried.returncode != CONNECTION_FAILED and tried.stdout.partition("\n")[0] != boot_before:
            return
        with running(directory) as process:
            if process is None:
                raise GuestError(f"the machine has ended; see {console}")
        if time.monotonic() > deadline:
            raise GuestError(f"no login after {BOOT_TIMEOUT_SECONDS} seconds: {tried.stderr.strip()}; see {console}")
        said = console.read_bytes()
        if LOST_TIMER in said[read:]:
            print("The emulator has lost a timer of the machine, which is reset.")
            with monitor(directory) as order:
                order("system_reset")
            read = len(said)
        time.sleep(0.5)


def start(directory: Path, answering: Collection[str] = ()) -> None:
    """Start the machine and wait for it. Raises GuestError, and then nothing is left running.

    `answering` are interfaces that are fed, and whose answers come back to who has sent.
    """
    with running(directory) as process:
        if process is not None:
            raise GuestError(f"it is running already: ssh -F {directory / 'ssh_config'} {NAME}")
    image = find_image()
    make_files(directory, image)
    started = time.monotonic()
    try:
        write_ssh_config(directory, start_qemu(directory, image, answering))
        wait_for_login(directory)
    except BaseException:
        stop(directory)
        raise
    print(f"Up after {time.monotonic() - started:.0f} seconds: ssh -F {directory / 'ssh_config'} {NAME}")


def reboot(directory: Path) -> None:
    """Reboot the machine and wait for it. Raises GuestError if it does not come back."""
    boot = run(*ssh(directory, BOOT_ID)).strip()
    # The reboot may cut the connection before the command has ended.
    subprocess.run(ssh(directory, "sudo systemctl reboot"), capture_output=True, check=False)
    wait_for_login(directory, boot)


def stop(directory: Path) -> None:
    """Switch the machine off and remove its disk. Raises GuestError if it does not end."""
    with running(directory) as process:
        if process is not None:
            for how in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, how)
                # The descriptor becomes readable when the process has ended.
                if select.select([process], [], [], STOP_TIMEOUT_SECONDS)[0]:
                    break
            else:
                raise GuestError(f"it does not end: process {(directory / 'pid').read_text().strip()}")
    for name in ("disk.qcow2", "pid", MONITOR):
        (directory / name).unlink(missing_ok=True)


def shell(directory: Path) -> None:
    """A machine for as long as a shell in it lasts."""
    start(directory)
    try:
        subprocess.run(ssh(directory), check=False)
    finally:
        stop(directory)


COMMANDS = {"start": start, "reboot": reboot, "stop": stop, "shell": shell}


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("emulator")
    for name in COMMANDS:
        commands.add_parser(name).add_argument("directory", type=Path)
    arguments = parser.parse_args()
    # Ended from outside, we end as after Ctrl-C: with the machine switched off.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    try:
        if arguments.command == "emulator":
            print(find_emulator())
        else:
            COMMANDS[arguments.command](arguments.directory.resolve())
    except GuestError as error:
        where = f" in {arguments.directory}" if "directory" in arguments else ""
        print(f"The virtual machine{where}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
