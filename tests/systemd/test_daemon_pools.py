# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon_pools against the real systemd of Debian 11, 12 and 13, with units of the shapes that the packages have."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from machine import Machine

UNITS = "/etc/systemd/system"
SHARED, PRIVATE = "shared_mib", "private_mib"

# Keeps its command line and waits, as a daemon does.
DAEMON = "#!/usr/bin/python3\nimport time\ntime.sleep(10**6)\n"

KAMAILIO = """\
[Service]
Environment='CFGFILE=/etc/kamailio/kamailio.cfg'
Environment='SHM_MEMORY=64'
Environment='PKG_MEMORY=8'
EnvironmentFile=-/etc/default/kamailio
EnvironmentFile=-/etc/default/kamailio.d/*
ExecStart=/usr/local/sbin/kamailio -P /run/kamailio.pid -f $CFGFILE -m $SHM_MEMORY -M $PKG_MEMORY --atexit=no
"""
INSTANCE = KAMAILIO.replace("default/kamailio", "default/kamailio-%i")
OPENSIPS = """\
[Service]
Environment=P_MEMORY=32 S_MEMORY=32
EnvironmentFile=-/etc/default/opensips
ExecStart=/usr/local/sbin/opensips -P %t/opensips.pid -f /etc/opensips.cfg -m $S_MEMORY -M $P_MEMORY $OPTIONS
"""
KAMAILIO_DEFAULT = "# options\n#SHM_MEMORY=64\n#PKG_MEMORY=8\n"
OPENSIPS_DEFAULT = '# options\nRUN_OPENSIPS=yes\nS_MEMORY=64\nP_MEMORY=4\nOPTIONS=""\n'

ALL = "kamailio.service kamailio@edge.service opensips.service"


@pytest.fixture
def proxies(container: Machine) -> Iterator[Machine]:
    """Three daemons that run, of two packages and one instance."""
    machine = container
    for name in ("kamailio", "opensips"):
        machine.write(f"/usr/local/sbin/{name}", DAEMON, 0o755)
        machine.write(f"/etc/{name}.cfg", "debug=1\n")
    machine.write(f"{UNITS}/kamailio.service", KAMAILIO)
    machine.write(f"{UNITS}/kamailio@.service", INSTANCE)
    machine.write(f"{UNITS}/opensips.service", OPENSIPS)
    machine.write("/etc/default/kamailio", KAMAILIO_DEFAULT)
    machine.write("/etc/default/opensips", OPENSIPS_DEFAULT, 0o640)
    machine.sh(f"rm -rf /var/lib/siptune; systemctl daemon-reload; systemctl restart {ALL}")
    machine.calls_of_systemctl()
    yield machine
    machine.sh(
        f"systemctl stop {ALL}; rm -rf /var/lib/siptune /etc/default/kamailio* /etc/default/opensips {UNITS}/opensips* "
        f"{UNITS}/kamailio* /usr/local/sbin/kamailio /usr/local/sbin/opensips /etc/kamailio.cfg /etc/opensips.cfg;"
        "systemctl daemon-reload"
    )


def call(
    machine: Machine, check: bool = False, patience_seconds: int | None = None, **parameters: Any
) -> dict[str, Any]:
    """The result of the real module."""
    return machine.call_module("daemon_pools", parameters, check, patience_seconds)


def module(machine: Machine, check: bool = False, **parameters: Any) -> tuple[bool, dict[str, dict[str, Any]]]:
    result = call(machine, check, **parameters)
    assert "failed" not in result, result["msg"]
    return result["changed"], {item["item"]: item for item in result["items"]}


def command_line(machine: Machine, unit: str) -> list[str]:
    """The words of the main process, once it runs its own program and no longer systemd's."""
    return machine.sh(
        f"pid=$(/bin/systemctl show --property MainPID --value {unit}); for try in $(seq 100); do"
        "  grep -qE '^(systemd|\\()' /proc/$pid/comm || break; sleep 0.1;"
        "done; tr '\\0' '\\n' < /proc/$pid/cmdline"
    ).splitlines()


def pool(machine: Machine, unit: str, option: str) -> str:
    words = command_line(machine, unit)
    return words[words.index(option) + 1]


POOLS: Mapping[str, Any] = {
    "kamailio.service": {SHARED: {"value": 128, "rule": "at_least", "why": "Calls."}, PRIVATE: 16},
    "kamailio@edge.service": {SHARED: 96},
    "opensips.service": {SHARED: 256, PRIVATE: 12},
}


