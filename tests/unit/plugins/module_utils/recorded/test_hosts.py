# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each operation sees and plans on EL 8 to 10, Ubuntu 22.04 to 26.04 and arm64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import AT_LEAST
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Operation, Report
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._logins.module import LIMITS_FILE
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK, NIC_RING
from ansible_collections.siptune.linux.plugins.module_utils._pools.module import DAEMON_POOLS
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import DAEMONS, belongs_to
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS
from hypothesis import given
from hypothesis import strategies as st
from sip_trees import place

from . import hosts
from .builder import RecordedHost, booted
from .hosts import HOSTS, TUNED_PROFILE, Recorded
from .kernels import MEMORY_BYTES

PATH = "/etc/sysctl.d/90-test.conf"


def report_of(operation: Operation, host: RecordedHost, **parameters: Any) -> Report:
    """The report of a call in check mode."""
    defaults = {name: argument.get("default") for name, argument in operation.argument_spec.items()}
    one = operation.call({**defaults, **parameters})
    return all_or_nothing(lambda log: one.run(host, True, log))


def plan(operation: Operation, host: RecordedHost, **parameters: Any) -> dict[str, Change]:
    """The items of a call in check mode."""
    return {change.item: change for change in report_of(operation, host, **parameters).changes}


def floor(value: Any) -> dict[str, Any]:
    return {"value": value, "rule": AT_LEAST}


# --- facts ------------------------------------------------------------------------------------


def test_the_machine_is_seen_as_it_is(host: RecordedHost, recorded: Recorded) -> None:
    facts = gather(host)
    seen = {
        name: facts[name] for name in ("kernel", "systemd", "systemd_running", "nr_open", "page_size", "processors")
    }
    assert seen == {
        "kernel": recorded.kernel,
        "systemd": recorded.systemd,
        "systemd_running": True,
        "nr_open": recorded.nr_open,
        "page_size": recorded.page_bytes,
        "processors": 4,
    }
    # The same memory whatever the size of a page: three quarters of an eighth of 8 GiB, and twice that.
    assert facts["udp_mem_pages"][-1] * facts["page_size"] == MEMORY_BYTES // 8 // 4 * 3 * 2


@pytest.mark.parametrize(
    ("recorded", "kind", "technology"),
    [
        pytest.param(hosts.GRAVITON, "vm", "amazon", id="Graviton"),
        pytest.param(
            hosts.GRAVITON._replace(dmi={"sys_vendor": "Amazon EC2", "product_name": "c7g.metal"}),
            "metal",
            None,
            id="Graviton without a hypervisor",
        ),
        pytest.param(hosts.AMPERE_64K, "metal", None, id="Ampere"),
        pytest.param(
            hosts.AMPERE_64K._replace(dmi={"sys_vendor": "QEMU", "product_name": "KVM Virtual Machine"}),
            "vm",
            "kvm",
            id="Ampere below a hypervisor",
        ),
    ],
)
def test_machines_of_arm64_are_told_apart(tmp_path: Path, recorded: Recorded, kind: str, technology: str) -> None:
    assert gather(RecordedHost(tmp_path, recorded))["virtualization"] == {"kind": kind, "technology": technology}


def test_qemu_without_firmware_is_a_virtual_machine(tmp_path: Path) -> None:
    """As a kernel of arm64 has shown it that was started without a firmware: no DMI table, and its board's name."""
    host = RecordedHost(tmp_path, hosts.GRAVITON._replace(dmi={}))
    place(tmp_path / "proc/device-tree/compatible", "linux,dummy-virt\0")
    assert gather(host)["virtualization"] == {"kind": "vm", "technology": "qemu"}


def test_each_daemon_is_found_under_the_unit_of_its_package(host: RecordedHost, recorded: Recorded) -> None:
    """Also where the control groups are version 1, as on EL 8, and once where the unit has an alias."""
    found = {(one["name"], one["unit"], one["main_pid"], one["user"]) for one in gather(host)["sip_daemons"]}
    assert found == {(one.daemon, one.unit, host.pids[one.unit], one.runs_as) for one in recorded.packages}


def test_tuned_of_el_is_named_with_its_profile(host: RecordedHost, recorded: Recorded) -> None:
    tuned = gather(host)["tuners"]["tuned"]
    assert (tuned["enabled"], tuned["profile"]) == ((True, TUNED_PROFILE) if recorded.tuned else (False, None))
    settings = {one["key"]: one["value"] for one in tuned["sysctl"]}
    assert settings.get("vm.dirty_ratio") == ("30" if recorded.tuned else None)


# --- memory pools -----------------------------------------------------------------------------


