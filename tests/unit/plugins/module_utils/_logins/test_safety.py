# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import Account
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import ITEMS, LimitsError
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import Observed, Start
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import PamLimits
from ansible_collections.siptune.linux.plugins.module_utils._logins.safety import LEAST_FOR_LOGINS, highest_nofile
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import SYSTEMD_NR_OPEN, NrOpen
from login_hosts import DEBIAN, HARD, LATER, LOW_AT_BOOT, LOW_NOW, OLD, UPSTREAM, host, only, planned, refused


@pytest.mark.parametrize(
    ("found", "highest"),
    [
        (host(), 524288),
        (host(nr_open=LOW_NOW), 1000),
        (host(nr_open=LOW_AT_BOOT), 1000),
        (host(nr_open=NrOpen(SYSTEMD_NR_OPEN, SYSTEMD_NR_OPEN)), 524288),
        (host(start=Start({"nofile": 4096}, "sshd", may_raise=False)), 4096),
        (host(start=Start({"nofile": 4096}, "sshd")), 524288),
        (host(start=Start({}, "", may_raise=False)), 524288),
    ],
)
def test_the_highest_nofile_that_is_safe(found: Observed, highest: int) -> None:
    assert highest_nofile(found) == highest
    for kind in ("hard", "both"):
        change = only(found, f"asterisk {kind} nofile max")
        assert (change.wanted, change.after, change.state) == ("max", str(highest), "changed")


# --- one limit ------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", ["asterisk", "root", "*", "@voip", "1000:"])
@pytest.mark.parametrize("kind", ["soft", "hard", "both"])
def test_nofile_above_nr_open(domain: str, kind: str) -> None:
    assert "above fs.nr_open (1000)" in refused(host(nr_open=LOW_NOW), f"{domain} {kind} nofile 1001")
    reason = refused(host(nr_open=LOW_AT_BOOT), f"{domain} {kind} nofile 1001")
    assert "after a boot (1000, /etc/sysctl.d/50.conf line 7)" in reason
    planned(host(nr_open=LOW_NOW), f"{domain} {kind} nofile 1000")
    planned(host(nr_open=LOW_AT_BOOT), f"{domain} {kind} nofile 1000")


@pytest.mark.parametrize("value", ["unlimited", "infinity", "-1"])
def test_nofile_without_limit(value: str) -> None:
    assert "fs.nr_open" in refused(host(pam=OLD), f"asterisk hard nofile {value}")
    found = host(nr_open=NrOpen(SYSTEMD_NR_OPEN, 2000), pam=UPSTREAM)
    change = only(found, f"asterisk both nofile {value}")
    assert (change.after, change.at_boot) == (value, "2000")


def test_the_message_names_the_consequence_for_the_login() -> None:
    assert "PAM would refuse the login" in refused(host(nr_open=LOW_NOW, pam=UPSTREAM), "* hard nofile 2000")
    assert "as it was" in refused(host(nr_open=LOW_NOW, pam=DEBIAN), "* hard nofile 2000")


@pytest.mark.parametrize("domain", ["*", "root", "0:", "0:5", ":0"])
def test_nonewprivs_for_root_is_refused(domain: str) -> None:
    assert "sudo" in refused(host(), f"{domain} both nonewprivs 1")
    planned(host(), f"{domain} both nonewprivs 0")


@pytest.mark.parametrize("domain", ["asterisk", "@voip", "1000:"])
def test_nonewprivs_for_others_is_accepted(domain: str) -> None:
    assert only(host(), f"{domain} both nonewprivs 1").state == "changed"


CONTAINED = Start(HARD, "sshd", may_raise=False, may_renice=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("asterisk hard nofile 524289", "524288"),
        ("asterisk both nproc unlimited", "31275"),
        ("* hard memlock 8193", "8192"),
        ("asterisk hard nice -1", "20"),
        ("asterisk hard rtprio 1", "0"),
        ("asterisk hard nofile unlimited", "524288"),
    ],
)
def test_in_a_container_hard_limits_are_not_raised(text: str, shown: str) -> None:
    reason = refused(host(start=CONTAINED), text)
    assert f"sshd has {shown}:" in reason
    assert "CAP_SYS_RESOURCE" in reason
    planned(host(), text)


def test_in_a_container_other_limits_are_accepted() -> None:
    texts = ["asterisk both nofile 524288", "* hard memlock 8192", "asterisk hard core unlimited", "* soft priority 5"]
    assert planned(host(start=CONTAINED), *texts).changed
    assert "CAP_SYS_NICE" in refused(host(start=CONTAINED), "* soft priority -5")
    assert only(host(), "* soft priority -5").state == "changed"


