# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's original values, kept so that everything can be put back.

An original is recorded once, before the first change of an item, and never overwritten while the
item is ours. Beside it stands the value that we gave the item: if the host has another one today,
somebody else has changed it since, and it is no longer ours to put back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from .._core.errors import ItemError, TuningError
from .._core.text import decoded, encoded
from .._host.attributes import MOST_BYTES as MOST_ATTRIBUTE_BYTES
from .._host.host import FileRecord
from .own_paths import ORDINARY_MODE_BITS, UNIT_DROP_IN, is_below_proc_sys, may_be_made, may_be_written

DIRECTORY = "/var/lib/siptune"
DIRECTORY_MODE = 0o700
PARENTS = ("/", "/var", "/var/lib")  # of the directory: whoever may write there can put another one in its place
PATH = f"{DIRECTORY}/originals.json"
FILE_MODE = 0o600
MOST_BYTES = 16 * 2**20  # a record of 10,000 keys has 2 MiB
NOT_RECORDED = "cannot be recorded, and so is not changed"
SCHEMA = 4  # with sockets
# Still written where a record needs no more, so that an older version can read it.
SCHEMA_WITHOUT_LINKS, SCHEMA_WITHOUT_PROFILES, SCHEMA_WITHOUT_SOCKETS = 1, 2, 3
# An interface's name (linux/if.h, dev_valid_name() of net/core/dev.c), and its permanent address if it has one.
LINK_KEY = re.compile(r"[^/:\s]{1,15}( [0-9a-f]{2}(:[0-9a-f]{2})*)?")
OPTION = re.compile(r"[a-z_]{1,30}")
UUID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{1,63}")  # some versions of NetworkManager take other texts than UUIDs
# The settings of a NetworkManager profile in which modules of ours change anything: nm-settings-nmcli(5)
PROPERTY = re.compile(r"(ethtool|link|802-3-ethernet)\.[a-z0-9-]{1,40}")
OLD_PROFILE_ENTRY = "nmcli"  # until schema 2: an option called `nmcli UUID PROPERTY` of the interface
# A process, its start in clock ticks since boot, and the inode of a socket: no other socket has all three.
SOCKET_KEY = re.compile(r"[1-9][0-9]{0,9} [0-9]{1,20} [1-9][0-9]{0,19}")
HIGHEST_PORT = 65535
HIGHEST_BUFFER_BYTES = 2**31 - 1  # INT_MAX: the kernel's sk_rcvbuf is an int
HIGHEST_ID = 2**32 - 2  # the last one, (uid_t) -1, is no user or group: chown(2)
MODE_TEXT = re.compile("[0-7]{1,6}")
WRITABLE_BY_OTHERS = 0o022
ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+\.[^\0/]{1,250}")  # xattr(7): a namespace, and a name of XATTR_NAME_MAX at most

Parsed = TypeVar("Parsed")


class OriginalsError(TuningError):
    """The record of originals cannot be trusted. Names the way out."""


