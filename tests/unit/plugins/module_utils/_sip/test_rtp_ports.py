# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.rtp_ports import DEFAULT_PORTS, MOST_FILES, rtp_ports
from hypothesis import given
from hypothesis import strategies as st

RTP = "/etc/asterisk/rtp.conf"
RTPENGINE = "/etc/rtpengine/rtpengine.conf"
SWITCH = "/etc/freeswitch/autoload_configs/switch.conf.xml"
VARS = "/etc/freeswitch/vars.xml"


def ends(daemon: str, files: dict[str, str], *words: str) -> tuple[int, int]:
    found = rtp_ports(daemon, [daemon, *words], files.get)
    return found.start, found.stop - 1


@pytest.mark.parametrize("daemon", ["kamailio", "opensips", "drachtio", "nosuch"])
def test_a_proxy_has_no_media(daemon: str) -> None:
    assert not rtp_ports(daemon, [], {}.get)


@pytest.mark.parametrize("daemon", DEFAULT_PORTS)
def test_what_cannot_be_read_is_the_default(daemon: str) -> None:
    assert ends(daemon, {}) == DEFAULT_PORTS[daemon]


@pytest.mark.parametrize(
    ("files", "words", "expected"),
    [
        pytest.param({}, ["--port-min=25000", "--port-max=39000"], (25000, 39000), id="command line"),
        pytest.param({}, ["-m", "40000", "-M60000"], (40000, 60000), id="letters"),
        pytest.param({RTPENGINE: "[rtpengine]\nport-min = 23000\nport-max=32768\n"}, [], (23000, 32768), id="file"),
        pytest.param({RTPENGINE: "[rtpengine]\nport-min = 23000\n"}, ["-M", "24000"], (23000, 24000), id="both"),
        pytest.param({"/b": "[x]\nport-min=1\n[a]\nport-min=20000\n"}, ["--config-file=/b", "--config-section=a"],
                     (20000, 40000), id="a section of another file"),
        pytest.param({}, ["--port-min=x", "--port-max=70000"], (30000, 40000), id="no ports"),
        pytest.param({}, ["--port-min=50000"], (30000, 40000), id="the wrong way round"),
    ],
)  # fmt: skip
def test_rtpengine(files: dict[str, str], words: list[str], expected: tuple[int, int]) -> None:
    assert ends("rtpengine", files, *words) == expected


@pytest.mark.parametrize(
    ("files", "words", "expected"),
    [
        pytest.param({RTP: "[general]\nrtpstart=10000\nrtpend=49999\n"}, [], (10000, 49999), id="plain"),
        pytest.param({RTP: " rtpstart => 12000 ; first\n;rtpend=1\nrtpend = 13000\n"}, [], (12000, 13000), id="arrows"),
        pytest.param({RTP: "[general]\n"}, [], (5000, 31000), id="nothing set: what the code has"),
        pytest.param({RTP: "rtpend=9000\n"}, [], (5000, 9000), id="one of them"),
        pytest.param({RTP: "#include rtp_more.conf\n", "/etc/asterisk/rtp_more.conf": "rtpstart=1024\nrtpend=2048\n"},
                     [], (1024, 2048), id="included"),
        pytest.param({RTP: '#tryinclude "/b.conf"\nrtpstart=7\n', "/b.conf": "rtpstart=6000\n"}, [], (6000, 31000),
                     id="the first one counts"),
        pytest.param({"/o/rtp.conf": "rtpstart=2000\nrtpend=3000\n", "/c.conf": "[directories]\nastetcdir => /o\n"},
                     ["-C", "/c.conf"], (2000, 3000), id="elsewhere"),
    ],
)  # fmt: skip
def test_asterisk(files: dict[str, str], words: list[str], expected: tuple[int, int]) -> None:
    assert ends("asterisk", files, *words) == expected


def test_a_file_that_includes_itself_ends() -> None:
    read: list[str] = []

    def reader(path: str) -> str:
        read.append(path)
        return "#include rtp.conf\n#include rtp.conf\n"

    assert rtp_ports("asterisk", [], reader)
    assert len(read) <= MOST_FILES + 1


PARAMETERS = '<param name="rtp-start-port" value="{}"/>\n<param name="rtp-end-port" value="{}"/>'


@pytest.mark.parametrize(
    ("files", "words", "expected"),
    [
        pytest.param({SWITCH: PARAMETERS.format(25000, 39000)}, [], (25000, 39000), id="plain"),
        pytest.param({SWITCH: f"<!-- {PARAMETERS.format(1, 2)} -->"}, [], (16384, 32768), id="a comment"),
        pytest.param({SWITCH: PARAMETERS.format("$${rtp_a}", 39000), VARS: '<X-PRE-PROCESS data="rtp_a=25000"/>'}, [],
                     (25000, 39000), id="a variable"),
        pytest.param({SWITCH: PARAMETERS.format("$${rtp_a}", 39000)}, [], (16384, 39000), id="an unknown variable"),
        pytest.param({"/u/autoload_configs/switch.conf.xml": PARAMETERS.format(20000, 21000)}, ["-conf", "/u"],
                     (20000, 21000), id="elsewhere"),
    ],
)  # fmt: skip
def test_freeswitch(files: dict[str, str], words: list[str], expected: tuple[int, int]) -> None:
    assert ends("freeswitch", files, *words) == expected


@given(st.sampled_from(sorted(DEFAULT_PORTS)), st.text(), st.lists(st.text()))
def test_no_text_is_too_strange(daemon: str, text: str, words: list[str]) -> None:
    found = rtp_ports(daemon, words, lambda _path: text)
    assert 0 < found.start < found.stop <= 65536
