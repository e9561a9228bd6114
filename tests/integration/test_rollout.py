# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts as operators run them: canaries, budgets, hooks, drains that do not end, counters that grow."""

from __future__ import annotations

import functools
import json
import os
import pty
import re
import select
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calls import CHECKOUT, write_file
from controller import HERE, INVENTORY, environment, playbook, program
from sandbox import difference, dump
from test_audit import OVER_SSH, Run, answers, play

ORDER = "/run/order"
# The layer with the least to do: what is tested here is what happens around it.
ONE_LAYER = ("--tags", "fs")
NOTE = """\
- name: Note
  ansible.builtin.shell: echo '{word}' {{{{ inventory_hostname }}}} >> /run/order
  changed_when: true
"""
REFUSE = """\
- name: Refuse
  ansible.builtin.fail:
    msg: the dispatcher does not answer
  when: inventory_hostname in (reluctant | default([]))
"""
HANG = """\
- name: Wait for calls that do not end
  ansible.builtin.command: sleep 60
  when: inventory_hostname in (reluctant | default([]))
  changed_when: false
"""
# Sends to a socket that nobody reads from, until the kernel has to drop.
LOSER = """\
import socket
deaf, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
deaf.bind(("127.0.0.1", 0))
for _ in range(500):
    sender.sendto(bytes(100), deaf.getsockname())
"""
FLOOD = """\
- name: Lose datagrams
  ansible.builtin.command: "{{ ansible_python_interpreter }} /run/flood.py"
  changed_when: true
"""


def fleet(*names: str, **variables: Any) -> dict[str, dict[str, Any]]:
    return {name: {**HERE, **variables} for name in names}


def hook(path: str, *texts: str) -> str:
    write_file(path, "---\n" + "".join(texts))
    return path


def order() -> list[str]:
    return Path(ORDER).read_text(encoding="utf-8").splitlines() if os.path.exists(ORDER) else []


def site(hosts: dict[str, dict[str, Any]], *words: str, **variables: Any) -> Run:
    return play("site", hosts, *ONE_LAYER, *words, **variables)


def rolling(hosts: dict[str, dict[str, Any]], *words: str, **variables: Any) -> Run:
    return play("rolling", hosts, *ONE_LAYER, *words, **variables)


def recap(run: Run) -> dict[str, tuple[int, int]]:
    """How many tasks of each host were ok, and how many failed."""
    found = re.findall(r"^(\S+) +: ok=(\d+) .* failed=(\d+) ", run.output, re.MULTILINE)
    return {name: (int(ok), int(failed)) for name, ok, failed in found}


# --- before anything is touched --------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "variables", "message"),
    [
        pytest.param({}, {"siptune_serial": 0}, "siptune_serial: 0 is not a batch", id="no hosts at a time"),
        pytest.param({}, {"siptune_serial": "-1"}, "siptune_serial: -1 is not a batch", id="less than none"),
        pytest.param({}, {"siptune_serial": "150%"}, "150% is more than all hosts", id="more than all"),
        pytest.param({}, {"siptune_serial": "some"}, "'some' is neither a number of hosts nor", id="no number"),
        pytest.param({}, {"siptune_serial": [4, 1]}, "a canary of 4 hosts is more than the fleet", id="a large canary"),
        pytest.param({}, {"siptune_max_fail_percentage": 101}, "must be from 0 to 100, not 101", id="a large budget"),
        pytest.param(
            {"siptune_serial": 1}, {}, "siptune_serial: has no effect from the inventory", id="batches of a host"
        ),
    ],
)
@pytest.mark.parametrize("run", [site, rolling])
def test_batches_that_contradict_themselves_are_refused_before_anything_is_changed(
    run: Callable[..., Run], hosts: dict[str, Any], variables: dict[str, Any], message: str
) -> None:
    _refused(run, fleet("edge1", "edge2", "edge3", **hosts), variables, message)


def _refused(run: Callable[..., Run], hosts: dict[str, Any], variables: dict[str, Any], message: str) -> None:
    start = dump()
    done = run(hosts, **variables)
    assert done.status != 0
    assert message in " ".join(done.output.split()), done.output
    assert "Nothing was changed" in done.output
    assert difference(start, dump()) == {}


