# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""limits_file against the machine's real PAM: what a login gets, who wins, and that nobody is locked out."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import Account
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import CONTAINER, virtualization
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import (
    HARD,
    INFINITE,
    ITEMS,
    SOFT,
    amount,
    decide,
    read_all,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins.observe import hard_limits, pam_limits
from calls import write_file
from logins import (
    FILE,
    LIMITS_D,
    Session,
    apply,
    limit,
    login,
    login_on_terminal,
    make_people,
    module,
    module_words,
    predict,
)
from sandbox import become_nobody, difference, dump
from tracing import CHANGING, STARTING, calls_of, kill_before, started_by

LATER = f"{LIMITS_D}/99-local.conf"


# --- what a login gets ----------------------------------------------------------------------


def test_logins_get_the_predicted_limits() -> None:
    make_people()
    start, before = dump(), {user: login(user) for user in ("asterisk", "ops", "root")}
    wanted = [
        limit("asterisk", "hard", "nofile", 5000, "Traces of many calls."),
        limit("asterisk", "soft", "nofile", 4000),
        limit("asterisk", "both", "core", "unlimited"),
        limit("@voip", "hard", "cpu", 90),
        limit("asterisk", "soft", "priority", 3),
        limit("5000:6000", "both", "msgqueue", 4096),
        limit("*", "both", "memlock", 77),
        limit("root", "soft", "core", 11),
    ]
    predicted = predict(*wanted)
    assert difference(start, dump()) == {}
    first = apply(*wanted)
    assert first == predicted
    assert set(first.states().values()) == {"changed"}

    asterisk, ops, root = login("asterisk"), login("ops"), login("root")
    assert before["asterisk"].nofile() != (4000, 5000)
    assert asterisk.nofile() == (4000, 5000)
    assert asterisk.limits["core"] == (INFINITE, INFINITE)
    assert asterisk.limits["cpu"][1] == 5400
    assert asterisk.limits["memlock"] == ops.limits["memlock"] == (77 * 1024, 77 * 1024)
    assert (asterisk.nice, ops.nice) == (3, before["ops"].nice)
    assert ops.limits["msgqueue"] == (4096, 4096)
    assert ops.nofile() == before["ops"].nofile()
    assert root.limits["core"][0] == 11 * 1024
    if pam_limits(Host()).spares_root:
        assert root.limits["memlock"] == before["root"].limits["memlock"]
        assert "does not apply to root" in first.items["* both memlock"].reason
    assert login_on_terminal("asterisk", "ulimit -Sn; ulimit -Hn") == "4000\n5000\n"

    again = apply(*wanted)
    assert not again.changed
    assert set(again.states().values()) == {"ok"}

    assert apply().changed
    assert {user: login(user) for user in before} == before
    assert difference(start, dump()) == {}


def test_a_login_gets_the_highest_nofile_that_is_safe() -> None:
    make_people()
    change = apply(limit("asterisk", "both", "nofile", "max")).items["asterisk both nofile"]
    assert (change.wanted, change.state) == ("max", "changed")
    assert int(change.after) <= 524288
    assert login("asterisk").nofile() == (int(change.after), int(change.after))


def test_another_file_that_wins_in_the_plan_wins_in_a_login() -> None:
    make_people()
    write_file(LATER, "# local\nasterisk - nofile 200\n")
    wanted = limit("asterisk", "both", "nofile", 3000)
    change = apply(wanted).items["asterisk both nofile"]
    assert (change.state, change.after) == ("shadowed", "200")
    assert change.reason == f"{LATER} line 2 sets soft nofile 200 for asterisk"
    assert login("asterisk").nofile() == (200, 200)
    os.remove(LATER)
    assert predict(wanted).states() == {"asterisk both nofile": "ok"}
    assert login("asterisk").nofile() == (3000, 3000)


def test_a_line_that_lifts_all_limits_does_so() -> None:
    make_people()
    before = login("asterisk")
    write_file("/etc/security/limits.conf", "@voip -\n")
    change = apply(limit("asterisk", "soft", "core", 5)).items["asterisk soft core"]
    assert (change.state, change.reason) == ("shadowed", "/etc/security/limits.conf line 1 lifts all limits for @voip")
    assert login("asterisk") == before


def test_the_one_slot_of_priority() -> None:
    """The last line wins, so ours are written from the general to the particular."""
    make_people()
    apply(limit("asterisk", "soft", "priority", 3), limit("*", "soft", "priority", 5))
    assert (login("asterisk").nice, login("ops").nice) == (3, 5)


# --- the rules of precedence, held against the real pam_limits ------------------------------

SEED = 20260
ROUNDS = 40
WORDS = (
    "asterisk root ops @asterisk @voip @ops @root * % %voip 4000: :4321 4321:4322 1:10 0: :0 @4321: @:4400 @4400:4401 "
    "@0: @:0"
)
# What may be lowered or raised without a capability on any machine, and leaves a shell alive.
VALUES = {
    "core": ["0", "1", "77", "100000", "unlimited", "-1", "12k", "x12", "007"],
    "memlock": ["4", "63", "64"],
    "cpu": ["10", "20", "30"],
    "sigpending": ["50", "60", "+70"],
    "msgqueue": ["1000", "2000"],
    "priority": ["0", "2", "4"],
}
TRACKED = {"asterisk": Account("asterisk", 4321, 4321, frozenset({4321, 4400}), frozenset({"asterisk", "voip"}))}
TRACKED["root"] = Account("root", 0, 0, frozenset({0}), frozenset({"root"}))


def reachable_items(plain: Session) -> list[str]:
    """The items of VALUES that PAM can set here: without a capability, not those of which process 1 has more."""
    first = hard_limits(Host(), 1)
    return [item for item in VALUES if item == "priority" or first[item] <= plain.limits[item][1]]


def random_file(chance: random.Random, items: Sequence[str]) -> str:
    lines = []
    for _ in range(chance.randrange(9)):
        item = chance.choice(items)
        word, kind = chance.choice(WORDS.split()), chance.choice(["soft", "hard", "-", "SOFT", "weird"])
        gap = chance.choice([" ", "\t", "   "])
        lines.append(gap.join([word, kind, item, chance.choice(VALUES[item])]) + chance.choice(["", " # x", " more"]))
    if chance.random() < 0.1:
        lines.insert(0, chance.choice(["asterisk -", "@voip -", "* -", "4000: -", "@:4400 -", "@ops -", "root -"]))
    return "\n".join(lines) + "\n"


def predicted_session(texts: dict[str, str], account: Account, plain: Session) -> Session:
    """The session that these files should give, where without any it is the plain one."""
    pam = pam_limits(Host())
    entries = read_all(texts, pam.directories)
    limits = dict(plain.limits)
    for item in VALUES:
        decision = decide(entries, item, account, pam.spares_root)
        values = [amount(ITEMS[item], entry.value) for entry in map(decision.side, (SOFT, HARD)) if entry]
        if item == "priority":
            nice = values[0] if values else plain.nice
            continue
        soft, hard = (
            plain_value if entry is None else amount(ITEMS[item], entry.value)
            for entry, plain_value in zip(decision[:2], plain.limits[item], strict=True)
        )
        limits[item] = (min(soft, hard), hard)
    return Session(limits, nice)


def test_pam_decides_as_predicted() -> None:
    make_people()
    chance = random.Random(SEED)
    plain = {user: login(user) for user in TRACKED}
    items = reachable_items(plain["asterisk"])
    assert len(items) > 3
    names = ["/etc/security/limits.conf", *(f"{LIMITS_D}/{name}.conf" for name in ("B", "a", "b"))]
    decided = set()
    for _ in range(ROUNDS):
        texts = {name: random_file(chance, items) for name in chance.sample(names, chance.randrange(1, 5))}
        texts.setdefault(names[0], "")
        for name in names:
            Path(name).unlink(missing_ok=True)
        for name, text in texts.items():
            write_file(name, text)
        for user, account in TRACKED.items():
            expected, got = predicted_session(texts, account, plain[user]), login(user)
            assert got == expected, (user, texts)
            decided.add((user, got != plain[user]))
    assert len(decided) == 4  # each of them with and without limits of their own


# --- refused, with nothing changed ----------------------------------------------------------


def refused(**parameters: Any) -> str:
    """The message of a call that must fail, in check mode and for real, without changing anything."""
    start = dump()
    results = [module(check=check, **{"path": FILE, **parameters}) for check in (True, False)]
    assert difference(start, dump()) == {}
    assert all(one.get("failed") for one in results), results
    assert all(one.get("undone", []) == [] for one in results), results
    assert results[0]["msg"] == results[1]["msg"]
    assert "Traceback" not in results[0]["msg"]
    assert results[0]["msg"].isprintable()
    return str(results[0]["msg"])


BAD_LIMITS = {
    "blank": (limit("a b", "soft", "nofile", 1), "a b soft nofile", "must not have blanks"),
    "newline": (limit("ops\nroot", "soft", "nofile", 1), "nofile", "must not have blanks"),
    "hash": (limit("#ops", "soft", "nofile", 1), "#ops soft nofile", "must not have blanks, #"),
    "numeric": (limit("1000", "soft", "nofile", 1), "1000 soft nofile", "quote"),
    "sexagesimal": (limit(60059, "soft", "nofile", 1), "60059 soft nofile", "quote"),  # what YAML makes of 1000:59
    "type": (limit("ops", "weird", "nofile", 1), "ops weird nofile", "soft, hard, both"),
    "no-item": (limit("ops", "soft", "nofiles", 1), "ops soft nofiles", "did you mean nofile?"),
    "unit": (limit("ops", "soft", "memlock", "64M"), "ops soft memlock", "without unit"),
    "boolean": (limit("ops", "soft", "nofile", True), "ops soft nofile", "True"),
    "fraction": (limit("ops", "soft", "nofile", 1.5), "ops soft nofile", "1.5"),
    "list": (limit("ops", "soft", "nofile", [1]), "ops soft nofile", "[1]"),
    "none": (limit("ops", "soft", "nofile", None), "value", "value"),
    "nice": (limit("ops", "hard", "nice", -21), "ops hard nice", "-20"),
    "priority": (limit("ops", "hard", "priority", 20), "ops hard priority", "19"),
    "percent": (limit("%voip", "hard", "nofile", 5), "%voip hard nofile", "maxlogins"),
    "why": (limit("ops", "soft", "nofile", 5, "a\0b"), "ops soft nofile", "control"),
    "zero": (limit("*", "hard", "nproc", 0), "* hard nproc", "lock out"),
    "no-root": (limit("*", "both", "nonewprivs", 1), "* both nonewprivs", "sudo"),
    "nr-open": (limit("ops", "hard", "nofile", 2**31), "ops hard nofile", "fs.nr_open"),
    "soft-above-hard": (limit("asterisk", "soft", "nofile", 3001), "asterisk soft nofile", "'asterisk hard nofile'"),
    "soft-above-all": (limit("ops", "soft", "rtprio", 99), "ops soft rtprio", "hard limit in force (0"),
    "twice": (limit("asterisk", "both", "nofile", 5), "asterisk both nofile", "twice"),
}


@pytest.mark.parametrize(("bad", "item", "reason"), BAD_LIMITS.values(), ids=BAD_LIMITS.keys())
def test_bad_limit(bad: dict[str, Any], item: str, reason: str) -> None:
    make_people()
    apply(limit("ops", "soft", "core", 0))
    message = refused(limits=[limit("asterisk", "hard", "nofile", 3000), bad])
    assert (item in message, reason in message) == (True, True), message


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"path": "/etc/passwd"}, "/etc/passwd"),
        ({"path": "/etc/security/limits.conf"}, "/etc/security/limits.d"),
        ({"path": f"{LIMITS_D}/../limits.conf"}, LIMITS_D),
        ({"path": f"{LIMITS_D}/90-test"}, ".conf"),
        ({"path": f"{LIMITS_D}/.90-test.conf"}, ".conf"),
        ({"path": f"{LIMITS_D}/a\nb.conf"}, "letters"),
        ({"limits": "ops soft nofile 5"}, "dictionary"),
        ({"limits": [{"domain": "ops"}]}, "item"),
        ({"limits": [{**limit("ops", "soft", "core", 5), "rule": "at_least"}]}, "rule"),
        ({"state": "gone"}, "gone"),
        ({"limits": [limit("nobody-here", "soft", "core", 5)], "missing": "fail"}, "no user nobody-here"),
        ({"limits": [limit("ops", "soft", "rss", 5)], "missing": "fail"}, "2.4.30"),
        ({"limits": [limit("ops", "soft", "core", 5)], "shadowed": "fail"}, f"{LATER} line 1"),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, dict) else "",
)
def test_bad_parameters(parameters: dict[str, Any], named: str) -> None:
    make_people()
    write_file(LATER, "ops soft core 7\n")
    assert named in refused(**parameters)


