# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.text import decoded
from ansible_collections.siptune.linux.plugins.module_utils._host import host as host_module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import (
    CUT_KERNEL_FILES,
    MOST_CONFIGURATION_BYTES,
    CommandResult,
    FileRecord,
    Host,
    HostError,
)

CHECKOUT = Path(__file__).resolve().parents[5]
CONF = "/etc/sysctl.d/90-test.conf"


@pytest.fixture
def short() -> Iterator[Path]:
    """A short path, as the address of a socket has 107 bytes."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


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


def stand_in_proc(tree: Path, pid: int, command: bytes) -> None:
    """A /proc in which this process holds the lock, as the kernel would show it."""
    status = (tree / "run/siptune.lock").stat()
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    (tree / f"proc/{pid}").mkdir(parents=True)
    (tree / f"proc/{pid}/cmdline").write_bytes(command)
    (tree / "proc/locks").write_text(
        f"1: FLOCK  ADVISORY  WRITE 11 {device}:{status.st_ino + 1} 0 EOF\n"
        f"2: POSIX  ADVISORY  WRITE 12 {device}:{status.st_ino} 0 EOF\n"
        f"3: FLOCK  ADVISORY  WRITE {pid} {device}:{status.st_ino} 0 EOF\n"
        f"3: -> FLOCK  ADVISORY  WRITE 14 {device}:{status.st_ino} 0 EOF\n"
        "4: OFDLCK ADVISORY  READ -1 00:06:1028 0 EOF\n",
        encoding="ascii",
    )


@pytest.mark.parametrize(
    ("pid", "command", "said"),
    [
        (4711, b"/usr/bin/python3\0/root/.ansible/tmp/x/AnsiballZ_tune.py\0", "process 4711 (/usr/bin/python3 /root/"),
        (4711, b"flock\0/run/siptune.lock\0sleep\x001000\0", "process 4711 (flock /run/siptune.lock sleep 1000); try"),
        (4711, b"", "process 4711, or one that it has started before it ended; try again"),
        (4711, b"x" * 5000, f"({'x' * 200}); try"),
        (0, b"", "lock, a process that cannot be seen from here, for one of another container; try again when it"),
    ],
)
def test_who_holds_the_lock_is_named(tree: Path, pid: int, command: bytes, said: str) -> None:
    host = Host(str(tree))
    with host.lock(0):
        stand_in_proc(tree, pid, command)
        with pytest.raises(HostError) as caught, host.lock(0):
            pytest.fail("two runs at once")
    assert said in str(caught.value)


@pytest.mark.parametrize("locks", ["", "1:\n", "1: FLOCK ADVISORY WRITE\n", "\0", "1: FLOCK ADVISORY WRITE x y 0 EOF"])
def test_a_list_of_locks_that_says_nothing(tree: Path, locks: str) -> None:
    assert host_module.lock_holder(locks, tree.stat()) is None


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


@pytest.mark.parametrize("text", ["", "a line\n\udcff", "x" * (1 << 20)], ids=["nothing", "any byte", "a lot"])
def test_a_program_reads_its_text_and_nothing_else(text: str) -> None:
    done = Host().run(["cat"], text=text)
    assert done is not None
    assert (done.status, done.stdout) == (0, text)
    assert Host().run(["cat"]).stdout == ""


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


def serve(server: socket.socket, parts: list[bytes], pause_seconds: float = 0) -> threading.Thread:
    """Answer one asker with these parts, if root or the one who runs this has asked."""

    def answer() -> None:
        connection, _address = server.accept()
        with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            request, ancillary, _flags, _peer = connection.recvmsg(100, socket.CMSG_SPACE(12))
            asked = struct.unpack("3i", ancillary[0][2]), request
            assert asked == ((os.getpid(), os.geteuid(), os.getegid()), b"setup")
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_seconds)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([b"SLEEP ", b"10"], b"SLEEP 10", id="in parts"),
        pytest.param([], b"", id="nothing"),
        pytest.param([b"x" * 65536] * 40, b"x" * 65535, id="without an end"),
    ],
)
def test_a_daemon_answers_on_its_socket(short: Path, parts: list[bytes], expected: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(short / "a.sock"))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        server.listen(1)
        answering = serve(server, parts)
        assert Host(str(short)).ask_socket("/a.sock", b"setup", 10) == expected
        answering.join()


def test_a_socket_that_answers_too_slowly_or_is_none_is_named(short: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(short / "a.sock"))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        server.listen(1)
        answering = serve(server, [b"x"] * 20, 0.05)
        with pytest.raises(HostError, match=r"^/a.sock: no answer within 0.2 s$"):
            Host(str(short)).ask_socket("/a.sock", b"setup", 0.2)
        answering.join()
    (short / "file").write_text("")
    for path in ("/a.sock", "/file", "/none", f"/{'x' * 120}"):
        with pytest.raises(HostError, match=f"^{path}: "):
            Host(str(short)).ask_socket(path, b"setup", 10)


# --- bounds ----------------------------------------------------------------------------------

CONFIGURATION = "/etc/a.conf"
READERS = {
    "bytes": lambda host, path: host.read_bytes(path),
    "text": lambda host, path: host.read_text(path),
    "foreign": lambda host, path: host.read_foreign(path),
    "lenient": lambda host, path: host.read_lenient(path),
    "decisive": lambda host, path: host.read_decisive(path),
    "snapshot": lambda host, path: host.snapshot(path),
}
EVERY_READER = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is opened from now on so that something may come of it: not what is pinned only."""
    paths: list[str] = []
    real = os.open

    def note(path, flags, *rest, **options):
        descriptor = real(path, flags, *rest, **options)
        if not flags & os.O_PATH:
            paths.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        return descriptor

    monkeypatch.setattr(os, "open", note)
    return paths