def test_a_budget_of_a_host_is_refused_as_ansible_takes_it_from_the_play() -> None:
    message = "siptune_max_fail_percentage: has no effect from the inventory"
    _refused(site, fleet("edge1", "edge2", siptune_max_fail_percentage=5), {}, message)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param(
            {"siptune_before_host_tasks": "/run/drain.yml"},
            "siptune_before_host_tasks: there is no file /run/drain.yml, for edge1",
            id="a missing hook",
        ),
        pytest.param(
            {"siptune_pause_seconds": 5}, "siptune_pause_seconds: all hosts are in one batch", id="a pause for none"
        ),
        pytest.param({"siptune_check_seconds": "long"}, "siptune_check_seconds: must be a whole number", id="no time"),
        pytest.param(
            {"siptune_check_seconds": 1, "siptune_check_counters": ["Drops"]},
            "there is no counter 'Drops'",
            id="no counter",
        ),
    ],
)
def test_a_rolling_run_that_contradicts_itself_is_refused(variables: dict[str, Any], message: str) -> None:
    _refused(rolling, fleet("edge1", "edge2", "edge3"), variables, message)


@pytest.mark.parametrize("name", ["site", "rollback"])
@pytest.mark.parametrize(
    ("hosts", "variables"),
    [
        pytest.param({"siptune_after_host_tasks": "/run/undrain.yml"}, {}, id="a hook in the inventory"),
        pytest.param({}, {"siptune_before_host_tasks": "/run/drain.yml"}, id="a hook"),
        pytest.param({}, {"siptune_check_seconds": 5}, id="a check"),
        pytest.param({}, {"siptune_pause_seconds": 5}, id="a pause"),
        pytest.param({}, {"siptune_rolling": True}, id="a wish"),
    ],
)
def test_what_only_a_rolling_run_does_is_refused_elsewhere(
    name: str, hosts: dict[str, Any], variables: dict[str, Any]
) -> None:
    variable = next(iter({**hosts, **variables}))
    message = f"{variable}: is set for edge1, edge2, and has an effect in siptune.linux.rolling alone. Use that"
    run = functools.partial(play, name)
    _refused(run, fleet("edge1", "edge2", **hosts), variables, message)


def test_everything_is_checked_also_where_the_first_host_has_failed_already() -> None:
    write_file(
        "/run/both.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.fail:\n"
        "      when: inventory_hostname == 'edge1'\n- import_playbook: siptune.linux.rolling\n",
    )
    write_file(INVENTORY, json.dumps({"all": {"hosts": fleet("edge1", "edge2", "edge3")}}))
    variables = {"siptune_serial": 2, "siptune_before_host_tasks": "/run/none.yml"}
    words = [program("ansible-playbook"), "-i", INVENTORY, "/run/both.yml", *ONE_LAYER, "-e", json.dumps(variables)]
    done = subprocess.run(words, env=environment(), cwd="/run", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "siptune_before_host_tasks: there is no file /run/none.yml" in " ".join((done.stdout + done.stderr).split())


def test_hosts_of_different_profiles_are_no_accident_only_if_said_so() -> None:
    hosts = {**fleet("edge1"), **fleet("relay1", siptune_profile="classic")}
    start = dump()
    run = site(hosts)
    assert run.status != 0
    assert "siptune_profile: differs in this play, classic: relay1; modern: edge1" in " ".join(run.output.split())
    assert difference(start, dump()) == {}
    run = site(hosts, siptune_mixed_profiles=True)
    assert run.status == 0, run.output
    run = site({**fleet("edge1", kind="modern"), **fleet("relay1", kind="classic")}, siptune_profile="{{ kind }}")
    assert "siptune_profile: differs in this play" in " ".join(run.output.split())


@pytest.mark.parametrize("wait", ["1800", "'{{ siptune_my_drain_seconds }}'"])
def test_a_drain_that_is_longer_than_its_limit_is_refused(wait: str) -> None:
    drain = f"- name: Wait\n  block:\n    - siptune.linux.sip_calls_wait:\n        timeout_seconds: {wait}\n"
    hosts = {
        **fleet("edge1"),
        **fleet("pbx1", siptune_before_host_tasks=hook("/run/drain.yml", drain), siptune_my_drain_seconds=1800),
    }
    message = (
        "siptune_hook_timeout_seconds: 600 s would cut off siptune.linux.sip_calls_wait.timeout_seconds in "
        "/run/drain.yml (for pbx1), which may wait for 1800 s"
    )
    _refused(rolling, hosts, {"siptune_hook_timeout_seconds": 600}, message)


# --- tags ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("site", ("--tags", "netwrok"), "--tags netwrok: there is no such layer or tag; the nearest is network. The l"),
        ("rollback", ("--skip-tags", "securty"), "--skip-tags securty: there is no such layer or tag; the nearest is"),
        ("rolling", ("--tags", "fs,memmory"), "--tags memmory: there is no such layer or tag; the nearest is memory."),
        ("audit", ("--tags", "service-limits"), "--tags service-limits: there is no such layer or tag; the nearest is"),
    ],
)
def test_a_tag_that_names_no_layer_is_refused(name: str, words: tuple[str, str], message: str) -> None:
    start = dump()
    run = play(name, fleet("edge1", "edge2"), *words)
    assert run.status == 2
    assert message in " ".join(run.output.split()), run.output
    assert run.output.count("[ERROR]") == 1
    assert difference(start, dump()) == {}


