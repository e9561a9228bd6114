# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads on the terminal: whole runs of several hosts, with as many forks as Ansible has by default."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from calls import write_file
from controller import HERE, Run, playbook
from sandbox import difference, dump, read, write
from test_audit import OVER_SSH, answers

PLAY = "/run/play.json"
FILE = "/etc/sysctl.d/90-siptune-network.conf"
QUEUE, SACK = "net/core/somaxconn", "net/ipv4/tcp_sack"
ONE_LAYER = ("--tags", "network")
LONGEST_FAILURE = 1000  # characters of all that is printed of a host that fails

BURSTS = {"value": 4096, "why": "Bursts of calls."}


def host(**settings: Any) -> dict[str, Any]:
    """A host with these kernel parameters in the place of the profile's, dots as underscores."""
    names = {name.replace("__", "."): value for name, value in settings.items()}
    return {**HERE, "siptune_network_sysctl": names, "siptune_network_sip_receive_buffer": 0}


def lost() -> dict[str, Any]:
    """A host that cannot be reached."""
    answers(0)
    return OVER_SSH


def quiet(hosts: dict[str, Any]) -> dict[str, Any]:
    """The same hosts, and nothing of the catalogue, which the machine's kernel decides about."""
    from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

    left = dict.fromkeys(load_layer("network").catalogue)
    return {
        name: {**one, "siptune_network_sysctl": {**left, **one.get("siptune_network_sysctl", {})}}
        for name, one in hosts.items()
    }


def site(hosts: dict[str, Any], *words: str, name: str = "site") -> Run:
    return playbook(f"siptune.linux.{name}", quiet(hosts), *ONE_LAYER, *words)


def report(run: Run, batch: int = 0) -> list[str]:
    """The lines of the report of a batch, as they stand there."""
    found = re.findall(r"^TASK \[Report on all hosts of the batch\] \*+\n(.*?)^ok: ", run.output, re.M | re.S)
    return found[batch].rstrip("\n").split("\n")


def headings(lines: list[str]) -> list[str]:
    return [line for line in lines if line and not line.startswith(" ")]


def of_host(name: str, lines: list[str]) -> list[str]:
    """The lines of a host's table."""
    start = lines.index(next(line for line in lines if re.match(rf"{name}(  \(|$)", line)))
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    return lines[start + 1 : end]


def recaps(run: Run) -> dict[str, dict[str, int]]:
    found = re.findall(r"^(\S+) +: (ok=.*)$", run.output, re.MULTILINE)
    return {name: {word: int(count) for word, count in re.findall(r"(\w+)=(\d+)", counts)} for name, counts in found}


def check_readable(run: Run) -> None:
    assert "Traceback" not in run.output
    assert "see above" not in run.output
    assert "MODULE FAILURE" not in run.output


PREDICTED = "  (check mode: predictions, nothing was changed)"


def test_a_plan_has_each_change_once_and_the_tables_in_the_order_of_the_inventory() -> None:
    write(QUEUE, 128)
    write(SACK, 1)
    start = dump()
    alike = host(net__core__somaxconn=BURSTS)
    other = host(net__core__somaxconn=BURSTS, net__ipv4__tcp_sack={"value": 0, "why": "An old bug."})
    hosts = {"edge2": alike, "pbx": other, "edge1": alike, "edge10": alike, "relay": host(net__core__somaxconn=128)}
    runs = [site(hosts, "--check") for _ in range(2)]
    for run in runs:
        assert run.status == 0, run.output
        check_readable(run)
        lines = report(run)
        assert lines[:16] == [
            "edge2, pbx, edge1, edge10, relay would change",
            "  network",
            f"    created: {FILE}",
            "",
            "edge2, pbx, edge1, edge10 would change",
            "  network",
            "    net.core.somaxconn: 128 -> 4096 (Bursts of calls.)",
            "",
            "pbx would change",
            "  network",
            "    net.ipv4.tcp_sack: 1 -> 0 (An old bug.)",
            "",
            "relay would change",
            "  network",
            "    net.core.somaxconn: not set -> 128 at the next boot (set in siptune_network_sysctl)",
            "",
        ]
        assert headings(lines)[4:] == [f"{name}{PREDICTED}" for name in hosts]
        assert of_host("pbx", lines)[1].split()[:2] == ["network", "2"]
        assert "---" not in run.output
        assert {name: recap["changed"] for name, recap in recaps(run).items()} == dict.fromkeys(hosts, 1)
    assert report(runs[0]) == report(runs[1])
    assert difference(start, dump()) == {}


