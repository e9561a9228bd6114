# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under what people start them with: ansible-pull, ansible-navigator, ansible-runner, mitogen.

`make engines` runs this in an environment of its own, as mitogen and ansible-navigator need not be in every other.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import ansible_mitogen
import pytest
import yaml
from calls import CHECKOUT, write_file
from controller import environment, program
from sandbox import difference, dump, read, write

INVENTORY = "/run/inventory.json"
LOCALHOST = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "siptune_become": False,
}
STRATEGIES = Path(ansible_mitogen.__file__).parent / "plugins" / "strategy"
MITOGEN = {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(STRATEGIES)}
CHANGED = re.compile(r"^localhost +: .*changed=(\d+)", re.MULTILINE)
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Run:
    """A command and what became of it."""

    def __init__(self, *words: str, **variables: str) -> None:
        # ansible-navigator and ansible-pull look for ansible-playbook on the path.
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        given = {**environment(), "PATH": path, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", **variables}
        done = subprocess.run(
            words, env=given, cwd="/run", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        self.status = done.returncode
        self.output = COLOURS.sub("", done.stdout + done.stderr)

    @property
    def changed(self) -> int:
        """How many tasks have changed something, by Ansible's own count."""
        assert self.status == 0, self.output
        found = CHANGED.search(self.output)
        assert found, self.output
        return int(found.group(1))


def write_inventory(path: str = INVENTORY) -> str:
    write_file(path, json.dumps({"all": {"hosts": {"localhost": LOCALHOST}}}))
    return path


def playbook(name: str, *words: str, **variables: str) -> Run:
    return Run(program("ansible-playbook"), "-i", write_inventory(), f"siptune.linux.{name}", *words, **variables)


def is_tuned() -> bool:
    return os.path.exists("/etc/sysctl.d/90-siptune-network.conf") and read("net/core/somaxconn") != "128"


def found_small() -> None:
    """Something to do for a run."""
    write("net/core/somaxconn", 128)


# --- mitogen ---------------------------------------------------------------------------------


def test_mitogen_does_what_the_stock_strategy_does_and_undoes_it() -> None:
    found_small()
    start = dump()
    assert playbook("site").changed
    stock = dump()
    assert playbook("rollback").changed
    assert {path for path in difference(start, dump()) if not path.startswith("/var/lib")} == set()

    run = playbook("site", **MITOGEN)
    assert run.changed
    assert {path for path in difference(stock, dump()) if not path.startswith("/var/lib")} == set()
    run = playbook("site", **MITOGEN)
    assert run.changed == 0
    assert playbook("site", "--check", "--diff", **MITOGEN).changed == 0
    assert playbook("rollback", **MITOGEN).changed
    assert {path for path in difference(start, dump()) if not path.startswith("/var/lib")} == set()


def test_mitogen_rolls_in_batches() -> None:
    hosts = dict.fromkeys(("edge1", "edge2"), LOCALHOST)
    write_file(INVENTORY, json.dumps({"all": {"hosts": hosts}}))
    write_file("/run/hook.yml", "- name: Note\n  ansible.builtin.shell: echo {{ inventory_hostname }} >> /run/order\n")
    words = ["-i", INVENTORY, "siptune.linux.rolling", "--tags", "fs"]
    variables = {"siptune_serial": 1, "siptune_before_host_tasks": "/run/hook.yml"}
    run = Run(program("ansible-playbook"), *words, "-e", json.dumps(variables), **MITOGEN)
    assert run.status == 0, run.output
    assert Path("/run/order").read_text(encoding="utf-8").split() == ["edge1", "edge2"]


# --- ansible-pull ----------------------------------------------------------------------------


def test_ansible_pull_from_a_repository() -> None:
    found_small()
    os.makedirs("/run/repository")
    write_inventory("/run/repository/inventory.json")
    write_file("/run/repository/local.yml", "---\n- import_playbook: siptune.linux.site\n")
    git = ["git", "-C", "/run/repository", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    for words in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "-m", "Begin"]):
        subprocess.run([*git, *words], check=True, env=environment())
    words = ["--url", "file:///run/repository", "--checkout", "main", "--directory", "/run/pulled"]
    pull = [program("ansible-pull"), *words, "--inventory", "inventory.json", "local.yml"]
    assert Run(*pull).changed
    assert is_tuned()
    again = Run(*pull)
    assert again.changed == 0, again.output
    # As a timer would have it: without a new commit nothing is run at all.
    idle = Run(*pull, "--only-if-changed")
    assert "Repository has not changed" in idle.output


# --- ansible-navigator and ansible-runner, which AWX and the Automation Platform run things with ------------


def test_ansible_navigator_without_an_execution_environment() -> None:
    found_small()
    words = ["run", "siptune.linux.site", "-i", write_inventory(), "--execution-environment", "false"]
    words += ["--mode", "stdout", "--playbook-artifact-enable", "false"]
    assert Run(program("ansible-navigator"), *words, "-e", "siptune_serial=1").changed
    assert is_tuned()
    assert Run(program("ansible-navigator"), *words).changed == 0


def test_ansible_runner_with_extra_variables_as_a_job_template_gives_them() -> None:
    found_small()
    for directory in ("project", "env", "inventory"):
        os.makedirs(f"/run/job/{directory}")
    write_inventory("/run/job/inventory/hosts.json")
    variables = {"siptune_serial": [1, "100%"], "siptune_check_seconds": 1}
    write_file("/run/job/env/extravars", yaml.safe_dump(variables))
    run = Run(program("ansible-runner"), "run", "/run/job", "-p", "siptune.linux.rolling")
    assert run.changed
    assert "1 of 1 host of this batch done. 0 hosts to come." in run.output
    assert is_tuned()


# --- ansible-builder -------------------------------------------------------------------------


@pytest.fixture(name="archive")
def built_archive(tmp_path: Path) -> Path:
    """The collection's archive beside the definition of the execution environment, as `make build` leaves it."""
    words = [program("ansible-galaxy"), "collection", "build", str(CHECKOUT), "--output-path", str(tmp_path)]
    subprocess.run(words, check=True, capture_output=True)
    (tmp_path / "execution-environment.yml").write_bytes(Path(CHECKOUT, "execution-environment.yml").read_bytes())
    return next(tmp_path.glob("siptune-linux-*.tar.gz"))


def install(source: str, directory: Path, *, where: Path) -> None:
    words = [program("ansible-galaxy"), "collection", "install", "--offline", "--no-deps", source]
    # Elsewhere on its path, as where `make` has put this checkout, ansible-galaxy takes it for installed already.
    alone = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(directory)}
    subprocess.run([*words, "-p", str(directory)], check=True, capture_output=True, cwd=where, env=alone)


def test_the_builder_finds_what_the_collection_needs(archive: Path) -> None:
    install(str(archive), archive.parent / "installed", where=archive.parent)
    run = Run(program("ansible-builder"), "introspect", str(archive.parent / "installed"))
    assert run.status == 0, run.output
    found = yaml.safe_load(run.output[: run.output.index("...")] if "\n..." in run.output else run.output)
    assert found["python"] == ["jmespath>=1.0  # from collection siptune.linux"]
    # A second ansible-core in the environment would be a trap.
    assert "ansible-core" not in run.output


def test_the_builder_makes_a_context_that_can_be_built(archive: Path) -> None:
    definition, context = archive.parent / "execution-environment.yml", archive.parent / "context"
    words = ["create", "--file", str(definition), "--context", str(context), "--output-filename", "Containerfile"]
    run = Run(program("ansible-builder"), *words)
    assert run.status == 0, run.output
    # What the image's own galaxy stage does with it.
    required = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    (collection,) = required["collections"]
    install(collection["name"], archive.parent / "image", where=context / "_build")
    assert (archive.parent / "image/ansible_collections/siptune/linux/playbooks/rolling.yml").exists()
