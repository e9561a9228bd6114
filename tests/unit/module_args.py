# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of a module, in every ansible-core that is supported."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from unittest.mock import patch

from ansible.module_utils import basic


@contextlib.contextmanager
def module_args(arguments: Mapping[str, object]) -> Iterator[None]:
    """Have a module that is made in this context find these arguments, as on a target."""
    try:
        from ansible.module_utils import _internal
        from ansible.module_utils.testing import patch_module_args
    except ImportError:  # ansible-core 2.18
        with patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": dict(arguments)}).encode()):
            yield
        return
    # Where a test of this process has imported the controller's side, Ansible would print a module's warnings there.
    with patch_module_args(dict(arguments)), patch.object(_internal, "is_controller", False):
        yield
