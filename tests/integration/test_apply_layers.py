# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All layers in one call, as users run them: the same as role by role, a whole or nothing, and few round trips."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer
from calls import write_file
from controller import EXECUTED, HERE, counted, playbook
from sandbox import difference, dump, read, write

LAYERS = ("network", "memory", "fs", "security", "service_limits")
RESULTS = "/run/results.json"
FILES = {layer: f"/etc/sysctl.d/90-siptune-{layer}.conf" for layer in LAYERS[:-1]}

# A kamailio.service with an environment file, so that the service layer has something to do.
UNIT = "/etc/systemd/system/kamailio.service"
DEFAULTS = "/etc/default/kamailio"
FOUND_SERVICES = {"siptune_service_limits_services": ["kamailio.service"]}

# Where root may not raise hard limits, as in most containers, the classic profile's limits of logins are refused.
NO_LOGINS = [
    {**dict(zip(("domain", "type", "item"), limit.split(" "), strict=True)), "value": None}
    for limit in load_layer("service_limits").catalogue["logins"]
]

# Both write what the layers' calls have returned, the one as a dictionary of layers, the other by the roles' names.
TOGETHER = {"siptune.linux.apply_layers": {}, "register": "done"}
KEEP = {
    "ansible.builtin.copy": {"dest": RESULTS, "content": "{{ results | to_json }}"},
    "check_mode": False,
    "diff": False,
}
ELSEWHERE = re.compile(r"[a-z]+ receive buffers( [0-9]+)?")


def has_kamailio() -> None:
    write_file(UNIT, f"[Service]\nEnvironmentFile=-{DEFAULTS}\nExecStart=/usr/sbin/kamailio -m $SHM_MEMORY\n")
    write_file(DEFAULTS, "SHM_MEMORY=64\n")


def whole(variables: Mapping[str, Any], *words: str) -> dict[str, Any]:
    """What all layers return when they are applied in one call."""
    return _results([TOGETHER, {**KEEP, "vars": {"results": "{{ done.layers }}"}}], variables, *words)


def by_role(variables: Mapping[str, Any], *words: str) -> dict[str, Any]:
    """What all layers return when their roles apply them, one after the other."""
    roles = [{"ansible.builtin.import_role": {"name": f"siptune.linux.{layer}"}} for layer in LAYERS]
    names = {layer: f"{{{{ __siptune_{layer}_result.layers.{layer} }}}}" for layer in LAYERS}
    return _results([*roles, {**KEEP, "vars": {"results": names}}], variables, *words)


def _results(tasks: list[dict[str, Any]], variables: Mapping[str, Any], *words: str) -> dict[str, Any]:
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    write_file("/run/play.yml", json.dumps(play))
    run = playbook("/run/play.yml", {"target": {**HERE, **variables}}, *words)
    assert run.status == 0, run.output
    results = json.loads(Path(RESULTS).read_text(encoding="utf-8"))
    return {layer: [(part["changed"], _items(part)) for part in parts] for layer, parts in results.items()}


def _items(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a call; not those of SIP daemons in the machine's containers, which come and go."""
    return [{**item, "reason": None} for item in part["items"] if not ELSEWHERE.fullmatch(item["item"])]


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="modern"),
        pytest.param({"siptune_profile": "classic", "siptune_service_limits_logins": NO_LOGINS}, id="classic"),
        pytest.param(
            {
                "siptune_capacity": {"sip_datagrams_per_second": 20000, "call_setups_per_second": 200},
                "siptune_network_sysctl": {"net.core.somaxconn": 8192, "net.ipv4.tcp_sack": None},
                "siptune_service_limits_units": {"kamailio": {"LimitNOFILE": 70000}},
                "siptune_service_limits_pools": {"kamailio": {"shared_mib": 128}},
            },
            id="overrides",
        ),
    ],
)
def test_the_layers_do_the_same_in_one_call_as_role_by_role(variables: dict[str, Any]) -> None:
    variables = {**FOUND_SERVICES, **variables}
    has_kamailio()
    start = dump()
    predicted = whole(variables, "--check")
    assert predicted == by_role(variables, "--check")
    assert difference(start, dump()) == {}
    done = whole(variables)
    tuned = dump()
    assert any(changed for changed, _ in done["network"])
    again = by_role(variables)
    assert not any(changed for parts in again.values() for changed, _ in parts)
    assert difference(tuned, dump()) == {}
    whole({**variables, "siptune_state": "absent"})
    assert difference(start, dump()) == {}


def test_a_host_is_tuned_whole_or_not_at_all() -> None:
    has_kamailio()
    write_file("/etc/systemd/system/kamailio.service.d", "a file where a directory has to be")
    start = dump()
    run = playbook("siptune.linux.site", {"target": {**HERE, **FOUND_SERVICES}})
    assert run.status == 2
    assert difference(start, dump()) == {}
    said = " ".join(run.output.split())
    assert "target: service_limits units: " in said
    assert "Everything this call had changed has been put back" in said
    assert re.search(r"target(: failed| changed .* service_limits [- ]+1 [- ]+ failed) ", said), run.output
    assert not os.path.exists(FILES["network"])


LOGINS_FILE = "/etc/security/limits.d/90-siptune.conf"
PORT_RANGE = "net/ipv4/ip_local_port_range"
FIRST_PORT = "net/ipv4/ip_unprivileged_port_start"


