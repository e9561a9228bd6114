# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host had before us, kept so that everything can be put back.

An original is recorded once, before the first change of an item, and never overwritten while the
item is ours. Beside it stands what we made of the item: if the host has something else today,
somebody else changed it since, and it is no longer ours to put back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .._core.change import TuningError
from .._host.host import FileRecord
from .own_paths import ORDINARY_MODE_BITS, is_below_proc_sys, may_be_written

DIRECTORY = "/var/lib/siptune"
DIRECTORY_MODE = 0o700
PATH = f"{DIRECTORY}/originals.json"
FILE_MODE = 0o600
SCHEMA = 3
SCHEMA_WITHOUT_SOCKETS = 2  # the lowest that does is written, so that an older version can read it
SCHEMA_WITHOUT_LINKS = 1
# An interface's name (linux/if.h, dev_valid_name() of net/core/dev.c), and its permanent address if it has one.
LINK_KEY = re.compile(r"[^/:\s]{1,15}( [0-9a-f]{2}(:[0-9a-f]{2})*)?")
# A process, when it began in clock ticks since boot, and the inode of a socket: no other socket has all three.
SOCKET_KEY = re.compile(r"[1-9][0-9]{0,9} [0-9]{1,20} [1-9][0-9]{0,19}")
HIGHEST_PORT = 65535
HIGHEST_BUFFER_BYTES = 2**31 - 1  # INT_MAX: the kernel's sk_rcvbuf is an int
HIGHEST_ID = 2**32 - 2  # the last one, (uid_t) -1, is no user or group: chown(2)
MODE_TEXT = re.compile("[0-7]{1,6}")
WRITABLE_BY_OTHERS = 0o022


class OriginalsError(TuningError):
    """The record of originals cannot be trusted. Says what to do."""


class KeyOriginal(NamedTuple):
    """A kernel setting as it was found.

    `value` is what it read before the first change; `written` what we wrote last, None for a side
    effect; `left` what it read after that, None as long as this is not known. `owners` are the
    files whose settings need it, and `cause` the key whose writing changed this one along with it.
    """

    value: str
    written: str | None
    left: str | None
    owners: tuple[str, ...]
    cause: str | None = None


class FileOriginal(NamedTuple):
    """A file as it was found (`record` is None: it was not there), and the digests of what we wrote.

    There are two digests while a run is under way, of the old text and of the new one: should it be
    killed, either is known to be ours.
    """

    record: FileRecord | None
    written: tuple[str, ...]


class LinkOriginal(NamedTuple):
    """An option of a network interface as it was found.

    `found` is what it read before the first change, `written` what we asked for last, and `left` what the driver made
    of our latest change of the running interface, None if there was none: drivers round. `boot` is a boot ID of the
    kernel if `written` is only written down, for the boot after that one; it is empty while the change is under way.
    """

    found: str
    written: str
    left: str | None
    boot: str | None = None


class SocketOriginal(NamedTuple):
    """The receive buffer of a daemon's socket, in bytes. The socket and its record end with the process.

    `item` is what the socket is called, `boot` the kernel's boot ID. `found` is what it had before the first change,
    `written` what we asked for last, and `left` what it had after that, None while the change is under way.
    """

    item: str
    boot: str
    port: int
    found: int
    written: int
    left: int | None


class Originals(NamedTuple):
    """Everything recorded on a host: sysctl keys and files by their path, options of interfaces and sockets by key.

    A module replaces the sections that it knows, with `_replace`, and keeps the others.
    """

    keys: Mapping[str, KeyOriginal]
    files: Mapping[str, FileOriginal]
    links: Mapping[str, Mapping[str, LinkOriginal]] = {}
    sockets: Mapping[str, SocketOriginal] = {}

    @property
    def empty(self) -> bool:
        return not self.keys and not self.files and not any(self.links.values()) and not self.sockets


NOTHING = Originals({}, {})


def link_key(name: str, mac: str | None) -> str:
    """What the options of an interface are recorded under: its name and the address it was made with.

    So neither another card under this name nor this card under another name is taken for what was recorded.
    """
    return f"{name} {mac}" if mac else name


def socket_key(pid: int, start_ticks: int, inode: int) -> str:
    """What a socket is recorded under."""
    return f"{pid} {start_ticks} {inode}"


def parse_socket_key(key: str) -> tuple[int, int, int]:
    """The process, its start and the inode of a key of `socket_key`."""
    pid, start_ticks, inode = map(int, key.split(" "))
    return pid, start_ticks, inode


def digest(content: bytes) -> str:
    """A fingerprint by which we know our own text again."""
    return hashlib.sha256(content).hexdigest()