def test_pools_go_to_the_file_that_the_unit_reads(host: RecordedHost, recorded: Recorded) -> None:
    pools = {f"{name}.service": {"shared_mib": 512, "private_mib": 16} for name in ("kamailio", "opensips")}
    report = report_of(DAEMON_POOLS, host, pools=pools)
    place = "/etc/sysconfig" if recorded.selinux else "/etc/default"
    assert sorted(file["path"] for file in report.written()["files"]) == [f"{place}/kamailio", f"{place}/opensips"]
    items = {change.item: change for change in report.changes}
    assert items["kamailio.service shared_mib"].before == "64"
    assert items["kamailio.service private_mib"].before == ("4" if recorded.selinux else "8")
    assert items["opensips.service private_mib"].before == "4"
    assert {change.at_boot for name, change in items.items() if name.endswith("shared_mib")} == {"512"}


def test_an_instance_has_a_file_of_its_own(host: RecordedHost, recorded: Recorded) -> None:
    report = report_of(DAEMON_POOLS, host, pools={"kamailio@edge.service": {"shared_mib": 256}})
    place = "/etc/sysconfig" if recorded.selinux else "/etc/default"
    assert [file["path"] for file in report.written()["files"]] == [f"{place}/kamailio-edge"]


# --- limits of units --------------------------------------------------------------------------


@pytest.mark.parametrize("files", [65536, 120000, 200000, 524288])
def test_no_floor_lowers_the_open_files_of_a_package(host: RecordedHost, recorded: Recorded, files: int) -> None:
    items = plan(SYSTEMD_LIMITS, host, units={one.unit: {"LimitNOFILE": floor(files)} for one in recorded.packages})
    for one in recorded.packages:
        of_package = int(one.limits.get("LimitNOFILE", 0))
        hard = max(of_package or recorded.hard_files, files)
        change = items[f"{one.unit} LimitNOFILE"]
        at_boot = [int(part) for part in (change.at_boot or f"1024:{recorded.hard_files}").split(":")]
        assert at_boot[0] == max(of_package, files), change
        assert at_boot[-1] >= hard, change
        assert change.state == ("kept" if of_package >= files else "changed"), change


def test_an_older_systemd_is_not_given_what_it_does_not_know(host: RecordedHost, recorded: Recorded) -> None:
    items = plan(SYSTEMD_LIMITS, host, units={"kamailio.service": {"OOMPolicy": "kill", "OOMScoreAdjust": -500}})
    known = recorded.systemd >= 243
    assert items["kamailio.service OOMPolicy"].state == ("changed" if known else "absent")
    assert items["kamailio.service OOMScoreAdjust"].state == "changed"


def test_running_daemons_are_reached_in_both_layouts_of_control_groups(host: RecordedHost) -> None:
    items = plan(SYSTEMD_LIMITS, host, units={"kamailio.service": {"LimitNOFILE": floor(65536)}})
    change = items["kamailio.service LimitNOFILE"]
    assert (change.before, change.state) == (f"1024:{host.recorded.hard_files}", "changed")
    assert change.after.startswith("65536")


# --- limits of logins -------------------------------------------------------------------------

LOGINS = "/etc/security/limits.d/90-test.conf"


def test_logins_get_limits_through_the_services_of_the_distribution(host: RecordedHost) -> None:
    wanted = [{"domain": "root", "type": "soft", "item": "nofile", "value": 65536}]
    report = report_of(LIMITS_FILE, host, path=LOGINS, limits=wanted)
    applied = {service["service"] for service in report.extra["pam"] if service["applies"]}
    assert applied >= {"sshd", "login", "sudo"}
    assert [change.state for change in report.changes] == ["changed"]


@pytest.mark.parametrize("files", [1048576, 2000000])
def test_no_login_is_locked_out_by_more_files_than_the_kernel_allows(
    host: RecordedHost, recorded: Recorded, files: int
) -> None:
    limits = [{"domain": "*", "type": "hard", "item": "nofile", "value": files}]
    if files > recorded.nr_open:
        with pytest.raises(RefusedError, match="nr_open"):
            plan(LIMITS_FILE, host, path=LOGINS, limits=limits)
    else:
        (change,) = plan(LIMITS_FILE, host, path=LOGINS, limits=limits).values()
        assert change.state == "changed", change


# --- kernel parameters ------------------------------------------------------------------------

NUMBERS = sorted(
    {
        (name, key)
        for name, recorded in HOSTS.items()
        for key, value in booted(recorded).items()
        if value and all(word.isdecimal() for word in value.split())
    }
)


