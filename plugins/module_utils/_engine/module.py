# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way out of every module: its result, its failure and its warnings, in texts that can be shown."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._core.text import printable, printable_result


class Module(AnsibleModule):
    """Ansible's module, of which no text leaves that is not valid UTF-8 or that a terminal would obey.

    A host's files and processes may hold any bytes, and Ansible refuses a whole result for one of them.
    """

    def exit_json(self, **kwargs: Any) -> None:
        super().exit_json(**printable_result(kwargs))

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        super().fail_json(msg=printable(msg), **printable_result(kwargs))

    def warn(self, warning: str, **kwargs: Any) -> None:
        super().warn(printable(warning), **kwargs)