def parse(content: bytes) -> Originals:
    """The originals in a file's content. Raises OriginalsError if it is damaged or of a newer version."""
    try:
        document = json.loads(content.decode("utf-8"))
        schema = document["schema"]
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise TypeError("schema is no number")
        if schema > SCHEMA:
            raise OriginalsError(
                f"{PATH} was written by a newer version of siptune.linux (schema {schema}, this version knows "
                f"{SCHEMA}); run that version, or a later one, on this host"
            )
        keys = {_key_path(path): _key_original(entry) for path, entry in document["sysctl"].items()}
        files = {path: _file_original(path, entry) for path, entry in document["files"].items()}
        links = {key: _link_originals(key, entry) for key, entry in document.get("links", {}).items()}
        sockets = {key: _socket_original(key, entry) for key, entry in document.get("sockets", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OriginalsError(
            f"{PATH} is damaged or was edited ({type(error).__name__}: {error}). It holds the values this host had "
            "before it was tuned, so nothing was changed. Restore it from a backup; or, if the values of today may "
            "count as the originals, move it away and run again"
        ) from error
    return Originals(keys, files, links, sockets)


def check_keeper(path: str, uid: int, mode: int, trusted_uid: int) -> None:
    """Raises OriginalsError if somebody else than root could have written the record, or the directory it is in."""
    if uid not in (0, trusted_uid):
        blame = f"belongs to user {uid}, not to root"
    elif mode & WRITABLE_BY_OTHERS:
        blame = f"may be written by others than root (mode {mode:04o})"
    else:
        return
    raise OriginalsError(
        f"{path} {blame}, so that what it says cannot be trusted: root would write it to files of the system. Look at "
        f"what {PATH} says; if it is right, give it back to root (chown root: {path} && chmod go-w {path}) and run "
        "again, else restore it from a backup"
    )


def check_file(path: str, original: FileOriginal) -> None:
    """Raises ValueError for an original that no module of ours would have recorded, and none must put back."""
    if not may_be_written(path):
        raise ValueError(f"{path!r} is no file that siptune.linux writes")
    record = original.record
    if record is None:
        return
    if record.mode & ~ORDINARY_MODE_BITS:
        raise ValueError(f"{path} has the mode {record.mode:04o}, and no file of settings is set-user-ID or the like")
    if not all(0 <= number <= HIGHEST_ID for number in (record.uid, record.gid)):
        raise ValueError(f"{path} belongs to {record.uid}:{record.gid}, which are no user and group")


def _key_path(path: str) -> str:
    if not is_below_proc_sys(path):
        raise ValueError(f"{path!r} is no key below /proc/sys")
    return path


def _key_original(entry: Mapping[str, Any]) -> KeyOriginal:
    original = KeyOriginal(entry["value"], entry["written"], entry["left"], tuple(entry["owners"]), entry["cause"])
    texts = (original.value, *original.owners)
    optional = (original.written, original.left, original.cause)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a value is no text")
    if not all(text is None or isinstance(text, str) for text in optional):
        raise TypeError("a value is neither text nor null")
    if any("\n" in text or "\0" in text for text in (*texts, *filter(None, optional))):
        raise ValueError("a value holds a line break or NUL")
    return original


def _file_original(path: str, entry: Mapping[str, Any]) -> FileOriginal:
    found, written = entry["found"], entry["written"]
    if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
        raise TypeError(f"what was written to {path} is no list of digests")
    original = FileOriginal(None if found is None else _file_record(path, found), tuple(written))
    check_file(path, original)
    return original


def _file_record(path: str, found: Mapping[str, Any]) -> FileRecord:
    if not MODE_TEXT.fullmatch(found["mode"]):
        raise ValueError(f"{path} has the mode {found['mode']!r}, which is no octal number")
    if not all(isinstance(found[field], int) and not isinstance(found[field], bool) for field in ("uid", "gid")):
        raise TypeError(f"{path} has an owner that is no number")
    content = found["content"].encode("utf-8", "surrogateescape")
    return FileRecord(content, int(found["mode"], 8), found["uid"], found["gid"])


def _link_originals(key: str, entry: Mapping[str, Mapping[str, Any]]) -> dict[str, LinkOriginal]:
    if not LINK_KEY.fullmatch(key):
        raise ValueError(f"{key!r} names no interface")
    return {option: _link_original(fields) for option, fields in entry.items()}


def _link_original(fields: Mapping[str, Any]) -> LinkOriginal:
    original = LinkOriginal(fields["found"], fields["written"], fields["left"], fields["boot"])
    if not isinstance(original.found, str) or not isinstance(original.written, str):
        raise TypeError("a value is no text")
    if not all(text is None or isinstance(text, str) for text in original):
        raise TypeError("a value is neither text nor null")
    if not all(text is None or text.isprintable() for text in original):
        raise ValueError("a value holds a control character")
    return original


def _socket_original(key: str, entry: Mapping[str, Any]) -> SocketOriginal:
    if not SOCKET_KEY.fullmatch(key):
        raise ValueError(f"{key!r} names no socket")
    original = SocketOriginal(**entry)
    if not all(isinstance(text, str) and text.isprintable() for text in (original.item, original.boot)):
        raise ValueError("the name of a socket is no plain text")
    sizes = [original.found, original.written, *([] if original.left is None else [original.left])]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in (original.port, *sizes)):
        raise TypeError("a port or a size is no number")
    if not 0 < original.port <= HIGHEST_PORT or not all(0 < size <= HIGHEST_BUFFER_BYTES for size in sizes):
        raise ValueError("a port or a size is out of range")
    return original


def render(originals: Originals) -> bytes:
    """The content of the file that holds the originals; `parse` reads it back."""
    links = {
        key: {option: original._asdict() for option, original in sorted(options.items())}
        for key, options in sorted(originals.links.items())
        if options
    }
    without_sockets = SCHEMA_WITHOUT_SOCKETS if links else SCHEMA_WITHOUT_LINKS
    document = {
        "schema": SCHEMA if originals.sockets else without_sockets,
        "sysctl": {path: entry._asdict() for path, entry in sorted(originals.keys.items())},
        "files": {path: _file_entry(entry) for path, entry in sorted(originals.files.items())},
    }
    if links:
        document["links"] = links
    if originals.sockets:
        document["sockets"] = {key: original._asdict() for key, original in sorted(originals.sockets.items())}
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _file_entry(original: FileOriginal) -> dict[str, Any]:
    found = None
    if original.record is not None:
        record = original.record
        found = {
            "content": record.content.decode("utf-8", "surrogateescape"),
            "mode": f"{record.mode:04o}",
            "uid": record.uid,
            "gid": record.gid,
        }
    return {"found": found, "written": original.written}