def test_a_diff_names_its_host_and_has_files_alone() -> None:
    write(QUEUE, 128)
    names = [f"edge{number}" for number in range(1, 6)]
    run = site(
        {name: host(net__core__somaxconn={**BURSTS, "why": f"For {name}."}) for name in names}, "--check", "--diff"
    )
    assert run.status == 0, run.output
    diffs = re.findall(r"^--- before: (\S+)\n\+\+\+ after: (\S+)\n(.*?)\n\n", run.output, re.M | re.S)
    assert sorted(before for before, _after, _text in diffs) == [f"{name}:{FILE}" for name in names]
    for before, after, text in diffs:
        assert before == after
        assert f"# For {before.partition(':')[0]}." in text
    assert "live values" not in run.output


def test_a_role_s_diff_names_its_host() -> None:
    write(QUEUE, 128)
    module = {"siptune.linux.sysctl_bulk": {"path": FILE, "settings": {"net.core.somaxconn": 4096}}}
    write_file(PLAY, json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [module]}]))
    run = playbook(PLAY, {"edge1": HERE, "edge2": HERE}, "--check", "--diff")
    assert run.status == 0, run.output
    assert {f"--- before: {name}:{FILE}" for name in ("edge1", "edge2")} <= set(run.output.splitlines())


@pytest.mark.parametrize("order", [["lost", "bad", "well"], ["well", "lost", "bad"], ["bad", "well", "lost"]])
def test_hosts_that_fail_or_cannot_be_reached_are_told_in_their_place(order: list[str]) -> None:
    write(QUEUE, 128)
    refused = host(net__ipv4__tcp_sack={"value": 7, "why": "A slip."})
    hosts = {"lost": lost(), "bad": refused, "well": host(net__core__somaxconn=BURSTS)}
    run = site({name: hosts[name] for name in order})
    assert run.status != 0
    check_readable(run)
    lines = report(run)
    told = [line for line in headings(lines) if not line.endswith(" changed")]
    assert [re.match(r"\w+", line)[0] for line in told] == order  # type: ignore[index]
    assert "lost: could not be reached" in told
    assert headings(lines)[0] == "well changed"
    found = recaps(run)
    assert [found[name]["changed"] for name in order] == [int(name == "well") for name in order]
    assert [found[name]["failed"] for name in order] == [int(name == "bad") for name in order]
    assert [found[name]["unreachable"] for name in order] == [int(name == "lost") for name in order]
    (message,) = re.findall(r"^fatal: \[bad\]: FAILED! => (.*)$", run.output, re.MULTILINE)
    said = json.loads(message)["msg"]
    assert said.startswith("bad: network layer: net.ipv4.tcp_sack: 7 is outside 0..1. ")
    assert said.endswith("Nothing was changed.")
    assert len(message) < LONGEST_FAILURE
    assert "outside" not in " ".join(lines)
    assert read(QUEUE) == "4096"


def test_a_mistake_in_the_variables_is_one_short_message_for_a_host() -> None:
    hosts = {"edge1": host(net__core__somaxconn=BURSTS), "edge2": {**HERE, "siptune_state": "gone"}}
    run = site({**hosts, "edge3": host(net__core__somaxconn="{{ nowhere }}")}, "--check")
    assert run.status == 2
    check_readable(run)
    assert "edge2: failed" in " ".join(report(run)).replace(PREDICTED, "")
    messages = {
        name: json.loads(said)["msg"]
        for name, said in re.findall(r"^fatal: \[(\w+)\]: FAILED! => (.*)$", run.output, re.MULTILINE)
    }
    assert messages["edge2"] == (
        "edge2: network layer: value of siptune_state must be one of: present, absent, got: gone. Nothing was changed."
    )
    assert messages["edge3"] == "edge3: siptune_network_sysctl: 'nowhere' is undefined. Nothing was changed."


