# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from alg_hosts import BUILT_IN, IN_A_ZONE, LOADED, NONE
from ansible_collections.siptune.linux.plugins.module_utils._alg.model import PATH, SipAlg
from ansible_collections.siptune.linux.plugins.module_utils._engine.own_paths import may_be_made, may_be_written


@pytest.mark.parametrize(("alg", "there"), [(NONE, False), (LOADED, True), (BUILT_IN, True), (IN_A_ZONE, True)])
def test_whether_it_is_there(alg: SipAlg, there: bool) -> None:
    assert alg.is_there is there


def test_the_record_of_originals_knows_the_file_and_no_other_place() -> None:
    assert may_be_written(PATH)
    assert may_be_made("/etc/modprobe.d")
    assert not may_be_written("/etc/modprobe.d/../shadow.conf")
    assert not may_be_written("/etc/modprobe.d/a/b.conf")
