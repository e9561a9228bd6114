# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord, Host, HostError

CONF = "/etc/sysctl.d/90-test.conf"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for directory in ("etc/sysctl.d", "run", "var/lib"):
        (tmp_path / directory).mkdir(parents=True)
    return tmp_path


def record(content: bytes, mode: int = 0o644) -> FileRecord:
    return FileRecord(content, mode, os.geteuid(), os.getegid())


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_staged_file_is_nowhere_to_be_seen_until_it_is_committed(tree: Path) -> None:
    host, old, new = Host(str(tree)), record(b"old", 0o600), record(b"new", 0o640)
    host.stage(CONF, old).commit()
    staged = host.stage(CONF, new)
    assert host.snapshot(CONF) == old
    assert not any(name.endswith(".conf") for name in names(tree / "etc/sysctl.d") if name != "90-test.conf")
    staged.commit()
    assert host.snapshot(CONF) == new
    assert names(tree / "etc/sysctl.d") == ["90-test.conf"]
    staged.discard()
    assert host.snapshot(CONF) == new


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory to any group")
def test_a_directory_that_hands_on_its_group_does_not_give_it_to_a_file(tree: Path) -> None:
    os.chown(tree / "etc", -1, 50)
    (tree / "etc").chmod(0o2755)
    host = Host(str(tree))
    host.stage("/etc/a.conf", record(b"a")).commit()
    assert host.snapshot("/etc/a.conf") == record(b"a")


def test_a_discarded_file_leaves_nothing(tree: Path) -> None:
    Host(str(tree)).stage(CONF, record(b"new")).discard()
    assert names(tree / "etc/sysctl.d") == []


def test_what_a_killed_run_left_behind_is_overwritten(tree: Path) -> None:
    host = Host(str(tree))
    host.stage(CONF, record(b"half"))  # and then the power goes
    host.stage(CONF, record(b"whole")).commit()
    assert names(tree / "etc/sysctl.d") == ["90-test.conf"]


@pytest.mark.parametrize(
    "make", [lambda p: p.symlink_to("/etc/passwd"), lambda p: p.mkdir(), os.mkfifo], ids=["link", "directory", "pipe"]
)
def test_what_is_no_regular_file_is_refused(tree: Path, make) -> None:
    make(tree / CONF[1:])
    with pytest.raises(HostError, match=CONF):
        Host(str(tree)).snapshot(CONF)


def test_a_link_on_the_way_is_refused(tree: Path) -> None:
    (tree / "elsewhere").mkdir()
    (tree / "etc/linked.d").symlink_to(tree / "elsewhere")
    for attempt in (Host(str(tree)).snapshot, lambda path: Host(str(tree)).stage(path, record(b"x"))):
        with pytest.raises(HostError, match="no plain directory"):
            attempt("/etc/linked.d/90-test.conf")
    assert names(tree / "elsewhere") == []


def test_a_link_put_in_place_of_the_temporary_file_is_not_followed(tree: Path) -> None:
    target = tree / "target"
    target.write_bytes(b"precious")
    (tree / "etc/sysctl.d/.90-test.conf.siptune-new").symlink_to(target)
    Host(str(tree)).stage(CONF, record(b"new")).commit()
    assert target.read_bytes() == b"precious"


def test_a_missing_file_or_directory_reads_as_nothing(tree: Path) -> None:
    host = Host(str(tree))
    assert host.snapshot(CONF) is None
    assert host.snapshot("/no/such/directory/file") is None
    assert host.read_text("/proc/nothing") is None
    assert host.list_directory("/nowhere") == []


def test_a_missing_directory_cannot_be_written_to(tree: Path) -> None:
    with pytest.raises(HostError) as caught:
        Host(str(tree)).stage("/etc/nowhere/x.conf", record(b"x"))
    assert caught.value.errno == errno.ENOENT


def test_content_that_is_not_text_survives(tree: Path) -> None:
    (tree / "etc/odd").write_bytes(b"caf\xe9\n")
    text = Host(str(tree)).read_text("/etc/odd")
    assert text is not None
    assert text.encode("utf-8", "surrogateescape") == b"caf\xe9\n"


