# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The predicted values of a boot equal those that the real systemd-sysctl sets, for a table and for random files.

Each case writes files into all the sysctl.d directories, tunes on top of them, gives every key a value
that no file has, runs systemd-sysctl, and compares each key with its prediction: `at_boot` for a
wanted key, `Boot` for every other one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import SHADOWED
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import boot_of, with_file
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import glob_matches, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Request
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from calls import Settings, apply, boot, put_back, write_file
from hypothesis import HealthCheck, given, settings, strategies
from sandbox import INTERFACES, difference, dump, read, write

OWN = "/etc/sysctl.d/50-own.conf"
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
SYSCTL_CONF = "/etc/sysctl.conf"
NOT_IN_ANY_FILE = "111"

# Keys that take any small number and change no other key, once they have been written.
PLAIN_KEYS = ("net/core/somaxconn", "net/ipv4/tcp_retries2", "net/ipv4/tcp_keepalive_probes")
INTERFACE_KEYS = tuple(f"net/ipv4/conf/{name}/tag" for name in ("all", "default", *INTERFACES))
NEIGHBOUR_KEYS = tuple(f"net/ipv4/neigh/{name}/app_solicit" for name in INTERFACES)
KEYS = (*PLAIN_KEYS, *INTERFACE_KEYS, *NEIGHBOUR_KEYS)


class Link(NamedTuple):
    """A symbolic link in place of a file."""

    target: str


class Directory(NamedTuple):
    """A directory in place of a file."""


Tree = Mapping[str, object]


def build(tree: Tree) -> None:
    """Make the files of all directories these, and no others."""
    for directory in DIRECTORIES:
        os.makedirs(directory, exist_ok=True)
        for name in os.listdir(directory):
            path = f"{directory}/{name}"
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    write_file(SYSCTL_CONF, "")
    for path, entry in tree.items():
        if isinstance(entry, Link):
            os.symlink(entry.target, path)
        elif isinstance(entry, Directory):
            os.mkdir(path)
        else:
            write_file(path, str(entry))


def as_number(value: str | None) -> str:
    """What a key reads after a boot that writes this text to it: the kernel takes the number it begins with, if any."""
    first = (value or "").split(" ", 1)[0]
    return first if first.isdigit() else NOT_IN_ANY_FILE


def path_of(item: str) -> str:
    """The path of a key that is spelled with dots, and the other way round."""
    return item.translate(str.maketrans("./", "/."))


def check_boot(tree: Tree, wanted: Settings) -> None:
    """Tune on top of a tree of files, boot, and compare with the prediction. Cleans up."""
    build(tree)
    items = apply(wanted, OWN, when="boot").items
    own = Path(OWN).read_text(encoding="utf-8") if os.path.exists(OWN) else None
    boots = boot_of(with_file(observe(Host(), Request(OWN, [])).others, OWN, own))
    predicted = {key: as_number(getattr(boots.assignment(key), "value", None)) for key in KEYS}
    predicted.update((path_of(item.item), as_number(item.at_boot)) for item in items.values())

    # Twice, as the first write to an interface's key may still change those that were never written.
    for _ in range(2):
        for key in KEYS:
            write(key, NOT_IN_ANY_FILE)
    said = boot()
    assert {key: read(key) for key in KEYS} == predicted, said
    for item in items.values():
        if not any(glob_matches(parse_key(key), path_of(item.item)) for key in wanted):
            continue  # an interface that takes over the default with a boot, which these do not see as new ones
        assert (item.state == SHADOWED) == (read(path_of(item.item)) != item.wanted), (item, said)
    put_back(OWN)


