# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters of an image, and the host that boots it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Report
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import parse
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.image import (
    BEGINNINGS,
    BEGINS_WITH_IT,
    IPV6_IN_USE,
    KERNELS_DIFFER,
    NO_KEYS,
    UNTIL_BOOT,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError, display_name
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import parse_settings
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.value import parse_value
from sysctl_kernel import KernelHost

FILE = "/etc/sysctl.d/90-test.conf"
RULES = "/etc/udev/rules.d/90-test.rules"


def run(host: Host, settings: dict[str, Any], when: str = "boot", check: bool = False) -> Report:
    arguments = {"path": FILE, "settings": settings, "when": when, "state": "present" if settings else "absent"}
    call = SYSCTL_BULK.call({**arguments, "missing": "report", "shadowed": "report"}, "kernel")
    return call.run(host, check, UndoLog())


def states(report: Report) -> dict[str, tuple[str, str]]:
    return {change.item: (change.state, change.reason) for change in report.changes}


def lines(root: Path) -> dict[str, str | None]:
    path = root / FILE[1:]
    return {one.path: one.value for one in parse(path.read_text(), FILE)} if path.exists() else {}


@pytest.fixture
def kernel(tmp_path: Path) -> KernelHost:
    """The host that will boot the image; its keys are not there for the image."""
    return KernelHost(tmp_path)


@pytest.fixture
def image(kernel: KernelHost) -> Image:
    return Image(str(kernel.root))


# --- the image ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "setting", "line", "state", "reason"),
    [
        pytest.param("net.ipv4.tcp_sack", 1, "1", "changed", "", id="an exact value"),
        pytest.param("net.core.unknown", 1, "1", "changed", "", id="a key that this kernel does not have"),
        pytest.param("net.ipv4.conf.eth7.rp_filter", 1, "1", "changed", "", id="an interface to come"),
        pytest.param("net.core.rmem_max", (8388608, "at_least"), "8388608", "changed", "", id="above every kernel"),
        pytest.param("net.core.rmem_max", (4194304, "at_least"), "4194304", "changed", "", id="as much as the newest"),
        pytest.param("net.core.rmem_max", (2097152, "at_least"), None, "pending", KERNELS_DIFFER, id="in between"),
        pytest.param("fs.nr_open", (1048576, "at_least"), None, "kept", BEGINS_WITH_IT, id="below every kernel"),
        pytest.param("kernel.shmmax", (1 << 30, "at_least"), None, "kept", BEGINS_WITH_IT, id="unlimited anyway"),
        pytest.param("kernel.sem", ("250 32000 100 128", "at_least"), None, "kept", BEGINS_WITH_IT, id="a vector"),
        pytest.param(
            "kernel.perf_event_paranoid", (2, "at_least"), None, "kept", BEGINS_WITH_IT, id="distributions have more"
        ),
        pytest.param(
            "kernel.perf_event_paranoid", (3, "at_least"), None, "pending", KERNELS_DIFFER, id="Ubuntu has more"
        ),
        pytest.param(
            "net.netfilter.nf_conntrack_max", (65536, "at_least"), None, "pending", KERNELS_DIFFER, id="by the memory"
        ),
        pytest.param(
            "net.netfilter.nf_conntrack_max", (1 << 20, "at_least"), str(1 << 20), "changed", "", id="beyond any memory"
        ),
        pytest.param("vm.swappiness", (10, "at_most"), "10", "changed", "", id="a ceiling"),
        pytest.param("vm.swappiness", (60, "at_most"), None, "kept", BEGINS_WITH_IT, id="a ceiling that is met"),
        pytest.param("net.core.busy_read", (50, "at_least"), None, "pending", KERNELS_DIFFER, id="not in the table"),
        pytest.param(
            "net.ipv4.ip_local_reserved_ports", ("5060", "at_least"), "5060", "changed", "", id="a list of ports"
        ),
        pytest.param("net.ipv4.conf.*.accept_redirects", 0, "0", "changed", "", id="a glob"),
        pytest.param("net.ipv4.conf.*.rp_filter", (1, "at_least"), None, "pending", NO_KEYS, id="a glob's floor"),
        pytest.param("net.ipv6.conf.all.disable_ipv6", 1, None, "pending", IPV6_IN_USE, id="IPv6 off"),
        pytest.param("net.ipv6.conf.all.disable_ipv6", 0, "0", "changed", "", id="IPv6 on"),
        pytest.param("net.ipv6.conf.all.forwarding", 1, None, "pending", IPV6_IN_USE, id="IPv6 routed"),
    ],
)
def test_what_an_image_gets(
    image: Image, kernel: KernelHost, key: str, setting: Any, line: str | None, state: str, reason: str
) -> None:
    if isinstance(setting, tuple):
        setting = dict(zip(("value", "rule"), setting))
    before = kernel.live()
    predicted = run(image, {key: setting}, check=True)
    done = run(image, {key: setting})
    assert states(done) == states(predicted) == {key: (state, reason)}
    assert list(lines(kernel.root).values()) == ([] if line is None else [line])
    assert not run(image, {key: setting}).changed
    assert kernel.live() == before


