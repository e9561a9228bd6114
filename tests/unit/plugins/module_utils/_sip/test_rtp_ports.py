# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.config_files import MOST_FILES, ConfigFiles
from ansible_collections.siptune.linux.plugins.module_utils._sip.rtp_ports import DEFAULT_PORTS, rtp_ports
from hypothesis import given
from hypothesis import strategies as st

RTP = "/etc/asterisk/rtp.conf"
RTPENGINE = "/etc/rtpengine/rtpengine.conf"
SWITCH = "/etc/freeswitch/autoload_configs/switch.conf.xml"
VARS = "/etc/freeswitch/vars.xml"


def config_files(files: dict[str, str]) -> ConfigFiles:
    """The files of a host by path."""

    def names(directory: str) -> list[str]:
        prefix = f"{directory.rstrip('/')}/"
        return sorted({path[len(prefix) :].partition("/")[0] for path in files if path.startswith(prefix)})

    return ConfigFiles(files.get, names)


def look(daemon: str, files: dict[str, str], *words: str) -> tuple[list[str], list[str]]:
    """The ranges of a daemon, and what is said of them."""
    read = config_files(files)
    return [ports.text for ports in rtp_ports(daemon, [daemon, *words], read)], read.notes


def ends(daemon: str, files: dict[str, str], *words: str) -> tuple[int, int]:
    (found,) = rtp_ports(daemon, [daemon, *words], config_files(files))
    return found.first, found.last


