# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours for real interfaces: what they match on this kernel, two owners, and the way back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, UndoLog, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import (
    read_originals,
    remove_originals_directory,
    store_originals,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import DIRECTORY
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.devices import observe_devices
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import Setting, parse
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.match import matches, own_match
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Plan, Verdict
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import (
    OWNER_LINK,
    OWNER_RING,
    LinkError,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.plan import plan
from calls import write_file
from sandbox import difference, dump, ip, mount, mount_small

OURS = "/etc/systemd/network/00-siptune-sip0.link"
USERS = "/etc/systemd/network/50-users.link"
USERS_TEXT = "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel\nAlternativeNamesPolicy=path\n"
RX = {"RxBufferSize": "512"}
FLOW = {"RxFlowControl": "no"}


class Done(NamedTuple):
    verdicts: Mapping[tuple[str, str], Verdict]
    plan: Plan


def call(texts: Mapping[str, Mapping[str, str]], owner: str, host: Host | None = None) -> Done:
    """A call of one of the two modules, as far as the boot is concerned. Raises RefusedError."""
    host = host or Host()
    originals = read_originals(host)
    settings = {name: {option: Setting(value, "A test.") for option, value in of.items()} for name, of in texts.items()}
    planned = plan(observe(host, texts, originals), settings, owner)

    def effects(log: UndoLog) -> Mapping[tuple[str, str], Verdict]:
        if planned.changed:
            store_originals(host, originals._replace(files=planned.recorded), log)
        verdicts = apply(host, planned, log)
        finalized = originals._replace(files=planned.finalized)
        store_originals(host, finalized, log)
        if finalized.empty:
            remove_originals_directory(host, log)
        return verdicts

    return Done(all_or_nothing(effects), planned)


def enter() -> None:
    """A /sys that shows this network namespace, and a .link file of the user's that is for all interfaces."""
    mount("sysfs", "/sys", "sysfs")
    write_file(USERS, USERS_TEXT)


def lines(path: str) -> list[tuple[str, str]]:
    return [(line.key, line.value) for line in parse(Path(path).read_text(encoding="utf-8"), path) or []]


def test_two_owners_and_the_way_back() -> None:
    enter()
    start = dump()
    first = call({"sip0": RX}, OWNER_RING)
    assert first.verdicts["sip0", "RxBufferSize"].at_boot == "512"
    one = dump()
    call({"sip0": FLOW}, OWNER_LINK)
    assert lines(OURS) == [
        ("OriginalName", "sip0"),
        ("Type", "ether"),
        ("Driver", "veth"),
        ("NamePolicy", "keep kernel"),
        ("AlternativeNamesPolicy", "path"),
        ("RxBufferSize", "512"),
        ("RxFlowControl", "no"),
    ]
    both = dump()
    assert not call({"sip0": FLOW}, OWNER_LINK).plan.changed
    assert not call({"sip0": RX}, OWNER_RING).plan.changed
    assert difference(both, dump()) == {}
    call({"sip0": {}}, OWNER_LINK)
    assert Path(OURS).read_text(encoding="utf-8") == one[OURS][3].decode()  # type: ignore[index]
    call({"sip0": {}}, OWNER_RING)
    assert difference(start, dump()) == {}


def test_several_interfaces_in_one_call() -> None:
    enter()
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", "rtp0", "address", Path("/sys/class/net/sip0/address").read_text(encoding="ascii").strip())
    names = ["sip0", "sip0.100", "rtp0", "br0"]
    call(dict.fromkeys(names, FLOW), OWNER_LINK)
    devices = observe_devices(Host())
    assert (devices["br0"].type, devices["br0"].kind) == ("bridge", "bridge")
    assert (devices["sip0"].type, devices["sip0"].kind, devices["sip0"].driver) == ("ether", "veth", "veth")
    assert devices["rtp0"].mac == devices["sip0"].mac
    for name in names:
        match = own_match(devices[name], devices.values())
        assert [other for other in devices if matches(match, devices[other]) is not False] == [name]
        assert set(match) <= set(lines(f"/etc/systemd/network/00-siptune-{name}.link"))


def test_the_users_own_file_wins_and_stays() -> None:
    enter()
    mine = "[Match]\nDriver=veth\n\n[Link]\nNamePolicy=keep\nRxBufferSize=300\n"
    write_file("/etc/systemd/network/10-mine.link", mine)
    verdict = call({"sip0": {**RX, "TxBufferSize": "400"}}, OWNER_RING).verdicts["sip0", "RxBufferSize"]
    reason = "/etc/systemd/network/10-mine.link line 6 sets RxBufferSize=300"
    assert verdict == Verdict("shadowed", "300", reason, at_boot_before="300")
    assert Path("/etc/systemd/network/10-mine.link").read_text(encoding="utf-8") == mine
    assert lines(OURS)[3:] == [("NamePolicy", "keep"), ("RxBufferSize", "300"), ("TxBufferSize", "400")]


def test_an_interface_that_was_renamed_keeps_no_second_file() -> None:
    enter()
    ip("link", "set", "sip0", "down")
    call({"sip0": RX}, OWNER_RING)
    ip("link", "set", "sip0", "name", "new0")
    with pytest.raises(LinkError, match="match it alone"):  # renamed, and without a permanent address
        call({"new0": RX}, OWNER_RING)
    assert call({"sip0": RX}, OWNER_RING).verdicts["sip0", "RxBufferSize"].state == "absent"
    call({"sip0": {}}, OWNER_RING)
    assert not os.path.exists(OURS)


def test_a_full_disk_changes_nothing() -> None:
    enter()
    mount_small("/etc/systemd/network", 64)
    write_file(USERS, USERS_TEXT)
    Path("/etc/systemd/network/filler").write_bytes(b"x" * 60 * 1024)
    start = dump()
    with pytest.raises(RefusedError, match="No space left"):
        call({"sip0": RX, "rtp0": RX}, OWNER_RING)
    assert difference(start, dump()) == {}


class SecondFails(Host):
    """A host on which the second file cannot be written."""

    def stage(self, path, record):  # type: ignore[no-untyped-def]
        if path.endswith("rtp0.link"):
            raise HostError(path, "no more")
        return super().stage(path, record)


def test_all_files_or_none() -> None:
    enter()
    start = dump()
    with pytest.raises(RefusedError, match="no more"):
        call({"sip0": RX, "rtp0": RX}, OWNER_RING, SecondFails())
    assert difference(start, dump()) == {}
    assert not os.path.exists(DIRECTORY)


def test_no_link_is_followed() -> None:
    enter()
    write_file("/etc/victim", "precious\n")
    os.symlink("/etc/victim", OURS)
    with pytest.raises(HostError, match="symbolic link"):
        call({"sip0": RX}, OWNER_RING)
    assert Path("/etc/victim").read_text(encoding="utf-8") == "precious\n"


def test_a_sys_of_another_namespace_shows_no_interface_of_ours() -> None:
    write_file(USERS, USERS_TEXT)
    assert call({"sip0": RX}, OWNER_RING).verdicts["sip0", "RxBufferSize"].state == "absent"