@pytest.mark.parametrize(
    ("others", "setting", "line", "state"),
    [
        ("net.core.rmem_max = 1000000\n", (8388608, "at_least"), "8388608", "changed"),
        ("net.core.rmem_max = 9000000\n", (8388608, "at_least"), None, "kept"),
        ("net.core.rmem_max = lots\n", (8388608, "at_least"), "8388608", "changed"),
        ("-net.core.rmem_max\n", (8388608, "at_least"), "8388608", "changed"),
        ("net.core.rmem_max = 1000000\n", (2097152, "at_least"), "2097152", "changed"),
    ],
)
def test_the_files_of_the_image_count(
    image: Image, kernel: KernelHost, others: str, setting: tuple[int, str], line: str | None, state: str
) -> None:
    (kernel.root / "etc/sysctl.d/10-vendor.conf").write_text(others)
    done = run(image, {"net.core.rmem_max": dict(zip(("value", "rule"), setting))})
    assert states(done)["net.core.rmem_max"][0] == state
    assert list(lines(kernel.root).values()) == ([] if line is None else [line])


def test_a_later_file_of_the_image_is_named(image: Image, kernel: KernelHost) -> None:
    (kernel.root / "etc/sysctl.d/99-local.conf").write_text("net.core.somaxconn = 128\n")
    done = run(image, {"net.core.somaxconn": 8192})
    assert states(done) == {"net.core.somaxconn": ("shadowed", "/etc/sysctl.d/99-local.conf line 1 sets 128")}


def test_a_key_that_another_file_names_gets_its_line_beside_the_glob(image: Image, kernel: KernelHost) -> None:
    other = "net.ipv4.conf.eth9.accept_redirects = 1\n-net.ipv4.conf.lo.accept_redirects\nnet.core.somaxconn = 1\n"
    (kernel.root / "etc/sysctl.d/10-vendor.conf").write_text(other)
    run(image, {"net.ipv4.conf.*.accept_redirects": 0})
    assert lines(kernel.root) == {
        "net/ipv4/conf/*/accept_redirects": "0",
        "net/ipv4/conf/eth9/accept_redirects": "0",
        "net/ipv4/conf/lo/accept_redirects": "0",
    }


def test_keys_of_modules_get_a_rule_for_when_they_are_loaded(image: Image, kernel: KernelHost) -> None:
    run(image, {"net.netfilter.nf_conntrack_max": 1 << 20})
    assert 'KERNEL=="nf_conntrack"' in (kernel.root / RULES[1:]).read_text()


def test_keys_of_modules_wait_for_them_where_no_udev_is(image: Image, kernel: KernelHost) -> None:
    (kernel.root / "etc/udev/rules.d").rmdir()
    done = run(image, {"net.netfilter.nf_conntrack_max": 1 << 20, "net.core.somaxconn": 8192})
    state, reason = states(done)["net.netfilter.nf_conntrack_max"]
    assert (state, "where the nf_conntrack module is loaded by then" in reason) == ("pending", True)
    assert lines(kernel.root) == {"net/netfilter/nf_conntrack_max": str(1 << 20), "net/core/somaxconn": "8192"}
    assert not run(image, {"net.netfilter.nf_conntrack_max": 1 << 20, "net.core.somaxconn": 8192}).changed


