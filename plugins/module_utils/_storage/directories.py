# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories that daemons write to under calls: those of their command line or configuration, else their defaults.

Functions over texts, which never raise. `read` returns the text of a file, None if it cannot be read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Callable, Optional

from .._sip.rtpengine import config_place, config_value, option
from .model import CDR, CORE_DATABASE, DATABASE, LOGS, RECORDINGS, SPOOL, VOICEMAIL, Directory

Read = Callable[[str], Optional[str]]

ASTERISK_CONFIG = "/etc/asterisk/asterisk.conf"
# Where `make install` and the packages of FreeSWITCH put it; those of the packages are in two places.
FREESWITCH_TREES = (
    ("/var/lib/freeswitch", "/var/log/freeswitch"),
    ("/usr/local/freeswitch", "/usr/local/freeswitch/log"),
    ("/opt/freeswitch", "/opt/freeswitch/log"),
)
RECORDER_CONFIG = "/etc/rtpengine/rtpengine-recording.conf"
RECORDER_SECTION = "rtpengine-recording"
# A section with (!) after its name is a template, which sets nothing.
_DIRECTORIES = re.compile(r"^\[directories\][ \t]*(?:;[^\n]*)?$(.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
PROXY_CONFIGS = ("/etc/kamailio/kamailio.cfg", "/etc/opensips/opensips.cfg", "/etc/opensips.cfg")
_DATABASE_URL = re.compile(r"""["'](sqlite|text)://+(/[^"'\n]{1,1000})["']""")
MOST_URLS = 16  # of one configuration
METADATA = "/var/spool/rtpengine"
RECORDER_OUTPUT = "/var/lib/rtpengine-recording"


def daemon_directories(daemon: str, words: Sequence[str], read: Read) -> list[Directory]:
    """What a daemon that was started with this command line writes to; empty for one that is not known."""
    found = FINDERS[daemon](words, read) if daemon in FINDERS else []
    named: dict[str, Directory] = {}
    for path, purpose in found:
        named.setdefault(path, Directory(path, purpose, daemon))
    return list(named.values())


def _of_asterisk(words: Sequence[str], read: Read) -> list[tuple[str, str]]:
    """Source: asterisk.conf, [directories]; asterisk(8), -C. MixMonitor(), ARI and voicemail record below the spool."""
    config = next((value for word, value in zip(words, words[1:]) if word == "-C"), ASTERISK_CONFIG)
    section = re.search(
        r"^\[directories\][ \t]*(?:;[^\n]*)?$(.*?)(?=^\[|\Z)", read(config) or "", re.MULTILINE | re.DOTALL
    )

    def directory(name: str, default: str) -> str:
        setting = rf"^[ \t]*{name}[ \t]*=>?[ \t]*([^\s;]+)"
        named = re.search(setting, section.group(1) if section else "", re.MULTILINE)
        return named.group(1).rstrip("/") if named else default

    spool, logs = directory("astspooldir", "/var/spool/asterisk"), directory("astlogdir", "/var/log/asterisk")
    return [
        (f"{spool}/monitor", RECORDINGS),
        (f"{spool}/recording", RECORDINGS),
        (f"{spool}/voicemail", VOICEMAIL),
        (spool, SPOOL),
        (f"{logs}/cdr-csv", CDR),
        (f"{logs}/cdr-custom", CDR),
        (f"{logs}/cel-custom", CDR),
        (logs, LOGS),
        (directory("astdbdir", "/var/lib/asterisk"), DATABASE),
    ]


def _of_freeswitch(words: Sequence[str], _read: Read) -> list[tuple[str, str]]:
    """Source: freeswitch -help; mod_cdr_csv and mod_xml_cdr write below the logs, mod_voicemail to the storage."""
    found = []
    for base, default_logs in FREESWITCH_TREES:
        logs = _option(words, "-log") or default_logs
        found += [
            (_option(words, "-recordings") or f"{base}/recordings", RECORDINGS),
            (_option(words, "-storage") or f"{base}/storage", VOICEMAIL),
            (f"{logs}/cdr-csv", CDR),
            (f"{logs}/xml_cdr", CDR),
            (logs, LOGS),
            (_option(words, "-db") or f"{base}/db", CORE_DATABASE),
        ]
    return found


def _option(words: Sequence[str], name: str) -> str | None:
    return next((value.rstrip("/") for word, value in zip(words, words[1:]) if word == name and value[:1] == "/"), None)


def _of_rtpengine(words: Sequence[str], read: Read) -> list[tuple[str, str]]:
    """Source: rtpengine(8), --recording-dir: without it there are no recordings but those of the recording daemon."""
    path, section = config_place(words)
    text = read(path) or ""
    recordings = option(words, "recording-dir") or config_value(text, section, "recording-dir")
    return [(recordings.rstrip("/"), RECORDINGS)] if recordings else [(METADATA, SPOOL)]


def _of_recorder(words: Sequence[str], read: Read) -> list[tuple[str, str]]:
    """Source: rtpengine-recording(8), --output-dir and --spool-dir."""
    text = read(option(words, "config-file") or RECORDER_CONFIG) or ""

    def directory(name: str, default: str) -> str:
        return (option(words, name) or config_value(text, RECORDER_SECTION, name) or default).rstrip("/")

    return [
        (directory("output-dir", RECORDER_OUTPUT), RECORDINGS),
        (directory("spool-dir", METADATA), SPOOL),
    ]


def _of_proxy(words: Sequence[str], read: Read) -> list[tuple[str, str]]:
    """Source: db_url of db_sqlite and db_text, of Kamailio and OpenSIPS; their other databases are services."""
    named = option(words, "config", "-f")
    texts = [read(path) or "" for path in ([named] if named else PROXY_CONFIGS)]
    urls = [found for text in texts for found in _DATABASE_URL.findall(text)][:MOST_URLS]
    return [(posixpath.dirname(path) if kind == "sqlite" else path.rstrip("/"), DATABASE) for kind, path in urls]


def _of_mysql(words: Sequence[str], _read: Read) -> list[tuple[str, str]]:
    return [((option(words, "datadir", "-h") or "/var/lib/mysql").rstrip("/"), DATABASE)]


def _of_postgres(words: Sequence[str], _read: Read) -> list[tuple[str, str]]:
    named = option(words, "pgdata", "-D")
    return [(path.rstrip("/"), DATABASE) for path in ([named] if named else ["/var/lib/postgresql", "/var/lib/pgsql"])]


def _of_redis(_words: Sequence[str], _read: Read) -> list[tuple[str, str]]:
    return [("/var/lib/redis", DATABASE), ("/var/lib/valkey", DATABASE)]


FINDERS: dict[str, Callable[[Sequence[str], Read], list[tuple[str, str]]]] = {
    "asterisk": _of_asterisk,
    "freeswitch": _of_freeswitch,
    "rtpengine": _of_rtpengine,
    "rtpengine-recording": _of_recorder,
    "kamailio": _of_proxy,
    "opensips": _of_proxy,
    "mysqld": _of_mysql,
    "mariadbd": _of_mysql,
    "postgres": _of_postgres,
    "redis-server": _of_redis,
    "valkey-server": _of_redis,
}
# Databases that proxies and PBXs keep registrations, dialogs and call records in, by the names of their processes.
DATABASES = ("mysqld", "mariadbd", "postgres", "redis-server", "valkey-server")