def unless_refused(read, host: Host, path: str) -> object:
    with contextlib.suppress(HostError):
        return read(host, path) or None
    return None


@EVERY_READER
@pytest.mark.parametrize(
    "make",
    [
        lambda path: os.mkfifo(path),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("/dev/full"),
        lambda path: path.symlink_to("/proc/self/environ"),
        lambda path: path.symlink_to("/sys/kernel/uevent_seqnum"),
        lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    ],
    ids=["pipe", "directory", "endless device", "another device", "a file of proc", "a file of sys", "socket"],
)
def test_nothing_but_a_regular_file_of_a_disk_is_opened(tree: Path, monkeypatch, make, read) -> None:
    make(tree / CONFIGURATION[1:])
    paths = opened(monkeypatch)
    assert unless_refused(read, Host(str(tree)), CONFIGURATION) is None
    assert not [path for path in paths if path.endswith("a.conf") or path.startswith(("/dev", "/proc", "/sys"))]


def test_a_foreign_path_to_a_file_of_the_kernel_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = opened(monkeypatch)
    for path in ("/proc/self/environ", "/proc/kmsg", "/sys/kernel/uevent_seqnum", "/dev/zero"):
        assert Host().read_foreign(path) is None
    assert paths == []


@EVERY_READER
def test_a_pipe_that_takes_the_place_of_a_file_hangs_nobody(tree: Path, monkeypatch, read) -> None:
    """Swapped at the worst moment: after the file was looked at, and before it is opened."""
    path = tree / CONFIGURATION[1:]
    path.write_bytes(b"abc")
    os.mkfifo(tree / "etc/pipe")
    real = os.fstat

    def swap(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if (tree / "etc/pipe").exists():
            os.replace(tree / "etc/pipe", path)
        return status

    monkeypatch.setattr(os, "fstat", swap)
    found = unless_refused(read, Host(str(tree)), CONFIGURATION)
    assert found in (None, b"abc", "abc", record(b"abc"))


@EVERY_READER
def test_a_configuration_has_a_bound(tree: Path, read) -> None:
    host = Host(str(tree))
    with open(tree / CONFIGURATION[1:], "wb") as stream:
        stream.truncate(MOST_CONFIGURATION_BYTES)
    assert unless_refused(read, host, CONFIGURATION) is not None
    os.truncate(tree / CONFIGURATION[1:], 1 << 42)
    assert unless_refused(read, host, CONFIGURATION) is None
    with pytest.raises(HostError, match=rf"^{CONFIGURATION}: has more than {MOST_CONFIGURATION_BYTES} bytes"):
        host.read_decisive(CONFIGURATION)


def test_nothing_is_written_that_no_later_run_would_read(tree: Path) -> None:
    host = Host(str(tree))
    host.stage(CONF, record(b"x" * MOST_CONFIGURATION_BYTES)).commit()
    with pytest.raises(HostError, match=f"^{CONF}: would have {MOST_CONFIGURATION_BYTES + 1} bytes"):
        host.stage(CONF, record(b"x" * (MOST_CONFIGURATION_BYTES + 1)))
    assert len(host.read_bytes(CONF) or b"") == MOST_CONFIGURATION_BYTES
    assert names(tree / "etc/sysctl.d") == ["90-test.conf"]


@pytest.mark.parametrize(("name", "most"), CUT_KERNEL_FILES.items())
def test_what_a_process_says_of_itself_is_cut(tree: Path, name: str, most: int) -> None:
    (tree / "proc/7").mkdir(parents=True)
    with open(tree / "proc/7" / name, "wb") as stream:
        stream.write(b"asterisk\0")
        stream.truncate(1 << 42)
    text = Host(str(tree)).read_lenient(f"/proc/7/{name}")
    assert text is not None
    assert (len(text), text[:9]) == (most, "asterisk\0")


def test_a_table_of_the_kernel_has_a_bound(tree: Path) -> None:
    (tree / "proc/net").mkdir(parents=True)
    with open(tree / "proc/net/udp", "wb") as stream:
        stream.truncate(1 << 42)
    assert Host(str(tree)).read_lenient("/proc/net/udp") is None
    with pytest.raises(HostError, match=r"^/proc/net/udp: has more than [0-9]+ bytes"):
        Host(str(tree)).read_text("/proc/net/udp")


def test_a_directory_has_a_bound(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "MOST_ENTRIES", 3)
    for name in "abc":
        (tree / "etc" / "sysctl.d" / name).touch()
    host = Host(str(tree))
    assert host.list_directory("/etc/sysctl.d") == ["a", "b", "c"]
    (tree / "etc" / "sysctl.d" / "d").touch()
    with pytest.raises(HostError, match=r"^/etc/sysctl.d: has more than 3 entries"):
        host.list_directory("/etc/sysctl.d")


def test_a_masked_file_is_an_empty_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / CONFIGURATION[1:]).symlink_to("/dev/null")
    paths = opened(monkeypatch)
    assert Host(str(tree)).read_text(CONFIGURATION) == ""
    assert paths == []


