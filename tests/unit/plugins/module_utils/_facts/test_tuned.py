# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TuneD's files, in the forms that its packaged profiles have, and what comes of them together."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._facts.tuned import (
    MAIN_FILE,
    PROFILE_DIRECTORIES,
    Main,
    Profile,
    Setting,
    Source,
    Tuned,
    TunedFileError,
    is_excluded,
    parse,
    parse_main,
    profile_chain,
    settings,
    tuned,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import ProcessNames
from hypothesis import given
from hypothesis import strategies as st

ALL_PROCESSES = ProcessNames({1: "systemd"}, True)
OWN_PROCESSES = ProcessNames({1: "systemd"}, False)
COMMAND = "/usr/bin/python3\0-Es\0/usr/sbin/tuned\0-l\0-P\0"
RUNNING = {"/run/tuned/tuned.pid": "812", "/proc/812/cmdline": COMMAND}
DISTRIBUTION = "/usr/lib/tuned"

LATENCY = """\
# the base
[main]
summary=Low latency

[sysctl]
vm.dirty_ratio=10
vm.swappiness=10   # not much
"""
NETWORK = """\
[main]
include=latency-performance
[sysctl]
vm.swappiness = 5
net.core.busy_read=50
net.ipv4.tcp_rmem="4096 87380 16777216"
net.core.somaxconn=>2048
"""
MACHINES = """\
[variables]
arm=aarch64
; somebody's remark
[sysctl]
kernel.numa_balancing=1
[sysctl.arm]
type=sysctl
uname_regex=${arm}
kernel.numa_balancing=0
[sysctl.never]
type=sysctl
cpuinfo_regex=(
vm.swappiness=1
[sysctl.off]
type=sysctl
enabled=false
vm.swappiness=2
[script]
script=script.sh
"""


def chain_of(names: str, **profiles: str) -> tuple[list[Profile], list[str]]:
    texts = {name.replace("_", "-"): text for name, text in profiles.items()}

    def find(name: str, read: list[str]) -> Source | None:
        file = f"{DISTRIBUTION}/{name}/tuned.conf"
        return Source(file, texts[name]) if name in texts and file not in read else None

    return profile_chain(names.split(), find)


def is_x86(option: str, expression: str) -> bool:
    return expression in "Linux x86_64"


def values(chain: list[Profile]) -> dict[str, tuple[str, str]]:
    return {one.key: (one.value, one.rule) for one in settings(chain, is_x86)[0]}


def test_what_a_profile_includes_comes_before_it() -> None:
    chain, unknown = chain_of("network-latency", network_latency=NETWORK, latency_performance=LATENCY)
    assert unknown == []
    assert values(chain) == {
        "vm.dirty_ratio": ("10", "exact"),
        "vm.swappiness": ("5", "exact"),
        "net.core.busy_read": ("50", "exact"),
        "net.ipv4.tcp_rmem": ("4096 87380 16777216", "exact"),
        "net.core.somaxconn": ("2048", "at_least"),
    }
    found = {one.key: one.file for one in settings(chain, is_x86)[0]}
    assert found["vm.dirty_ratio"] == f"{DISTRIBUTION}/latency-performance/tuned.conf"
    assert found["vm.swappiness"] == f"{DISTRIBUTION}/network-latency/tuned.conf"


def test_units_for_other_machines_and_those_that_are_off_do_not_count() -> None:
    chain, _ = chain_of("machines", machines=MACHINES)
    assert values(chain) == {"kernel.numa_balancing": ("1", "exact")}
    on_arm = settings(chain, lambda _option, expression: expression == "aarch64")[0]
    assert {one.key: one.value for one in on_arm} == {"kernel.numa_balancing": "0"}


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ("[sysctl]\nreplace=1\nvm.swappiness=3\n", {"vm.swappiness": "3"}),
        ("[sysctl]\ndrop=vm.dirty_ratio\n", {"vm.swappiness": "10"}),
        ("[sysctl]\nenabled=0\n", {}),
        ("[vm]\ntransparent_hugepages=never\n", {"vm.dirty_ratio": "10", "vm.swappiness": "10"}),
        ("[variables]\nlow=4\n[sysctl]\nvm.swappiness=${low}\n", {"vm.dirty_ratio": "10", "vm.swappiness": "4"}),
    ],
    ids=["replaced", "dropped", "switched off", "another plug-in", "a variable"],
)
def test_how_a_later_profile_changes_an_earlier_one(later: str, expected: dict[str, str]) -> None:
    chain, _ = chain_of("one two", one=LATENCY, two=later)
    assert {key: value for key, (value, _rule) in values(chain).items()} == expected