class EntryError(ValueError):
    """An entry of the record that cannot be accepted: its key, and why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!a}: {reason}")
        self.key = key
        self.reason = reason


class KeyOriginal(NamedTuple):
    """A kernel setting as it was found.

    `value` is its value before the first change; `written` the one that we wrote last, None for a side
    effect; `left` its value after that, None as long as this is not known. `owners` are the
    files whose settings need it, and `cause` the key whose writing changed this one along with it.
    """

    value: str
    written: str | None
    left: str | None
    owners: tuple[str, ...]
    cause: str | None = None


class FileOriginal(NamedTuple):
    """A file as it was found (`record` is None: there was none), and the digests of the texts that we wrote.

    There are two digests while a run is under way, of the old text and of the new one: should it be
    killed, either is known to be ours. `image` says that the file was written into an image, so that a boot may have
    set what it says without any value from before on record.
    """

    record: FileRecord | None
    written: tuple[str, ...]
    image: bool = False


class LinkOriginal(NamedTuple):
    """An option of a network interface as it was found.

    `found` is its value before the first change, `written` the value we requested last, and `left` the value that the
    driver set for it, None if the running interface was not changed: drivers round. `boot` is a boot ID of the kernel
    if `written` is only persisted, for the boot after that one; it is empty while the change is under way.
    """

    found: str
    written: str
    left: str | None
    boot: str | None = None


class ProfileOriginal(NamedTuple):
    """A property of a NetworkManager profile: the interface it was set for, its value before, and the one we set.

    Values are as nmcli spells them, empty for a property that is not set.
    """

    interface: str
    found: str
    written: str


class SocketOriginal(NamedTuple):
    """The receive buffer of a daemon's socket, in bytes. The socket and its record end with the process.

    `item` is the item of the socket, `boot` the kernel's boot ID. `found` is the buffer before the first change,
    `written` the one we asked for last, and `left` the one it had after that, None while the change is under way.
    """

    item: str
    boot: str
    port: int
    found: int
    written: int
    left: int | None


class Originals(NamedTuple):
    """Everything recorded on a host: sysctl keys and files by path, options of interfaces by `link_key`.

    `profiles` are the properties of NetworkManager's profiles, by UUID, and `sockets` have the keys of `socket_key`. A
    module replaces the sections that it knows, with `_replace`, and keeps the others. `directories` are those that were
    made for files; _engine/effects.py alone looks after them.
    """

    keys: Mapping[str, KeyOriginal]
    files: Mapping[str, FileOriginal]
    links: Mapping[str, Mapping[str, LinkOriginal]] = {}
    profiles: Mapping[str, Mapping[str, ProfileOriginal]] = {}
    sockets: Mapping[str, SocketOriginal] = {}
    directories: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        options = (*self.links.values(), *self.profiles.values())
        return not self.keys and not self.files and not any(options) and not self.sockets


NOTHING = Originals({}, {})


def link_key(name: str, mac: str | None) -> str:
    """The key of an interface's options in the record: its name and its permanent address.

    So neither another card under this name nor this card under another name is taken for the recorded one.
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
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
        return _parse(json.loads(content.decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OriginalsError(
            f"{PATH} is damaged or was edited ({type(error).__name__}: {error}). It holds the values this host had "
            "before it was tuned, so nothing was changed. Restore it from a backup; or, if the values of today may "
            "count as the originals, move it away and run again"
        ) from error


def check(originals: Originals) -> bytes:
    """The content of `render`, if `parse` accepts it, so that no run records what a later one refuses.

    Raises ItemError for the entry that it does not accept.
    """
    content = render(originals)
    try:
        _parse(json.loads(content))
    except EntryError as error:
        raise ItemError(_shown(error.key), f"{NOT_RECORDED}: {error.reason}") from error
    if len(content) > MOST_BYTES:
        sizes = {path: len(original.record.content) for path, original in originals.files.items() if original.record}
        largest = max(sizes, key=lambda path: sizes[path], default=PATH)
        raise ItemError(largest, f"{NOT_RECORDED}: the record would have more than {MOST_BYTES >> 20} MiB")
    return content


def _shown(key: str) -> str:
    """The key of an entry as items have it: a path below /proc/sys is dotted, as sysctl(8) does it."""
    return key if key.startswith("/") or "/" not in key else key.translate(str.maketrans("/.", "./"))


def _parse(document: dict[str, Any]) -> Originals:
    schema = document["schema"]
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise TypeError("schema is no number")
    if schema > SCHEMA:
        raise OriginalsError(
            f"{PATH} was written by a newer version of siptune.linux (schema {schema}, this version knows "
            f"{SCHEMA}); run that version, or a later one, on this host"
        )
    if schema <= SCHEMA_WITHOUT_PROFILES:
        document["profiles"] = _take_profiles(document.get("links", {}))
    files = _each(document["files"], _file_original)
    return Originals(
        _each(document["sysctl"], _key_original),
        files,
        _each(document.get("links", {}), _link_originals),
        _each(document.get("profiles", {}), _profile_originals),
        _each(document.get("sockets", {}), _socket_original),
        _directories(document, files),
    )


def _each(section: Mapping[str, Any], parse_entry: Callable[[str, Any], Parsed]) -> dict[str, Parsed]:
    """The entries of a section. Raises EntryError."""
    parsed = {}
    for key, entry in section.items():
        try:
            parsed[key] = parse_entry(key, entry)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EntryError(key, f"lacks {error}" if isinstance(error, KeyError) else str(error)) from error
    return parsed


def _directories(document: Mapping[str, Any], files: Mapping[str, FileOriginal]) -> tuple[str, ...]:
    """The directories that were made. Until they were recorded, empty directories of drop-ins were taken for these."""
    if "directories" not in document:
        new = (path for path, original in files.items() if original.record is None)
        return tuple(sorted({posixpath.dirname(path) for path in new if UNIT_DROP_IN.fullmatch(path)}))
    directories = document["directories"]
    if not isinstance(directories, list):
        raise TypeError("directories is not a list")
    for directory in directories:
        if not may_be_made(directory):
            raise EntryError(str(directory), "is no directory that siptune.linux makes")
    return tuple(directories)


def check_keeper(path: str, uid: int, mode: int, trusted_uid: int) -> None:
    """Raises OriginalsError if somebody else than root could have written the record, or the directory it is in."""
    if uid not in (0, trusted_uid):
        blame = f"belongs to user {uid}, not to root"
    elif mode & WRITABLE_BY_OTHERS:
        blame = f"may be written by others than root (mode {mode:04o})"
    else:
        return
    raise OriginalsError(
        f"{path} {blame}, so {PATH} cannot be trusted: root would write its content to system files. Give {path} back "
        f"to root (chown root: {path} && chmod go-w {path}), check {PATH} where it exists or restore it from a backup, "
        "and run again"
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
    if not all(ATTRIBUTE_NAME.fullmatch(name) for name, _value in record.attributes):
        raise ValueError(f"{path} has an extended attribute of an invalid name")
    if sum(len(value) for _name, value in record.attributes) > MOST_ATTRIBUTE_BYTES:
        raise ValueError(f"{path} has more than {MOST_ATTRIBUTE_BYTES} bytes of extended attributes")


def _key_original(path: str, entry: Mapping[str, Any]) -> KeyOriginal:
    if not is_below_proc_sys(path):
        raise ValueError("is no key below /proc/sys")
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
        raise TypeError(f"what was written to {path} is not a list of digests")
    image = entry.get("image", False)
    if not isinstance(image, bool):
        raise TypeError("image is neither true nor false")
    original = FileOriginal(None if found is None else _file_record(path, found), tuple(written), image)
    check_file(path, original)
    return original


def _file_record(path: str, found: Mapping[str, Any]) -> FileRecord:
    if not MODE_TEXT.fullmatch(found["mode"]):
        raise ValueError(f"{path} has the mode {found['mode']!r}, which is no octal number")
    if not all(isinstance(found[field], int) and not isinstance(found[field], bool) for field in ("uid", "gid")):
        raise TypeError(f"{path} has an owner that is no number")
    content = encoded(found["content"])
    attributes = {name: base64.b64decode(value, validate=True) for name, value in found.get("attributes", {}).items()}
    return FileRecord(content, int(found["mode"], 8), found["uid"], found["gid"], tuple(sorted(attributes.items())))


def _link_originals(key: str, entry: Mapping[str, Mapping[str, Any]]) -> dict[str, LinkOriginal]:
    if not LINK_KEY.fullmatch(key):
        raise ValueError(f"{key!r} names no interface")
    if not all(OPTION.fullmatch(option) for option in entry):
        raise ValueError(f"an option of {key} has an invalid name")
    return {option: _link_original(fields) for option, fields in entry.items()}


def _link_original(fields: Mapping[str, Any]) -> LinkOriginal:
    original = LinkOriginal(fields["found"], fields["written"], fields["left"], fields["boot"])
    _check_texts((original.found, original.written), (original.left, original.boot))
    return original


def _profile_originals(uuid: str, entry: Mapping[str, Mapping[str, Any]]) -> dict[str, ProfileOriginal]:
    if not UUID.fullmatch(uuid):
        raise ValueError(f"{uuid!r} is no UUID of a profile")
    if not all(PROPERTY.fullmatch(name) for name in entry):
        raise ValueError(f"a property of the profile {uuid} is none that is set here")
    return {name: _profile_original(fields) for name, fields in entry.items()}


def _profile_original(fields: Mapping[str, Any]) -> ProfileOriginal:
    original = ProfileOriginal(fields["interface"], fields["found"], fields["written"])
    _check_texts(original)
    if not LINK_KEY.fullmatch(original.interface) or " " in original.interface:
        raise ValueError(f"{original.interface!r} names no interface")
    return original


def _socket_original(key: str, entry: Mapping[str, Any]) -> SocketOriginal:
    if not SOCKET_KEY.fullmatch(key):
        raise ValueError(f"{key!r} names no socket")
    original = SocketOriginal(**entry)
    _check_texts((original.item, original.boot))
    sizes = [original.found, original.written, *([] if original.left is None else [original.left])]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in (original.port, *sizes)):
        raise TypeError("a port or a size is no number")
    if not 0 < original.port <= HIGHEST_PORT or not all(0 < size <= HIGHEST_BUFFER_BYTES for size in sizes):
        raise ValueError("a port or a size is out of range")
    return original


def _check_texts(texts: Iterable[Any], optional: Iterable[Any] = ()) -> None:
    values = (*texts, *(text for text in optional if text is not None))
    if not all(isinstance(text, str) for text in values):
        raise TypeError("a value is no text")
    if not all(text.isprintable() for text in values):
        raise ValueError("a value holds a control character")


def _take_profiles(links: Mapping[str, dict[str, Mapping[str, Any]]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Take the profiles' properties out of the interfaces' options, where older versions have recorded them."""
    profiles: dict[str, dict[str, dict[str, Any]]] = {}
    for interface, options in links.items():
        for option in [option for option in options if option.startswith(OLD_PROFILE_ENTRY)]:
            _entry, uuid, name = option.split(" ")
            fields = options.pop(option)
            _link_original(fields)
            taken = {"interface": interface, "found": fields["found"], "written": fields["written"]}
            profiles.setdefault(uuid, {}).setdefault(name, taken)
    return profiles


def render(originals: Originals) -> bytes:
    """The content of the file that holds the originals; `parse` reads it back."""
    document: dict[str, Any] = {
        "schema": SCHEMA_WITHOUT_LINKS,
        "sysctl": {path: entry._asdict() for path, entry in sorted(originals.keys.items())},
        "files": {path: _file_entry(entry) for path, entry in sorted(originals.files.items())},
        "directories": sorted(originals.directories),
    }
    sections = (
        ("links", originals.links, SCHEMA_WITHOUT_PROFILES),
        ("profiles", originals.profiles, SCHEMA_WITHOUT_SOCKETS),
    )
    for name, section, schema in sections:
        if any(section.values()):
            document.update({"schema": schema, name: _entries(section)})
    if originals.sockets:
        sockets = {key: original._asdict() for key, original in sorted(originals.sockets.items())}
        document.update({"schema": SCHEMA, "sockets": sockets})
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _entries(section: Mapping[str, Mapping[str, LinkOriginal | ProfileOriginal]]) -> dict[str, Any]:
    return {
        key: {name: original._asdict() for name, original in sorted(options.items())}
        for key, options in sorted(section.items())
        if options
    }


def _file_entry(original: FileOriginal) -> dict[str, Any]:
    found: dict[str, Any] | None = None
    if original.record is not None:
        record = original.record
        found = {
            "content": decoded(record.content),
            "mode": f"{record.mode:04o}",
            "uid": record.uid,
            "gid": record.gid,
        }
        if record.attributes:
            found["attributes"] = {name: base64.b64encode(value).decode("ascii") for name, value in record.attributes}
    return {"found": found, "written": original.written, **({"image": True} if original.image else {})}
