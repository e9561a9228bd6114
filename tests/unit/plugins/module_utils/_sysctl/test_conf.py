# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import (
    DIRECTORIES,
    PROCPS_FILE,
    Assignment,
    Line,
    boot_of,
    check_file_path,
    parse,
    render,
    render_rules,
    rules_path,
    with_file,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError, parse_key
from hypothesis import given
from hypothesis import strategies as st

# Debian 13, package linux-sysctl-defaults 4.12.1, without its comments
DEBIAN_13_DEFAULTS = """\
# comment
kernel.sysrq = 0x01b6
kernel.core_uses_pid = 1
net.ipv4.conf.default.rp_filter = 2
net.ipv4.conf.*.rp_filter = 2
-net.ipv4.conf.all.rp_filter
net.ipv4.conf.default.accept_source_route = 0
net.ipv4.conf.*.accept_source_route = 0
-net.ipv4.conf.all.accept_source_route
-net.ipv4.ping_group_range = 0 2147483647
-net.core.default_qdisc = fq_codel
fs.protected_hardlinks = 1
vm.max_map_count=1048576
"""


def test_a_distribution_file_is_read_line_by_line() -> None:
    assignments = parse(DEBIAN_13_DEFAULTS, "50-default.conf")
    assert len(assignments) == 12
    assert assignments[0] == Assignment("kernel/sysrq", "0x01b6", "50-default.conf", 2)
    assert Assignment("net/ipv4/conf/all/rp_filter", None, "50-default.conf", 6) in assignments
    assert Assignment("net/ipv4/ping_group_range", "0 2147483647", "50-default.conf", 10) in assignments


@pytest.mark.parametrize(
    ("line", "path", "value"),
    [
        ("net/ipv4/tcp_sack=0", "net/ipv4/tcp_sack", "0"),
        ("  net.ipv4.tcp_sack   =   0  ", "net/ipv4/tcp_sack", "0"),
        ("net.ipv4.tcp_sack = 0\r", "net/ipv4/tcp_sack", "0"),
        ("net.ipv4.conf.eth0/100.rp_filter = 2", "net/ipv4/conf/eth0.100/rp_filter", "2"),
        ("-net.ipv4.tcp_sack = 0", "net/ipv4/tcp_sack", "0"),
        ("-net.ipv4.tcp_sack", "net/ipv4/tcp_sack", None),
        ("kernel.core_pattern = |/bin/x a=b", "kernel/core_pattern", "|/bin/x a=b"),
        ("net.ipv4.tcp_sack =", "net/ipv4/tcp_sack", ""),
    ],
)
def test_one_line(line: str, path: str, value: str | None) -> None:
    assert parse(line, "x.conf") == [Assignment(path, value, "x.conf", 1)]


@pytest.mark.parametrize(
    "line", ["", "   ", "# net.ipv4.tcp_sack = 0", "; x = 1", "net.ipv4.tcp_sack 0", "=", "= 5", "-"]
)
def test_lines_that_set_nothing(line: str) -> None:
    assert parse(line, "x.conf") == []


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for assignment in parse(text, "x.conf"):
        assert assignment.path
    boot_of([("a.conf", text), ("b.conf", DEBIAN_13_DEFAULTS)]).assignment("net/ipv4/conf/eth0/rp_filter")


@given(st.binary())
def test_no_bytes_break_the_parser(content: bytes) -> None:
    parse(content.decode("utf-8", "surrogateescape"), "x.conf")


def _key(text: str) -> bool:
    try:
        parse_key(text)
    except SysctlError:
        return False
    return True


keys = st.text(min_size=3).map(lambda text: "net." + text).filter(_key).map(parse_key)
values = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1)


@given(st.lists(st.builds(Line, keys, values, st.text()), unique_by=lambda line: line.path))
def test_a_rendered_file_is_parsed_back(lines: list[Line]) -> None:
    parsed = parse(render(lines), "x.conf")
    assert [(one.path, one.value) for one in parsed] == [(line.path, line.value) for line in lines]


def test_a_rendered_file_reads_well() -> None:
    text = render(
        [
            Line("net/core/somaxconn", "4096", "Room for a burst of\nnew TCP connections. " + "Long " * 30),
            Line("net/ipv4/conf/eth0.100/rp_filter", "2", ""),
        ]
    )
    assert text.splitlines()[3:] == [
        "# Room for a burst of new TCP connections. Long Long Long Long Long Long Long Long Long Long Long",
        "# Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long Long",
        "net.core.somaxconn = 4096",
        "",
        "net.ipv4.conf.eth0/100.rp_filter = 2",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "90-siptune.conf",
        "/etc/90-siptune.conf",
        "/etc/sysctl.d/../passwd.conf",
        "/etc/sysctl.d/sub/90-siptune.conf",
        "/etc/sysctl.d//90-siptune.conf",
        "/etc/sysctl.d/90-siptune",
        "/etc/sysctl.d/.conf",
        "/etc/sysctl.d/.90.conf",
        "/etc/sysctl.d/9 0.conf",
        "/etc/sysctl.d/90\n.conf",
        "/etc/sysctl.d",
        "",
    ],
)
def test_a_path_that_no_boot_reads_is_refused(path: str) -> None:
    with pytest.raises(SysctlError):
        check_file_path(path)


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_path_that_a_boot_reads_is_accepted(directory: str) -> None:
    check_file_path(f"{directory}/90-siptune.conf")