E, R, L, U = DIRECTORIES
TABLE: dict[str, tuple[Tree, Settings]] = {
    "nothing": ({}, {}),
    "only-ours": ({}, {"net.core.somaxconn": 1}),
    "every-directory": (
        {
            f"{E}/1.conf": "net.core.somaxconn=1",
            f"{U}/2.conf": "net.core.somaxconn=2",
            f"{R}/0.conf": "net.core.somaxconn=3",
        },
        {},
    ),
    "same-name-etc-wins": ({f"{E}/1.conf": "net.core.somaxconn=1", f"{U}/1.conf": "net.core.somaxconn=2"}, {}),
    "same-name-run-beats-lib": ({f"{R}/1.conf": "net.core.somaxconn=1", f"{L}/1.conf": "net.core.somaxconn=2"}, {}),
    "same-name-local-beats-lib": ({f"{L}/1.conf": "net.core.somaxconn=1", f"{U}/1.conf": "net.core.somaxconn=2"}, {}),
    "same-name-hides-other-keys": (
        {f"{E}/1.conf": "net.core.somaxconn=1", f"{U}/1.conf": "net.ipv4.tcp_retries2=2"},
        {},
    ),
    "ours-hides-a-file": ({f"{U}/50-own.conf": "net.ipv4.tcp_retries2=2"}, {"net.core.somaxconn": 1}),
    "masked": ({f"{E}/1.conf": Link("/dev/null"), f"{U}/1.conf": "net.core.somaxconn=2"}, {}),
    "masked-by-empty-file": ({f"{E}/1.conf": "", f"{U}/1.conf": "net.core.somaxconn=2"}, {}),
    "linked": ({f"{E}/1.conf": Link("../sysctl.conf"), SYSCTL_CONF: "net.core.somaxconn=2"}, {}),
    "sysctl-conf-alone-is-not-read": ({SYSCTL_CONF: "net.core.somaxconn=2"}, {"net.ipv4.tcp_retries2": 3}),
    "dangling": ({f"{E}/1.conf": Link("nowhere"), f"{U}/1.conf": "net.core.somaxconn=2"}, {}),
    "directory": ({f"{E}/1.conf": Directory(), f"{U}/1.conf": "net.core.somaxconn=2"}, {}),
    "other-suffix": ({f"{E}/1.conf.bak": "net.core.somaxconn=1", f"{E}/README": "net.core.somaxconn=1"}, {}),
    "hidden": ({f"{E}/.1.conf": "net.core.somaxconn=1"}, {}),
    "capitals-sort-before": ({f"{E}/Z.conf": "net.core.somaxconn=1", f"{E}/a.conf": "net.core.somaxconn=2"}, {}),
    "digits-sort-as-text": ({f"{E}/100.conf": "net.core.somaxconn=1", f"{E}/99.conf": "net.core.somaxconn=2"}, {}),
    "shadowed-by-a-later-file": ({f"{E}/60-late.conf": "net.core.somaxconn=2"}, {"net.core.somaxconn": 1}),
    "shadowed-with-the-same-value": ({f"{E}/60-late.conf": "net.core.somaxconn=1"}, {"net.core.somaxconn": 1}),
    "not-shadowed-by-an-earlier-file": ({f"{E}/40-early.conf": "net.core.somaxconn=2"}, {"net.core.somaxconn": 1}),
    "last-line-wins": ({f"{E}/1.conf": "net.core.somaxconn=1\nnet.core.somaxconn=2\nnet.core.somaxconn=1"}, {}),
    "blanks-around": ({f"{E}/1.conf": "  net.core.somaxconn  =  2  \n\t-net.ipv4.tcp_retries2\t=\t3\t"}, {}),
    "dash-with-blank": ({f"{E}/1.conf": "- net.core.somaxconn = 2"}, {}),
    "comments": ({f"{E}/1.conf": "#net.core.somaxconn=1\n;net.core.somaxconn=2\n  # net.core.somaxconn=3\n"}, {}),
    "comment-behind-value": ({f"{E}/1.conf": "net.core.somaxconn=1\nnet.core.somaxconn=2 # two"}, {}),
    "junk": ({f"{E}/1.conf": "junk\n=\n=5\n-\n-=\n\\\nnet.core.somaxconn\nnet.ipv4.tcp_retries2=4\n\0\n"}, {}),
    "empty-value": ({f"{E}/1.conf": "net.core.somaxconn=1\nnet.core.somaxconn=\n"}, {}),
    "no-last-newline": ({f"{E}/1.conf": "net.core.somaxconn=1"}, {}),
    "dos-lines": ({f"{E}/1.conf": "net.core.somaxconn=1\r\nnet.ipv4.tcp_retries2=2\r\n"}, {}),
    "old-mac-lines": ({f"{E}/1.conf": "net.core.somaxconn=1\rnet.ipv4.tcp_retries2=2\r"}, {}),
    "nul-bytes": ({f"{E}/1.conf": "net.core.somaxconn=1\0net.ipv4.tcp_retries2=2\n"}, {}),
    "byte-order-mark": ({f"{E}/1.conf": "\ufeffnet.core.somaxconn=1\nnet.ipv4.tcp_retries2=2\n"}, {}),
    "bytes-that-are-no-text": ({f"{E}/1.conf": "\udcff\udcfe\nnet.core.somaxconn=1\n"}, {}),
    "form-feed-is-no-blank": ({f"{E}/1.conf": "\fnet.core.somaxconn=1\nnet.ipv4.tcp_retries2=2\v\n"}, {}),
    "wide-blank-is-no-blank": ({f"{E}/1.conf": "\u00a0net.core.somaxconn=1\n\u2003net.ipv4.tcp_retries2=2\n"}, {}),
    "line-separator-ends-no-line": (
        {f"{E}/1.conf": "#a\u2028net.core.somaxconn=1\n#b\x85net.ipv4.tcp_retries2=2\n"},
        {},
    ),
    "two-equals-signs": ({f"{E}/1.conf": "net.core.somaxconn==1\nnet.ipv4.tcp_retries2=2=3"}, {}),
    "slashes": ({f"{E}/1.conf": "net/ipv4/conf/sip0.100/tag=1\nnet.ipv4.conf.sip0/100.tag=2\n"}, {}),
    "double-separators": ({f"{E}/1.conf": "net//core/somaxconn=1\nnet..ipv4.tcp_retries2=2\n"}, {}),
    "leading-slash": ({f"{E}/1.conf": "/net/core/somaxconn=1\n.net.ipv4.tcp_retries2=2\n"}, {}),
    "proc-sys-in-front": ({f"{E}/1.conf": "/proc/sys/net/core/somaxconn=1\n"}, {}),
    "dots-in-an-interface-name": ({f"{E}/1.conf": "net.ipv4.conf.sip0.100.tag=1\n"}, {}),
    "glob": ({f"{E}/1.conf": "net.ipv4.conf.*.tag=1\n"}, {}),
    "glob-does-not-cross-a-slash": ({f"{E}/1.conf": "net.ipv4.*.tag=1\nnet.*=2\n"}, {}),
    "glob-in-last-part": ({f"{E}/1.conf": "net.ipv4.tcp_retries?=1\nnet.core.somax*=2\n"}, {}),
    "glob-with-range": ({f"{E}/1.conf": "net.ipv4.conf.sip[0-9].tag=1\nnet/ipv4/conf/[!s]*/tag=2\n"}, {}),
    "glob-with-caret": ({f"{E}/1.conf": "net/ipv4/conf/[^s]*/tag=2\n"}, {}),
    "glob-with-braces": ({f"{E}/1.conf": "net/ipv4/conf/{sip0,l[o]}/tag=2\n"}, {}),
    "braces-alone-are-no-glob": ({f"{E}/1.conf": "net/ipv4/conf/{sip0,lo}/tag=2\n"}, {}),
    "glob-with-backslash": ({f"{E}/1.conf": "net/ipv4/conf/sip\\0*/tag=2\n"}, {}),
    "later-glob-wins": ({f"{E}/1.conf": "net.ipv4.conf.s*.tag=1\nnet.ipv4.conf.*0.tag=2\n"}, {}),
    "repeated-glob-moves-back": (
        {f"{E}/1.conf": "net.ipv4.conf.s*.tag=1\nnet.ipv4.conf.*0.tag=2\nnet.ipv4.conf.s*.tag=3\n"},
        {},
    ),
    "repeated-glob-with-same-value-stays": (
        {f"{E}/1.conf": "net.ipv4.conf.s*.tag=1\nnet.ipv4.conf.*0.tag=2\nnet.ipv4.conf.s*.tag=1\n"},
        {},
    ),
    "named-beats-later-glob": ({f"{E}/1.conf": "net.ipv4.conf.lo.tag=1\nnet.ipv4.conf.*.tag=2\n"}, {}),
    "named-twice-beats-glob-between": (
        {f"{E}/1.conf": "net.ipv4.conf.lo.tag=1\nnet.ipv4.conf.*.tag=2\nnet.ipv4.conf.lo.tag=3\n"},
        {},
    ),
    "excluded-from-glob": ({f"{E}/1.conf": "net.ipv4.conf.*.tag=1\n-net.ipv4.conf.lo.tag\n"}, {}),
    "excluded-then-named": ({f"{E}/1.conf": "-net.ipv4.conf.lo.tag\nnet.ipv4.conf.lo.tag=1\n"}, {}),
    "named-then-excluded": ({f"{E}/1.conf": "net.ipv4.conf.lo.tag=1\n-net.ipv4.conf.lo.tag\n"}, {}),
    "excluded-glob": ({f"{E}/1.conf": "net.ipv4.conf.*.tag=1\n-net.ipv4.conf.s*.tag\n"}, {}),
    "excluded-same-glob": ({f"{E}/1.conf": "net.ipv4.conf.*.tag=1\n-net.ipv4.conf.*.tag\n"}, {}),
    "key-that-is-not-there": ({f"{E}/1.conf": "net.ipv4.nosuch=1\n-net.ipv4.nosuch2=1\nnet.core.somaxconn=1\n"}, {}),
    "our-glob-under-a-named-key": ({f"{E}/60.conf": "net.ipv4.conf.lo.tag=1\n"}, {"net.ipv4.conf.*.tag": 2}),
    "our-glob-over-a-named-key": ({f"{E}/40.conf": "net.ipv4.conf.lo.tag=1\n"}, {"net.ipv4.conf.*.tag": 2}),
    "our-glob-over-an-exclusion": ({f"{E}/40.conf": "-net.ipv4.conf.lo.tag\n"}, {"net.ipv4.conf.*.tag": 2}),
    "our-glob-under-an-exclusion": ({f"{E}/60.conf": "-net.ipv4.conf.lo.tag\n"}, {"net.ipv4.conf.*.tag": 2}),
    "our-glob-under-a-glob": ({f"{E}/60.conf": "net.ipv4.conf.s*.tag=1\n"}, {"net.ipv4.conf.*.tag": 2}),
    "our-glob-under-the-same-glob": ({f"{E}/60.conf": "net.ipv4.conf.*.tag=1\n"}, {"net.ipv4.conf.*.tag": 2}),
    "our-glob-over-the-same-glob": (
        {f"{E}/10.conf": "net.ipv4.conf.*.tag=2\n", f"{E}/20.conf": "net.ipv4.conf.s*.tag=1\n"},
        {"net.ipv4.conf.*.tag": 2},
    ),
    "our-key-under-a-glob": ({f"{E}/60.conf": "net.ipv4.conf.*.tag=1\n"}, {"net.ipv4.conf.lo.tag": 2}),
    "our-key-under-an-exclusion": ({f"{E}/60.conf": "-net.ipv4.conf.lo.tag\n"}, {"net.ipv4.conf.lo.tag": 2}),
    "our-glob-and-our-exception": ({}, {"net.ipv4.conf.*.tag": 2, "net.ipv4.conf.lo.tag": 3}),
}


