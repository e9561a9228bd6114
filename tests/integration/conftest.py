# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every test of this directory inside a sandbox, or say loudly that nothing was tested."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import checkout  # noqa: F401 - before anything that imports the collection
import pytest
import sandbox
from calls import SYSTEMD_SYSCTL


class _Call:
    """A test function with its arguments, and the report of its failure as pytest prints it."""

    def __init__(self, item: pytest.Function) -> None:
        self._item = item
        names = item._fixtureinfo.argnames  # noqa: SLF001 - as pytest's own hook takes them
        self._arguments = {name: item.funcargs[name] for name in names}

    def __call__(self) -> None:
        self._item.obj(**self._arguments)

    def describe(self) -> str:
        failure = pytest.ExceptionInfo.from_current()
        failure.traceback = failure.traceback.cut(path=self._item.path)
        return str(failure.getrepr(style="long", chain=False))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "own_ipc: give the test an IPC namespace as well")
    config.addinivalue_line("markers", "own_processes: and a PID namespace, as it starts daemons")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Call the test function in a sandbox of its own. A skip inside it is a failure: it would hide a gap."""
    asked = {name: pyfuncitem.get_closest_marker(name) is not None for name in ("own_ipc", "own_processes")}
    report = sandbox.run(_Call(pyfuncitem), **asked)
    if report:
        pytest.fail(report, pytrace=False)
    return True


def _missing() -> list[str]:
    """What these tests need and this machine has not, in words."""
    needs: list[tuple[str, Callable[[], object]]] = [
        ("the command ip (Debian package iproute2)", lambda: shutil.which("ip")),
        ("the command strace (Debian package strace)", lambda: shutil.which("strace")),
        ("systemd-sysctl (Debian package systemd)", lambda: any(map(os.path.exists, SYSTEMD_SYSCTL))),
    ]
    missing = [name for name, find in needs if not find()]
    if not missing:
        report = sandbox.run(lambda: None)
        missing += [f"namespaces of our own (root, or user namespaces for everybody): {report}"] if report else []
    return missing


@pytest.fixture(scope="session", autouse=True)
def _sandboxes_work() -> None:
    missing = _missing()
    if missing:
        pytest.exit("THE INTEGRATION TESTS DID NOT RUN. There is no\n  " + "\n  ".join(missing), returncode=2)