def own_playbook(*plays: dict[str, Any]) -> Callable[..., Run]:
    write_file("/run/own.yml", json.dumps(plays))
    hosts = fleet("edge1")
    return lambda *words: Run(*playbook("/run/own.yml", hosts, *words))


def test_the_tags_of_a_playbook_around_ours_are_known() -> None:
    task = {"ansible.builtin.debug": {"msg": "deployed"}, "tags": ["networks"]}
    deploy = {"hosts": "all", "gather_facts": False, "tasks": [{"block": [task], "tags": ["deploy"]}], "tags": ["app"]}
    tune = {"import_playbook": "siptune.linux.site", "tags": ["tune"]}
    run = own_playbook(deploy, tune)
    for tag in ("networks", "deploy", "app"):
        done = run("--tags", tag)
        assert done.status == 0, done.output
        assert "deployed" in done.output
        assert "edge1: no layer was run" in done.output
    assert run("--tags", "tune", "--skip-tags", "deploy,network,memory,security,service_limits").status == 0
    done = run("--tags", "netwrok")
    assert done.status == 2
    assert "--tags netwrok: there is no such layer or tag; the nearest is network" in " ".join(done.output.split())


def test_tags_of_tasks_that_are_included_later_cannot_be_known() -> None:
    write_file("/run/more.yml", '[{"ansible.builtin.debug": {"msg": "more"}, "tags": ["later"]}]')
    include = {"ansible.builtin.include_tasks": "/run/more.yml", "tags": ["always"]}
    run = own_playbook(
        {"hosts": "all", "gather_facts": False, "tasks": [include]}, {"import_playbook": "siptune.linux.site"}
    )
    done = run("--tags", "later")
    assert done.status == 0, done.output
    assert "--tags later: there is no such layer or tag" in " ".join(done.output.split())


def test_tags_of_hooks_are_known() -> None:
    hook("/run/drain.yml", NOTE.format(word="drain") + "  tags: [note]\n")
    run = rolling(fleet("edge1"), "--skip-tags", "note", siptune_before_host_tasks="/run/drain.yml")
    assert run.status == 0, run.output
    assert order() == []


# --- hooks -----------------------------------------------------------------------------------


def test_hooks_come_before_and_after_each_host_and_by_group() -> None:
    hook("/run/drain.yml", NOTE.format(word="drain"))
    hook("/run/undrain.yml", NOTE.format(word="undrain"))
    relays = {"siptune_before_host_tasks": hook("/run/relay.yml", NOTE.format(word="relay"))}
    hosts = {**fleet("edge1", siptune_before_host_tasks="drain.yml"), **fleet("relay1", **relays), **fleet("pbx1")}
    variables = {"siptune_serial": 1, "siptune_after_host_tasks": "/run/undrain.yml"}
    run = rolling(hosts, **variables)
    assert run.status == 0, run.output
    assert order() == ["drain edge1", "undrain edge1", "relay relay1", "undrain relay1", "undrain pbx1"]
    assert "1 of 1 host of this batch done. 0 hosts to come." in run.output
    os.remove(ORDER)
    run = rolling(hosts, siptune_state="absent", **variables)
    assert run.status == 0, run.output
    assert order() == ["drain edge1", "undrain edge1", "relay relay1", "undrain relay1", "undrain pbx1"]


def test_an_emergency_run_may_leave_hooks_out() -> None:
    hosts = fleet("edge1", siptune_before_host_tasks=hook("/run/drain.yml", NOTE.format(word="drain")))
    run = site(hosts, siptune_rolling=False)
    assert run.status == 0, run.output
    assert order() == []