def test_what_only_tuned_can_work_out_is_named() -> None:
    include = "${f:virt_check:virtual-guest:throughput}"
    text = f"[main]\ninclude={include}\n[sysctl]\nvm.swappiness=${{f:two}}\nvm.stat_interval=9\n"
    chain, unknown = chain_of("openshift", openshift=text)
    found, unclear = settings(chain, is_x86)
    assert unknown == [f"{DISTRIBUTION}/openshift/tuned.conf includes {include}"]
    assert unclear == [f"vm.swappiness of {DISTRIBUTION}/openshift/tuned.conf"]
    assert [one.key for one in found] == ["vm.stat_interval"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[main]\ninclude=gone\n[sysctl]\na.b=1\n", ["there is no profile gone"]),
        ("[main]\ninclude=-gone\n[sysctl]\na.b=1\n", []),
        ("[main]\ninclude=x\n[sysctl]\na.b=1\n", []),
        ("[main]\ninclude=../../etc\n[sysctl]\na.b=1\n", [f"{DISTRIBUTION}/x/tuned.conf includes ../../etc"]),
    ],
    ids=["not there", "only if there", "itself", "out of the directory"],
)
def test_strange_includes(text: str, expected: list[str]) -> None:
    chain, unknown = chain_of("x", x=text)
    assert (unknown, values(chain)) == (expected, {"a.b": ("1", "exact")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("reapply_sysctl = 1\n", True),
        ("# reapply_sysctl = 0\n", True),
        ("reapply_sysctl = 0\n", False),
        ("daemon = 1\nreapply_sysctl=False\n", False),
    ],
)
def test_whether_sysctl_d_is_read_again(text: str, expected: bool) -> None:
    assert parse_main(text) == Main(reapply_sysctl=expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reapply_sysctl = T # yes\n", Main()),
        ("reapply_sysctl = on\n", Main(reapply_sysctl=False)),  # TuneD does not know the word
        ("Reapply_Sysctl = 0\n", Main()),  # nor this option
        ("reapply_sysctl = 0\nreapply_sysctl = 1\n", Main()),
        (
            "reapply_sysctl_exclude = net.ipv4.conf.*.rp_filter , vm.* ;\n",
            Main(exclude=["net.ipv4.conf.*.rp_filter", "vm.*"]),
        ),
        ("reapply_sysctl_exclude = net.*,\n  vm.*\n", Main(exclude=["net.*", "vm.*"])),
        ("reapply_sysctl_exclude = 100%(x)s\n", Main(exclude=["100%(x)s"])),
        ("profile_dirs = /a,/b/../c\n", Main(directories=("/c", "/a"))),
        ("profile_dirs =\n", Main(directories=())),
        ("profile_dirs = here;/a\n", Main(directories=("/a",))),
    ],
)
def test_what_the_main_file_says(text: str, expected: Main) -> None:
    assert parse_main(text) == expected


def test_a_main_file_that_tuned_cannot_read_is_said_and_has_the_defaults() -> None:
    found = parse_main("reapply_sysctl = 0\nthis is no option\n")
    assert found._replace(unknown=[]) == Main()
    assert found.unknown[0].startswith(f"{MAIN_FILE} cannot be parsed: ")
    assert "this is no option" in found.unknown[0]


