# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for the next boots: .link files and profiles, and our udev rules for what these have no word for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .._core.change import ABSENT, CHANGED, OK, PENDING
from .._engine.owned_files import (
    FileChange,
    OwnFile,
    finalize_files,
    plan_file,
    record_files,
    released_files,
    text_of,
)
from .._packets.interrupts import OWN_SCRIPT
from .link_files import model as link_files_model
from .link_files.file import RULES, own_paths
from .link_files.file import Setting as LinkFileSetting
from .link_files.model import Verdict
from .link_files.options import OPTIONS as LINK_FILE_OPTIONS
from .link_files.options import OWNER_LINK
from .link_files.plan import AT_ADD
from .link_files.plan import plan as plan_link_files
from .link_words import NAMES, link_file_settings
from .model import Decision, Observed, Request
from .options import IRQ_CPUS, UDP_HASH
from .parts import QUEUE_FILES
from .udev_rules import HEADING, Machine, Own, held_values, match_alone, render

if TYPE_CHECKING:
    from .balancer import Balancer

NOT_ALONE = "no udev rule would match this interface alone: it shares its address with another, and has no slot"
NO_UDEV = "no udev here reads rules: run again after each boot"
NO_ETHTOOL = "no file of udev has a word for it, and the program ethtool, which a rule could run, is not installed"
NO_SYSTEMD = "interrupts are made anew at each boot, and no systemd is here to set them: run again after each boot"


def plan_boot(
    request: Request,
    observed: Observed,
    decisions: Sequence[Decision],
    without: frozenset[tuple[str, str]] = frozenset(),
) -> link_files_model.Plan | None:
    """The plan for the boots, without the options that a driver turned out not to support. Raises LinkError.

    It names every interface of ours, so that each loses the settings that are no longer wanted.
    """
    boot = observed.boot
    if boot is None:
        return None
    names = [name for name in observed.boot_names if not (request.rules and _waits_for_its_card(observed, name))]
    settings: dict[str, dict[str, LinkFileSetting]] = {name: {} for name in names}
    by_rule, interrupts = [], []
    for decision in decisions:
        if (decision.boot_value is None and decision.line is None) or decision.place in without:
            continue
        name, option = decision.place
        if has_word(option, boot.version):
            why = decision.setting.why if decision.setting else ""
            own = link_file_settings(decision.nic, option, decision.boot_value or "", why, decision.line)
            settings.setdefault(name, {}).update(own)
        elif option == IRQ_CPUS:
            interrupts.append(decision)
        else:
            by_rule.append(decision)
    planned = plan_link_files(boot, settings, request.owner)
    if request.owner != OWNER_LINK:
        return planned
    return _with_interrupts(_with_rules(planned, boot, request, observed, by_rule), boot, observed, interrupts)


def _waits_for_its_card(observed: Observed, name: str) -> bool:
    """Whether an image has brought a file for a card that is not here: it stays until all goes back."""
    if name in observed.links or observed.image:
        return False
    originals = [observed.originals.files.get(path) for path in own_paths(name)]
    return any(original is not None and original.image for original in originals)


def has_word(option: str, version: int | None) -> bool:
    """Whether .link files of this systemd have a word for an option, however old it is where no rule could help."""
    if option in QUEUE_FILES and option in NAMES:
        return (version or 0) >= LINK_FILE_OPTIONS[NAMES[option]].since
    return option not in QUEUE_FILES and option not in (UDP_HASH, IRQ_CPUS)


def _with_rules(
    planned: link_files_model.Plan,
    boot: link_files_model.Observed,
    request: Request,
    observed: Observed,
    decisions: Sequence[Decision],
) -> link_files_model.Plan:
    """The plan with the file of rules for these decisions, and for the interfaces that appear later."""
    current = boot.own.get(RULES)
    held = held_values(text_of(current)) if text_of(current).startswith(HEADING) else {}
    known = _known(observed)
    matches = _matches(boot, [*(decision.nic.link.name for decision in decisions), *known])
    verdicts = {decision.place: _verdict(decision, boot, observed, matches, held) for decision in decisions}
    own = [_own(decision) for decision in decisions if verdicts[decision.place].at_boot is not None]
    verdicts.update(_removed(held, verdicts))
    rules = request.rules if boot.udev_running and not boot.image else []  # which queues there are, only a card says
    text = render(own, matches, known, rules, _machine(observed))
    file = OwnFile(RULES, current, HEADING.split("\n", 1)[0])
    change, note = plan_file(file, text, boot.originals.files, boot.owner)
    warnings = [f"{RULES}: {note.reason}"] if note and change is None else []
    return _merged(planned, [change] if change else [], verdicts, warnings)