def test_a_host_that_is_not_drained_is_skipped_and_brought_back() -> None:
    hook("/run/drain.yml", NOTE.format(word="drain"), HANG)
    hook("/run/undrain.yml", NOTE.format(word="undrain"))
    variables = {
        "siptune_before_host_tasks": "/run/drain.yml",
        "siptune_after_host_tasks": "/run/undrain.yml",
        "siptune_hook_timeout_seconds": 3,
        "siptune_serial": "2,1",
        "reluctant": ["edge2"],
    }
    run = rolling(fleet("edge1", "edge2", "edge3"), **variables)
    assert run.status == 2
    assert "1 of 2 hosts of this batch done; skipped, as they failed: edge2. 1 host to come." in run.output
    assert sorted(order()) == [f"{word} edge{number}" for word in ("drain", "undrain") for number in (1, 2, 3)]
    assert [failed for _, failed in recap(run).values()] == [0, 1, 0]
    # The budget counts it: with none to spare the rest is left alone, and every host is in service all the same.
    os.remove(ORDER)
    run = rolling(fleet("edge1", "edge2", "edge3"), siptune_max_fail_percentage=49, **variables)
    assert run.status == 2
    assert "1 of 2 hosts of this batch has failed or cannot be reached, 50 %, where" in run.output
    assert "The rollout stops here, and 1 host is left as it was" in run.output
    assert sorted(order()) == [f"{word} edge{number}" for word in ("drain", "undrain") for number in (1, 2)]


def test_a_host_is_brought_back_when_tuning_it_fails() -> None:
    # A directory in place of a file, which no run can write to, and no prediction has seen.
    block = "- name: Block\n  ansible.builtin.file:\n    path: /etc/sysctl.d/90-siptune-fs.conf\n    state: directory\n"
    hook("/run/drain.yml", NOTE.format(word="drain"), block)
    hook("/run/undrain.yml", NOTE.format(word="undrain"))
    run = rolling(
        fleet("edge1", "edge2"),
        siptune_before_host_tasks="/run/drain.yml",
        siptune_after_host_tasks="/run/undrain.yml",
        siptune_serial=1,
    )
    assert run.status == 2
    assert order() == ["drain edge1", "undrain edge1"]
    assert "edge2" not in recap(run)


def test_a_canary_that_fails_stops_the_rest_and_gets_its_verdict() -> None:
    hook("/run/drain.yml", REFUSE)
    run = rolling(
        fleet("edge1", "edge2", "edge3"),
        siptune_serial=[1, "100%"],
        siptune_before_host_tasks="/run/drain.yml",
        reluctant=["edge1"],
        siptune_pause_seconds=600,  # for which nobody waits now
    )
    assert run.status == 2
    assert recap(run)["edge1"][1] == 1
    assert list(recap(run)) == ["edge1"]
    assert lines(run)[-1] == (
        "All hosts of this batch have failed. The rollout stops here, and 2 hosts are left as they were."
    )
    assert "0 of 1 host of this batch done; skipped, as they failed: edge1. 2 hosts to come." in run.output
    assert run.output.count("the dispatcher does not answer") == 2  # the error, and the result of its task
    assert "may still be out of service" not in run.output


def lines(run: Run) -> list[str]:
    """What people read of a run between the last task and the recap."""
    last_task = run.output.partition("PLAY RECAP")[0].rpartition("TASK [")[2].splitlines()[1:]
    return [line for line in last_task if line and not line.startswith(("ok: ", "skipping: "))]


def test_a_canary_that_is_not_there_gets_its_verdict() -> None:
    answers(0)
    run = rolling({"gone": OVER_SSH, **fleet("edge2", "edge3")}, siptune_serial=1)
    assert run.status == 2
    assert list(recap(run)) == ["gone"]
    assert "All hosts of this batch have failed. The rollout stops here, and 2 hosts are left as they" in run.output
    assert "may still be out of service" not in run.output