def decides(texts: list[tuple[str, str]], path: str) -> tuple[str | None, str] | None:
    assignment = boot_of(texts).assignment(path)
    return None if assignment is None else (assignment.value, f"{assignment.file}:{assignment.line}")


RP_FILTER = "net/ipv4/conf/eth0/rp_filter"


@pytest.mark.parametrize(
    ("texts", "path", "expected"),
    [
        pytest.param([], RP_FILTER, None, id="no file"),
        pytest.param(
            [("a", "net.core.somaxconn = 1"), ("b", "net.core.somaxconn = 2")],
            "net/core/somaxconn",
            ("2", "b:1"),
            id="the last file wins",
        ),
        pytest.param(
            [("a", "net.core.somaxconn = 1\nnet.core.somaxconn = 3")],
            "net/core/somaxconn",
            ("3", "a:2"),
            id="the last line",
        ),
        pytest.param([("50", DEBIAN_13_DEFAULTS)], RP_FILTER, ("2", "50:5"), id="a glob"),
        pytest.param([("50", DEBIAN_13_DEFAULTS)], "net/ipv4/conf/all/rp_filter", None, id="excluded from the glob"),
        pytest.param(
            [("50", DEBIAN_13_DEFAULTS), ("90", "net.ipv4.conf.*.rp_filter = 1")],
            "net/ipv4/conf/default/rp_filter",
            ("2", "50:4"),
            id="a later glob does not beat a name",
        ),
        pytest.param(
            [("50", DEBIAN_13_DEFAULTS), ("90", "net.ipv4.conf.eth?.rp_filter = 1")],
            RP_FILTER,
            ("1", "90:1"),
            id="the last of two globs",
        ),
        pytest.param(
            [("50", "net.ipv4.conf.eth0.rp_filter = 2"), ("90", "-net.ipv4.conf.eth0.rp_filter")],
            RP_FILTER,
            None,
            id="a later exclusion takes back a value",
        ),
        pytest.param([("a", "vm.dirty_ratio = 20")], "vm/dirty_ratio", ("20", "a:1"), id="one of a pair"),
        pytest.param(
            [("a", "vm.dirty_ratio = 20"), ("b", "vm.dirty_bytes = 1")],
            "vm/dirty_ratio",
            ("0", "b:1"),
            id="its mutually exclusive key later",
        ),
        pytest.param(
            [("a", "vm.dirty_bytes = 1"), ("b", "vm.dirty_ratio = 20")],
            "vm/dirty_ratio",
            ("20", "b:1"),
            id="its mutually exclusive key before",
        ),
        pytest.param(
            [("a", "net.core.somaxconn=1\nnet.core.rmem_max=5"), ("b", "net.core.somaxconn=1")],
            "net/core/somaxconn",
            ("1", "a:1"),
            id="the same again changes nothing",
        ),
    ],
)
def test_the_deciding_line_of_a_boot(texts: list[tuple[str, str]], path: str, expected: tuple[str, str] | None) -> None:
    assert decides(texts, path) == expected


OTHERS = [("/usr/lib/sysctl.d/50-a.conf", "a"), ("/etc/sysctl.d/99-z.conf", "z"), (PROCPS_FILE, "p")]


def test_our_file_takes_its_place_among_the_others() -> None:
    files = [file for file, _ in with_file(OTHERS, "/etc/sysctl.d/90-us.conf", "us")]
    assert files == ["/usr/lib/sysctl.d/50-a.conf", "/etc/sysctl.d/90-us.conf", "/etc/sysctl.d/99-z.conf", PROCPS_FILE]


def test_our_file_hides_one_of_its_name_and_is_hidden_by_one() -> None:
    assert ("/etc/sysctl.d/50-a.conf", "us") in with_file(OTHERS, "/etc/sysctl.d/50-a.conf", "us")
    assert ("/usr/lib/sysctl.d/50-a.conf", "a") not in with_file(OTHERS, "/etc/sysctl.d/50-a.conf", "us")
    assert with_file(OTHERS, "/run/sysctl.d/99-z.conf", "us") == OTHERS
    assert with_file(OTHERS, "/etc/sysctl.d/50-a.conf", None) == OTHERS


def test_module_keys_get_a_udev_rule() -> None:
    assert rules_path("/etc/sysctl.d/90-us.conf") == "/etc/udev/rules.d/90-us.rules"
    rule = render_rules(["nf_conntrack"], "/usr/lib/systemd/systemd-sysctl").splitlines()[-1]
    assert rule == (
        'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nf_conntrack", '
        'RUN+="/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter --prefix=/net/nf_conntrack_max"'
    )
