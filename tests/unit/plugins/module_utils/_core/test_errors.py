# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import ItemError, TuningError


def test_an_item_error_names_its_item() -> None:
    error = ItemError("eth0 rx", "is above the driver's maximum")
    assert (str(error), error.item, error.reason) == (
        "eth0 rx: is above the driver's maximum",
        "eth0 rx",
        "is above the driver's maximum",
    )
    assert isinstance(error, TuningError)


def test_other_errors_name_none() -> None:
    assert (TuningError("no").item, TuningError("no").details()) == ("", {})
