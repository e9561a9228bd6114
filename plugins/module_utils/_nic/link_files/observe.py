# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of network interfaces that outlive a reboot: .link files, and NetworkManager's profiles where it owns them.

    wish = {"eth0": {"RxBufferSize": Wish("4096", "Why."), "TxBufferSize": Wish("max", "Why.")}, "eth1": {}}

Options are named as in systemd.link(5), and values are texts as a .link file has them. An interface with {} is to
have none of this owner's options, which is `state: absent`; one that is not named is left as it is.

    observed = observe_links(host, interfaces, originals)
    planned = plan_links(observed, wish, OWNER_RING)        # pure; raises LinkError
    all_or_nothing(lambda log: ...):
        store_originals(host, originals._replace(
            files=planned.recorded, links=merge_links(originals.links, planned.links)), log)
        verdicts = apply_links(host, planned, log)      # raises HostError
        store_originals(... files=planned.finalized ...)

A Verdict is about the boot alone: ok (already so), changed (is written), shadowed (somebody's own file or profile
says otherwise), pending (cannot be kept, at_boot None; or waits for a udev), absent (no such interface).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..._core.change import SHADOWED, UndoLog
from ..._engine.effects import PARENT_MODE, make_parents, put_back
from ..._engine.originals import Originals
from ..._engine.owned_files import FileChange, text_of
from ..._host.host import Host, HostError
from ..._host.machine import systemd_version
from ..._host.network import SYS_CLASS_NET
from ..link_files import network_manager
from .devices import UDEV_CONTROL, observe_devices
from .file import (
    DIRECTORIES,
    DROP_IN_SUFFIX,
    DROP_INS_SINCE,
    ETC,
    LinkFile,
    files_in_order,
    is_own_name,
    own_paths,
    parse_own,
)
from .model import LinkPlan, Observed, ProfileChange, Verdict, Write
from .profiles import recorded_uuids

# Debian's initramfs-tools and dracut, each with what copies .link files.
INITRAMFS_MAKERS = ("/usr/share/initramfs-tools/hooks/udev", "/usr/lib/dracut/modules.d")
UNCHECKED = "unchecked, as udevadm tells no name here: the file repeats the naming of the one that applied before"


# --- observe --------------------------------------------------------------------------------


def observe_links(host: Host, interfaces: Iterable[str], originals: Originals) -> Observed:
    """What the plan for these interfaces has to know. Raises HostError."""
    names = list(interfaces)
    version = systemd_version(host)
    files = read_files(host, version)
    own = {path for name in names for path in own_paths(name)} | {file.path for file in files if is_own_name(file.path)}
    return Observed(
        version=version,
        udev_running=host.exists(UDEV_CONTROL),
        devices=observe_devices(host),
        files=tuple(files),
        own={path: host.snapshot(path) for path in sorted(own)},
        originals=originals.files,
        links=originals.links,
        owner=(os.geteuid(), os.getegid()),
        network_manager=network_manager.observe(host, names, recorded_uuids(originals.links)),
        initramfs=any(host.exists(path) for path in INITRAMFS_MAKERS),
    )


def read_files(host: Host, version: int | None) -> list[LinkFile]:
    """All .link files that udev reads, with their drop-ins, in its order. Raises HostError."""
    listing = {directory: host.list_directory(directory) for directory in DIRECTORIES}
    found = []
    for path in files_in_order(listing):
        text = _text(host, path)
        if text:
            drop_ins = _drop_ins(host, listing, path.rsplit("/", 1)[1]) if (version or 0) >= DROP_INS_SINCE else []
            found.append(LinkFile(path, ((path, text), *drop_ins)))
    return found


def _drop_ins(host: Host, listing: Mapping[str, list[str]], name: str) -> list[tuple[str, str]]:
    directories = [f"{place}/{name}.d" for place, names in listing.items() if f"{name}.d" in names]
    paths = files_in_order({place: host.list_directory(place) for place in directories}, DROP_IN_SUFFIX)
    return [(path, _text(host, path)) for path in paths]


def _text(host: Host, path: str) -> str:
    """A file's text; empty where it is masked, or leads nowhere."""
    return "" if host.resolves_to_null_device(path) else host.read_text(path) or ""


# --- what udev says of it -------------------------------------------------------------------


class Trial(NamedTuple):
    """What `udevadm test-builtin net_setup_link` says: the file it applies, and the name; empty if it says none."""

    file: str
    name: str
    complaints: list[str]


def parse_trial(stdout: str, stderr: str, path: str) -> Trial:
    """The answer of udevadm 247, which tells no name, 252 or 257, with what it complains of in one file."""
    answers = dict(re.findall(r"^(ID_NET_LINK_FILE|ID_NET_NAME)=(.*)$", stdout, re.MULTILINE))
    complaints = re.findall(rf"^{re.escape(path)}:[0-9]+: (.*)$", stderr, re.MULTILINE)
    return Trial(answers.get("ID_NET_LINK_FILE", ""), answers.get("ID_NET_NAME", ""), complaints)


