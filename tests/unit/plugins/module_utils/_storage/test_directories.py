# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._storage.directories import daemon_directories

FREEPBX = """[directories]
astetcdir => /etc/asterisk
astdbdir=/data/db
astspooldir => /data/spool ; larger
astlogdir => /data/log/

[options]
astspooldir = /not/this
"""
TEMPLATE = "[directories](!)\nastspooldir => /template\nastdbdir => /template\n"


def paths(daemon: str, words: str = "", **files: str) -> dict[str, str]:
    by_path = {name.replace("__", "/"): text for name, text in files.items()}
    found = daemon_directories(daemon, words.split(), lambda path: by_path.get(path.strip("/").replace(".", "_")))
    assert all(one.daemon == daemon for one in found)
    return {one.path: one.purpose for one in found}


def test_asterisk_by_default() -> None:
    found = paths("asterisk", "/usr/sbin/asterisk -g -f -p -U asterisk")
    assert found["/var/spool/asterisk/monitor"] == "recordings"
    assert found["/var/spool/asterisk/voicemail"] == "voicemail"
    assert found["/var/spool/asterisk"] == "spool"
    assert found["/var/log/asterisk"] == "logs"
    assert found["/var/log/asterisk/cdr-csv"] == "call records"
    assert found["/var/lib/asterisk"] == "database"


def test_asterisk_as_configured() -> None:
    found = paths("asterisk", etc__asterisk__asterisk_conf=FREEPBX)
    assert {"/data/spool", "/data/spool/monitor", "/data/log", "/data/log/cdr-csv", "/data/db"} <= set(found)
    assert not any(path.startswith(("/not", "/var")) for path in found)


def test_a_template_of_asterisk_sets_nothing() -> None:
    assert "/var/spool/asterisk" in paths("asterisk", etc__asterisk__asterisk_conf=TEMPLATE)


def test_asterisk_with_a_configuration_of_its_own() -> None:
    found = paths("asterisk", "asterisk -C /srv/pbx/asterisk.conf", srv__pbx__asterisk_conf=FREEPBX)
    assert "/data/spool/monitor" in found


def test_freeswitch_is_looked_for_in_all_its_places() -> None:
    found = paths("freeswitch", "/usr/bin/freeswitch -u freeswitch -nonat")
    assert found["/var/lib/freeswitch/recordings"] == "recordings"
    assert found["/usr/local/freeswitch/recordings"] == "recordings"
    assert found["/opt/freeswitch/storage"] == "voicemail"
    assert found["/var/log/freeswitch/cdr-csv"] == "call records"
    assert found["/usr/local/freeswitch/db"] == "core database"


def test_freeswitch_as_started() -> None:
    found = paths("freeswitch", "freeswitch -recordings /data/rec -db /dev/shm/fs -log /data/log -storage relative")
    assert found["/data/rec"] == "recordings"
    assert found["/dev/shm/fs"] == "core database"
    assert found["/data/log/xml_cdr"] == "call records"
    assert "relative" not in found


def test_rtpengine() -> None:
    config = "[rtpengine]\nrecording-method = pcap\nrecording-dir = /data/pcap/\n\n[other]\nrecording-dir = /other\n"
    assert paths("rtpengine") == {"/var/spool/rtpengine": "spool"}
    assert paths("rtpengine", etc__rtpengine__rtpengine_conf=config) == {"/data/pcap": "recordings"}
    assert paths("rtpengine", "rtpengine --recording-dir=/x") == {"/x": "recordings"}


def test_the_recording_daemon() -> None:
    config = "[rtpengine-recording]\n# spool-dir = /no\noutput-dir = /data/calls\n"
    assert paths("rtpengine-recording") == {
        "/var/lib/rtpengine-recording": "recordings",
        "/var/spool/rtpengine": "spool",
    }
    own = daemon_directories("rtpengine-recording", (), lambda path: config)
    assert [one.path for one in own] == ["/data/calls", "/var/spool/rtpengine"]


@pytest.mark.parametrize(
    ("daemon", "words", "path"),
    [
        ("mysqld", "/usr/sbin/mysqld", "/var/lib/mysql"),
        ("mariadbd", "mariadbd --datadir=/data/my/", "/data/my"),
        ("postgres", "/usr/lib/postgresql/15/bin/postgres -D /data/pg -c x=y", "/data/pg"),
        ("postgres", "postgres", "/var/lib/pgsql"),
        ("redis-server", "/usr/bin/redis-server 127.0.0.1:6379", "/var/lib/redis"),
    ],
)
def test_databases(daemon: str, words: str, path: str) -> None:
    assert paths(daemon, words)[path] == "database"


PROXY = """#!define DBURL "sqlite:////var/db/kamailio.sqlite"
modparam("usrloc", "db_url", "text:///usr/local/etc/dbtext/")
modparam("acc", "db_url", "mysql://kamailio:secret@localhost/kamailio")
"""


def test_a_proxy_with_a_database_of_its_own() -> None:
    found = daemon_directories("kamailio", ["kamailio", "-f", "/srv/k.cfg"], {"/srv/k.cfg": PROXY}.get)
    assert [(one.path, one.purpose) for one in found] == [
        ("/var/db", "database"),
        ("/usr/local/etc/dbtext", "database"),
    ]
    assert [one.path for one in daemon_directories("opensips", (), {"/etc/opensips/opensips.cfg": PROXY}.get)] == [
        "/var/db",
        "/usr/local/etc/dbtext",
    ]


@pytest.mark.parametrize("daemon", ["kamailio", "opensips", "drachtio", "sshd"])
def test_a_daemon_that_keeps_nothing_itself(daemon: str) -> None:
    assert paths(daemon) == {}
