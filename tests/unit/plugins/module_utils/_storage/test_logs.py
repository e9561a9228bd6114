# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import ProcessNames
from ansible_collections.siptune.linux.plugins.module_utils._storage.log_files import Rotation
from ansible_collections.siptune.linux.plugins.module_utils._storage.logs import (
    NEVER_ROTATED,
    ROTATED_BY_TIME,
    fault_of_log,
    files_of_rsyslog,
    is_kept,
    logs_in,
    rotations,
    runs_rsyslog,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.settings_files import Line


@pytest.fixture
def root(tmp_path):
    for path, text in {
        "etc/logrotate.conf": "maxsize 1G\ninclude /etc/logrotate.d\ninclude /etc/one\ninclude /etc/gone\n",
        "etc/logrotate.d/b": "/b {\n}\n",
        "etc/logrotate.d/a": "/a {\n}\n",
        "etc/logrotate.d/a.dpkg-old": "/old {\n}\n",
        "etc/logrotate.d/.hidden": "/hidden {\n}\n",
        "etc/one": "/c {\n}\n",
        "etc/rsyslog.conf": 'include(file="/etc/rsyslog.d/*.conf")\n*.* /var/log/all\n',
        "etc/rsyslog.d/10-a.conf": "local0.* /var/log/a\n",
        "etc/rsyslog.d/10-a.conf.bak": "local0.* /var/log/bak\n",
        "var/log/pbx/full": "",
        "var/log/pbx/full.1": "",
        "var/log/pbx/full-20261130": "",
        "var/log/pbx/full.2.gz": "",
        "var/log/pbx/cdr-csv/Master.csv": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_logrotate_with_all_that_it_includes(root) -> None:
    assert rotations(Host(str(root))) == [Rotation([path], True) for path in ("/a", "/b", "/c")]


def test_rsyslog_with_all_that_it_includes(root) -> None:
    assert files_of_rsyslog(Host(str(root))) == ["/var/log/all", "/var/log/a"]


def test_a_fifo_among_the_files_is_not_opened(root) -> None:
    import os

    os.mkfifo(root / "etc/logrotate.d/pipe")
    os.mkfifo(root / "etc/rsyslog.d/pipe.conf")
    assert rotations(Host(str(root)))
    assert files_of_rsyslog(Host(str(root)))


def test_the_logs_of_a_directory(root) -> None:
    assert logs_in(Host(str(root)), "/var/log/pbx") == ["/var/log/pbx/full"]
    assert logs_in(Host(str(root)), "/gone") == []


def test_a_host_without_any_of_these(tmp_path) -> None:
    host = Host(str(tmp_path))
    assert (rotations(host), files_of_rsyslog(host), runs_rsyslog(host, ProcessNames({}, True))) == ([], [], False)


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        ([], NEVER_ROTATED),
        ([Rotation(["/b"], True)], NEVER_ROTATED),
        ([Rotation(["/*"], False)], ROTATED_BY_TIME),
        ([Rotation(["/a"], True)], None),
    ],
)
def test_the_fault_of_a_log(blocks: list[Rotation], fault: object) -> None:
    assert fault_of_log("/a", blocks) == fault


@pytest.mark.parametrize(
    ("storage", "directory", "kept"),
    [
        (None, True, True),
        (None, False, False),
        ("auto", True, True),
        ("persistent", False, True),
        ("volatile", True, False),
        ("none", True, False),
    ],
)
def test_whether_the_journal_is_on_a_disk(tmp_path, storage: str | None, directory: bool, kept: bool) -> None:
    if directory:
        (tmp_path / "var/log/journal").mkdir(parents=True)
    settings = {} if storage is None else {"Storage": Line(storage, "/etc/systemd/journald.conf", 1)}
    assert is_kept(Host(str(tmp_path)), settings) is kept
