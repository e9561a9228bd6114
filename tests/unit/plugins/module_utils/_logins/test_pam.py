# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import (
    MOST_INCLUDES,
    NOT_INSTALLED,
    PamLimits,
    Rule,
    Service,
    common_abilities,
    logical_lines,
    read_module,
    service_limits,
    session_rules,
    split_words,
)
from hypothesis import given
from hypothesis import strategies as st

# The texts inside a pam_limits.so that tell the versions apart, between bytes of a program.
CODE = b"\x7fELF\x02\x01\x01\0\0\x03\0>\0"
OLD = CODE + b"nofile\0maxlogins\0maxsyslogins\0/etc/security/limits.conf\0/etc/security/limits.d/*.conf\0" + CODE
DEBIAN_11 = OLD + b"chroot\0/proc/1/limits\0"
DEBIAN_12 = DEBIAN_11 + b"nonewprivs\0/proc/sys/fs/nr_open\0"
UPSTREAM = OLD + b"nonewprivs\0rttime\0/proc/sys/fs/nr_open\0"
SUSE = UPSTREAM + b"/usr/etc/security/limits.conf\0/usr/etc/security/limits.d/*.conf\0"
ETC = "/etc/security"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(DEBIAN_11, PamLimits(True, False, True, False, False, (ETC,)), id="Debian 11, 1.4.0"),
        pytest.param(DEBIAN_12, PamLimits(True, True, True, True, False, (ETC,)), id="Debian 12, 1.5.2"),
        pytest.param(UPSTREAM, PamLimits(True, True, False, True, True, (ETC,)), id="upstream, 1.7.1"),
        pytest.param(SUSE, PamLimits(True, True, False, True, True, (ETC, "/usr/etc/security")), id="vendor directory"),
        pytest.param(b"", PamLimits(True, False, False, False, False, (ETC,)), id="unknown is not able to"),
    ],
)
def test_the_abilities_of_a_module(content: bytes, expected: PamLimits) -> None:
    assert read_module(content) == expected


@given(st.binary())
def test_any_file_can_be_looked_at(content: bytes) -> None:
    assert read_module(content).directories[0] == ETC


