# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formulas behind the `sized` values of the service layer: open files, tasks and memory pools of daemons.

They are formulas as in `_sizing`. All of them are floors, so a daemon that has more already keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .sizing import MEBIBYTE, Sizing, Value

OPEN_FILES_FLOOR = 65536

# Kamailio and OpenSIPS: tcp_max_connections of both unless the configuration has another (2048). A connection is open
# in the process that watches them all and in the one that reads it.
TCP_CONNECTIONS = 2048
FILES_PER_CONNECTION = 2
PROCESSES_OF_PROXY = 60  # a busy proxy: workers for each socket and for TCP, timers, control interfaces
FILES_PER_PROCESS = 4
SOCKETS_OF_PROXY = 64

# rtpengine: RTP and RTCP, both sides, both directions; the rest for ICE and transcoding. Its package has 150000.
FILES_PER_RELAYED_CALL = 10
OPEN_FILES_OF_RELAY_FLOOR = 150000

# rtpengine's recording daemon: a file of the kernel module's and up to two recordings for each of four streams, and
# what it knows of the call. Its package has 100000.
FILES_PER_RECORDED_CALL = 14
OPEN_FILES_OF_RECORDER_FLOOR = 100000

# Asterisk and FreeSWITCH: two legs with RTP and RTCP, bridges, timers, recordings.
FILES_PER_SERVED_CALL = 20
FILES_OF_MEDIA_SERVER = 4096

# FreeSWITCH: "Each additional call leg is at least 1 more thread"; two legs, twice for what comes and goes with them.
TASKS_PER_CALL = 4
TASKS_OF_MEDIA_SERVER = 1000

SHARED_POOL_FLOOR_MIB = 64  # what the packages of Kamailio and OpenSIPS have
BYTES_PER_REGISTRATION = 2560
BYTES_PER_TRANSACTION = 8192
BYTES_PER_DIALOG = 4096
TRANSACTIONS_PER_CALL = 2  # INVITE and BYE
TRANSACTION_SECONDS = 40  # RFC 3261 timer B (32 s), and the time until what has ended is freed
POOL_HEADROOM_PERCENT = 150
POOLS_SHARE_OF_MEMORY = 2  # shared and all private pools together may take one half
SHARED_POOL_SHARE_OF_MEMORY = 4

PRIVATE_POOL_MIB = 8  # what Kamailio's package has
# Reloading locations and tables happens in private memory.
PRIVATE_POOL_BY_REGISTRATIONS = ((100_000, 32), (10_000, 16))


def open_files_of_proxy(host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """LimitNOFILE of Kamailio and OpenSIPS: 2 * TCP connections + sockets + 4 * processes, at least 65536.

    Each registration is taken for a connection, and there are at least 2048, the daemons' own default.
    Never above fs.nr_open.
    """
    connections = max(TCP_CONNECTIONS, capacity.get("registrations") or 0)
    files = FILES_PER_CONNECTION * connections + SOCKETS_OF_PROXY + FILES_PER_PROCESS * PROCESSES_OF_PROXY
    return _within_nr_open(max(OPEN_FILES_FLOOR, files), host)


def open_files_of_media_relay(
    host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]
) -> Value:
    """LimitNOFILE of rtpengine: 10 * concurrent calls, at least the 150000 of its package. Never above fs.nr_open."""
    files = FILES_PER_RELAYED_CALL * (capacity.get("concurrent_calls") or 0)
    return _within_nr_open(max(OPEN_FILES_OF_RELAY_FLOOR, files), host)


def open_files_of_recorder(host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """LimitNOFILE of rtpengine's recording daemon: 14 * concurrent calls, at least the 100000 of its package.

    Never above fs.nr_open.
    """
    files = FILES_PER_RECORDED_CALL * (capacity.get("concurrent_calls") or 0)
    return _within_nr_open(max(OPEN_FILES_OF_RECORDER_FLOOR, files), host)


def open_files_of_media_server(
    host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]
) -> Value:
    """LimitNOFILE of Asterisk and FreeSWITCH: 20 * concurrent calls + 4096, at least 65536. Never above fs.nr_open."""
    files = FILES_PER_SERVED_CALL * (capacity.get("concurrent_calls") or 0) + FILES_OF_MEDIA_SERVER
    return _within_nr_open(max(OPEN_FILES_FLOOR, files), host)