@pytest.mark.parametrize(("tree", "wanted"), TABLE.values(), ids=TABLE.keys())
def test_boot_is_as_predicted(tree: Tree, wanted: Settings) -> None:
    check_boot(tree, wanted)


def test_unrelated_files_stay_as_they_are() -> None:
    tree = {f"{E}/60.conf": "net.core.somaxconn=2", f"{U}/50-own.conf": "net.ipv4.tcp_retries2=2"}
    build(tree)
    start = dump()
    apply({"net.core.somaxconn": 1}, OWN)
    put_back(OWN)
    assert difference(start, dump()) == {}


# --- random trees ---------------------------------------------------------------------------

GLOBS = (
    "net/ipv4/conf/*/tag",
    "net/ipv4/conf/s*/tag",
    "net/ipv4/conf/sip?/tag",
    "net/ipv4/conf/[!s]*/tag",
    "net/ipv4/conf/sip0.1[0-9]0/tag",
    "net/ipv4/neigh/*/app_solicit",
    "net/ipv4/*/sip0/*g",
    "net/core/somax*",
)
NAMES = ("10-a.conf", "40-b.conf", "50-own.conf", "60-c.conf", "99-sysctl.conf", "README", ".hidden.conf")


def lines() -> strategies.SearchStrategy[str]:
    key = strategies.sampled_from([*KEYS, *KEYS, *GLOBS, "net/ipv4/nosuch"])
    spelled = key.flatmap(lambda path: strategies.sampled_from([path, path_of(path)]))
    value = strategies.integers(1, 6).map(str)
    blank = strategies.sampled_from(["", " ", "\t ", ""])
    dash = strategies.sampled_from(["", "", "-"])
    assignment = strategies.tuples(blank, dash, spelled, blank, strategies.just("="), blank, value, blank)
    exclusion = strategies.tuples(blank, strategies.just("-"), spelled, blank)
    junk = strategies.sampled_from(
        ["", "#net.core.somaxconn=7", "; x=1", "junk", "=3", "-", "net.core.somaxconn", "\udcff"]
    )
    return strategies.one_of(assignment.map("".join), assignment.map("".join), exclusion.map("".join), junk)