def test_nr_open_after_a_boot_counts() -> None:
    make_people()
    write_file("/etc/sysctl.d/50-low.conf", "\nfs.nr_open = 3000\n")
    wanted = limit("asterisk", "hard", "nofile", 3001)
    if virtualization(Host()).kind == CONTAINER:
        assert apply(wanted).changed  # fs.nr_open is not the container's own
        return
    assert "/etc/sysctl.d/50-low.conf line 2" in refused(limits=[wanted])
    assert apply(limit("asterisk", "hard", "nofile", "max")).items["asterisk hard nofile"].after == "3000"
    assert login("asterisk").nofile()[1] == 3000


def test_an_ordinary_user_gets_an_error_at_once() -> None:
    make_people()
    become_nobody()
    assert "root" in module(path=FILE)["msg"]


def linked_directory() -> None:
    os.rename(LIMITS_D, "/etc/security/elsewhere.d")
    os.symlink("elsewhere.d", LIMITS_D)


def temporary_directory() -> None:
    """Staging replaces a file of this name, and cannot replace a directory."""
    os.makedirs(f"{LIMITS_D}/.90-test.conf.siptune-new")


@pytest.mark.parametrize(
    ("breaking", "reason"),
    [
        (linked_directory, "limits.d"),
        (temporary_directory, "EISDIR"),
    ],
)
def test_a_broken_host_is_left_as_it_is(breaking: Callable[[], None], reason: str) -> None:
    make_people()
    breaking()
    start = dump()
    result = module(path=FILE, limits=[limit("ops", "soft", "core", 5)])
    assert result.get("failed"), result
    assert reason in result["msg"]
    assert result["msg"].startswith("/etc/security")
    assert result["undone"] == []
    for item in result.get("items", []):  # there is one if the plan was under way
        assert (item["item"], item["state"]) == (result["msg"].partition(":")[0], "refused")
    assert "Traceback" not in result["msg"]
    assert difference(start, dump()) == {}


