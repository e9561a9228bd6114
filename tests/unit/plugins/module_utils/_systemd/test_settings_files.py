# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._systemd.settings_files import (
    Line,
    last_lines,
    settings_files,
)


@pytest.fixture
def root(tmp_path):
    for path, text in {
        "etc/systemd/journald.conf": "[Journal]\n#SystemMaxUse=\nStorage=auto\n",
        "usr/lib/systemd/journald.conf": "[Journal]\nStorage=none\n",
        "usr/lib/systemd/journald.conf.d/syslog.conf": "[Journal]\nForwardToSyslog=yes\n",
        "usr/lib/systemd/journald.conf.d/10-a.conf": "[Journal]\nSystemMaxUse=9G\n",
        "run/systemd/journald.conf.d/10-a.conf": "[Journal]\nSystemMaxUse=2G\n",
        "etc/systemd/journald.conf.d/05-b.conf": "[Journal]\nSystemMaxUse=7G\nStorage=persistent\n",
        "etc/systemd/journald.conf.d/.hidden.conf": "[Journal]\nSystemMaxUse=1\n",
        "etc/systemd/journald.conf.d/20-c.conf~": "[Journal]\nSystemMaxUse=1\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_the_order_of_the_files(root) -> None:
    assert [path for path, _text in settings_files(Host(str(root)), "journald.conf").in_order()] == [
        "/etc/systemd/journald.conf",
        "/etc/systemd/journald.conf.d/05-b.conf",
        "/run/systemd/journald.conf.d/10-a.conf",
        "/usr/lib/systemd/journald.conf.d/syslog.conf",
    ]


def test_the_last_line_counts(root) -> None:
    files = settings_files(Host(str(root)), "journald.conf").in_order()
    assert last_lines(files, "Journal", ("SystemMaxUse", "Storage")) == {
        "Storage": Line("persistent", "/etc/systemd/journald.conf.d/05-b.conf", 3),
        "SystemMaxUse": Line("2G", "/run/systemd/journald.conf.d/10-a.conf", 2),
    }


def test_a_host_without_systemd(tmp_path) -> None:
    assert settings_files(Host(str(tmp_path)), "journald.conf").in_order() == []


def test_an_empty_line_resets() -> None:
    texts = [("/a", "[Journal]\nSystemMaxUse=1G\n"), ("/b", "[Journal]\nSystemMaxUse=\n")]
    assert last_lines(texts, "Journal", ("SystemMaxUse",)) == {}


def test_a_file_of_ours_hides_others_of_its_name(root) -> None:
    files = settings_files(Host(str(root)), "journald.conf")
    own = "/etc/systemd/journald.conf.d/10-a.conf"
    added = files.with_own(own, "[Journal]\nSystemMaxUse=1G\n")
    assert last_lines(added.in_order(), "Journal", ("SystemMaxUse",))["SystemMaxUse"] == Line("1G", own, 2)
    assert added.with_own(own, None).in_order() == files.in_order()
