# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a host into a state: by this checkout's playbooks and modules, by TuneD, or by the documents' own values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from host import CallsError, Host
from states import Tuning

CHECKOUT = Path(__file__).resolve().parents[2]
CATALOGUE = CHECKOUT / "roles" / "network" / "vars" / "main.yml"
NAME, GENERATOR, GENERATORS = "measured", "generator", "siptune_generators"
TIMEOUT_SECONDS = 900
CONNECTION_TIMEOUT_SECONDS = 120  # an emulated machine on a busy one takes its time to let sudo begin

# What concerns a UDP socket and the way to it. The documents' other keys are about TCP, routing and memory.
UDP_KEYS = ("net.core.", "net.ipv4.udp_")
# TuneD's profile network-latency sets these beside keys of the processor and of memory.
BUSY_POLLING = {"net.core.busy_read": "50", "net.core.busy_poll": "50"}
# A key by which a profile of TuneD shows that it is in force. Source: tuned.conf of the profiles, 2.20 and 2.25.
TUNED_KEYS = {
    "network-latency": ("net.core.busy_read", "50"),
    "network-throughput": ("net.ipv4.tcp_wmem", "4096 16384 16777216"),
}


def documents() -> dict[str, str]:
    """The source documents' literal values of the keys that concern UDP, from the network layer's catalogue."""
    catalogue = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return dict(_literal_values(catalogue))


def _literal_values(node: Any) -> Iterator[tuple[str, str]]:
    for key, entry in node.items() if isinstance(node, dict) else ():
        classic = entry.get("classic") if isinstance(entry, dict) else None
        if isinstance(classic, dict) and key.startswith(UDP_KEYS):
            yield key, str(classic["value"])
        else:
            yield from _literal_values(entry)


def tune(host: Host, tuning: Tuning) -> None:
    """Tune a host. Raises CallsError."""
    if tuning.site is not None:
        playbook(host, "siptune.linux.site", tuning.site)
    if tuning.tuned:
        host.run("systemctl", "start", "tuned")
        host.run("tuned-adm", "profile", tuning.tuned)
        _check_profile(host, tuning.tuned)
    if tuning.documents:
        host.ask("sysctl", settings=documents())


def _check_profile(host: Host, profile: str) -> None:
    """Raises CallsError unless the profile's values are live.

    `tuned-adm verify` would not do: it fails for a processor without the frequency that the profile asks for, too.
    """
    key, value = TUNED_KEYS[profile]
    live = host.ask("sysctl", settings={key: None})[key]
    if live is None or live.split() != value.split():
        raise CallsError(f"TuneD's {profile} is not in force: {key} is {live}, not {value}")


# --- Ansible --------------------------------------------------------------------------------


def playbook(host: Host, name: str, variables: Mapping[str, Any], generator: Host | None = None) -> str:
    """What a run of ansible-playbook for this host prints. Raises CallsError if it fails.

    A `generator` is one more host, which is no target.
    """
    with tempfile.TemporaryDirectory() as directory:
        words = ("ansible-playbook", name, "--extra-vars", json.dumps(variables))
        return _ansible(host, directory, *words, generator=generator)


def module(host: Host, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one of this collection's modules on this host. Raises CallsError if it fails."""
    with tempfile.TemporaryDirectory() as directory:
        words = ["--module-name", f"siptune.linux.{name}", "--tree", directory]
        given = ["--args", json.dumps(parameters)] if parameters else []
        _ansible(host, directory, "ansible", NAME, *words, *given)
        return json.loads(Path(directory, NAME).read_text(encoding="utf-8"))


def _ansible(host: Host, directory: str, program: str, *words: str, generator: Host | None = None) -> str:
    inventory = Path(directory, "inventory.json")
    hosts: dict[str, Any] = {"hosts": {NAME: _connection(host, directory, NAME)}}
    if generator:
        hosts["children"] = {GENERATORS: {"hosts": {GENERATOR: _connection(generator, directory, GENERATOR)}}}
    inventory.write_text(json.dumps({"all": hosts}), encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(CHECKOUT / ".build")),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_TIMEOUT": str(CONNECTION_TIMEOUT_SECONDS),
        "ANSIBLE_NOCOLOR": "true",
    }
    command = [f"{os.path.dirname(sys.executable)}/{program}", "--inventory", str(inventory), *words]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace").strip()[-3000:]  # bytes, whatever `text` says
        raise CallsError(f"{program} did not end within {TIMEOUT_SECONDS} seconds: {said}") from error
    if done.returncode != 0:
        raise CallsError(f"{program} {words[0]}: {(done.stdout + done.stderr).strip()[-3000:]}")
    return done.stdout


def _connection(host: Host, directory: str, name: str) -> dict[str, Any]:
    """How Ansible reaches the host: by ssh, or by a Python that is entered from here.

    With pipelining nothing but that Python ever runs on a host, and it gets all by its standard input.
    """
    if host.ssh_config:
        ssh = {"ansible_host": host.ssh_name, "ansible_ssh_common_args": f'-F "{host.ssh_config}"'}
        return {
            **ssh,
            "ansible_become": True,
            "ansible_control_path": "%(directory)s/%%C",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
    python = Path(directory, f"python3-{name}")
    python.write_text("#!/bin/sh\nexec " + " ".join([*host.enter, "python3"]) + ' "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": str(python),
        "siptune_become": False,
        "ansible_become": False,
    }