@pytest.mark.parametrize("path", ["/etc/a\0b", "etc/a.conf", "", "a", "/etc/\ud800"], ids=repr)
def test_a_path_that_no_file_has_names_no_file(tree: Path, path: str) -> None:
    host = Host(str(tree))
    assert (host.read_bytes(path), host.read_foreign(path), host.read_link(path)) == (None, None, None)
    assert (host.exists(path), host.writable(path), host.resolves_to_null_device(path)) == (False, False, False)
    assert (host.list_directory(path), host.modified_at(path)) == ([], None)
    assert host.snapshot(path) is None


# --- bytes that are not UTF-8 ----------------------------------------------------------------

LATIN = b"na\xefve-\xc3\xa9-\x9b"


def test_every_byte_of_a_file_and_of_its_name_is_kept(tree: Path) -> None:
    host, name = Host(str(tree)), decoded(LATIN)
    path = f"/etc/{name}"
    host.stage(path, record(LATIN)).commit()
    assert os.listdir(os.fsencode(tree) + b"/etc/sysctl.d") == []
    assert name in host.list_directory("/etc")
    assert (host.read_bytes(path), host.read_text(path)) == (LATIN, name)
    assert host.snapshot(path) == record(LATIN)
    os.symlink(LATIN, os.fsencode(tree) + b"/etc/link")
    assert host.read_link("/etc/link") == name
    host.remove(path)
    assert not host.exists(path)


def test_the_locale_of_a_login_changes_no_name(tree: Path) -> None:
    (tree / "etc" / "sysctl.d" / "é.conf").write_text("x")
    code = (
        "import sys; from plugins.module_utils._host.host import Host;"
        "host = Host(sys.argv[1]); names = host.list_directory('/etc/sysctl.d');"
        "print(ascii((sys.getfilesystemencoding(), names, host.read_text('/etc/sysctl.d/' + names[0]))))"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code, str(tree)], env=environment, capture_output=True, check=True
    )
    assert done.stdout.decode() == "('ascii', ['\\xe9.conf'], 'x')\n"


# --- programs --------------------------------------------------------------------------------


def is_running(word: str) -> bool:
    """Whether any process has this word in its command line."""
    command_lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command_lines.append(path.read_bytes())
    return any(word.encode() in line.split(b"\0") for line in command_lines)


def test_a_program_s_answer_and_its_bytes() -> None:
    words = ["sh", "-c", "printf 'a\\351'; printf b >&2; exit 3"]
    assert Host().run(words) == CommandResult(3, "a\udce9", "b")
    assert Host().run(["/no/such/program"]) is None


@pytest.mark.parametrize("stream", ["", " >&2"], ids=["output", "error"])
def test_a_program_that_answers_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    monkeypatch.setattr(host_module, "MOST_OUTPUT_BYTES", 1 << 20)
    begun = time.monotonic()
    with pytest.raises(HostError, match=r"^sh: wrote more than 1048576 bytes, and was stopped"):
        Host().run(["sh", "-c", f"exec cat /dev/zero{stream}"], 60)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "script",
    ["sleep {0} & sleep {0}", "sleep {0} & exit 0", "while :; do echo x; done & sleep {0}", "exec >&- 2>&-; sleep {0}"],
    ids=["itself", "one that it leaves behind", "one that never stops talking", "without output"],
)
def test_a_program_that_does_not_end_is_killed_with_all_it_has_started(script: str) -> None:
    seconds = f"98765.{os.getpid()}"
    with pytest.raises(HostError, match=r"^sh: did not end within 0\.5 s"):
        Host().run(["sh", "-c", script.format(seconds)], 0.5)
    for _ in range(100):
        if not is_running(seconds):
            return
        time.sleep(0.1)
    pytest.fail("it still runs")
