# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, ProfileOriginal
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import RULES
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.observe import observe, read_files


def _write(root: Path, path: str, text: str) -> None:
    (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    (root / path[1:]).write_text(text, encoding="utf-8")


def test_files_with_masks_and_drop_ins(tmp_path: Path) -> None:
    _write(tmp_path, "/usr/lib/systemd/network/99-default.link", "default")
    _write(tmp_path, "/usr/lib/systemd/network/99-default.link.d/a.conf", "vendor's a")
    _write(tmp_path, "/usr/lib/systemd/network/99-default.link.d/b.conf", "vendor's b")
    _write(tmp_path, "/etc/systemd/network/99-default.link.d/b.conf", "our b")
    _write(tmp_path, "/etc/systemd/network/99-default.link.d/ignored", "x")
    _write(tmp_path, "/usr/lib/systemd/network/73-usb-net-by-mac.link", "masked")
    (tmp_path / "etc/systemd/network/73-usb-net-by-mac.link").symlink_to("/dev/null")
    _write(tmp_path, "/run/systemd/network/50-empty.link", "")
    _write(tmp_path, "/usr/lib/systemd/network/50-empty.link", "masked by an empty file")
    (tmp_path / "etc/systemd/network/60-dangling.link").symlink_to("/nowhere")
    files = read_files(Host(str(tmp_path)), 252)
    assert [file.path for file in files] == ["/usr/lib/systemd/network/99-default.link"]
    assert [text for _path, text in files[0].texts] == ["default", "vendor's a", "our b"]
    older = read_files(Host(str(tmp_path)), 247)
    assert [text for _path, text in older[0].texts] == ["default"]


def test_a_host_without_anything(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    originals = NOTHING._replace(profiles={"u-1": {"ethtool.ring-rx": ProfileOriginal("eth0", "", "512")}})
    seen = observe(Host(str(tmp_path)), ["eth0"], originals)
    assert (seen.version, seen.udev_running, seen.initramfs, seen.network_manager) == (None, False, False, None)
    assert seen.own == {
        "/etc/systemd/network/0-siptune-eth0.link": None,
        "/etc/systemd/network/00-siptune-eth0.link": None,
        RULES: None,
    }
    assert (seen.files, seen.devices, seen.originals) == ((), {}, originals)


def test_our_files_of_other_interfaces_are_seen_too(tmp_path: Path) -> None:
    other = "/etc/systemd/network/00-siptune-eth9.link"
    _write(tmp_path, other, "x")
    _write(tmp_path, "/usr/share/initramfs-tools/hooks/udev", "")
    _write(tmp_path, "/run/udev/control", "")
    seen = observe(Host(str(tmp_path)), [], NOTHING)
    assert [record.content for record in seen.own.values() if record] == [b"x"]
    assert (sorted({*seen.own} - {RULES}), seen.udev_running, seen.initramfs) == ([other], True, True)
