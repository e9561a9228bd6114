# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of effects, and what is undone. Whole runs are in test_rings.py and test_links.py."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import RINGS
from ansible_collections.siptune.linux.plugins.module_utils._host.host import HostError
from nic_cards import Card, CardHost, igb, recorded, rings

RECORD = "var/lib/siptune/originals.json"
FILE = "etc/systemd/network/00-siptune-eth0.link"


def test_the_record_comes_before_the_driver_and_the_file_after_it(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    seen: list[tuple[bool, bool]] = []
    host.before_set = lambda: seen.append(((tmp_path / RECORD).exists(), (tmp_path / FILE).exists()))
    rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert seen == [(True, False)]
    assert (tmp_path / FILE).exists()
    assert recorded(host)["eth0 52:54:00:00:00:04"]["rx"].left == "512"


class Unwritable(CardHost):
    def stage(self, path, record):
        if path.endswith(".link"):
            raise HostError(path, "No space left on device (ENOSPC)", errno.ENOSPC)
        return super().stage(path, record)


def test_a_file_that_cannot_be_written_undoes_the_driver(tmp_path: Path) -> None:
    host = Unwritable(tmp_path, igb())
    with pytest.raises(RefusedError, match="No space left") as caught:
        rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert host.card("eth0").numbers[RINGS]["rx"] == 256
    assert "eth0 rx" in caught.value.undone
    assert not (tmp_path / RECORD).exists()


def test_undoing_sets_nothing_that_is_right_already(tmp_path: Path) -> None:
    """It might take the link down once more."""
    host = CardHost(tmp_path, igb())
    host.card("eth0").refuses[RINGS.set] = errno.EIO
    with pytest.raises(RefusedError, match="eth0 rx: the driver refused '512'"):
        rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert host.card("eth0").sets == 1


class Deaf(Card):
    def set(self, structure, fields):
        self.sets += 1


def test_a_value_that_the_driver_ignores_is_an_error(tmp_path: Path) -> None:
    host = CardHost(tmp_path, Deaf("eth0", "igb").with_rings(256, 256, 4096))
    with pytest.raises(RefusedError, match="eth0 rx: the driver accepted '512' but kept 256"):
        rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert recorded(host) == {}


def test_an_option_that_vanishes_once_it_is_set_is_an_error(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())

    def vanish() -> None:
        host.card("eth0").numbers[RINGS]["rx_max"] = 0

    host.before_set = vanish
    host.card("eth0").set = lambda structure, fields: None  # type: ignore[method-assign]
    with pytest.raises(RefusedError, match="eth0 rx: cannot be read back after it was set"):
        rings(host, {"eth0": {"rx": 512}}, disruptive=True)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO, errno.EPERM, errno.EBUSY, errno.EOPNOTSUPP])
def test_a_ring_that_its_driver_keeps_on_the_way_back_does_not_keep_the_others(tmp_path: Path, number: int) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    rings(host, {"eth*": {"rx": 512}}, disruptive=True)
    host.card("eth0").refuses[RINGS.set] = number
    done = rings(host, {}, state="absent", disruptive=True)
    assert done.items["eth1 rx"].state == "changed"
    assert done.items["eth0 rx"].state == ("absent" if number == errno.EOPNOTSUPP else "refused")
    assert (done.items["eth0 rx"].after, host.card("eth1").numbers[RINGS]["rx"]) == ("512", 256)
    assert number == errno.EOPNOTSUPP or "not put back: the driver refused '256': " in done.items["eth0 rx"].reason
    assert list(recorded(host)) == ["eth0 52:54:00:00:00:04"]
    assert not (tmp_path / FILE).exists()
    host.card("eth0").refuses.clear()
    assert rings(host, {}, state="absent", disruptive=True).states() == {"eth0 rx": "changed"}
    assert not (tmp_path / RECORD).exists()


class Picky(Card):
    """A card whose driver has come to refuse its first number of transmit descriptors."""

    def set(self, structure, fields):
        if fields["tx"] == 256 and self.sets:
            raise HostError(self.name, "Invalid argument (EINVAL)", errno.EINVAL)
        super().set(structure, fields)


def test_of_a_group_the_option_goes_back_that_the_driver_takes(tmp_path: Path) -> None:
    host = CardHost(tmp_path, Picky("eth0", "igb").with_rings(256, 256, 4096))
    rings(host, {"eth0": {"rx": 512, "tx": 1024}}, disruptive=True)
    done = rings(host, {}, state="absent", disruptive=True)
    assert done.states() == {"eth0 rx": "changed", "eth0 tx": "refused"}
    assert host.card("eth0").numbers[RINGS]["rx"] == 256


def test_a_driver_that_ignores_an_original_is_named(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    rings(host, {"eth*": {"rx": 512}}, disruptive=True)
    host.card("eth0").set = lambda structure, fields: None  # type: ignore[method-assign]
    done = rings(host, {}, state="absent", disruptive=True)
    assert done.states() == {"eth0 rx": "refused", "eth1 rx": "changed"}
    assert "accepted '256' but kept 512" in done.items["eth0 rx"].reason


def test_a_refused_ring_that_is_wanted_still_undoes_the_call(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    rings(host, {"eth*": {"rx": 512}}, disruptive=True)
    host.card("eth1").refuses[RINGS.set] = errno.EINVAL
    with pytest.raises(RefusedError, match="eth1 rx: the driver refused '1024'"):
        rings(host, {"eth1": {"rx": 1024}}, disruptive=True)
    assert host.card("eth0").numbers[RINGS]["rx"] == 512