@pytest.mark.parametrize("others", [[], ["edge1"]])
def test_a_host_that_is_lost_out_of_service_is_named(others: list[str]) -> None:
    hook("/run/drain.yml", NOTE.format(word="drain"))
    hook("/run/undrain.yml", NOTE.format(word="undrain"))
    answers(2)  # for the prediction, and for the drain
    run = rolling(
        {**fleet(*others), "gone": OVER_SSH, **fleet("edge9")},
        siptune_serial=[1 + len(others), 1],
        siptune_max_fail_percentage=20,
        siptune_before_host_tasks="/run/drain.yml",
        siptune_after_host_tasks="/run/undrain.yml",
    )
    assert run.status == 2
    assert "gone may still be out of service: its before-hook ran, its after-hook did not" in run.output
    assert run.output.count("may still be out of service") == 1
    drained = [f"drain {name}" for name in [*others, "gone"]]
    assert sorted(order()) == [*drained, *(f"undrain {name}" for name in others)]
    assert "and 1 host is left as it was" in " ".join(run.output.split())


def test_a_host_whose_after_tasks_fail_is_named() -> None:
    hook("/run/drain.yml", NOTE.format(word="drain"))
    variables = {"siptune_before_host_tasks": "/run/drain.yml", "siptune_after_host_tasks": hook("/run/u.yml", REFUSE)}
    run = rolling(fleet("edge1", "edge2"), reluctant=["edge2"], **variables)
    assert run.status == 2
    assert "edge2 may still be out of service" in run.output
    assert "edge1 may still be out of service" not in run.output


def test_a_host_that_goes_away_counts_too() -> None:
    hook("/run/drain.yml", NOTE.format(word="drain"))
    answers(2)  # for the prediction, and for the drain
    hosts = {**fleet("edge1"), "gone": OVER_SSH, **fleet("edge3")}
    run = rolling(
        hosts, siptune_serial=[2, 1], siptune_before_host_tasks="/run/drain.yml", siptune_max_fail_percentage=20
    )
    assert run.status != 0
    assert "1 of 2 hosts of this batch has failed or cannot be reached" in " ".join(run.output.split())
    assert "edge3" not in recap(run)


def test_check_mode_neither_waits_nor_counts() -> None:
    run = rolling(
        fleet("edge1", "edge2"), "--check", siptune_serial=1, siptune_pause_seconds=3600, siptune_check_seconds=3600
    )
    assert run.status == 0, run.output


# --- between batches -------------------------------------------------------------------------


def test_each_batch_is_announced() -> None:
    run = rolling(fleet("edge1", "edge2", "edge3", "edge4", "edge5"), siptune_serial=2)
    assert run.status == 0, run.output
    found = re.findall(r"^batch .*$|^TASK \[Count the losses of the host before", run.output, re.MULTILINE)
    announced = ["batch 1 of 3: edge1, edge2", "batch 2 of 3: edge3, edge4", "batch 3 of 3: edge5"]
    assert found[::2] == announced, run.output


def test_a_check_and_a_pause_count_down() -> None:
    waits = {"siptune_check_seconds": 6, "siptune_pause_seconds": 5}
    run = rolling(fleet("edge1", "edge2", "edge3"), siptune_serial=[2, 1], **waits)
    assert run.status == 0, run.output
    shown = run.output.splitlines()
    for phase in ("Count the losses of the host before it is tuned", "Count the losses of the host now"):
        start = next(number for number, line in enumerate(shown) if phase in line)
        (left, *_more) = [line for line in shown[start:] if "checking for" in line]
        assert re.fullmatch(r"edge1: checking for 6 s: [1-5] s left, no losses so far", left)
    assert not [line for line in shown if line.startswith("edge2: checking")]  # one line stands for all that are well
    start = shown.index("Waiting for 5 s before the next batch.")
    assert shown[start + 1 : start + 3] == ["3 s left before the next batch.", "1 s left before the next batch."]


def test_counters_that_worsen_stop_the_rollout() -> None:
    write_file("/run/flood.py", LOSER)
    variables = {"siptune_serial": [1, "100%"], "siptune_check_seconds": 2, "siptune_after_host_tasks": "/run/u.yml"}
    hook("/run/u.yml", NOTE.format(word="undrain"))
    run = rolling(fleet("edge1", "edge2"), **variables)
    assert run.status == 0, run.output

    # The hook runs before the second count begins, so what is lost has to go on: a background job loses it.
    hook(
        "/run/u.yml",
        "- name: Lose datagrams\n  ansible.builtin.shell: |\n"
        "    (for n in 1 2 3 4 5 6 7 8; do {{ ansible_python_interpreter }} /run/flood.py; sleep 0.5; done)"
        " >/dev/null 2>&1 &\n  changed_when: true\n",
    )
    run = rolling(fleet("edge1", "edge2"), **variables)
    assert run.status == 2
    text = " ".join(run.output.split())
    assert re.search(r"edge1 UdpRcvbufErrors: [0-9.]+ a second \([0-9]+ in 2 s\) since it was tuned, 0.00 a", text)
    assert "The rollout stops here, and 1 host is left as it was" in text
    assert "edge2" not in recap(run)


