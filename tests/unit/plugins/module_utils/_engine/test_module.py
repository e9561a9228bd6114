# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way out of every module, with Ansible's own class and its own serialization."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("ansible.module_utils.basic", reason="the module's base class is Ansible's")

from ansible_collections.siptune.linux.plugins.module_utils._core.text import decoded
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from module_args import module_args

NAME = decoded(b"caf\xe9\x1b[2J")
SHOWN = "caf\\xe9\\x1b[2J"


def answer(capfd: pytest.CaptureFixture[str], end: Callable[[Module], None]) -> dict[str, Any]:
    with module_args({}), pytest.raises(SystemExit):
        end(Module(argument_spec={}))
    return json.loads(capfd.readouterr().out)


def test_a_result_and_its_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    def end(module: Module) -> None:
        module.warn(f"of {NAME}\nforged")
        module.exit_json(changed=True, items=[{"item": NAME}], diff=[{"before": f"{NAME}\n", "after": ""}])

    with module_args({}), pytest.raises(SystemExit):
        end(Module(argument_spec={}))
    said = capfd.readouterr()
    result = json.loads(said.out)
    assert result["items"] == [{"item": SHOWN}]
    assert result["diff"] == [{"before": f"{SHOWN}\n", "after": ""}]
    # Where Ansible's controller has been imported as well, by other tests, warnings are displayed instead.
    warnings = json.dumps(result.get("warnings", "")).replace("\\\\", "\\") + said.err.replace("\n", "")
    assert f"{SHOWN}\\nforged" in warnings


def test_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    result = answer(capfd, lambda module: module.fail_json(msg=f"{NAME}: no\nok", undone=[NAME], **{NAME: 1}))
    assert (result["msg"], result["undone"], result[SHOWN]) == (f"{SHOWN}: no\\nok", [SHOWN], 1)
    assert result["failed"] is True
