# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import (
    drop_in_path,
    unit_of_path,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.units import (
    Assignment,
    check_drop_in_name,
    check_unit_name,
    deciding,
    drop_in_directories,
    drop_in_owners,
    effective_drop_ins,
    parse,
    render,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import Setting, SystemdError
from hypothesis import given
from hypothesis import strategies as st

# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "kamailio.service",
        "kamailio@.service",
        "kamailio@edge-1.service",
        "sip.slice",
        "a-b.slice",
        r"dev\x2dsip.service",
    ],
)
def test_good_unit_names(name: str) -> None:
    assert check_unit_name(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kamailio", r"ends in \.service or \.slice"),
        ("kamailio.conf", "ends in"),
        ("kamailio.socket", "other units are not"),
        ("kamailio.service.d", "ends in"),
        ("", "ends in"),
        (".service", "ends in"),
        ("a/b.service", "neither / nor"),
        ("/etc/systemd/system/a.service", "neither / nor"),
        ("..service", "neither / nor"),
        ("a..b.service", "neither / nor"),
        ("a b.service", "no blanks"),
        ("a.service ", "no blanks"),
        ("a\n.service", "is a text such as"),
        ("a\x00.service", "is a text such as"),
        ("a\u2028.service", "is a text such as"),
        ("*.service", "consists of letters"),
        ("a@b@c.service", "one @ at most"),
        ("@a.service", "consists of letters"),
        ("ä.service", "consists of letters"),
        ("-.service;x.service", "consists of letters"),
        ("a" * 300 + ".service", "255 characters at most"),
        ("a@b.slice", "no instances"),
        (5, "is a text such as"),
        (None, "is a text such as"),
    ],
)
def test_bad_unit_names(name: object, message: str) -> None:
    with pytest.raises(SystemdError, match=message) as caught:
        check_unit_name(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["90-siptune.conf", "a.b.conf", "90_x@y+z.conf"])
def test_good_drop_in_names(name: str) -> None:
    assert check_drop_in_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".conf",
        "x",
        "x.conf.bak",
        ".x.conf",
        "../x.conf",
        "a/x.conf",
        "a b.conf",
        "a\n.conf",
        "ä.conf",
        "a" * 260 + ".conf",
    ],
)
def test_bad_drop_in_names(name: str) -> None:
    with pytest.raises(SystemdError) as caught:
        check_drop_in_name(name)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=30))
def test_an_accepted_name_stays_in_its_directory(name: str) -> None:
    try:
        path = drop_in_path(check_unit_name(name), check_drop_in_name(name + ".conf"))
    except SystemdError:
        return
    assert path.count("/") == "/etc/systemd/system/x.d/y".count("/")
    assert "/../" not in path
    assert path.isprintable()
    assert unit_of_path(path) == name


# --- which files count, as `systemctl show -p DropInPaths` has it on systemd 247, 252 and 257 -


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("sipd.service", ["sipd.service"]),
        ("my-sip-d.service", ["my-sip-d.service", "my-sip-.service", "my-.service"]),
        ("my-sip-.service", ["my-sip-.service", "my-.service"]),
        ("kam@.service", ["kam@.service"]),
        ("kam@edge.service", ["kam@edge.service", "kam@.service"]),
        (
            "a-b-c@x-y.service",
            [
                "a-b-c@x-y.service",
                "a-b-c@.service",
                "a-b-.service",
                "a-.service",
                "a-b-@x-y.service",
                "a-b-@.service",
                "a-@x-y.service",
                "a-@.service",
            ],
        ),
        ("-a.service", ["-a.service"]),
        ("-.slice", ["-.slice"]),
    ],
)
def test_whose_drop_ins_a_unit_gets(name: str, owners: list[str]) -> None:
    assert drop_in_owners(name) == owners


def read_from(*paths: str, names: tuple[str, ...]) -> list[str]:
    """The drop-ins that are read of those that are there."""
    directories = drop_in_directories(names)
    found = [path for directory in directories for path in paths if path.rpartition("/")[0] == directory]
    assert len(found) == len(paths)
    return effective_drop_ins(found)


ETC, RUN = "/etc/systemd/system", "/run/systemd/system"