def test_each_batch_is_reported_on_when_it_is_done() -> None:
    write(QUEUE, 128)
    alike = host(net__core__somaxconn=BURSTS)
    run = site({"a": alike, "lost": lost(), "b": alike}, "--check", "-e", '{"siptune_serial": [1, 2]}')
    assert headings(report(run, 0)) == ["a would change", f"a{PREDICTED}"]
    assert headings(report(run, 1)) == ["b would change", "lost: could not be reached", f"b{PREDICTED}"]


def test_a_budget_stops_the_run_after_the_report_of_its_batch() -> None:
    write(QUEUE, 128)
    bad = host(net__ipv4__tcp_sack={"value": 7, "why": "A slip."})
    words = ("-e", '{"siptune_serial": [2, 1], "siptune_max_fail_percentage": 0}')
    run = site({"well": host(net__core__somaxconn=BURSTS), "bad": bad, "never": host(net__ipv4__tcp_sack=0)}, *words)
    assert run.status == 2
    assert headings(report(run)) == ["well changed", "well", "bad: failed"]
    assert "never" not in run.output.partition("PLAY RECAP")[0]
    assert read(SACK) == "1"


def test_a_strategy_without_batches_reports_on_each_host() -> None:
    write(QUEUE, 128)
    alike = host(net__core__somaxconn=BURSTS)
    os.environ["ANSIBLE_STRATEGY"] = "free"
    play = {"import_playbook": "siptune.linux.site"}
    write_file(PLAY, json.dumps([play]))
    run = playbook(PLAY, quiet({"a": alike, "b": alike}), *ONE_LAYER, "--check")
    assert run.status == 0, run.output
    assert sorted(re.findall(r"^(\w) +\(check mode", run.output, re.MULTILINE)) == ["a", "b"]


def test_a_file_that_is_rewritten_for_a_comment_alone_is_named() -> None:
    write(QUEUE, 128)
    assert site({"edge1": host(net__core__somaxconn=BURSTS)}).status == 0
    new = {"edge1": host(net__core__somaxconn={**BURSTS, "why": "Another reason."})}
    for words, verb in ((["--check"], "would change"), ([], "changed")):
        lines = report(site(new, *words))
        assert lines[:4] == [f"edge1 {verb}", "  network", f"    rewritten: {FILE}", ""]
        assert f"  rewritten: {FILE}" in of_host("edge1", lines)
    assert headings(report(site(new))) == ["edge1"]


def test_a_rollback_names_what_it_keeps_and_what_to_do() -> None:
    write(QUEUE, 128)
    write(SACK, 1)
    hosts = {"edge1": host(net__core__somaxconn=BURSTS, net__ipv4__tcp_sack=0)}
    assert site(hosts).status == 0
    write(QUEUE, 5000)
    text = Path(FILE).read_text(encoding="utf-8")
    Path(FILE).write_text(text + "net.core.netdev_max_backlog = 2000\n", encoding="utf-8")
    for words in (["--check"], []):
        run = site(hosts, *words, name="rollback")
        assert run.status == 0, run.output
        said = " ".join(" ".join(of_host("edge1", report(run))).split())
        assert (
            "kept net.core.somaxconn: changed by somebody else since (this module left 4096): left alone at 5000; "
            "before siptune it was 128; to put it back: sysctl -w net.core.somaxconn='128'"
        ) in said
        assert (
            f"kept {FILE}: somebody else wrote or edited it: left alone, and active for the next boot; "
            "compare it, then keep it, or remove it and run this again"
        ) in said
        assert "net.ipv4.tcp_sack: 0 -> 1" in run.output
    assert read(QUEUE) == "5000"
    assert read(SACK) == "1"
    assert os.path.exists(FILE)


