# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import Virtualization, virtualization

SHUT = [
    "/proc/sys/net/core/somaxconn",
    "/proc/meminfo",
    "/sys/class/net",
    "/run/systemd/system",
    "/run/sysctl.d/10-a.conf",
    "/var/run/secrets/kubernetes.io/serviceaccount",
]


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """An image below a directory, in which everything of the machine that builds it is mounted."""
    for path in SHUT:
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1\n")
    (tmp_path / ".dockerenv").touch()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return Image(str(tmp_path))


@pytest.mark.parametrize("path", SHUT)
def test_nothing_of_the_machine_that_builds_the_image_is_there(image: Image, path: str, tmp_path: Path) -> None:
    assert image.read_text(path) is None
    assert image.read_decisive(path) == ""
    assert image.list_directory(os.path.dirname(path)) == []
    assert not image.exists(path)
    assert image.read_link(path) is None
    assert image.modified_at(path) is None
    assert image.owner_and_mode(path) is None
    assert not image.writable(path)
    assert image.snapshot(path) is None
    for change in (
        lambda: image.write_kernel(path, "2"),
        lambda: image.stage(path, FileRecord(b"", 0o644, 0, 0)),
        lambda: image.target_status(path),
        lambda: image.remove(path),
    ):
        with pytest.raises(HostError) as refused:
            change()
        assert refused.value.errno == errno.ENOENT
    assert (tmp_path / path[1:]).read_text() == "1\n"


@pytest.mark.parametrize("path", ["/process", "/etc/proc/a", "/running.conf", "/system"])
def test_what_only_looks_like_it_is_the_image_own(image: Image, tmp_path: Path, path: str) -> None:
    (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path[1:]).write_text("own\n")
    assert image.read_text(path) == "own\n"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda image: image.run(["systemctl", "daemon-reload"]), id="a program"),
        pytest.param(lambda image: image.ethtool("lo", bytes(196)), id="ethtool"),
        pytest.param(lambda image: image.set_tx_queue_length("lo", 1000), id="a queue"),
        pytest.param(lambda image: image.route_dump(18), id="rtnetlink"),
        pytest.param(lambda image: image.netlink_dump(12, 257, bytes(4), 1 << 20), id="connections"),
        pytest.param(lambda image: image.netlink_send(12, bytes(20)), id="a netlink message"),
        pytest.param(lambda image: image.ask_udp(("127.0.0.1", 5060), b"x", 0.1), id="a daemon"),
        pytest.param(lambda image: image.ask_socket("/run/a.sock", b"x", 0.1), id="a socket"),
    ],
)
def test_nobody_is_asked_and_nothing_is_started(
    image: Image, ask: Callable[[Image], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def tripwire(*_words: object, **_options: object) -> None:
        raise AssertionError("the machine that builds the image was asked")

    monkeypatch.setattr(socket, "socket", tripwire)
    monkeypatch.setattr("subprocess.Popen", tripwire)
    with pytest.raises(HostError, match="image"):
        ask(image)


def test_an_image_is_no_container_whatever_builds_it(image: Image) -> None:
    assert virtualization(image) == Virtualization(None, None)


def test_the_facts_are_those_of_the_files(image: Image, tmp_path: Path) -> None:
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "kamailio.service").write_text("[Service]\nExecStart=/usr/sbin/kamailio\n")
    (tmp_path / "etc/sysctl.d").mkdir()
    (tmp_path / "etc/sysctl.d/10-a.conf").write_text("fs.nr_open = 2097152\n")
    facts = gather(image)
    assert facts["nr_open"] == 2097152
    assert [(one["unit"], one["running"]) for one in facts["sip_daemons"]] == [("kamailio.service", None)]
    assert facts["systemd_running"] is False
    for name in ("memory_bytes", "page_size", "processors", "udp_mem_pages", "kernel", "forwarding", "swap"):
        assert facts[name] is None, name
    assert (facts["interfaces"], facts["default_routes"]) == (None, {"ipv4": None, "ipv6": None})


def test_one_run_at_a_time_without_a_file_that_stays(image: Image, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with image.lock(1):
        with pytest.raises(HostError, match=r"/etc: another siptune run holds"), Image(str(tmp_path)).lock(0):
            pass
        assert sorted(tmp_path.rglob("*")) == before
    with image.lock(0):
        pass


def test_a_tree_without_etc_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"/etc: "), Image(str(tmp_path)).lock(0):
        pass


def test_a_file_is_read_where_proc_is_not_mounted(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chroot has no /proc by itself, by which a host's files are opened."""
    there = os.path.lexists
    monkeypatch.setattr("os.path.lexists", lambda path: not str(path).startswith("/proc/") and there(path))
    assert image.read_text("/etc/passwd") == "root:x:0:0::/root:/bin/sh\n"
    found = image.snapshot("/etc/passwd")
    assert found is not None
    assert found.content.startswith(b"root:")
    (tmp_path / "etc/link").symlink_to("passwd")
    assert image.read_text("/etc/link") == "root:x:0:0::/root:/bin/sh\n"
    (tmp_path / "etc/kernel").symlink_to("/proc/version")
    with pytest.raises(HostError, match="leads to a file of the kernel"):
        image.read_text("/etc/kernel")
    with pytest.raises(HostError, match="mount it"):
        Host(str(tmp_path)).read_text("/etc/passwd")