@pytest.mark.parametrize(
    ("range_of_image", "reserved", "refused"),
    [(None, "32768-59500", True), (None, "40000-50000", False), ("10240 65535", "32768-59500", False)],
)
def test_an_image_too_keeps_ports_for_outgoing_connections(
    image: Image, kernel: KernelHost, range_of_image: str | None, reserved: str, refused: bool
) -> None:
    if range_of_image:
        (kernel.root / "etc/sysctl.d/50-range.conf").write_text(f"net.ipv4.ip_local_port_range = {range_of_image}\n")
    settings = {"net.ipv4.ip_local_reserved_ports": reserved}
    if refused:
        with pytest.raises(SysctlError, match="fewer than 2000"):
            run(image, settings)
    else:
        run(image, settings)


def test_an_old_systemd_reads_no_globs(image: Image, kernel: KernelHost) -> None:
    library = kernel.root / "usr/lib/systemd"
    (library / "libsystemd-shared-252.so").rename(library / "libsystemd-shared-239.so")
    done = run(image, {"net.ipv4.conf.*.accept_redirects": 0})
    assert states(done) == {"net.ipv4.conf.*.accept_redirects": ("pending", NO_KEYS)}
    assert not done.changed


def test_open_files_are_not_lowered_below_what_the_files_of_the_image_ask_for(image: Image, kernel: KernelHost) -> None:
    (kernel.root / "etc/security/limits.d").mkdir(parents=True)
    (kernel.root / "etc/security/limits.d/a.conf").write_text("root hard nofile 500000\n")
    with pytest.raises(SysctlError, match="500000"):
        run(image, {"fs.nr_open": 400000})
    assert states(run(image, {"fs.nr_open": 600000}))["fs.nr_open"][0] == "changed"


@pytest.mark.parametrize("path", BEGINNINGS)
def test_what_kernels_begin_with_is_a_value_of_the_key(path: str) -> None:
    least, most = BEGINNINGS[path]
    for value in (least, most):
        assert parse_value(path, value) == value
    # The most meets a floor of the least, or a list has just one beginning.
    assert parse_settings({display_name(path): {"value": most or "5060", "rule": "at_least"}})


# --- the host that boots it -----------------------------------------------------------------

SETTINGS: dict[str, Any] = {
    "net.core.rmem_max": {"value": 8388608, "rule": "at_least"},
    "net.ipv4.tcp_sack": 1,
    "net.core.somaxconn": 8192,
    "net.ipv4.conf.*.accept_redirects": 0,
}


def booted(image: Image, kernel: KernelHost, settings: dict[str, Any]) -> dict[str, str]:
    """The values of the host once it has booted the image."""
    run(image, settings)
    kernel.boot()
    return kernel.live()


def test_a_run_on_the_booted_host_finds_the_files_and_changes_nothing(image: Image, kernel: KernelHost) -> None:
    live = booted(image, kernel, SETTINGS)
    assert (live["net/core/rmem_max"], live["net/core/somaxconn"]) == ("8388608", "8192")
    files = lines(kernel.root)
    done = run(kernel, SETTINGS, "both")
    assert not done.changed
    assert {change.state for change in done.changes} == {"ok"}
    assert (kernel.live(), lines(kernel.root)) == (live, files)


def test_a_rollback_on_the_booted_host_says_what_stays_until_the_next_boot(image: Image, kernel: KernelHost) -> None:
    fresh = kernel.live()
    live = booted(image, kernel, SETTINGS)
    back = run(kernel, {}, "both")
    assert kernel.live() == live
    assert not (kernel.root / FILE[1:]).exists()
    assert not (kernel.root / "var/lib/siptune").exists()
    found = states(back)
    assert {"net.core.rmem_max", "net.core.somaxconn", "net.ipv4.conf.eth0.accept_redirects"} < set(found)
    assert set(found.values()) == {("pending", UNTIL_BOOT)}
    kernel.boot()
    assert kernel.live() == fresh