def test_a_warning_names_its_hosts() -> None:
    narrow = host(net__ipv4__ip_local_port_range="32768 38767")
    run = site({"edge1": narrow, "edge2": narrow, "edge3": host(net__core__somaxconn=BURSTS)}, "--check")
    assert run.status == 0, run.output
    (warning,) = [line for line in report(run) if line.startswith("warning for")]
    assert warning.startswith("warning for edge1, edge2: net.ipv4.ip_local_port_range")
    assert "[WARNING]" not in run.output


# --- roles in a playbook of one's own --------------------------------------------------------


def own_play(*tasks: dict[str, Any], **keywords: Any) -> None:
    write_file(PLAY, json.dumps([{"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}]))


def test_a_role_prints_what_it_changes_and_its_table() -> None:
    write(QUEUE, 128)
    own_play(roles=["siptune.linux.network"])
    hosts = quiet({name: host(net__core__somaxconn=BURSTS, net__ipv4__nosuch=1) for name in ("edge1", "edge2")})
    run = playbook(PLAY, hosts, "--check")
    assert run.status == 0, run.output
    for name in hosts:
        start = run.output.index(
            f"{name} would change\n  network\n    net.core.somaxconn: 128 -> 4096 (Bursts of calls.)\n"
        )
        table = run.output[start:].partition("\n\n")[2]
        assert table.startswith(f"{name}{PREDICTED}\n")
        assert re.match(r"  absent +net\.ipv4\.nosuch: ", table.splitlines()[3]), table


@pytest.mark.parametrize("words", [(), ("--tags", "tuning"), ("--skip-tags", "other")])
def test_a_role_is_included_with_tags(words: tuple[str, ...]) -> None:
    write(QUEUE, 128)
    include = {"name": "siptune.linux.network", "apply": {"tags": ["tuning"]}}
    own_play(
        {"ansible.builtin.include_role": include, "tags": ["tuning"]},
        {"ansible.builtin.import_role": {"name": "siptune.linux.memory"}, "tags": ["other"]},
    )
    run = playbook(PLAY, quiet({"edge1": host(net__core__somaxconn=BURSTS)}), "--check", *words)
    assert run.status == 0, run.output
    assert "net.core.somaxconn: 128 -> 4096" in run.output
    assert ("\n  memory " in run.output) == (not words)


def test_a_role_that_runs_whatever_the_tags_does_so() -> None:
    write(QUEUE, 128)
    include = {"name": "siptune.linux.network", "apply": {"tags": ["always"]}}
    own_play({"ansible.builtin.include_role": include, "tags": ["always"]})
    run = playbook(PLAY, quiet({"edge1": host(net__core__somaxconn=BURSTS)}), "--check", "--tags", "elsewhere")
    assert "net.core.somaxconn: 128 -> 4096" in run.output


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"siptune_profile": "modernn"},
            "network layer: value of siptune_profile must be one of: modern, classic, got",
        ),
        ({"siptune_capacity": {"calls": 5}}, "siptune_capacity: there is no figure 'calls', only"),
        ({"siptune_network_sysctI": {}}, "siptune_network_sysctI: there is no such variable; the nearest is"),
        ({"siptune_network_sysctl": {"net.ipv4.tcp_sack": 7}}, "network layer: net.ipv4.tcp_sack: 7 is"),
    ],
)
@pytest.mark.parametrize("parameters", [False, True])
def test_the_errors_of_a_role_are_short(variables: dict[str, Any], expected: str, parameters: bool) -> None:
    role = {"role": "siptune.linux.network"}
    own_play(roles=[{**role, **variables} if parameters else {**role, "vars": variables}])
    run = playbook(PLAY, {"edge1": HERE, "edge2": HERE})
    assert run.status == 2
    check_readable(run)
    found = re.findall(r"^fatal: \[(\w+)\]: FAILED! => (.*)$", run.output, re.MULTILINE)
    assert sorted(name for name, _said in found) == ["edge1", "edge2"]
    for name, said in found:
        message = json.loads(said)
        assert message["msg"].startswith(f"{name}: {expected}")
        assert message["msg"].endswith("Nothing was changed.")
        assert "argument_spec_data" not in message
        assert len(message["msg"]) < LONGEST_FAILURE