def try_file(host: Host, interface: str, path: str, options: Iterable[str] = ()) -> bool:
    """Whether udev takes this file for the interface and keeps its name; False where it does not tell the name.

    Raises HostError where it takes another file, would rename the interface, or does not know one of these options in
    the file. udevadm 247 tells the file only, and 248 to 250 nothing at all.
    """
    done = host.run(["udevadm", "test-builtin", "net_setup_link", f"{SYS_CLASS_NET}/{interface}"])
    if done is None or done.status != 0:
        return False
    trial = parse_trial(done.stdout, done.stderr, path)
    if trial.name and trial.name != interface:
        raise HostError(path, f"udev would rename {interface} to {trial.name} with it; the interface keeps its name")
    if trial.file != path and (trial.file or trial.name):
        raise HostError(path, f"udev does not apply it to {interface}, but {trial.file or 'no file at all'}")
    for option in options:
        for complaint in trial.complaints:
            if re.search(rf"\b{option}\b", complaint):
                raise HostError(path, f"udev does not take it: {complaint}")
    return trial.name == interface


# --- apply ----------------------------------------------------------------------------------


def apply_links(host: Host, planned: LinkPlan, log: UndoLog) -> dict[tuple[str, str], Verdict]:
    """Do all of a plan; the verdicts, with what could not be checked. Raises HostError: the log then puts it back.

    Each file of ours gets its name, and then udev is asked about it. Before systemd 256 udev applies to the running
    interface whatever it is asked about, so that it is shown the naming alone, and the whole file comes after.
    """
    written = {write.change.path: write for write in planned.writes}
    unchecked: set[tuple[str, str]] = set()
    for change in planned.files:
        for path in (ETC, change.path):
            make_parents(host, path, PARENT_MODE, log)
        log.note(change.path, lambda change=change: put_back(host, change))  # type: ignore[misc]
        write = written.get(change.path)
        if write is not None and not _test(host, write):
            unchecked.update((write.interface, option) for option in _options_of(write.change))
        _put(host, change)
    _set_profiles(host, planned.profiles, log)
    return {
        item: _with_reason(verdict) if item in unchecked and verdict.state != SHADOWED else verdict
        for item, verdict in planned.verdicts.items()
    }


def _options_of(change: FileChange) -> list[str]:
    own = parse_own(text_of(change.after), change.path)
    return [option for options in own.settings.values() for option in options] if own else []


def _with_reason(verdict: Verdict) -> Verdict:
    return verdict._replace(reason="; ".join(filter(None, (verdict.reason, UNCHECKED))))


def _test(host: Host, write: Write) -> bool:
    """Put the file, or its probe, in place and ask udev; False if udev cannot be asked. Raises HostError."""
    shown = write.probe or write.change.after
    if shown is not None:
        host.stage(write.change.path, shown).commit()
    return try_file(host, write.interface, write.change.path, () if write.probe else _options_of(write.change))


def _put(host: Host, change: FileChange) -> None:
    if change.after is None:
        host.remove(change.path)
        return
    if host.snapshot(change.path) != change.after:
        host.stage(change.path, change.after).commit()
    if host.snapshot(change.path) != change.after:
        raise HostError(change.path, "was changed by somebody else while it was written")


def _set_profiles(host: Host, changes: Iterable[ProfileChange], log: UndoLog) -> None:
    """Set the properties, a call per profile, and see whether they read back. Raises HostError."""
    by_profile: dict[str, list[ProfileChange]] = {}
    for change in changes:
        by_profile.setdefault(change.uuid, []).append(change)
    for uuid, group in by_profile.items():
        before = {change.property: change.before for change in group}
        name = f"NetworkManager's profile {group[0].profile}"
        log.note(name, lambda uuid=uuid, before=before: network_manager.set_properties(host, uuid, before))  # type: ignore[misc]
        network_manager.set_properties(host, uuid, {change.property: change.after for change in group})
        manager = network_manager.observe(host, (), [uuid])
        profile = manager.profiles.get(uuid) if manager else None
        for change in group:
            now = profile.properties.get(change.property, "") if profile else ""
            if now != change.after:
                raise HostError(name, f"{change.property} reads {now or 'nothing'} after it was set to {change.after}")


def diff_profiles(changes: Iterable[ProfileChange]) -> list[dict[str, str]]:
    """What Ansible's --diff shows of properties of profiles."""
    return [
        {
            "before_header": f"NetworkManager profile {change.profile}",
            "after_header": f"NetworkManager profile {change.profile}",
            "before": f"{change.property} {change.before}\n",
            "after": f"{change.property} {change.after}\n",
        }
        for change in changes
    ]