def test_pools_wait_for_a_restart(proxies: Machine) -> None:
    before = proxies.dump()
    pids = {unit: proxies.show(unit, "MainPID") for unit in ALL.split()}
    predicted = module(proxies, check=True, pools=POOLS)
    assert proxies.dump() == before
    proxies.calls_of_systemctl()
    done = module(proxies, pools=POOLS)
    assert done == predicted
    assert proxies.calls_of_systemctl() == ["show"]
    changed, items = done
    assert changed
    pools = {name: item for name, item in items.items() if "_mib" in name}
    assert {name: (item["before"], item["after"], item["at_boot"]) for name, item in pools.items()} == {
        "kamailio.service shared_mib": ("64", "64", "128"),
        "kamailio.service private_mib": ("8", "8", "16"),
        "kamailio@edge.service shared_mib": ("64", "64", "96"),
        "opensips.service shared_mib": ("64", "64", "256"),
        "opensips.service private_mib": ("4", "4", "12"),
    }
    assert {item["state"] for name, item in items.items() if "_mib" in name} == {"pending"}
    assert {unit: proxies.show(unit, "MainPID") for unit in ALL.split()} == pids
    assert items["opensips.service shared_mib"]["reason"] == (
        "in force once opensips.service restarts: it runs with 64"
    )

    tuned = proxies.dump()
    changed, items = module(proxies, pools=POOLS)
    assert (changed, items["opensips.service shared_mib"]["state"]) == (False, "pending")
    assert proxies.dump() == tuned

    proxies.sh(f"systemctl restart {ALL}")
    assert pool(proxies, "kamailio.service", "-m") == "128"
    assert pool(proxies, "kamailio.service", "-M") == "16"
    assert pool(proxies, "kamailio@edge.service", "-m") == "96"
    assert pool(proxies, "opensips.service", "-m") == "256"
    assert pool(proxies, "opensips.service", "-M") == "12"
    changed, items = module(proxies, pools=POOLS)
    assert not changed
    assert {item["state"] for name, item in items.items() if "_mib" in name} == {"ok"}

    changed, items = module(proxies, state="absent")
    assert changed
    item = items["opensips.service shared_mib"]
    assert (item["state"], item["at_boot"]) == ("pending", "64")
    assert proxies.dump() == before
    proxies.sh(f"systemctl restart {ALL}")
    assert pool(proxies, "opensips.service", "-M") == "4"
    assert module(proxies, state="absent") == (False, {})


def test_a_stopped_unit_starts_with_its_pools(proxies: Machine) -> None:
    proxies.sh("systemctl stop opensips.service")
    item = module(proxies, pools=POOLS)[1]["opensips.service shared_mib"]
    assert (item["before"], item["after"], item["state"]) == ("64", "256", "changed")
    proxies.sh("systemctl start opensips.service")
    assert pool(proxies, "opensips.service", "-m") == "256"


def test_the_last_file_below_a_directory_decides(proxies: Machine) -> None:
    proxies.write("/etc/default/kamailio.d/10-a", "SHM_MEMORY=70\n")
    proxies.write("/etc/default/kamailio.d/20-b", "SHM_MEMORY=80\n")
    proxies.sh("systemctl restart kamailio.service")
    item = module(proxies, pools={"kamailio.service": {SHARED: 128}})[1]["kamailio.service shared_mib"]
    assert (item["before"], item["at_boot"]) == (pool(proxies, "kamailio.service", "-m"), "128") == ("80", "128")
    proxies.sh("systemctl restart kamailio.service")
    assert pool(proxies, "kamailio.service", "-m") == "128"


def test_an_option_in_a_later_variable_wins(proxies: Machine) -> None:
    proxies.write("/etc/default/opensips", OPENSIPS_DEFAULT.replace('""', '"-d -m 77"'))
    before = proxies.dump()
    item = module(proxies, pools={"opensips.service": {SHARED: 128}})[1]["opensips.service shared_mib"]
    assert (item["state"], item["at_boot"]) == ("shadowed", "77")
    assert "/etc/default/opensips line 5 sets OPTIONS" in item["reason"]
    assert proxies.dump() == before


def test_memory_that_the_unit_may_not_have_is_refused(proxies: Machine) -> None:
    proxies.write(f"{UNITS}/opensips.service.d/10-memory.conf", "[Service]\nMemoryMax=100M\n")
    proxies.sh("systemctl daemon-reload")
    before = proxies.dump()
    result = call(proxies, pools={"opensips.service": {SHARED: 97}})
    assert result["failed"]
    assert "would have 101 MiB, and MemoryMax of the unit is 100 MiB" in result["msg"]
    assert proxies.dump() == before
    assert module(proxies, pools={"opensips.service": {SHARED: 96}})[0]