def test_patterns_that_would_take_for_ever_are_said_and_not_tried() -> None:
    found = parse_main(f"reapply_sysctl_exclude = vm.*,{'*a' * 50}\n")
    assert found.exclude == ["vm.*"]
    assert found.unknown == [f"reapply_sysctl_exclude of {MAIN_FILE} has patterns that are too many or too long"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("vm.swappiness", True), ("vm.*", True), ("*", True), ("vm.swap[pq]iness", True), ("vm/swappiness", False)],
)
def test_what_is_passed_over_when_sysctl_d_is_read_again(pattern: str, expected: bool) -> None:
    assert is_excluded("vm.swappiness", ["net.*", pattern]) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[sysctl]\nA.b = 1\nA.b=2 # last\n[sysctl]\nc.d=x#y\n", {"sysctl": {"A.b": "2", "c.d": "x#y"}}),
        ("[sysctl]\na.b=1\n  2\n", {"sysctl": {"a.b": "1\n2"}}),
        ("[DEFAULT]\na.b=1\n[sysctl]\n", {"sysctl": {"a.b": "1"}}),
        ("[script]\nx=50% of ${i:PROFILE_DIR}\n", {"script": {"x": "50% of ${i:PROFILE_DIR}"}}),
        ("[sysctl]\na:b=1\n", {"sysctl": {"a:b": "1"}}),
    ],
    ids=["twice", "continued", "defaults", "no interpolation", "one delimiter"],
)
def test_the_quirks_of_its_files(text: str, expected: dict[str, dict[str, str]]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["a.b=1\n", "[sysctl]\nno value\n", "[sysctl\na=1\n", "[sysctl]\n" + "a=1\n" * 70_000])
def test_a_file_that_tuned_could_not_read_is_refused(text: str) -> None:
    with pytest.raises(TunedFileError):
        parse(text)


def test_many_blanks_take_no_time() -> None:
    with pytest.raises(TunedFileError):
        parse("[sysctl]\na" + " " * 200_000 + "b\n")


def test_a_broken_profile_is_said_and_the_others_count() -> None:
    chain, unknown = chain_of("x", x="[main]\ninclude=y,z\n[sysctl]\na.b=1\n", y="oops\n", z="[sysctl]\nc.d=2\n")
    assert values(chain) == {"a.b": ("1", "exact"), "c.d": ("2", "exact")}
    assert len(unknown) == 1
    assert unknown[0].startswith(f"{DISTRIBUTION}/y/tuned.conf cannot be parsed: ")


@given(st.text(alphabet=" \n\t[]=#;${}%abc.>\"'", max_size=200))
def test_no_text_makes_a_parser_raise_anything_else(text: str) -> None:
    parse_main(text)
    chain, _ = profile_chain(["a"], lambda _name, read: Source("x", text) if "x" not in read else None)
    settings([*chain, *[Profile("y", one.sections) for one in chain]], is_x86)


# --- a host ----------------------------------------------------------------------------------


def tree(root: Path, files: dict[str, str]) -> Host:
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Host(str(root))


def state(active: bool | None, profile: str | None) -> Tuned:
    return Tuned(active, False, profile, True, [], [], [])


@pytest.mark.parametrize(
    ("files", "processes", "expected"),
    [
        ({}, ALL_PROCESSES, state(False, None)),
        ({"/etc/tuned/active_profile": "network-latency\n"}, ALL_PROCESSES, state(False, "network-latency")),
        (
            {**RUNNING, "/etc/tuned/active_profile": "balanced\n", f"{DISTRIBUTION}/balanced/tuned.conf": ""},
            ALL_PROCESSES,
            state(True, "balanced"),
        ),
        ({"/run/tuned/tuned.pid": "812"}, ALL_PROCESSES, state(False, None)),
        ({"/run/tuned/tuned.pid": "812", "/proc/812/cmdline": "/bin/sh\0"}, ALL_PROCESSES, state(False, None)),
        ({"/run/tuned/tuned.pid": "812"}, OWN_PROCESSES, state(None, None)),
        ({"/run/tuned/tuned.pid": "../1\n"}, ALL_PROCESSES, state(None, None)),
    ],
    ids=["none", "stopped", "runs", "dead", "pid of another program", "hidden processes", "no pid in the file"],
)
def test_whether_it_runs(tmp_path: Path, files: dict[str, str], processes: ProcessNames, expected: Tuned) -> None:
    assert tuned(tree(tmp_path, files), processes, enabled=False) == expected


def test_the_administrators_profile_may_build_on_the_distributions_of_that_name(tmp_path: Path) -> None:
    own = "/etc/tuned/latency-performance/tuned.conf"
    files = {
        "/etc/tuned/active_profile": "latency-performance\n",
        "/etc/tuned/tuned-main.conf": "reapply_sysctl = 0\n",
        own: "[main]\ninclude=latency-performance\n[sysctl]\nvm.swappiness=1\n",
        f"{DISTRIBUTION}/latency-performance/tuned.conf": LATENCY,
    }
    found = tuned(tree(tmp_path, files), ALL_PROCESSES, enabled=True)
    assert found == Tuned(
        active=False,
        enabled=True,
        profile="latency-performance",
        reapply_sysctl=False,
        sysctl=[
            Setting("vm.dirty_ratio", "10", "exact", f"{DISTRIBUTION}/latency-performance/tuned.conf"),
            Setting("vm.swappiness", "1", "exact", own),
        ],
        unknown=[],
        not_reapplied=[],
    )