def trees() -> strategies.SearchStrategy[dict[str, object]]:
    paths = strategies.sampled_from([f"{directory}/{name}" for directory in DIRECTORIES for name in NAMES])
    texts = strategies.lists(lines(), max_size=6).map("\n".join)
    links = strategies.sampled_from(["/dev/null", "../sysctl.conf", "nowhere", "10-a.conf"]).map(Link)
    entries = strategies.one_of(texts, texts, texts, links, strategies.just(Directory()))
    trees = strategies.dictionaries(paths.filter(lambda path: path != OWN), entries, max_size=8)
    return strategies.tuples(trees, texts).map(lambda both: {SYSCTL_CONF: both[1], **both[0]})


def wishes() -> strategies.SearchStrategy[dict[str, int]]:
    keys = strategies.sampled_from([path_of(path) for path in (*KEYS, *GLOBS[:4])])
    return strategies.dictionaries(keys, strategies.integers(1, 6), max_size=4).filter(no_two_globs)


def no_two_globs(wanted: Settings) -> bool:
    """Two globs that want different values for one key are refused, which is tested elsewhere."""
    return sum("*" in key or "?" in key or "[" in key for key in wanted) <= 1


@settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(tree=trees(), wanted=wishes())
def test_boot_of_a_random_tree_is_as_predicted(tree: Tree, wanted: Settings) -> None:
    check_boot(tree, wanted)