def _with_interrupts(
    planned: link_files_model.Plan,
    boot: link_files_model.Observed,
    observed: Observed,
    decisions: Sequence[Decision],
) -> link_files_model.Plan:
    """The plan with the files that give these interrupts their CPUs at boot."""
    if OWN_SCRIPT not in boot.own:
        return planned
    # Imported here: few calls set interrupts, and every run on a host compiles what it imports.
    from .balancer import drop_in_command
    from .irq_script import HEADINGS, PATHS, OwnInterrupts, given, mode_of, texts

    balancer = observed.surroundings.balancer
    script = text_of(boot.own[OWN_SCRIPT])
    held = held_values(script) if script.startswith(HEADINGS[OWN_SCRIPT]) else {}
    names = given(script)
    decisions = [_with_names(decision, names.get(decision.nic.slot, ())) for decision in decisions]
    verdicts = {decision.place: _verdict_of_interrupts(decision, boot, balancer, held) for decision in decisions}
    kept = [decision for decision in decisions if verdicts[decision.place].at_boot is not None]
    command = drop_in_command([decision.nic for decision in kept], balancer)
    wanted = texts([OwnInterrupts(_own(decision), decision.nic.slot) for decision in kept], command)
    changes, warnings = [], []
    for path in PATHS:
        file = OwnFile(path, boot.own[path], HEADINGS[path], mode_of(path))
        change, note = plan_file(file, wanted.get(path), boot.originals.files, boot.owner)
        changes += [change] if change else []
        warnings += [f"{path}: {note.reason}"] if note and change is None else []
    return _merged(planned, changes, {**verdicts, **dict(_removed(held, verdicts))}, warnings)


def _with_names(decision: Decision, held: Sequence[str]) -> Decision:
    """The decision on a card that is down now, and has no interrupts, with the names that they had."""
    nic = decision.nic
    return decision if IRQ_CPUS in nic.parts else decision._replace(nic=nic._replace(parts={IRQ_CPUS: held}))


def _verdict_of_interrupts(
    decision: Decision,
    boot: link_files_model.Observed,
    balancer: Balancer | None,
    held: Mapping[tuple[str, str], str],
) -> Verdict:
    from .balancer import obstacle_at_start
    from .irq_script import fault_of

    nic, before = decision.nic, held.get(decision.place)
    fault = fault_of(nic.slot, nic.parts[IRQ_CPUS]) or (obstacle_at_start(nic, balancer) if balancer else "")
    if boot.version is None or fault:
        return Verdict(PENDING, None, NO_SYSTEMD if boot.version is None else fault, before)
    return Verdict(OK if before == decision.boot_value else CHANGED, decision.boot_value, "", before)


def _matches(boot: link_files_model.Observed, names: Iterable[str]) -> dict[str, str]:
    """The keys that match each of these interfaces alone, of those that have any."""
    cards = [device for device in boot.devices.values() if not device.virtual]
    found = {name: match_alone(boot.devices[name], cards) for name in dict.fromkeys(names) if name in boot.devices}
    return {name: match for name, match in found.items() if match is not None}


def _verdict(
    decision: Decision,
    boot: link_files_model.Observed,
    observed: Observed,
    matches: Mapping[str, str],
    held: Mapping[tuple[str, str], str],
) -> Verdict:
    name, option = decision.place
    before = held.get(decision.place)
    if option == UDP_HASH and not observed.surroundings.ethtool:
        return Verdict(PENDING, None, NO_ETHTOOL, before)
    if boot.version is None:
        return Verdict(PENDING, None, NO_UDEV, before)
    if name not in boot.devices:
        return Verdict(ABSENT, None, "there is no such interface", before)
    if name not in matches:
        return Verdict(PENDING, None, NOT_ALONE, before)
    if not boot.udev_running:
        return Verdict(PENDING, decision.boot_value, AT_ADD, before)
    return Verdict(OK if before == decision.boot_value else CHANGED, decision.boot_value, "", before)


def _removed(
    held: Mapping[tuple[str, str], str], wanted: Iterable[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], Verdict]]:
    left = {place: value for place, value in held.items() if place not in wanted}
    return ((place, Verdict(CHANGED, None, "no rule sets it any more", value)) for place, value in left.items())


def _own(decision: Decision) -> Own:
    name, option = decision.place
    why = decision.setting.why if decision.setting else ""
    return Own(name, option, decision.boot_value or "", decision.nic.parts.get(option, ()), why)


def _known(observed: Observed) -> list[str]:
    """The hardware of today, which lines for later interfaces must not touch."""
    return sorted(link.name for link in observed.links.values() if not link.virtual_kind)


def _machine(observed: Observed) -> Machine:
    around = observed.surroundings
    return Machine(observed.online, around.isolated, around.nodes, around.ethtool)


def _merged(
    planned: link_files_model.Plan,
    changes: Sequence[FileChange],
    verdicts: Mapping[tuple[str, str], Verdict],
    warnings: Sequence[str],
) -> link_files_model.Plan:
    """The plan of .link files with that of the rules, whose verdicts have the names of our options."""
    recorded = record_files(planned.recorded, changes)
    after = record_files(planned.finalized, changes)
    released = released_files({file.path: file.before for file in changes}, changes, after)
    return planned._replace(
        files=[*planned.files, *changes],
        verdicts={**planned.verdicts, **verdicts},
        warnings=[*planned.warnings, *warnings],
        recorded=recorded,
        finalized=finalize_files(after, changes, released),
    )