def test_a_host_of_an_earlier_batch_that_loses_later_stops_the_rest() -> None:
    # All hosts are this machine, so what is lost while the second one is out of service is the first one's, too.
    flooding = hook("/run/f.yml", FLOOD)
    write_file("/run/flood.py", LOSER)
    hosts = {**fleet("edge1"), **fleet("edge2", siptune_before_host_tasks=flooding), **fleet("edge3")}
    run = rolling(hosts, siptune_serial=1, siptune_check_seconds=1)
    assert run.status == 2
    text = " ".join(run.output.split())
    assert "edge1 UdpRcvbufErrors" in text
    assert "edge2 UdpRcvbufErrors" not in text  # its own loss was over when it was counted
    assert "edge3" not in recap(run)


def test_a_pause_comes_after_the_canary_alone() -> None:
    run = rolling(fleet("edge1", "edge2", "edge3"), siptune_serial=1, siptune_pause_seconds=1)
    assert run.status == 0, run.output
    assert run.output.count("Waiting for 1 s before the next batch.") == 1
    run = rolling(
        fleet("edge1", "edge2", "edge3"), siptune_serial=1, siptune_pause_seconds=1, siptune_pause_after="every_batch"
    )
    assert run.output.count("Waiting for 1 s before the next batch.") == 2


def test_nobody_there_to_confirm_stops_after_the_canary() -> None:
    run = rolling(fleet("edge1", "edge2"), siptune_serial=1, siptune_confirm=True)
    assert run.status == 2
    assert "there is no terminal to ask at" in run.output
    assert "edge2" not in recap(run)


@pytest.mark.parametrize(("answer", "hosts"), [("yes", ["edge1", "edge2"]), ("no", ["edge1"])])
def test_a_person_decides_at_the_terminal(answer: str, hosts: list[str]) -> None:
    write_file(INVENTORY, json.dumps({"all": {"hosts": fleet("edge1", "edge2")}}))
    words = [program("ansible-playbook"), "-i", INVENTORY, "siptune.linux.rolling", *ONE_LAYER]
    words += ["-e", json.dumps({"siptune_serial": 1, "siptune_confirm": True})]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(), cwd="/run"
    )
    os.close(theirs)
    shown = ""
    while process.poll() is None:
        if select.select([ours], [], [], 2)[0]:
            try:
                shown += os.read(ours, 65536).decode("utf-8", "replace")
            except OSError:  # the terminal is gone with its last program
                break
        elif "yes or no" in shown:  # and the program has been listening for a while
            os.write(ours, f"{answer}\r".encode())
    assert process.wait(60) == (0 if answer == "yes" else 2), shown
    assert list(recap(Run(0, re.sub(r"\x1b\[[0-9;]*m", "", shown)))) == hosts


def test_a_host_that_would_fail_stays_in_service() -> None:
    hook("/run/drain.yml", NOTE.format(word="drain"))
    hosts = {**fleet("edge1"), **fleet("edge2", siptune_fs_sysctl={"fs.no": "{{ 1 }}", "../x": 1}), **fleet("edge3")}
    run = rolling(hosts, siptune_before_host_tasks="/run/drain.yml")
    assert run.status == 2
    assert sorted(order()) == ["drain edge1", "drain edge3"]


def test_the_example_in_the_documentation_works() -> None:
    words = [
        program("ansible-playbook"),
        "-i",
        f"{CHECKOUT}/docs/fleet/inventory.yml",
        "siptune.linux.rolling",
        "--check",
    ]
    variables = {"siptune_hosts": "media_relays:pbxs", "siptune_serial": "1,50%", **HERE}
    done = subprocess.run(
        [*words, "-e", json.dumps(variables)],
        env=environment(),
        cwd=CHECKOUT,  # which is where its hooks are found from
        capture_output=True,
        text=True,
        check=False,
    )
    run = Run(done.returncode, done.stdout + done.stderr)
    assert run.status == 0, run.output
    assert len(recap(run)) == 4
    assert run.output.count("TASK [Wait until the last ") == 4