def test_missing_directories_are_made_and_taken_away() -> None:
    make_people()
    os.rename("/etc/security", "/etc/elsewhere")
    start = dump()
    assert module(path=FILE, limits=[limit("ops", "soft", "core", 5)])["changed"]
    assert os.path.exists(FILE)
    assert module(path=FILE, state="absent")["changed"]
    assert difference(start, dump()) == {}


# --- the real module ------------------------------------------------------------------------


def test_the_modules_result() -> None:
    make_people()
    write_file(FILE, "# by hand\nops soft core 7\n")
    os.chmod(FILE, 0o600)
    start = dump()
    wanted = [limit("ops", "soft", "core", "5", "Small."), limit("new", "hard", "nofile", 100)]
    checked = module(check=True, path=FILE, limits=wanted)
    assert difference(start, dump()) == {}
    done = module(path=FILE, limits=wanted)
    assert {**checked, "invocation": None} == {**done, "invocation": None}
    assert done["changed"]
    items = {item["item"]: item for item in done["items"]}
    assert items["ops soft core"] == {
        "item": "ops soft core",
        "wanted": "5",
        "before": "7",
        "after": "5",
        "at_boot_before": "7",
        "at_boot": "5",
        "state": "changed",
        "why": "Small.",
        "reason": "",
    }
    assert items["new hard nofile"]["state"] == "pending"
    assert done["diff"][0]["before"] == "(26 bytes, not shown: its mode 0600 keeps others from reading it)\n"
    assert "# Small.\nops soft core 5\n" in done["diff"][0]["after"]
    assert {one["service"]: (one["applies"], one["where"]) for one in done["pam"]} == {
        "login": (None, ""),
        "sshd": (None, ""),
        "su": (True, "/etc/pam.d/common line 3"),
        "sudo": (None, ""),
        "cron": (None, ""),
    }
    assert not module(path=FILE, limits=wanted)["changed"]
    assert module(path=FILE, state="absent")["changed"]
    assert difference(start, dump()) == {}
    assert not module(path=FILE, state="absent")["changed"]