@given(st.sampled_from(NUMBERS), st.integers(1, 200))
def test_no_floor_lowers_a_default(trees: dict[str, RecordedHost], key_of: tuple[str, str], percent: int) -> None:
    name, key = key_of
    now = [int(word) for word in booted(HOSTS[name])[key].split()]
    wanted = " ".join(str(number * percent // 100) for number in now)
    try:
        (change,) = plan(SYSCTL_BULK, trees[name], path=PATH, settings={key: floor(wanted)}).values()
    except (TuningError, RefusedError):  # a value that the kernel would not take
        return
    after = [int(word) for word in (change.after or change.before or "").split()]
    assert all(one >= other for one, other in zip(after, now)), change
    if percent <= 100:
        assert change.state in ("kept", "ok"), change


def test_a_key_that_the_kernel_lacks_is_absent(host: RecordedHost, recorded: Recorded) -> None:
    keys = ("fs.protected_fifos", "fs.protected_regular", "net.netfilter.nf_conntrack_max", "fs.inode-max")
    items = plan(SYSCTL_BULK, host, path=PATH, settings={key: floor(1) for key in keys})
    absent = {key for key in keys if items[key].state == "absent"}
    assert absent == {key for key in keys if key.replace(".", "/") not in recorded.keys}
    assert "fs.inode-max" in absent


def test_open_files_of_a_process_stay_as_high_as_systemd_has_set_them(host: RecordedHost, recorded: Recorded) -> None:
    (change,) = plan(SYSCTL_BULK, host, path=PATH, settings={"fs.nr_open": floor(1048576)}).values()
    assert (change.state, change.after) == ("kept", str(recorded.nr_open))


def test_the_last_word_of_the_distribution_is_named(host: RecordedHost, recorded: Recorded) -> None:
    """Ubuntu's procps has a file that begins with 99, up to 24.04."""
    (change,) = plan(SYSCTL_BULK, host, path=PATH, settings={"fs.protected_symlinks": 0}).values()
    last = "/usr/lib/sysctl.d/99-protect-links.conf"
    if last in recorded.sysctl_files:
        assert change.state == "shadowed"
        assert last in change.reason
    else:
        assert change.state == "changed"


def test_sysctl_conf_counts_where_the_boot_reads_it(tmp_path: Path, recorded: Recorded) -> None:
    host = RecordedHost(tmp_path, recorded)
    (host.root / "etc/sysctl.conf").write_text("net.core.somaxconn = 128\n")
    (change,) = plan(SYSCTL_BULK, host, path=PATH, settings={"net.core.somaxconn": 8192}).values()
    assert change.state == ("shadowed" if recorded.sysctl_conf else "changed")


def test_buckets_of_conntrack_fill_pages(host: RecordedHost, recorded: Recorded) -> None:
    key = "net.netfilter.nf_conntrack_buckets"
    (change,) = plan(SYSCTL_BULK, host, path=PATH, settings={key: 300000}).values()
    if key.replace(".", "/") in recorded.keys:
        assert int(change.after) == {4096: 300032, 65536: 303104}[recorded.page_bytes]
        assert (change.state, change.reason) == (
            "changed",
            "",
        )  # its own line is no other file's, though it says 300000


# --- network cards ----------------------------------------------------------------------------


def test_rings_are_kept_over_a_boot_from_systemd_244_on(host: RecordedHost, recorded: Recorded) -> None:
    change = plan(NIC_RING, host, interfaces={"eth0": {"rx": 1024}})["eth0 rx"]
    if recorded.systemd < 244:
        assert change.state == "pending"
        assert "RxBufferSize= needs systemd 244, and this is 239" in change.reason
        assert "udev rule" in change.reason
    else:
        assert change.at_boot == "1024"
        assert "needs systemd" not in change.reason


def test_queues_are_kept_over_a_boot_from_systemd_248_on(host: RecordedHost, recorded: Recorded) -> None:
    change = plan(NIC_LINK, host, interfaces={"eth0": {"txqueuelen": 2000}})["eth0 txqueuelen"]
    too_old = recorded.systemd < 248
    assert ("needs systemd 248" in change.reason) is too_old
    assert (change.state == "pending") is too_old


def test_steering_is_kept_over_a_boot_with_any_systemd(host: RecordedHost) -> None:
    change = plan(NIC_LINK, host, interfaces={"eth0": {"rps_cpus": "0-1"}})["eth0 rps_cpus"]
    assert (change.state, change.at_boot) == ("changed", "0-1")


# --- the descriptions themselves --------------------------------------------------------------


@pytest.mark.parametrize("recorded", HOSTS.values(), ids=HOSTS)
def test_a_package_is_of_a_daemon_that_we_know(recorded: Recorded) -> None:
    by_name = {daemon.name: daemon for daemon in DAEMONS}
    for package in recorded.packages:
        daemon = by_name[package.daemon]
        assert belongs_to(daemon, package.unit)
        assert package.start.split()[0] in daemon.binaries, package
        assert (package.comm or package.daemon) == daemon.command[:15]
