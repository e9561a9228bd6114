# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports on the controller's disk: whole or not at all, and all of them or none."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

import yaml

COLLECTION = Path(__file__).resolve().parents[3]
# Readable for all: node_exporter runs as a user of its own. Less the umask, as with any program's output.
FILE_MODE = 0o644
MOST_BYTES = 1 << 26  # that are read of an earlier report: some 100 bytes for each sample


class ReportError(Exception):
    """A report that cannot be written: names the place and says why, in one line."""


def check_directory(variable: str, directory: str) -> None:
    """Raises ReportError unless files can be made in a directory. The proof is in making one: root may be told yes."""
    try:
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ReportError(
            f"{variable}: no report can be written to {directory}: {error.strerror}; name a directory that you can"
            " write to"
        ) from error


def read_former(directory: str, name: str, way_out: str) -> str:
    """The text of an earlier report, "" if there is none. Raises ReportError for a file that cannot be read."""
    path = os.path.join(os.path.abspath(directory), name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace", newline="") as stream:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES:
                return stream.read()
            reason = f"it is no regular file of up to {MOST_BYTES} bytes"
    except FileNotFoundError:
        return ""
    except OSError as error:
        reason = str(error.strerror)
    raise ReportError(
        f"{path}: cannot be read: {reason}; its samples of what this report leaves out would be lost: {way_out}"
    )


def write_all(reports: Iterable[tuple[str, str, str]]) -> list[str]:
    """Write directory, name and text of each report, and return their paths.

    All are on the disk before the first gets its name, and a name never leads to half a report. A symbolic link of a
    report's name is replaced, not followed. Raises ReportError.
    """
    staged: list[tuple[str, str]] = []
    path = ""
    with contextlib.ExitStack() as cleaning, contextlib.ExitStack() as undoing:
        try:
            for directory, name, text in reports:
                path = os.path.join(os.path.abspath(directory), name)
                staged.append((_stage(path, text), path))
                cleaning.callback(_remove, staged[-1][0])
            for temporary, path in staged:
                undoing.callback(_put_back, _set_aside(path, cleaning), path)
                os.replace(temporary, path)
        except OSError as error:
            raise ReportError(f"{path}: cannot be written: {error.strerror}") from error
        undoing.pop_all()
    return [path for _temporary, path in staged]


def _set_aside(path: str, cleaning: contextlib.ExitStack) -> str:
    """A second name for the report that is there, "" if there is none. Raises OSError."""
    if not os.path.lexists(path):
        return ""
    if os.path.isdir(path) and not os.path.islink(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    directory, name = os.path.split(path)
    # A directory of our own, in which nobody else can take the second name.
    own = tempfile.mkdtemp(prefix=f".{name}.", dir=directory)
    cleaning.callback(shutil.rmtree, own, ignore_errors=True)
    aside = os.path.join(own, name)
    try:
        os.link(path, aside, follow_symlinks=False)
    except OSError:  # a file system without links, or somebody else's file, for which the kernel may refuse them
        os.rename(path, aside)
    return aside


def _put_back(aside: str, path: str) -> None:
    """Undo a replacement: the old report again, or none."""
    with contextlib.suppress(OSError):
        if aside:
            os.replace(aside, path)
        else:
            os.unlink(path)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _stage(path: str, text: str) -> str:
    """The path of a new file beside this one that holds the text, synced to the disk. Raises OSError."""
    directory, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as stream:
            os.fchmod(stream.fileno(), FILE_MODE & ~_umask())
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _umask() -> int:
    """The process's umask, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def collection_version() -> str:
    """The version of this collection: as installed, or as in the checkout."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return str(yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"])
