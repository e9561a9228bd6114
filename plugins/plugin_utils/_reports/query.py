# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a report's document, in JMESPath. Source: https://jmespath.org/specification.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

try:
    import jmespath
except ImportError:  # needed by those who ask only
    jmespath = None  # type: ignore[assignment]


class QueryError(ValueError):
    """A query that cannot be asked: says why, in one line."""


def compile_query(query: str, variable: str) -> Any:
    """A query that `search` takes. `variable` is the one that has it. Raises QueryError."""
    if jmespath is None:
        raise QueryError(
            f"{variable}: asking takes the Python library jmespath where ansible-playbook runs, and it is not"
            " there; install it, python3-jmespath in Debian"
        )
    try:
        return jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise QueryError(f"{variable}: {query!r} is not JMESPath: {_one_line(error)}") from error


def search(query: Any, document: Mapping[str, Any], variable: str, about: str) -> Any:
    """The answer of the document, which is `about` something: "the audit". Plain data.

    Raises QueryError for what shows only with the data, such as a function's wrong type.
    """
    try:
        return query.search(document)
    except jmespath.exceptions.JMESPathError as error:
        raise QueryError(
            f"{variable}: {query.expression!r} does not fit {about}: {_one_line(error)}; the reports are written"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