def test_units_that_are_not_there(proxies: Machine) -> None:
    proxies.sh(f"ln -sf /dev/null {UNITS}/kamailio@masked.service; systemctl daemon-reload")
    before = proxies.dump()
    names = ("late.service", "kamailio@masked.service")
    changed, items = module(proxies, pools={name: {SHARED: 128} for name in names})
    assert not changed
    assert {name: item["state"] for name, item in items.items()} == {f"{name} {SHARED}": "absent" for name in names}
    assert "not installed" in items[f"late.service {SHARED}"]["reason"]
    assert "masked" in items[f"kamailio@masked.service {SHARED}"]["reason"]
    assert proxies.dump() == before


def test_a_systemctl_that_hangs_ends_the_call(proxies: Machine) -> None:
    counter = proxies.read("/usr/local/bin/systemctl") or ""
    before = proxies.dump()
    proxies.write("/usr/local/bin/systemctl", "#!/bin/sh\nexec sleep 300\n", 0o755)
    try:
        result = call(proxies, patience_seconds=1, pools=POOLS)
    finally:
        proxies.write("/usr/local/bin/systemctl", counter, 0o755)
    assert result["failed"]
    assert "did not end within" in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert proxies.dump() == before


# --- our parsers of files and command lines, compared with systemd ---------------------------

# Runs beside systemd, with the collection and the Python that a target has.
OURS = """
import json, sys, types
for name, path in (
    ("ansible_collections", []),
    ("ansible_collections.siptune", []),
    ("ansible_collections.siptune.linux", ["/srv/siptune"]),
):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from ansible_collections.siptune.linux.plugins.module_utils._systemd import environment_file
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import Variable, expand, read_start

def values(text):
    return environment_file.values(text)

def edited(text):
    # The text with a variable set, None where that is refused; and whether all goes back.
    try:
        was = environment_file.read_number(text, "", "SHM_MEMORY")
        mark = environment_file.Mark("a.service", was, "Why.")
        tuned = environment_file.set_number(text, "", "SHM_MEMORY", 777, mark)
    except environment_file.EnvironmentFileError:
        return None, True
    return tuned, environment_file.revert_line(tuned, "SHM_MEMORY", text) == text

def words(unit, name, environment):
    start = read_start([("unit", unit)], name)
    found = {name: Variable(value, "", 0) for name, value in values(environment)[0].items()}
    return [word.text for word in expand(start.commands[0], found) if not word.empty]

print(json.dumps([globals()[sys.argv[1]](*call) for call in json.load(sys.stdin)]))
"""


def ours(machine: Machine, function: str, calls: Sequence[Sequence[str]]) -> list[Any]:
    """The results of our own functions for these texts."""
    done = machine.execute("/usr/bin/python3", "-c", OURS, function, text=json.dumps(calls))
    assert done.status == 0, done.stderr
    return json.loads(done.stdout)


# What people have in such files, and what a parser may trip over, in pieces that are put together at random.
PIECES = (
    *("SHM_MEMORY=64", "SHM_MEMORY = '128' ", 'SHM_MEMORY="64"', "SHM_MEMORY=6\\\n4", "SHM_MEMORY=064"),
    *("#SHM_MEMORY=1", "A=1", "A=", "A=a b  ", "A='a \"b\" \\n'", "A=\"a\" 'b'", 'A="a" b c  ', 'A=a"b c"'),
    *("A=64 # Mb", "A=a\\ b\\\\c\\n", "A=a\\ ", "A=a\\\nb", 'A="a\\\nb\nc"', 'A="\\$\\`\\"\\\\\\n"', "A=B=C", "A=\\"),
    *("A= \\\n  b", "A='a' \\\n\"b\"", "B=x \\ \n", "ulimit -n 65536", "export X=1", "export X='"),
    *(". /etc/default/locale", "[Service]", "if [ -f /x ]; then", "fi", "a.b=c", "\ufeff", "\ufeffA=1"),
    *("1A=1", "=", "=A='x", "==", "A B=1"),
    *("A+=2", "\u00c4=1", "B=\u00e4\u20ac\U0001f600", "hello there", "# a comment", "; another", " # it's"),
    *("# C:\\", "#\\\\", "# \\x", "B='", 'B="', "'", '"', "\\", "\\\\", "`", "$A", "  ", "\t"),
    *("B=\x1b[1m\x7f", "\x0cB=1", "B=\x0b1", "# K\udcf6ln", "K\udcf6ln"),
)
SPOILERS = ("A=\udcff", "ex\udcf6=1", "\0", "A=\uffff", "A=\ufdd0", "B='\udce4'")
ENDINGS = ("\n", "\n", "\n", "\n", "\r\n", "\r", "", "\n\n", " \n")
FILES = 150
SEED = 20260501
CONTINUES_COMMENTS_BEFORE = 254  # systemd's NEWS of that version

