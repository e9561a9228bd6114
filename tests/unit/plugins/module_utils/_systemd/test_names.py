# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import (
    SERVICE,
    SLICE,
    drop_in_path,
    instance_of,
    instances_pattern,
    is_template,
    split_name,
    template_of,
    unit_of_path,
    unit_type,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.service", ("a", None, ".service")),
        ("a@.service", ("a", "", ".service")),
        ("a@b-c.service", ("a", "b-c", ".service")),
        ("a-b.slice", ("a-b", None, ".slice")),
        ("a.b@c.d.service", ("a.b", "c.d", ".service")),
    ],
)
def test_the_parts_of_a_name(name: str, parts: tuple[str, str | None, str]) -> None:
    assert split_name(name) == parts


def test_types() -> None:
    assert [unit_type(name) for name in ("a.service", "a@b.service", "a.slice")] == [SERVICE, SERVICE, SLICE]


def test_templates_and_instances() -> None:
    assert [is_template(name) for name in ("a@.service", "a@b.service", "a.service")] == [True, False, False]
    assert [template_of(name) for name in ("a@.service", "a@b.service", "a.service")] == [None, "a@.service", None]
    assert instance_of("real@.service", "alias@x-y.service") == "real@x-y.service"
    assert instances_pattern("a@.service") == "a@*.service"


@pytest.mark.parametrize("unit", ["a.service", "a@.service", "a@b.service", "a.slice"])
def test_a_drop_in_leads_back_to_its_unit(unit: str) -> None:
    assert unit_of_path(drop_in_path(unit, "90-x.conf")) == unit


@pytest.mark.parametrize(
    "path", ["/etc/sysctl.d/90-x.conf", "/etc/systemd/system/a.service", "/run/systemd/system/a.service.d/x.conf"]
)
def test_paths_that_are_no_drop_ins_of_ours(path: str) -> None:
    assert unit_of_path(path) == ""