def _within_nr_open(files: int, host: Mapping[str, Any]) -> int:
    """No process may have more than fs.nr_open; a wish above it is refused. Unknown, it sets no bound."""
    return min(files, host.get("nr_open") or files)


def tasks_of_media_server(_host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """TasksMax of Asterisk and FreeSWITCH: 4 * concurrent calls + 1000. None without `concurrent_calls`."""
    concurrent_calls = capacity.get("concurrent_calls")
    return TASKS_PER_CALL * concurrent_calls + TASKS_OF_MEDIA_SERVER if concurrent_calls else None


def shared_pool_mib(host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]) -> int:
    """The shared pool of Kamailio and OpenSIPS in MiB, at least 64, at most a quarter of the memory.

    1.5 * (64 MiB + 2.5 KiB * registrations + 8 KiB * transactions + 4 KiB * concurrent calls); transactions are
    2 a call, of which each takes 40 s until it is freed. 64 where none of the figures is known. Compare with
    core.shmmem or shmem:max_used_size after a time under load.
    """
    transactions = TRANSACTIONS_PER_CALL * TRANSACTION_SECONDS * (capacity.get("call_setups_per_second") or 0)
    used_bytes = (
        BYTES_PER_REGISTRATION * (capacity.get("registrations") or 0)
        + BYTES_PER_TRANSACTION * transactions
        + BYTES_PER_DIALOG * (capacity.get("concurrent_calls") or 0)
    )
    if not used_bytes:
        return SHARED_POOL_FLOOR_MIB
    wanted_bytes = (SHARED_POOL_FLOOR_MIB * MEBIBYTE + used_bytes) * POOL_HEADROOM_PERCENT // 100
    ceiling_bytes = (host.get("memory_bytes") or 0) // SHARED_POOL_SHARE_OF_MEMORY
    return max(SHARED_POOL_FLOOR_MIB, min(wanted_bytes, ceiling_bytes) // MEBIBYTE)


def private_pool_mib(host: Mapping[str, Any], capacity: Mapping[str, int], options: Mapping[str, Any]) -> int:
    """The private pool of Kamailio and OpenSIPS in MiB for each process: 8, or 16 from 10000 registrations on, 32 from
    100000 on.

    Halved until 60 of them, with the shared pool, fit into half of the memory, but never below 8.
    """
    registrations = capacity.get("registrations") or 0
    wanted = next((mib for figure, mib in PRIVATE_POOL_BY_REGISTRATIONS if registrations >= figure), PRIVATE_POOL_MIB)
    shared_bytes = shared_pool_mib(host, capacity, options) * MEBIBYTE
    room_bytes = (host.get("memory_bytes") or 0) // POOLS_SHARE_OF_MEMORY - shared_bytes
    while wanted > PRIVATE_POOL_MIB and wanted * PROCESSES_OF_PROXY * MEBIBYTE > room_bytes:
        wanted //= 2
    return wanted


FORMULAS: dict[str, Sizing] = {
    "open_files_of_media_relay": Sizing(open_files_of_media_relay, "10 * calls, ≥ 150000"),
    "open_files_of_recorder": Sizing(open_files_of_recorder, "14 * calls, ≥ 100000"),
    "open_files_of_media_server": Sizing(open_files_of_media_server, "20 * calls + 4096, ≥ 65536"),
    "open_files_of_proxy": Sizing(open_files_of_proxy, "2 * registrations + 304, ≥ 65536"),
    "private_pool_mib": Sizing(private_pool_mib, "8 to 32 by registrations"),
    "shared_pool_mib": Sizing(shared_pool_mib, "by registrations, set-ups/s and calls, 64 to a quarter of the memory"),
    "tasks_of_media_server": Sizing(tasks_of_media_server, "4 * calls + 1000"),
}