@pytest.mark.parametrize(
    ("names", "paths", "read"),
    [
        pytest.param(
            ("my-sip-d.service",),
            [
                f"{ETC}/service.d/x.conf",
                f"{ETC}/my-.service.d/x.conf",
                f"{ETC}/my-sip-.service.d/x.conf",
                f"{RUN}/my-sip-d.service.d/x.conf",
            ],
            [f"{ETC}/my-sip-.service.d/x.conf"],
            id="a prefix in /etc beats the unit's own in /run",
        ),
        pytest.param(
            ("my-sip-d.service",),
            [f"{RUN}/my-.service.d/y.conf", f"{ETC}/service.d/y.conf"],
            [f"{RUN}/my-.service.d/y.conf"],
            id="the type comes last",
        ),
        pytest.param(
            ("kam@edge.service",),
            [f"{ETC}/kam@.service.d/x.conf", f"{RUN}/kam@edge.service.d/x.conf"],
            [f"{ETC}/kam@.service.d/x.conf"],
            id="the template in /etc beats the instance in /run",
        ),
        pytest.param(
            ("sipd.service", "sipalias.service"),
            [f"{RUN}/sipd.service.d/q.conf", f"{ETC}/sipalias.service.d/q.conf"],
            [f"{RUN}/sipd.service.d/q.conf"],
            id="the real name beats an alias, wherever it is",
        ),
        pytest.param(
            ("sipd.service",),
            [
                f"{ETC}/sipd.service.d/a.CONF",
                f"{ETC}/sipd.service.d/.b.conf",
                f"{ETC}/sipd.service.d/c.conf",
                f"{ETC}/service.d/b.conf",
            ],
            [f"{ETC}/service.d/b.conf", f"{ETC}/sipd.service.d/c.conf"],
            id="sorted by name, without what is no drop-in",
        ),
    ],
)
def test_the_drop_ins_that_are_read(names: tuple[str, ...], paths: list[str], read: list[str]) -> None:
    assert read_from(*paths, names=names) == read


# --- what they say --------------------------------------------------------------------------


def test_the_lines_that_systemd_acts_upon() -> None:
    # Each of these was given to systemd 247, 252 and 257, which agreed.
    text = """\
LimitAS=1
[Service]
LimitNOFILE=1: \\
2
# comment\\
LimitNOFILE=3:3
; LimitNOFILE=4:4
  LimitCORE = 5:6\x20\x20
[Unit]
LimitNOFILE=7:7
[Service]
LimitCPU=3\\
# in between
 LimitRSS=4:5
LimitAS=
LimitDATA=8:9 # nine
LimitFSIZE="4:5"
limitstack=4
MemoryMax=5M \\
; comment
  6K
Nice=3"""
    assert list(parse(text, "f", "service")) == [
        Assignment("LimitNOFILE", "3:3", (3, 3), "f", 6),
        Assignment("LimitCORE", "5:6", (5, 6), "f", 8),
        Assignment("MemoryMax", "5M    6K", (5 * 2**20 + 6 * 2**10,), "f", 19),
        Assignment("Nice", "3", (3,), "f", 22),
    ]


def test_an_empty_assignment_resets_all_but_limits() -> None:
    text = "[Service]\nNice=3\nNice=\nLimitNOFILE=5\nLimitNOFILE=\nNonsense=\n"
    decided = deciding([("f", text)], "service")
    assert decided["Nice"] == Assignment("Nice", "", None, "f", 3)
    assert decided["LimitNOFILE"].meaning == (5, 5)


def test_the_last_file_decides_and_sections_are_told_apart() -> None:
    files = [("a", "[Service]\nTasksMax=1\n"), ("b", "[Slice]\nTasksMax=2\n"), ("c", "[Service]\nTasksMax=x\n")]
    assert deciding(files, "service")["TasksMax"].file == "a"
    assert deciding(files, "slice")["TasksMax"].file == "b"


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for line in parse("[Service]\n" + text, "f", "service"):
        assert line.line >= 2


WORDS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=60)


@given(WORDS, st.integers(0, 2**31), st.integers(-20, 19))
def test_what_is_rendered_is_read_back_whatever_the_reason_says(why: str, nofile: int, nice: int) -> None:
    settings = [Setting("Nice", str(nice), why=why), Setting("LimitNOFILE", str(nofile), why="\\ [Slice] " + why)]
    lines = parse(render(settings, "service"), "f", "service")
    assert [(line.directive, line.meaning) for line in lines] == [("LimitNOFILE", (nofile, nofile)), ("Nice", (nice,))]


def test_a_drop_in_as_a_person_sees_it() -> None:
    settings = [
        Setting("CPUSchedulingPriority", "10"),
        Setting("CPUSchedulingPolicy", "rr", why="Media first."),
        Setting("LimitNOFILE", "1024:65536"),
    ]
    assert render(settings, "service").partition("\n\n")[2] == (
        "[Service]\nLimitNOFILE=1024:65536\n# Media first.\nCPUSchedulingPolicy=rr\nCPUSchedulingPriority=10\n"
    )
    assert "\n[Slice]\n" in render([Setting("TasksMax", "5")], "slice")