@pytest.mark.parametrize("daemon", ["kamailio", "opensips", "drachtio", "nosuch"])
def test_a_proxy_has_no_media(daemon: str) -> None:
    assert rtp_ports(daemon, [], config_files({})) == []


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
        pytest.param({RTPENGINE: "[rtpengine]\n#port-min=1\nport-min=2000\n[rtpengine]\nport-max=3000\n"}, [],
                     (2000, 3000), id="a section in two parts"),
        pytest.param({"none": "[rtpengine]\nport-min=1"}, ["--config-file=none"], (30000, 40000), id="no file"),
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
        pytest.param({RTP: "[general]\n rtpstart => 12000 ; first\n;rtpend=1\nrtpend = 13000\n"}, [], (12000, 13000),
                     id="arrows"),
        pytest.param({RTP: "[general]\n"}, [], (5000, 31000), id="nothing set: what the code has"),
        pytest.param({RTP: "[general]\nrtpend=9000\n"}, [], (5000, 9000), id="one of them"),
        pytest.param({RTP: "[general]\n#include rtp_more.conf\n",
                      "/etc/asterisk/rtp_more.conf": "rtpstart=1024\nrtpend=2048\n"},
                     [], (1024, 2048), id="included"),
        pytest.param({RTP: '[general]\n#tryinclude "/b.conf"\nrtpstart=7\n',
                      "/b.conf": "rtpstart=6000\n"}, [], (6000, 31000),
                     id="the first one counts"),
        pytest.param({"/o/rtp.conf": "[general]\nrtpstart=2000\nrtpend=3000\n",
                      "/c.conf": "[directories]\nastetcdir => /o\n"},
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

    assert rtp_ports("asterisk", [], ConfigFiles(reader))
    assert len(read) <= MOST_FILES


SET_A = '<X-PRE-PROCESS cmd="set" data="rtp_a=25000"/>'
PARAMETERS = (
    "<configuration><settings>"
    '<param name="rtp-start-port" value="{}"/>\n<param name="rtp-end-port" value="{}"/>'
    "</settings></configuration>"
)


@pytest.mark.parametrize(
    ("files", "words", "expected"),
    [
        pytest.param({SWITCH: PARAMETERS.format(25000, 39000)}, [], (25000, 39000), id="plain"),
        pytest.param({SWITCH: f"<!-- {PARAMETERS.format(1, 2)} -->"}, [], (16384, 32768), id="a comment"),
        pytest.param({SWITCH: PARAMETERS.format("$${rtp_a}", 39000), VARS: SET_A}, [],
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
    found = rtp_ports(daemon, words, ConfigFiles(lambda _path: text, lambda _directory: words))
    assert all(0 < ports.first < ports.last <= 65535 for ports in found)
    assert found


# --- what cannot be used is said ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("daemon", "files", "words", "expected", "said"),
    [
        pytest.param("rtpengine", {RTPENGINE: "[rtpengine]\nport-min=40000\nport-max=30000\n"}, [], "30000-40000",
                     f"the range port-min = 40000 to port-max = 30000 ({RTPENGINE}) ends before it begins",
                     id="reversed"),
        pytest.param("rtpengine", {}, ["-m", "4000", "-M", "4000"], "30000-40000",
                     "(command line) is a single port", id="one port"),
        pytest.param("rtpengine", {}, ["--port-max=65536"], "30000-40000",
                     "port-max = 65536 (command line) is no port", id="above the last port"),
        pytest.param("rtpengine", {}, ["--config-file=/gone"], "30000-40000", "/gone, rtpengine's", id="no such file"),
        pytest.param("asterisk", {RTP: "[general]\nrtpstart=20000\nrtpend=10000\n"}, [], "10000-20000",
                     "rtpstart = 20000 to rtpend = 10000", id="Asterisk, reversed"),
        pytest.param("asterisk", {RTP: "[general]\n#exec /bin/ports\n"}, [], "5000-31000",
                     "#exec, which is not run: rtpstart", id="a program"),
        pytest.param("asterisk", {RTP: "[general]\nrtpstart=${PORT}\nrtpend=20001\n"}, [], "10000-20001",
                     "rtpstart = ${PORT} (/etc/asterisk/rtp.conf) is no port", id="no variables there"),
        pytest.param("asterisk", {RTP: "[general]\n#include gone.conf\nrtpstart=11000\n"}, [], "11000-31000",
                     "includes gone.conf, which cannot be read", id="a file that is gone"),
        pytest.param("asterisk", {}, ["-C", "/gone.conf"], "10000-20000", "/gone.conf, Asterisk's",
                     id="no asterisk.conf"),
        pytest.param("freeswitch", {SWITCH: PARAMETERS.format("$${a}", "$${b}")}, [], "16384-32768",
                     "rtp-start-port = $${a} (/etc/freeswitch/autoload_configs/switch.conf.xml) has a variable that "
                     "nothing sets: a", id="variables"),
        pytest.param("freeswitch", {SWITCH: PARAMETERS.format(70000, 80000)}, [], "16384-32768",
                     "rtp-end-port = 80000", id="FreeSWITCH, above the last port"),
        pytest.param("freeswitch", {SWITCH: f"{PARAMETERS.format(1, 2)}</settings>"}, [], "16384-32768",
                     "is no well-formed XML: mismatched tag", id="broken XML"),
        pytest.param("freeswitch", {SWITCH: f'<!DOCTYPE a [<!ENTITY x "y">]>{PARAMETERS.format(1, 2)}'}, [],
                     "16384-32768", "has a document type", id="a document type"),
        pytest.param("freeswitch", {}, ["-conf", "/gone"], "16384-32768", "/gone/autoload_configs", id="no directory"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(
    daemon: str, files: dict[str, str], words: list[str], expected: str, said: str
) -> None:
    found, notes = look(daemon, files, *words)
    assert found == [expected]
    assert [note for note in notes if said in note], notes
    assert all("siptune_network_reserved_ports" in note for note in notes if "default" in note)


@pytest.mark.parametrize("daemon", DEFAULT_PORTS)
def test_a_host_without_a_configuration_says_nothing(daemon: str) -> None:
    assert look(daemon, {})[1] == []


INTERFACES = "[rtpengine]\ninterfaces-config = interface\n{}[interface-a]\n{}[interface-b]\n{}"
TWO_ENDS = "port-min = {}\nport-max = {}\n"


@pytest.mark.parametrize(
    ("common", "one", "other", "expected"),
    [
        ("", TWO_ENDS.format(20000, 20999), TWO_ENDS.format(25000, 25999), ["20000-20999", "25000-25999"]),
        (TWO_ENDS.format(50000, 51000), TWO_ENDS.format(20000, 20999), "", ["20000-20999", "50000-51000"]),
        ("", "port-max = 35000\n", "address = 192.0.2.1\n", ["30000-35000", "30000-40000"]),
        (
            "interface = pub/198.51.100.1\n",
            TWO_ENDS.format(20000, 20999),
            TWO_ENDS.format(25000, 25999),
            ["20000-20999", "25000-25999", "30000-40000"],
        ),
    ],
    ids=["both", "one of them", "an end alone", "and those of the list"],
)
def test_the_interfaces_of_rtpengine(common: str, one: str, other: str, expected: list[str]) -> None:
    assert look("rtpengine", {RTPENGINE: INTERFACES.format(common, one, other)}) == (expected, [])


def test_sections_of_something_else_are_no_interfaces() -> None:
    assert look("rtpengine", {RTPENGINE: f"[rtpengine]\n[interface-a]\n{TWO_ENDS.format(1000, 2000)}"})[0] == [
        "30000-40000"
    ]


def test_where_a_range_is_written() -> None:
    files = config_files({RTPENGINE: "[rtpengine]\nport-min=20000\n"})
    (both,) = rtp_ports("rtpengine", ["rtpengine", "-M", "21000"], files)
    assert both.place == f"{RTPENGINE} and command line"
    assert rtp_ports("rtpengine", ["rtpengine"], config_files({}))[0].place == "default"


@pytest.mark.parametrize("program", ["/opt/pbx/sbin/asterisk", "/usr/local/sbin/asterisk"])
def test_an_asterisk_that_was_built_for_a_directory_of_its_own(program: str) -> None:
    prefix = program.rpartition("/sbin/")[0]
    files = {f"{prefix}/etc/asterisk/asterisk.conf": "[options]\n", RTP: "[general]\nrtpstart=1024\nrtpend=2048\n",
             f"{prefix}/etc/asterisk/rtp.conf": "[general]\nrtpstart=40000\nrtpend=60000\n"}  # fmt: skip
    assert [ports.text for ports in rtp_ports("asterisk", [program, "-f"], config_files(files))] == ["40000-60000"]


@pytest.mark.parametrize(
    ("program", "words", "directory"),
    [
        ("/usr/local/freeswitch/bin/freeswitch", [], "/usr/local/freeswitch/conf"),
        ("/opt/voice/bin/freeswitch", [], "/opt/voice/conf"),
        ("/usr/bin/freeswitch", ["-nc"], "/etc/freeswitch"),
        ("/usr/bin/freeswitch", ["-nc", "-conf", "/srv/fs/"], "/srv/fs"),
        ("freeswitch", ["-base", "/srv/fs"], "/srv/fs/conf"),
    ],
)
def test_where_freeswitch_has_its_configuration(program: str, words: list[str], directory: str) -> None:
    files = {f"{directory}/autoload_configs/switch.conf.xml": PARAMETERS.format(25000, 39000)}
    assert [one.text for one in rtp_ports("freeswitch", [program, *words], config_files(files))] == ["25000-39000"]
