# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply the plan of the untracked ports: the files, and our table in the kernel, each as a whole."""

from __future__ import annotations

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine.effects import apply_files
from .._host.host import Host, HostError
from .._systemd.systemctl import systemctl
from .connections import forget_connections
from .firewall import complaint, read_ruleset, run_nft
from .model import PATHS, Observed, Plan
from .settings import NotrackError, Request, item_of
from .table import own_table

CHECK, LOAD = ("-c", "-f", "-"), ("-f", "-")


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Apply a plan, and note how to undo it. Raises HostError.

    nft checks the table first, which changes nothing. The files come before the table, so that a killed run leaves none
    that nobody knows of; on the way back the table goes first, for the same reason.
    """
    item = item_of(planned.live)
    if planned.load:
        _nft(host, item, observed.program, CHECK, planned.load)
    if not request.ports:
        _load(host, item, observed, planned, log)
    if planned.reload:
        log.note("", lambda: _reload(host))
    apply_files(host, planned.of_files, observed.originals, PATHS, log)
    if planned.reload:
        _reload(host)
    if request.ports:
        _load(host, item, observed, planned, log)
    return Outcome(planned.changes, planned.changed)


def _reload(host: Host) -> None:
    """Have systemd read its units again: nftables.service would lose our table with its next reload otherwise."""
    systemctl(host, "daemon-reload")


def _load(host: Host, item: str, observed: Observed, planned: Plan, log: UndoLog) -> None:
    """Have the kernel take the table, and confirm that; then forget what it no longer tracks. Raises HostError."""
    if not planned.load:
        return
    log.note(item, lambda: _nft(host, item, observed.program, LOAD, planned.undo))
    _nft(host, item, observed.program, LOAD, planned.load)
    try:
        found = own_table(read_ruleset(host, observed.program, item))
    except NotrackError as error:
        raise HostError(item, error.reason) from error
    if found.ports != planned.live or found.foreign:
        raise HostError(
            item, f"the kernel has taken the table, and it reads back otherwise ({found.foreign or 'gone'})"
        )
    forget_connections(host, planned.left)


def _nft(host: Host, item: str, program: str, words: tuple[str, ...], text: str) -> None:
    done = run_nft(host, program, *words, text=text)
    if done.status:
        raise HostError(item, f"nft does not take the table: {complaint(done)}")