# --- all limits of a call -------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts",
    [
        ("asterisk hard nofile 1000", "asterisk soft nofile 1001"),
        ("* hard nofile 1000", "asterisk soft nofile 1001"),
        ("@voip hard nofile 1000", "asterisk soft nofile 1001"),
        ("4000: hard nofile 1000", "asterisk soft nofile 1001"),
        ("* hard nofile 1000", "1000:2000 soft nofile 1001"),
        ("@voip hard core 5", "@:4400 soft core unlimited"),
        ("asterisk hard nice -5", "asterisk soft nice -6"),
        ("* hard nofile 5000", "* soft nofile unlimited"),
    ],
)
def test_soft_above_hard(texts: tuple[str, ...]) -> None:
    domain, kind, item, value = texts[0].split()
    assert f"of '{domain} {kind} {item}'" in refused(host(), *texts)
    planned(host(), texts[0], f"{texts[1].rpartition(' ')[0]} {value}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("asterisk soft nofile 524289", "(524288, of process 1)"),
        ("root soft nice -11", "(20, of process 1)"),
        ("* soft nproc unlimited", "(31275, of process 1)"),
        ("asterisk soft memlock unlimited", "(8192, of process 1)"),
    ],
)
def test_a_soft_limit_above_the_hard_limit_of_a_session(text: str, shown: str) -> None:
    assert shown in refused(host(), text)
    planned(host(), text, text.replace("soft", "hard"))
    planned(host(start=Start({}, "")), text)


def test_a_soft_limit_above_the_hard_limit_of_another_file() -> None:
    found = host(others={LATER: "\n* hard nofile 1000\n"})
    assert f"{LATER} line 2" in refused(found, "asterisk soft nofile 1001")
    planned(found, "asterisk soft nofile 1000")


def test_two_limits_that_share_one_slot() -> None:
    with pytest.raises(LimitsError) as caught:
        planned(host(), "* both maxlogins 3", "* both maxsyslogins 9")
    assert str(caught.value) == "* both maxlogins: is overruled by '* both maxsyslogins' of the same call"


# --- room to log in -------------------------------------------------------------------------

OPS = Account("ops", 1000, 1000, frozenset({1000, 27, 4400}), frozenset({"ops", "voip"}))
TOO_LITTLE = [
    *("nofile 1", "nofile 3", "nofile 63", "as 16384", "data 4", "stack 8", "fsize 1", "nproc 1", "cpu 1"),
    *("maxlogins 1", "maxsyslogins 1"),
]
ADMINS = ["root", "*", "@root", ":0", "0:", "0:999", "@:0", "@sudo", "@wheel", "1000:", "ops", ":1000", "@voip", "@:27"]


@pytest.mark.parametrize("domain", ADMINS)
@pytest.mark.parametrize("least", TOO_LITTLE)
@pytest.mark.parametrize("kind", ["soft", "hard", "both"])
@pytest.mark.parametrize("pam", [DEBIAN, UPSTREAM], ids=["Debian", "upstream"])
def test_those_who_administer_the_host_keep_room_to_log_in(domain: str, least: str, kind: str, pam: PamLimits) -> None:
    reason = refused(host(connected=OPS, pam=pam), f"{domain} {kind} {least}")
    assert "could not log in" in reason
    assert "Give at least" in reason


@pytest.mark.parametrize("domain", ["%", "%sudo", "%voip", "%:0"])
def test_room_for_more_than_one_login(domain: str) -> None:
    assert "could not log in" in refused(host(connected=OPS), f"{domain} both maxlogins 1")
    planned(host(connected=OPS), f"{domain} both maxlogins 2")


@pytest.mark.parametrize("domain", ["asterisk", ":4321", "4000:5000", "@asterisk"])
@pytest.mark.parametrize("least", TOO_LITTLE)
def test_an_account_that_administers_nothing_may_have_little(domain: str, least: str) -> None:
    planned(host(connected=OPS), f"{domain} hard {least}")


@pytest.mark.parametrize("enough", ["nofile 64", "as 262144", "as unlimited", "fsize -1", "stack 8192", "core 0"])
def test_enough_is_enough(enough: str) -> None:
    planned(host(connected=OPS), f"* hard {enough}")


@pytest.mark.parametrize("item", ["nofile", "as", "data", "stack", "fsize", "cpu"])
def test_with_the_least_a_shell_and_python_really_start(item: str) -> None:
    number = LEAST_FOR_LOGINS[item] * ITEMS[item].scale

    def limited() -> None:
        resource.setrlimit(getattr(resource, f"RLIMIT_{item.upper()}"), (number, number))

    python = [sys.executable, "-c", "import json, ssl, subprocess, threading"]
    for command in (["sh", "-c", "ls / | head -n 1"], python):
        subprocess.run(command, preexec_fn=limited, check=True, capture_output=True)
