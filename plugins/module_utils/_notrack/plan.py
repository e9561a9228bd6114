# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the untracked ports: four files, and our table in the kernel. Reverting is the plan for no ports."""

from __future__ import annotations

from .._core.change import Change
from .._engine.conf_files import comment
from .._engine.owned_files import FileChange, FilesPlan, OwnFile, plan_file, record_files, released_files, text_of
from .items import WHY, Moved, impossible_items, reverted_items, wanted_items, warnings_of
from .model import BOOT_PATH, NFTABLES_PATH, PATHS, RULES_PATH, UNIT, UNIT_PATH, Observed, Plan
from .ports import NO_PORTS, NONE_EXEMPT, Exempt, Ports, merged, without
from .safety import check_safety, danger_of_tracking
from .settings import Request
from .table import OwnTable, own_table, ports_of_text, text_for

HEADING = "# Managed by Ansible (siptune.linux.sip_notrack). Edits made here are lost with the next run.\n"


def texts(ports: Exempt, program: str, systemd: bool) -> dict[str, str]:
    """Our files by path. The rules alone where no systemd would read the others."""
    load = f"{program} -f {RULES_PATH}"
    found = {RULES_PATH: f"{HEADING}{comment(WHY)}{text_for(ports)}"}
    if systemd:
        found[UNIT_PATH] = (
            f"{HEADING}[Unit]\nDescription=Leave SIP and RTP out of the connection tracking\nDefaultDependencies=no\n"
            "After=local-fs.target nftables.service firewalld.service\nBefore=network-pre.target shutdown.target\n"
            f"Wants=network-pre.target\nConflicts=shutdown.target\n\n[Service]\nType=oneshot\nExecStart={load}\n"
        )
        found[BOOT_PATH] = f"{HEADING}[Unit]\nWants={UNIT}\n"
        found[NFTABLES_PATH] = (
            f"{HEADING}# Its files begin with `flush ruleset`, which takes all tables along.\n"
            f"[Service]\nExecStartPost=-{load}\nExecReload=-{load}\n"
        )
    return found


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that fulfils the request.

    Raises NotrackError where calls would be cut off, and ItemError for a file that cannot be replaced.
    """
    table = OwnTable(False) if observed.ruleset is None else own_table(observed.ruleset)
    boot = boot_ports({path: text_of(record) for path, record in observed.files.items()}, observed)
    if not request.ports:
        return _back(observed, table, boot)
    impossible = impossible_items(request.ports, observed, table.ports, boot)
    if impossible:
        return Plan(FilesPlan(impossible, [], observed.originals, [], []))
    check_safety(request.ports, observed)
    files, items, planned = _files(observed, texts(request.ports, observed.program, observed.systemd))
    held, reason = _held(request.ports, table.ports, observed)
    live = request.ports._replace(tcp=merged((*request.ports.tcp, *held)))
    changes_live = observed.ruleset is not None and table.ports != live
    after = live if observed.ruleset is not None else NONE_EXEMPT
    found = wanted_items(
        request.ports, observed, Moved(table.ports, after), Moved(boot, request.ports), bool(files), reason
    )
    of_files = planned._replace(changes=[*found, *items], warnings=warnings_of(observed, False))
    load, undo = (text_for(live), text_for(table.ports)) if changes_live else ("", "")
    return Plan(of_files, load, undo, _reload(observed, files), live, without(live.tcp, table.ports.tcp))


def _held(wanted: Exempt, live: Exempt, observed: Observed) -> tuple[Ports, str]:
    """The TCP ports that stay exempt until a boot, and why: their connections would be cut off, tracked again."""
    given_back = without(live.tcp, wanted.tcp)
    reason = danger_of_tracking(given_back, observed)
    return (given_back, reason) if reason else (NO_PORTS, "")


def _back(observed: Observed, table: OwnTable, boot: Exempt) -> Plan:
    """The plan for no ports: our files and our table go."""
    files, items, planned = _files(observed, {})
    left = {path: text_of(record) for path, record in observed.files.items()}
    left.update({file.path: text_of(file.after) for file in files})
    held, reason = _held(NONE_EXEMPT, table.ports, observed)
    live = Exempt(tcp=held)
    boots, foreign = Moved(boot, boot_ports(left, observed)), table.foreign if files else ""
    found = reverted_items(observed, Moved(table.ports, live), boots, foreign, reason)
    of_files = planned._replace(changes=[*found, *items], warnings=warnings_of(observed, True))
    load, undo = (text_for(live), text_for(table.ports)) if table.ports != live else ("", "")
    return Plan(of_files, load, undo, _reload(observed, files), live)


def _reload(observed: Observed, files: list[FileChange]) -> bool:
    return observed.systemd and not observed.boot_only and any(file.path != RULES_PATH for file in files)


def _files(observed: Observed, wanted: dict[str, str]) -> tuple[list[FileChange], list[Change], FilesPlan]:
    """The changes of the files, the items of those that are put right or left alone, and a plan of all that."""
    files, items = [], []
    for path in PATHS:
        own = OwnFile(path, observed.files[path], HEADING)
        change, item = plan_file(own, wanted.get(path), observed.originals.files, observed.owner)
        files += [change] if change else []
        # Nobody has asked anything of somebody else's file under a name of ours.
        items += [item] if item and (path in wanted or path in observed.originals.files) else []
    originals = observed.originals._replace(files=record_files(observed.originals.files, files))
    released = released_files(observed.files, files, observed.originals.files)
    return files, items, FilesPlan([], files, originals, released, [])


def boot_ports(found: dict[str, str], observed: Observed) -> Exempt:
    """The ports that a boot leaves untracked by our files, which these texts are."""
    ports = ports_of_text(found[RULES_PATH])
    started = all(found[path].startswith(HEADING) for path in (UNIT_PATH, BOOT_PATH))
    return ports if started and observed.systemd and not observed.drop_ins else NONE_EXEMPT