def test_directories_of_the_administrators_own_are_the_only_ones(tmp_path: Path) -> None:
    files = {
        **RUNNING,
        "/etc/tuned/active_profile": "one two",
        MAIN_FILE: "profile_dirs = /usr/share/first,/srv/second\n",
        "/usr/share/first/one/tuned.conf": "[sysctl]\nvm.swappiness=1\n",
        "/srv/second/one/tuned.conf": "[sysctl]\nvm.swappiness=2\n",
        "/etc/tuned/two/tuned.conf": "[sysctl]\nvm.swappiness=3\n",
    }
    found = tuned(tree(tmp_path, files), ALL_PROCESSES, enabled=False)
    assert {one.key: one.value for one in found.sysctl} == {"vm.swappiness": "2"}
    assert found.unknown == ["there is no profile two"]
    assert "/srv/second" not in PROFILE_DIRECTORIES


@pytest.mark.parametrize(("reapply", "expected"), [("1", ["net.core.busy_read", "vm.dirty_bytes"]), ("0", [])])
def test_the_keys_that_are_not_applied_again(tmp_path: Path, reapply: str, expected: list[str]) -> None:
    files = {
        **RUNNING,
        "/etc/tuned/active_profile": "one",
        MAIN_FILE: f"reapply_sysctl={reapply}\nreapply_sysctl_exclude=net.core.*, vm.dirty_bytes, fs.file-max\n",
        f"{DISTRIBUTION}/one/tuned.conf": "[sysctl]\nvm.dirty_ratio=1\nnet.core.busy_read=5\nvm.swappiness=3\n",
    }
    assert tuned(tree(tmp_path, files), ALL_PROCESSES, enabled=False).not_reapplied == expected


DEBIAN, FEDORA = "/usr/lib/python3/dist-packages/tuned", "/usr/lib/python3.9/site-packages/tuned"
DOUBT = f"whether it is of version 2.27 or later, which reads reapply_sysctl_exclude of {MAIN_FILE}"


@pytest.mark.parametrize(
    ("places", "excluded", "unknown"),
    [
        ({DEBIAN: (2, 27)}, True, []),
        ({FEDORA: (2, 28)}, True, []),
        ({FEDORA: (3, 0)}, True, []),
        ({DEBIAN: (2, 25)}, False, []),
        ({FEDORA: (2, 9)}, False, []),
        ({DEBIAN: ("x", 27), FEDORA: (2, 26)}, False, []),
        ({DEBIAN: (2, "2700000")}, True, [DOUBT]),
        ({}, True, [DOUBT]),
    ],
)
def test_the_keys_to_pass_over_count_for_a_tuned_that_reads_them(
    tmp_path: Path, places: dict[str, tuple[object, object]], excluded: bool, unknown: list[str]
) -> None:
    files = {
        **RUNNING,
        "/etc/tuned/active_profile": "one",
        MAIN_FILE: "reapply_sysctl_exclude=vm.*\n",
        f"{DISTRIBUTION}/one/tuned.conf": "[sysctl]\nvm.swappiness=3\n",
        **{
            f"{place}/version.py": f"TUNED_VERSION_MAJOR = {major}\nTUNED_VERSION_MINOR = {minor}\n"
            for place, (major, minor) in places.items()
        },
    }
    found = tuned(tree(tmp_path, files), ALL_PROCESSES, enabled=False)
    assert (found.not_reapplied, found.unknown) == (["vm.swappiness"] if excluded else [], unknown)


def test_profiles_are_found_where_newer_versions_have_them_too(tmp_path: Path) -> None:
    files = {
        **RUNNING,
        "/etc/tuned/active_profile": "one",
        "/etc/tuned/post_loaded_profile": "two\n",
        f"{DISTRIBUTION}/profiles/one/tuned.conf": "[sysctl]\nvm.swappiness=1\nvm.stat_interval=5\n",
        "/etc/tuned/profiles/two/tuned.conf": "[sysctl]\nvm.swappiness=2\n",
    }
    found = tuned(tree(tmp_path, files), ALL_PROCESSES, enabled=False)
    assert {one.key: one.value for one in found.sysctl} == {"vm.swappiness": "2", "vm.stat_interval": "5"}