def test_the_lock_makes_the_second_run_wait_and_then_say_why(tree: Path) -> None:
    host = Host(str(tree))
    with host.lock(1), pytest.raises(HostError, match="another siptune run"), host.lock(0.2):
        pytest.fail("two runs at once")
    with host.lock(0):
        pass


def given_away(lock: Path) -> None:
    lock.touch(0o600)
    os.chown(lock, 4321, -1)


def pipe(lock: Path) -> None:
    os.mkfifo(lock, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
@pytest.mark.parametrize("make", [given_away, pipe])
def test_a_lock_that_others_could_hold_is_refused(tree: Path, make: Callable[[Path], None]) -> None:
    make(tree / "run/siptune.lock")
    with pytest.raises(HostError, match=r"^/run/siptune\.lock: .*remove it"), Host(str(tree)).lock(0):
        pass


def test_nobody_else_may_open_the_lock(tree: Path) -> None:
    lock = tree / "run/siptune.lock"
    lock.touch()
    lock.chmod(0o644)
    with Host(str(tree)).lock(0):
        assert lock.stat().st_mode & 0o7777 == 0o600


def test_the_lock_is_no_way_to_follow_a_link(tree: Path) -> None:
    (tree / "run/siptune.lock").symlink_to(tree / "etc/passwd")
    with pytest.raises(HostError), Host(str(tree)).lock(0):
        pytest.fail("followed a link")
    assert not (tree / "etc/passwd").exists()


def test_a_file_of_the_kernel_is_never_created(tree: Path) -> None:
    with pytest.raises(HostError, match="ENOENT"):
        Host(str(tree)).write_kernel("/run/no_such_key", "1")
    assert names(tree / "run") == []


def test_an_ethtool_error_names_the_interface() -> None:
    with pytest.raises(HostError, match=r"^nosuchnic0: .*ENODEV"):
        Host().ethtool("nosuchnic0", b"\x10\0\0\0" + b"\0" * 32)


def test_a_program_is_run_by_its_words() -> None:
    done = Host().run(["printf", "%s|", "$HOME", "a b", "`id`"])
    assert done is not None
    assert (done.status, done.stdout) == (0, "$HOME|a b|`id`|")
    assert Host().run(["no-such-program-anywhere"]) is None


def test_a_program_that_takes_longer_than_it_may_is_ended() -> None:
    with pytest.raises(HostError, match=r"^sleep: did not end within 0.1 s$"):
        Host().run(["sleep", "30"], 0.1)


def test_a_daemon_answers_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        address = daemon.getsockname()

        def answer() -> None:
            request, asker = daemon.recvfrom(100)
            daemon.sendto(request.upper(), asker)

        answering = threading.Thread(target=answer)
        answering.start()
        assert Host().ask_udp(address, b"calls", 10) == b"CALLS"
        answering.join()


def test_a_daemon_that_is_silent_or_not_there_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        address = daemon.getsockname()
        with pytest.raises(HostError, match=rf"^127.0.0.1 port {address[1]}: no answer within 0.1 s$"):
            Host().ask_udp(address, b"calls", 0.1)
    with pytest.raises(HostError, match=r"Connection refused \(ECONNREFUSED\)"):
        Host().ask_udp(address, b"calls", 10)


def test_a_regular_file_is_read_as_far_as_that_is_bounded(tree: Path) -> None:
    host = Host(str(tree))
    (tree / "etc/a.conf").write_bytes(b"abc\xff")
    assert host.read_regular("/etc/a.conf", 4) == "abc\ufffd"
    assert host.read_regular("/etc/a.conf", 3) is None
    assert host.read_regular("/etc/none", 10) is None
    assert host.read_regular("/etc/a\0b", 10) is None


def test_nothing_but_a_regular_file_is_read(tree: Path) -> None:
    host = Host(str(tree))
    os.mkfifo(tree / "etc/pipe")
    (tree / "etc/zero").symlink_to("/dev/zero")
    for path in ("/etc/pipe", "/etc/zero", "/etc"):
        assert host.read_regular(path, 10) is None
