# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.asterisk_config import (
    AsteriskConfig,
    Value,
    asterisk_conf,
    configuration_directory,
)
from ansible_collections.siptune.linux.plugins.module_utils._sip.config_files import MOST_FILES, ConfigFiles

from .test_rtp_ports import config_files

NAME, PATH = "rtp.conf", "/etc/asterisk/rtp.conf"


def value(text: str, **others: str) -> str | None:
    """The rtpstart of a file, with others beside it."""
    files = {PATH: text, **{f"/etc/asterisk/{name}.conf": content for name, content in others.items()}}
    found = AsteriskConfig("/etc/asterisk", NAME, config_files(files)).value("general", "rtpstart")
    return found.text if found else None


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        pytest.param("[general]\nrtpstart=1\n", {}, "1", id="plain"),
        pytest.param("[General]\nRTPStart => 1\n", {}, "1", id="case"),
        pytest.param("rtpstart=1\n", {}, None, id="no section"),
        pytest.param("[other]\nrtpstart=1\n[general]\n", {}, None, id="another section"),
        pytest.param("[general]\nrtpstart=1\nrtpstart=2\n", {}, "1", id="the first one"),
        pytest.param("[general](!)\nrtpstart=1\n", {}, None, id="a template alone"),
        pytest.param("[ports](!)\nrtpstart=1\n[general](ports)\n", {}, "1", id="from a template"),
        pytest.param("[a](!)\nrtpstart=1\n[b](!,a)\n[general](b)\n", {}, "1", id="a template of a template"),
        pytest.param("[general]\n[x]\nrtpstart=2\n[general](+)\nrtpstart=1\n", {}, "1", id="added to"),
        pytest.param("[general](gone)\nrtpstart=1\n", {}, "1", id="a template that is not there"),
        pytest.param("[general]\n;--\nrtpstart=2\n--;\nrtpstart=1\n", {}, "1", id="a long comment"),
        pytest.param("[general]\n;-- rtpstart=2 --; rtpstart=1 ; x\n", {}, "1", id="a comment within a line"),
        pytest.param("[general]\n;-- a ;-- b --;\nrtpstart=2\n--;\nrtpstart=1\n", {}, "1", id="comments in comments"),
        pytest.param("[general]\n;---- a line\nrtpstart=1\n", {}, "1", id="a line of dashes"),
        pytest.param("[general]\nrtpstart=1\\;2;3\n", {}, "1;2", id="a semicolon"),
        pytest.param("[general]\n#include more.conf\n", {"more": "rtpstart=1"}, "1", id="included"),
        pytest.param("[general]\n#include <more.conf>\n", {"more": "rtpstart=1"}, "1", id="in angle brackets"),
        pytest.param('[general]\n#INCLUDE\t"more.conf"\n', {"more": "rtpstart=1"}, "1", id="in quotes"),
        pytest.param("#tryinclude gone.conf\n[general]\nrtpstart=1\n", {}, "1", id="tried"),
        pytest.param(
            "[general]\n#include rtp_*.conf\n", {"rtp_b": "rtpstart=2", "rtp_a": "rtpstart=1"}, "1", id="glob"
        ),
        pytest.param("#include more.conf\n", {"more": "[general]\nrtpstart=1"}, "1", id="a section included"),
        pytest.param("[general]\n#exec /bin/true\nrtpstart=1\n", {}, "1", id="not run"),
        pytest.param("[gen\nrtpstart=1\n", {}, None, id="a broken header"),
    ],
)
def test_values(text: str, others: dict[str, str], expected: str | None) -> None:
    assert value(text, **others) == expected


def test_a_value_says_which_file_sets_it() -> None:
    files = config_files({PATH: "[general]\n#include a.conf\n", "/etc/asterisk/a.conf": "rtpend=2\n"})
    assert AsteriskConfig("/etc/asterisk", NAME, files).value("general", "rtpend") == Value("2", "/etc/asterisk/a.conf")


def test_circles_and_floods_end() -> None:
    read: list[str] = []

    def reader(path: str) -> str:
        read.append(path)
        return "".join(f"#include {path}{number}\n" for number in range(50))

    files = ConfigFiles(reader)
    began = time.monotonic()
    AsteriskConfig("/etc/asterisk", NAME, files)
    assert len(read) <= MOST_FILES
    assert files.notes[0].startswith("not all of the configuration is read")
    assert len(files.notes) < 30
    itself = config_files({PATH: "#include rtp.conf\n#include /etc/asterisk/rtp.conf\n"})
    AsteriskConfig("/etc/asterisk", NAME, itself)
    assert itself.notes == [f"{PATH} includes itself"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[directories](!)\nastetcdir => /other\n", "/etc/asterisk"),
        ("[directories]\nastetcdir => /other\n", "/other"),
        ("", "/etc/asterisk"),
    ],
)
def test_the_directory_of_the_others(text: str, expected: str) -> None:
    words = ["/usr/sbin/asterisk", "-vvvfC/a.conf"]
    config = asterisk_conf(words, config_files({"/a.conf": text}))
    assert configuration_directory(config, words) == expected
