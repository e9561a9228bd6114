# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file has beside its content, owner and mode: extended attributes, and what keeps a rename from replacing it.

ACLs, labels of SELinux and capabilities are extended attributes: xattr(7).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import struct
import sys

Attributes = tuple  # of pairs of a name and a value, sorted

MOST_BYTES = 65536  # of all values of a file together; XATTR_SIZE_MAX of linux/limits.h allows as much for each
# The kernel's own checksums of the content: it writes those of a new content itself.
OF_THE_CONTENT = ("security.evm", "security.ima")

ACL = "system.posix_acl_access"
ACL_HEADER_BYTES, ACL_ENTRY = 4, struct.Struct("<HHI")  # linux/posix_acl_xattr.h: tag, permissions, ID
ACL_OF_THE_MODE = (0x01, 0x10, 0x20)  # ACL_USER_OBJ, ACL_MASK and ACL_OTHER of linux/posix_acl.h

FS_IOC_GETFLAGS = 0x80006601 | struct.calcsize("l") << 16  # linux/fs.h
FLAGS = {0x10: "immutable (chattr +i)", 0x20: "append-only (chattr +a)"}  # FS_IMMUTABLE_FL, FS_APPEND_FL


def read_attributes(descriptor: int) -> tuple[Attributes, str]:
    """The extended attributes of an open file; and why the file cannot be replaced with all of them, '' if it can.

    An ACL comes without the permissions that are the file's mode as well, so that it stays the same under any mode.
    """
    found, size = [], 0
    try:
        names = os.listxattr(descriptor)
    except OSError as error:
        return (), "" if error.errno == errno.ENOTSUP else f"its attributes cannot be read: {error.strerror}"
    for name in sorted(set(names).difference(OF_THE_CONTENT)):
        try:
            value = os.getxattr(descriptor, name)
        except OSError as error:
            if error.errno == errno.ENODATA:  # removed meanwhile
                continue
            return (), f"its attribute {name!a} cannot be read: {error.strerror}"
        size += len(value)
        if size > MOST_BYTES:
            return (), f"has more than {MOST_BYTES // 1024} KiB of extended attributes"
        found.append((name, _without_mode(value) if name == ACL else value))
    return tuple(found), ""


def write_attributes(descriptor: int, attributes: Attributes) -> None:
    """Give a new file these extended attributes, and none of the ACL that its directory hands on.

    To be followed by fchmod(2), which completes an ACL. Raises OSError that names the attribute. File systems without
    extended attributes are passed over.
    """
    for name, value in attributes:
        with contextlib.suppress(OSError):
            if os.getxattr(descriptor, name) == value:
                continue  # a label that a new file has anyway
        try:
            os.setxattr(descriptor, name, value)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise OSError(error.errno, f"cannot be given its attribute {name!a}: {error.strerror}") from error
    if ACL not in dict(attributes):
        with contextlib.suppress(OSError):  # mostly ENODATA
            os.removexattr(descriptor, ACL)


def obstacle(descriptor: int, directory: int) -> str:
    """Why a rename(2) cannot replace an open file, or would do harm; '' if it can. `directory` is that of the file."""
    links = os.fstat(descriptor).st_nlink
    if links > 1:
        return (
            f"has {links} names (hard links), of which this one alone would be replaced: remove the others (find "
            "-samefile shows them), or make it a file of its own"
        )
    for subject, flag in (("is", flag_of(descriptor)), ("its directory is", flag_of(directory))):
        if flag:
            return f"{subject} {flag}: take the flag away, and run again"
    if _mount_of(descriptor) != _mount_of(directory):
        return "is a mount point, which cannot be replaced: change the file where it is mounted from, or unmount it"
    return ""


def flag_of(descriptor: int) -> str:
    """The flag that keeps everybody, root too, from replacing this file, or files in this directory; '' without one."""
    with contextlib.suppress(OSError):  # ENOTTY: this file system has no flags
        flags = int.from_bytes(fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, bytes(8))[:4], sys.byteorder)
        return next((words for flag, words in FLAGS.items() if flags & flag), "")
    return ""


def _mount_of(descriptor: int) -> str:
    """The ID of the mount that an open file is on: proc(5), fdinfo. '' without /proc."""
    with contextlib.suppress(OSError), open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as stream:
        found = re.search(r"^mnt_id:\s*(\d+)", stream.read(), re.MULTILINE)
        return found.group(1) if found else ""
    return ""


def _without_mode(acl: bytes) -> bytes:
    entries = bytearray(acl)
    for offset in range(ACL_HEADER_BYTES, len(acl) - ACL_ENTRY.size + 1, ACL_ENTRY.size):
        tag, _permissions, identifier = ACL_ENTRY.unpack_from(acl, offset)
        if tag in ACL_OF_THE_MODE:
            ACL_ENTRY.pack_into(entries, offset, tag, 0, identifier)
    return bytes(entries)
