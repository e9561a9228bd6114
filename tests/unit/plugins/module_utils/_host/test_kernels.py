# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed kernels and their modules: trees with the names and the modules.dep(5) of distributions, shortened."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host import host as door
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.kernels import find_module, newest_kernel
from hypothesis import given
from hypothesis import strategies as st
from sip_trees import place

NAMES = ("nft_rtpengine", "xt_RTPENGINE")
# Of linux-image-6.1.0-56-cloud-amd64 of Debian 12, whose DKMS puts modules into updates/dkms.
DEBIAN = """\
kernel/arch/x86/events/intel/intel-uncore.ko:
kernel/net/netfilter/xt_RATEEST.ko: kernel/net/netfilter/x_tables.ko
kernel/net/netfilter/x_tables.ko:
updates/dkms/xt_RTPENGINE.ko: kernel/net/netfilter/x_tables.ko
"""


def install(root: Path, *releases: str, image: str = "/boot/vmlinuz-{}") -> None:
    """Kernels with their images and without modules."""
    for release in releases:
        place(root / f"lib/modules/{release}/modules.dep", "")
        place(root / image.format(release).lstrip("/"), "")


@pytest.mark.parametrize(
    ("releases", "running", "newest"),
    [
        (["6.1.0-9-amd64", "6.1.0-10-amd64"], "6.1.0-9-amd64", "6.1.0-10-amd64"),
        (["6.1.0-44-amd64"], "6.1.0-45-amd64", "6.1.0-44-amd64"),  # the running one has been removed
        (["6.1.0-44-amd64", "6.1.0-44-rt-amd64", "6.1.0-44-cloud-amd64"], "6.1.0-44-amd64", "6.1.0-44-amd64"),
        (["6.1.0-44-amd64", "6.1.0-44-cloud-amd64"], "6.1.0-43-cloud-amd64", "6.1.0-44-cloud-amd64"),
        (["6.1.0-44-amd64", "6.12.9+bpo-amd64"], "6.1.0-44-amd64", "6.12.9+bpo-amd64"),
        (["6.1.0-0.deb11.7-amd64", "6.1.0-0.deb11.21-amd64"], "6.1.0-0.deb11.7-amd64", "6.1.0-0.deb11.21-amd64"),
        (["6.8.0-9-generic", "6.8.0-45-generic", "5.15.0-122-lowlatency"], "6.8.0-9-generic", "6.8.0-45-generic"),
        (
            ["5.14.0-503.el9.x86_64", "5.14.0-503.11.1.el9_5.x86_64", "5.14.0-503.11.1.el9_5.x86_64+debug"],
            "5.14.0-503.el9.x86_64",
            "5.14.0-503.11.1.el9_5.x86_64",
        ),
        (["6.12.107-1-pve", "6.12.9-1-pve"], "6.12.9-1-pve", "6.12.107-1-pve"),
        ([], "6.18.44-fc-v657", None),
    ],
)
def test_the_newest_kernel(tmp_path: Path, releases: list[str], running: str, newest: str | None) -> None:
    for order in (releases, releases[::-1]):
        root = tmp_path / str(order == releases)
        install(root, *order)
        assert newest_kernel(Host(str(root)), running) == newest


@pytest.mark.parametrize(
    "image", ["/boot/vmlinuz-{}", "/lib/modules/{}/vmlinuz", "/boot/vmlinux-{}", "/boot/Image-{}", "/boot/image-{}"]
)
def test_a_directory_of_modules_without_an_image_is_no_kernel(tmp_path: Path, image: str) -> None:
    install(tmp_path, "6.1.0-44-amd64", image=image)
    place(tmp_path / "lib/modules/6.1.0-99-amd64/updates/dkms/xt_RTPENGINE.ko", "")
    assert newest_kernel(Host(str(tmp_path)), "6.1.0-44-amd64") == "6.1.0-44-amd64"


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=12)))
def test_no_name_of_a_directory_breaks_the_order(names: list[str]) -> None:
    class Listing(Host):
        def list_directory(self, path: str) -> list[str]:
            return names

        def exists(self, path: str) -> bool:
            return True

    assert (newest_kernel(Listing(), "6.1.0-44-amd64") in names) == bool(names)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        pytest.param(DEBIAN, "xt_RTPENGINE", id="Debian"),
        pytest.param(DEBIAN.replace("xt_RTPENGINE.ko", "nft_rtpengine.ko.xz"), "nft_rtpengine", id="compressed by xz"),
        pytest.param("extra/nft_rtpengine.ko.zst: kernel/a.ko.zst\n", "nft_rtpengine", id="compressed by zstd"),
        pytest.param("extra/xt_RTPENGINE_old.ko:\n", "", id="another module"),
        pytest.param("kernel/net/netfilter/xt_RATEEST.ko:\n", "", id="none"),
        pytest.param("", "", id="empty"),
        pytest.param(None, "", id="no file"),
        pytest.param("#" * (door.MOST_CONFIGURATION_BYTES + 1), None, id="longer than any"),
    ],
)
def test_a_module(tmp_path: Path, listed: str | None, found: str | None) -> None:
    if listed is not None:
        place(tmp_path / "lib/modules/6.1.0-56-cloud-amd64/modules.dep", listed)
    assert find_module(Host(str(tmp_path)), "6.1.0-56-cloud-amd64", NAMES) == found
