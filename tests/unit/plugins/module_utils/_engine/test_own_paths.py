# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.own_paths import (
    ENVIRONMENT_DIRECTORIES,
    may_be_written,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins import conf as logins_conf
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files import file as link_files_file
from ansible_collections.siptune.linux.plugins.module_utils._sysctl import conf as sysctl_conf
from ansible_collections.siptune.linux.plugins.module_utils._systemd.units import check_drop_in_name, check_unit_name
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import SystemdError
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.one_of(
    st.text(max_size=12).map(lambda text: f"{text}.conf"),
    st.from_regex(r"[A-Za-z0-9_.@+-]{1,12}\.conf", fullmatch=True),
)


@given(st.sampled_from(sysctl_conf.DIRECTORIES), NAMES)
def test_every_file_of_sysctl_bulk_is_among_them(directory: str, name: str) -> None:
    path = f"{directory}/{name}"
    with contextlib.suppress(sysctl_conf.SysctlError):
        sysctl_conf.check_file_path(path)
        assert may_be_written(path)
        assert may_be_written(sysctl_conf.rules_path(path))


@given(NAMES)
def test_every_file_of_limits_file_is_among_them(name: str) -> None:
    path = f"{logins_conf.DIRECTORY}/{name}"
    with contextlib.suppress(logins_conf.LimitsError):
        logins_conf.check_file_path(path)
        assert may_be_written(path)


@given(st.from_regex(r"[A-Za-z0-9:_.\\@-]{1,20}\.(service|slice)", fullmatch=True), NAMES)
def test_every_drop_in_is_among_them(unit: str, name: str) -> None:
    with contextlib.suppress(SystemdError):
        check_unit_name(unit)
        check_drop_in_name(name)
        assert may_be_written(f"/etc/systemd/system/{unit}.d/{name}")


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=15).filter(link_files_file.is_interface_name))
def test_every_link_file_is_among_them(interface: str) -> None:
    assert all(map(may_be_written, link_files_file.own_paths(interface)))


@pytest.mark.parametrize("directory", ENVIRONMENT_DIRECTORIES)
def test_environment_files_are_where_settings_are(directory: str) -> None:
    assert may_be_written(f"{directory}/kamailio-edge.d/10-memory")
    assert not may_be_written(directory)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/sudoers.d/x",
        "/etc/cron.d/x.conf",
        "/root/.ssh/authorized_keys",
        "/etc/default/../shadow",
        "/etc/default/./x",
        "/etc/default//x",
        "/etc/default/",
        "/etc/default/x\n",
        "/etc/sysctl.d/.hidden.conf",
        "/etc/sysctl.d/sub/x.conf",
        "/etc/sysctl.d/x.conf/../../shadow",
        "//etc/sysctl.d/x.conf",
        "etc/sysctl.d/x.conf",
        "/etc/systemd/system/sshd.service",
        "/etc/systemd/system/../x.service.d/a.conf",
        "/etc/systemd/network/10-mine.link",
        "/lib/systemd/system/x.service.d/a.conf",
        "",
        None,
        7,
    ],
)
def test_nothing_else_is(path: object) -> None:
    assert not may_be_written(path)