def test_what_cannot_go_back_is_named_and_everything_else_goes_back() -> None:
    write(FIRST_PORT, 500)
    write(PORT_RANGE, "600 700")
    write("net/core/somaxconn", 128)
    os.makedirs("/etc/security/limits.d")
    start = dump()
    own = {
        "siptune_network_sysctl": {"net.ipv4.ip_local_port_range": "32768 60999"},
        "siptune_service_limits_logins": [{"domain": "root", "type": "soft", "item": "nofile", "value": 2048}],
        "siptune_network_missing": "fail",
    }
    target = {"target": {**HERE, **own}}
    assert playbook("siptune.linux.site", {"target": {**HERE, **own, "siptune_network_missing": "report"}}).status == 0
    assert os.path.exists(LOGINS_FILE)
    os.rename(LOGINS_FILE, "/etc/security/ours")
    os.symlink("/etc/security/ours", LOGINS_FILE)  # no module writes through a link
    write(FIRST_PORT, 1024)  # the kernel refuses the original range by now
    tuned = dump()
    for words in (["--check"], []):
        run = playbook("siptune.linux.rollback", target, *words)
        said = " ".join(run.output.split())
        assert run.status == 2
        assert f"target: service_limits logins: {LOGINS_FILE}: is a symbolic link" in said, run.output
        assert "Everything else goes back." in said
        if words:
            assert difference(tuned, dump()) == {}
    assert "refused net.ipv4.ip_local_port_range: not put back: the kernel refused '600 700'" in said
    assert read("net/core/somaxconn") == "128"
    assert read(PORT_RANGE).split() == ["32768", "60999"]

    os.replace("/etc/security/ours", LOGINS_FILE)
    write(FIRST_PORT, 500)
    run = playbook("siptune.linux.rollback", target)
    assert run.status == 0, run.output
    assert difference(start, dump()) == {}


def test_a_layer_that_would_fail_keeps_the_audit_from_none_of_the_others() -> None:
    os.makedirs("/etc/sysctl.d", exist_ok=True)
    os.symlink("/etc/passwd", FILES["memory"])
    os.makedirs("/run/reports")
    run = playbook("siptune.linux.audit", {"target": HERE}, "-e", "siptune_audit_directory=/run/reports")
    assert run.status == 2
    (host,) = json.loads(Path("/run/reports/siptune-audit.json").read_text(encoding="utf-8"))["hosts"]
    statuses = {layer["name"]: layer["status"] for layer in host["layers"]}
    assert statuses == {**dict.fromkeys(LAYERS, "audited"), "memory": "failed"}
    assert "is a symbolic link" in host["message"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tags", "network"], {"network"}),
        (["--tags", "network,security"], {"network", "security"}),
        (["--skip-tags", "network"], {"memory", "fs", "security"}),
    ],
)
def test_tags_choose_layers(words: list[str], expected: set[str]) -> None:
    write("net/core/somaxconn", 128)
    run = playbook("siptune.linux.site", {"target": HERE}, *words)
    assert run.status == 0, run.output
    shown = {layer for layer in LAYERS if f"\n  {layer} " in run.output}
    assert expected <= shown <= {*expected, "service_limits"}
    assert read("net/core/somaxconn") == ("4096" if "network" in expected else "128")


def test_no_tag_of_ours_is_no_layer() -> None:
    start = dump()
    run = playbook("siptune.linux.site", {"target": HERE}, "--tags", "always", "--skip-tags", ",".join(LAYERS))
    assert run.status == 0, run.output
    assert "no layer was run" in run.output
    assert difference(start, dump()) == {}


def executions() -> int:
    return len(Path(EXECUTED).read_text(encoding="ascii").splitlines())


def test_a_host_costs_one_module_execution_tuned_put_back_or_audited() -> None:
    has_kamailio()
    os.makedirs("/run/reports")
    for name in ("site", "site", "audit", "rollback", "rollback"):
        words = ["-e", "siptune_audit_directory=/run/reports"] if name == "audit" else []
        run = playbook(f"siptune.linux.{name}", {"target": {**counted(), **FOUND_SERVICES}}, *words)
        assert run.status == 0, run.output
        assert executions() == 1, name


def test_variables_may_calculate_with_the_facts_of_the_host() -> None:
    size = "{{ ansible_facts.siptune_host.memory_bytes // ansible_facts.siptune_host.memory_bytes * 7777 }}"
    own = {"siptune_network_sysctl": {"net.core.somaxconn": size}}
    run = playbook("siptune.linux.site", {"target": {**counted(), **own}})
    assert run.status == 0, run.output
    assert read("net/core/somaxconn") == "7777"
    assert executions() == 2


def test_a_variable_that_nothing_defines_is_named_and_changes_nothing() -> None:
    start = dump()
    own = {"siptune_network_sysctl": {"net.core.somaxconn": "{{ no_such_variable }}"}}
    run = playbook("siptune.linux.site", {"target": {**HERE, **own}})
    assert run.status == 2
    assert "no_such_variable" in run.output
    assert difference(start, dump()) == {}


def test_a_mistake_that_the_host_finds_is_named_as_the_controller_would() -> None:
    start = dump()
    run = playbook("siptune.linux.site", {"target": {**HERE, "siptune_fs_sysctl_path": FILES["memory"]}})
    assert run.status == 2
    said = f"{FILES['memory']}: both the memory and the fs layer set it; leave it to one of them. Nothing was changed."
    assert said in " ".join(run.output.split())
    assert difference(start, dump()) == {}