def test_a_rollback_after_a_run_on_the_booted_host_knows_both(image: Image, kernel: KernelHost) -> None:
    booted(image, kernel, {"net.core.somaxconn": 8192})
    run(kernel, {"net.core.somaxconn": 8192, "net.ipv4.tcp_sack": 0}, "both")
    back = states(run(kernel, {}, "both"))
    assert back["net.ipv4.tcp_sack"][0] == "changed"
    assert back["net.core.somaxconn"] == ("pending", UNTIL_BOOT)
    assert kernel.value("net/ipv4/tcp_sack") == "1"


def test_a_key_that_somebody_has_set_since_the_boot_is_not_ours(image: Image, kernel: KernelHost) -> None:
    booted(image, kernel, {"net.core.somaxconn": 8192})
    kernel.write_kernel("/proc/sys/net/core/somaxconn", "1000")
    assert states(run(kernel, {}, "both")) == {}
    assert kernel.value("net/core/somaxconn") == "1000"


def test_a_key_that_is_left_out_later_stays_until_the_next_boot(image: Image, kernel: KernelHost) -> None:
    booted(image, kernel, SETTINGS)
    fewer = {key: setting for key, setting in SETTINGS.items() if key != "net.core.somaxconn"}
    done = run(kernel, fewer, "both")
    assert states(done)["net.core.somaxconn"] == ("pending", UNTIL_BOOT)
    assert "net/core/somaxconn" not in lines(kernel.root)
    assert not run(kernel, fewer, "both").changed


def test_a_rollback_of_the_image_leaves_nothing(image: Image, kernel: KernelHost) -> None:
    (kernel.root / "etc/sysctl.d/10-vendor.conf").write_text("net.core.somaxconn = 128\n")
    before = {path: path.read_bytes() for path in kernel.root.rglob("*") if path.is_file()}
    run(image, SETTINGS)
    back = run(image, {})
    items = {change.item: (change.state, change.at_boot_before, change.at_boot) for change in back.changes}
    assert items["net.core.somaxconn"] == ("changed", "8192", "128")
    assert items["net.core.rmem_max"] == ("changed", "8388608", None)
    assert items["net.ipv4.conf.*.accept_redirects"] == ("changed", "0", None)
    assert {path: path.read_bytes() for path in kernel.root.rglob("*") if path.is_file()} == before


# --- an image that was made from a tuned host -----------------------------------------------


def test_the_image_of_a_tuned_host_keeps_its_lines_and_goes_back_to_none(image: Image, kernel: KernelHost) -> None:
    run(kernel, SETTINGS, "both")
    text = (kernel.root / FILE[1:]).read_text()
    again = run(image, SETTINGS)
    assert not again.changed
    assert (kernel.root / FILE[1:]).read_text() == text
    back = run(image, {})
    assert states(back)["net.core.somaxconn"][0] == "changed"
    assert not (kernel.root / FILE[1:]).exists()
    assert not (kernel.root / "var/lib/siptune").exists()


def test_a_floor_that_is_left_to_the_booted_host_keeps_the_line_it_has(image: Image, kernel: KernelHost) -> None:
    floor = {"net.netfilter.nf_conntrack_max": {"value": 300000, "rule": "at_least"}}
    run(kernel, floor, "both")
    lower = {"net.netfilter.nf_conntrack_max": {"value": 200000, "rule": "at_least"}}
    assert states(run(image, lower))["net.netfilter.nf_conntrack_max"][0] == "ok"
    assert lines(kernel.root) == {"net/netfilter/nf_conntrack_max": "300000"}


# --- the record -----------------------------------------------------------------------------


def test_the_record_says_that_there_are_no_values_from_before(image: Image, kernel: KernelHost) -> None:
    run(image, SETTINGS)
    record = json.loads((kernel.root / "var/lib/siptune/originals.json").read_text())
    assert (record["schema"], record["sysctl"]) == (1, {})  # so that an older version can read it
    assert record["files"][FILE]["image"] is True
    kernel.boot()
    run(kernel, {**SETTINGS, "net.ipv4.tcp_sack": 0}, "both")
    record = json.loads((kernel.root / "var/lib/siptune/originals.json").read_text())
    assert record["files"][FILE]["image"] is True
    assert list(record["sysctl"]) == ["net/ipv4/tcp_sack"]