def test_of_two_modules_the_weaker_counts() -> None:
    both = common_abilities([read_module(DEBIAN_11), read_module(SUSE)])
    assert both == PamLimits(True, False, True, False, False, (ETC, "/usr/etc/security"))
    assert common_abilities([]) == NOT_INSTALLED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only\n\n   \n", []),
        ("a b c # d\n", [(1, "a b c")]),
        ("\na \\\n  b \\\nc\nd", [(2, "a    b  c"), (5, "d")]),
        ("a \\", [(1, "a")]),
        ("a # c \\\nb", [(1, "a"), (2, "b")]),
    ],
)
def test_lines(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(logical_lines(text)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("session required pam_limits.so", ["session", "required", "pam_limits.so"]),
        ("session [success=ok default=1]  pam_x.so a", ["session", "success=ok default=1", "pam_x.so", "a"]),
        ("session required pam_x.so [a b=c\\] d]", ["session", "required", "pam_x.so", "a b=c\\] d"]),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    assert split_words(line) == expected


# The shape of the files that distributions ship.
DEBIAN = {
    "/etc/pam.d/sshd": "@include common-auth\naccount required pam_nologin.so\n@include common-session\n"
    "session    required     pam_limits.so\n",
    "/etc/pam.d/su": "auth sufficient pam_rootok.so\n# session required pam_limits.so\n@include common-session\n",
    "/etc/pam.d/sudo": "session    required   pam_limits.so\n@include common-session-noninteractive\n",
    "/etc/pam.d/cron": "session       required   pam_loginuid.so\n@include common-session-noninteractive\n"
    "session    required   pam_limits.so conf=/etc/security/cron-limits.conf\n",
    "/etc/pam.d/common-session": "session [default=1] pam_permit.so\nsession required pam_unix.so\n",
    "/etc/pam.d/common-session-noninteractive": "session required pam_unix.so\n",
}
RED_HAT = {
    "/etc/pam.d/login": "auth substack system-auth\nsession include system-auth\n-session optional pam_x.so\n",
    "/etc/pam.d/sshd": "account required pam_limits.so\nsession substack password-auth\n",
    "/etc/pam.d/crond": "session    include    password-auth\n",
    "/etc/pam.d/system-auth": "session optional pam_keyinit.so revoke\n-session required \\\n  pam_limits.so set_all\n",
    "/etc/pam.d/password-auth": "Session [success=ok default=bad] /usr/lib64/security/pam_limits.so\n",
    "/usr/lib/pam.d/sudo": "session include system-auth\n",
    "/etc/pam.d/su": "session include su\nauth include system-auth\n",
}


def say(service: Service) -> tuple[bool | None, str]:
    return service.applies, f"{service.file}:{service.line}" if service.line else service.reason


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            DEBIAN,
            {
                "login": (None, "this host has no such service"),
                "sshd": (True, "/etc/pam.d/sshd:4"),
                "su": (False, "/etc/pam.d/su has no session line with pam_limits.so"),
                "sudo": (True, "/etc/pam.d/sudo:1"),
                "cron": (False, "/etc/pam.d/cron line 3 reads /etc/security/cron-limits.conf only"),
            },
        ),
        (
            RED_HAT,
            {
                "login": (True, "/etc/pam.d/system-auth:2"),
                "sshd": (True, "/etc/pam.d/password-auth:1"),
                "su": (False, "/etc/pam.d/su has no session line with pam_limits.so"),
                "sudo": (True, "/etc/pam.d/system-auth:2"),
                "cron": (True, "/etc/pam.d/password-auth:1"),
            },
        ),
        ({}, dict.fromkeys(("login", "sshd", "su", "sudo", "cron"), (None, "this host has no such service"))),
    ],
    ids=["debian", "red-hat", "without-pam"],
)
def test_which_logins_get_limits(files: dict[str, str], expected: dict[str, tuple[bool | None, str]]) -> None:
    assert {name: say(service_limits(name, files.get)) for name in expected} == expected


def test_a_session_may_start_from_process_1() -> None:
    assert service_limits("login", RED_HAT.get).resets
    assert not service_limits("sshd", RED_HAT.get).resets


def test_rules_come_in_their_order_with_where_they_stand() -> None:
    rules = list(session_rules("sshd", DEBIAN.get))
    assert [rule.module for rule in rules] == ["pam_permit.so", "pam_unix.so", "pam_limits.so"]
    assert rules[-1] == Rule("pam_limits.so", (), "/etc/pam.d/sshd", 4)


def test_the_administrators_file_hides_the_distributions() -> None:
    files = {"/usr/lib/pam.d/su": "session required pam_limits.so\n", "/etc/pam.d/su": "session required pam_unix.so\n"}
    assert service_limits("su", files.get).applies is False


def test_an_absolute_include() -> None:
    files = {"/etc/pam.d/su": "session include /opt/pam\n", "/opt/pam": "session required pam_limits.so\n"}
    assert say(service_limits("su", files.get)) == (True, "/opt/pam:1")


def test_a_file_that_includes_itself_more_than_once_is_read_to_an_end() -> None:
    asked: list[str] = []

    def read(path: str) -> str | None:
        asked.append(path)
        return "@include su\n@include su\nsession include su\nsession required pam_unix.so\n"

    assert service_limits("su", read).applies is False
    assert len(asked) < 3 * MOST_INCLUDES


@given(st.text(st.sampled_from("session include su @[]=\\#\n\t-pam_limits.so")))
def test_any_text_can_be_read(text: str) -> None:
    assert service_limits("su", {"/etc/pam.d/su": text}.get).applies in (True, False)