# Writes the files, has one unit a file print its environment, and returns what those have printed.
THEIRS = """
import json, os, subprocess, sys
os.makedirs("/run/readenv", exist_ok=True)
texts = json.load(sys.stdin)
for number, text in enumerate(texts):
    with open("/run/readenv/%d" % number, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    if os.path.exists("/run/readenv/%d.out" % number):
        os.unlink("/run/readenv/%d.out" % number)
subprocess.run(["systemctl", "start"] + ["readenv@%d.service" % number for number in range(len(texts))], check=True)
outputs = [open("/run/readenv/%d.out" % number, "rb").read() for number in range(len(texts))]
print(json.dumps([output.decode("utf-8") for output in outputs]))
"""


def random_files() -> list[str]:
    """An empty file, each piece and each spoiler alone, and random ones."""
    choose = random.Random(SEED)
    files = ["", *PIECES, *(f"SHM_MEMORY=64\n{piece}\nA=2\n" for piece in (*PIECES, *SPOILERS))]
    for _ in range(FILES):
        pieces = choose.choices(PIECES, k=choose.randrange(1, 9))
        pieces += choose.choices(SPOILERS, k=choose.random() < 0.05)
        choose.shuffle(pieces)
        files.append("".join(piece + choose.choice(ENDINGS) for piece in pieces))
    return files


def theirs(machine: Machine, texts: Sequence[str]) -> list[dict[str, str]]:
    """What systemd makes of files, without what it gives every service. The first file has to be empty."""
    done = machine.execute("/usr/bin/python3", "-c", THEIRS, text=json.dumps(texts))
    assert done.status == 0, done.stderr
    found = [dict(pair.split("=", 1) for pair in output.split("\0") if pair) for output in json.loads(done.stdout)]
    return [{name: value for name, value in one.items() if name not in found[0]} for one in found]


@pytest.fixture
def reader(container: Machine) -> Iterator[Machine]:
    """A machine with a unit that prints its environment."""
    container.write(
        f"{UNITS}/readenv@.service",
        "[Unit]\nStartLimitIntervalSec=0\n"
        "[Service]\nType=oneshot\nEnvironmentFile=-/run/readenv/%i\nExecStart=/usr/bin/env -0\n"
        "StandardOutput=file:/run/readenv/%i.out\n",
    )
    container.sh("systemctl daemon-reload")
    yield container
    container.sh(f"rm -rf /run/readenv {UNITS}/readenv@.service; systemctl daemon-reload")


def test_random_environment_files_are_read_and_set_as_systemd_reads_them(reader: Machine) -> None:
    old = int(reader.run("/bin/systemctl", "--version").split()[1]) < CONTINUES_COMMENTS_BEFORE
    texts = random_files()
    before = theirs(reader, texts)
    for text, values, found in zip(texts, ours(reader, "values", [[text] for text in texts]), before, strict=True):
        assert values[old] == found, text

    results = ours(reader, "edited", [[text] for text in texts])
    tuned = [text if result is None else result for text, (result, _back) in zip(texts, results, strict=True)]
    tuned[0] = ""
    after = theirs(reader, tuned)
    edited = 0
    for text, (result, goes_back), was, now in list(zip(texts, results, before, after, strict=True))[1:]:
        assert goes_back, text
        if result is not None and was:
            edited += 1
            assert now == {**was, "SHM_MEMORY": "777"}, text
    assert edited > FILES


COMMANDS = (
    "-m $A -M ${A} -f${A} -x$A",
    "-m $NONE -M 8 ${NONE} end",
    "$OPTIONS '$OPTIONS' \"${OPTIONS}\"",
    "$$A $EMPTY x 'a b' \"c 'd'\" e\\x20f",
    "%i %p %N %t a%%b",
    "-m64 -- $QUOTED ${QUOTED}",
)
ENVIRONMENT = "A=64\nOPTIONS=-m 1 -d\nEMPTY=\nQUOTED=\"'a b' c\"\n"