def test_a_login_without_pam_limits_is_reported() -> None:
    make_people()
    write_file("/etc/pam.d/sudo", "session required pam_permit.so\n")
    result = module(path=FILE, limits=[limit("ops", "soft", "core", 5)])
    (sudo,) = [row for row in result["pam"] if row["service"] == "sudo"]
    assert sudo["applies"] is False
    assert "no session line with pam_limits.so" in sudo["reason"]


def test_two_files_are_reverted_one_by_one() -> None:
    make_people()
    start = dump()
    other = f"{LIMITS_D}/91-test.conf"
    apply(limit("ops", "soft", "core", 5))
    apply(limit("asterisk", "soft", "core", 6), path=other)
    assert apply(path=FILE).changed
    assert (login("ops").limits["core"][0], login("asterisk").limits["core"][0]) != (5 * 1024, 6 * 1024)
    assert login("asterisk").limits["core"][0] == 6 * 1024
    apply(path=other)
    assert difference(start, dump()) == {}


def test_the_module_starts_no_process() -> None:
    make_people()
    parameters = {"path": FILE, "limits": [limit("asterisk", "hard", "nofile", "max")]}
    assert [call.name for call in started_by(module_words(parameters))] == ["execve"]
    assert Path(FILE).exists()
    for action in (run_first, run_second, put_back):
        assert calls_of(action, STARTING) == []


# --- killed ---------------------------------------------------------------------------------

FIRST = [limit("asterisk", "hard", "nofile", 5000, "Room."), limit("*", "both", "core", "unlimited")]
SECOND = [limit("asterisk", "hard", "nofile", 4000)]


def run_first() -> object:
    return apply(*FIRST)


def run_second() -> object:
    return apply(*SECOND)


def put_back() -> object:
    return apply()


@pytest.mark.parametrize("killed", [run_first, put_back])
def test_people_can_log_in_after_a_run_is_killed_at_any_moment(killed: Callable[[], object]) -> None:
    make_people()
    run_second()
    for moment in calls_of(killed, CHANGING):
        run_second()
        assert kill_before(moment, killed), moment.line
        login("asterisk")
        run_second()
        assert login("asterisk").nofile()[1] == 4000, moment.line
