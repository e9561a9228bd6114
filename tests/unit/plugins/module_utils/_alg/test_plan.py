# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps the SIP ALG from loading."""

from __future__ import annotations

import pytest
from alg_hosts import BACK, BLOCK, BUILT_IN, IN_A_ZONE, LOADED, OURS, TELL, observed
from ansible_collections.siptune.linux.plugins.module_utils._alg.model import PATH, Observed
from ansible_collections.siptune.linux.plugins.module_utils._alg.plan import LINES, TEXT, plan
from ansible_collections.siptune.linux.plugins.module_utils._alg.safety import AlgError
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord


def test_the_file_blocks_both_modules_by_alias_and_by_name() -> None:
    assert TEXT.endswith(LINES)
    assert LINES.splitlines() == [
        "blacklist nf_conntrack_sip",
        "install nf_conntrack_sip /bin/false",
        "blacklist nf_nat_sip",
        "install nf_nat_sip /bin/false",
    ]
    assert all(line.startswith(("#", "blacklist ", "install ")) for line in TEXT.splitlines())


@pytest.mark.parametrize("host", [observed(), observed(LOADED)], ids=["not there", "loaded"])
def test_it_is_written_once_and_goes_back(host: Observed) -> None:
    done = plan(BLOCK, host)
    (file,) = done.files
    assert (file.path, file.before, file.after) == (PATH, None, OURS)
    assert PATH in done.originals.files
    after = host._replace(own=OURS, originals=done.finalized)
    assert not plan(BLOCK, after).changed
    for request in (TELL, BACK):
        back = plan(request, after)
        assert [(one.path, one.after) for one in back.files] == [(PATH, None)]
        assert back.finalized.files == {}


def test_an_own_file_of_the_administrator_comes_back() -> None:
    theirs = FileRecord(b"options x y=1\n", 0o600, 0, 0)
    done = plan(BLOCK, observed(own=theirs))
    back = plan(BACK, observed(own=done.files[0].after, originals=done.finalized))
    assert back.files[0].after == theirs


def test_an_edited_file_is_left_and_named_on_the_way_back() -> None:
    done = plan(BLOCK, observed())
    edited = OURS._replace(content=b"# mine\n" + OURS.content)
    back = plan(BACK, observed(own=edited, originals=done.finalized))
    assert (back.files, [change.state for change in back.changes]) == ([], ["kept", "kept"])


@pytest.mark.parametrize("host", [observed(BUILT_IN), observed(container=True)], ids=["built in", "container"])
def test_what_no_file_can_block_gets_none(host: Observed) -> None:
    done = plan(BLOCK, host)
    assert (done.files, [change.state for change in done.changes]) == ([], ["readonly"])


def test_a_firewall_that_needs_it_is_not_cut_off_and_is_told() -> None:
    with pytest.raises(AlgError):
        plan(BLOCK, observed(IN_A_ZONE))
    assert plan(TELL, observed(IN_A_ZONE)).warnings
    assert plan(BACK, observed(IN_A_ZONE)).changes == []