def test_command_lines_are_expanded_as_systemd_expands_them(container: Machine) -> None:
    container.write("/usr/local/bin/words", '#!/bin/sh\nprintf "%s\\0" "$@"\n', 0o755)
    container.write("/run/words/env", ENVIRONMENT)
    units = [
        f"[Service]\nType=oneshot\nEnvironmentFile=/run/words/env\nExecStart=/usr/local/bin/words {command}\n"
        f"StandardOutput=file:/run/words/{number}\n"
        for number, command in enumerate(COMMANDS)
    ]
    names = [f"words{number}@edge.service" for number in range(len(units))]
    for name, unit in zip(names, units, strict=True):
        container.write(f"{UNITS}/{name.replace('edge', '')}", unit)
    container.sh(f"systemctl daemon-reload; systemctl start {' '.join(names)}")
    found = ours(container, "words", [[unit, name, ENVIRONMENT] for name, unit in zip(names, units, strict=True)])
    for number, words in enumerate(found):
        theirs = (container.read(f"/run/words/{number}") or "").split("\0")[:-1]
        assert words == ["/usr/local/bin/words", *theirs], COMMANDS[number]
    container.sh(f"rm -rf /run/words {UNITS}/words* /usr/local/bin/words; systemctl daemon-reload")


# --- restarts -------------------------------------------------------------------------------

STARTS = "/run/starts"
COUNTED = f"[Service]\nExecStartPre=/bin/sh -c 'echo %n >> {STARTS}'\n"


def limits_and_pools(machine: Machine, check: bool = False, **more: Any) -> dict[str, Any]:
    """The result of both modules in one call, with restarts."""
    own = {"restart": True, "despite_calls": True, **more}
    units = {"units": {"opensips.service": {"Nice": 3}}} if "state" not in more else {}
    pools = {"pools": {"opensips.service": {SHARED: 256}}} if "state" not in more else {}
    calls = [
        {"name": "limits", "module": "systemd_limits", "arguments": {**units, **own}},
        {"name": "pools", "module": "daemon_pools", "arguments": {**pools, **own}},
    ]
    result = machine.call_module("transaction", {"calls": calls}, check)
    assert "failed" not in result, result["msg"]
    return result


def states(result: dict[str, Any]) -> dict[str, str]:
    return {item["item"]: item["state"] for item in result["items"] if "maxbuffer" not in item["item"]}


def test_a_daemon_is_restarted_once_for_all_that_is_pending(proxies: Machine) -> None:
    proxies.write(f"{UNITS}/opensips.service.d/10-counted.conf", COUNTED)
    proxies.sh("systemctl daemon-reload")
    before = proxies.dump()
    predicted = limits_and_pools(proxies, check=True)
    done = limits_and_pools(proxies)
    assert predicted["items"] == done["items"]
    assert states(done) == {"opensips.service Nice": "changed", "opensips.service shared_mib": "changed"}
    assert pool(proxies, "opensips.service", "-m") == "256"
    assert proxies.sh("ps -o ni= -p $(systemctl show -p MainPID --value opensips)").strip() == "3"
    assert proxies.read(STARTS) == "opensips.service\n"
    again = limits_and_pools(proxies)
    assert (again["changed"], set(states(again).values())) == (False, {"ok"})
    assert proxies.read(STARTS) == "opensips.service\n"

    back = limits_and_pools(proxies, state="absent")
    assert set(states(back).values()) == {"changed"}
    assert proxies.read(STARTS) == "opensips.service\n" * 2
    assert pool(proxies, "opensips.service", "-m") == "64"
    proxies.sh(f"rm {STARTS}")
    assert proxies.dump() == before


def test_a_restart_makes_up_for_pools_that_were_written_earlier(proxies: Machine) -> None:
    module(proxies, pools=POOLS)
    changed, items = module(proxies, pools=POOLS, restart=True, despite_calls=True)
    assert changed
    assert {item["state"] for name, item in items.items() if "_mib" in name} == {"changed"}
    assert pool(proxies, "kamailio@edge.service", "-m") == "96"
    assert not module(proxies, pools=POOLS, restart=True, despite_calls=True)[0]


def test_a_daemon_that_does_not_come_back_gets_its_old_pools(proxies: Machine) -> None:
    check = "[Service]\nExecStartPre=/bin/sh -c 'test $S_MEMORY != 256'\n"
    proxies.write(f"{UNITS}/opensips.service.d/10-check.conf", check)
    proxies.sh("systemctl daemon-reload")
    before = proxies.dump()
    result = call(proxies, pools=POOLS, restart=True, despite_calls=True)
    assert "opensips.service: did not come back from its restart" in result["msg"]
    assert proxies.dump() == before
    proxies.sh("for try in $(seq 50); do systemctl is-active -q opensips && exit; sleep 0.1; done; exit 1")
