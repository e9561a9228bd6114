#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a checkout is ready for a release: tools/release_agreement.py [TAG]

The tag, galaxy.yml, the changelog and the names of the archive in the documentation agree, and no fragment of the
changelog is left for the next release.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

VERSION = re.compile(r"^version: ([0-9]+\.[0-9]+\.[0-9]+)$", re.MULTILINE)
ARCHIVE = re.compile(r"siptune-linux-([0-9]+\.[0-9]+\.[0-9]+)\.tar\.gz")
NAMED_IN = ("README.md", "execution-environment.yml", "docs/**/*.md", "docs/**/*.yml")


def version_of(checkout: Path) -> str:
    """The version in galaxy.yml, which no other file overrules."""
    found = VERSION.search((checkout / "galaxy.yml").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError("galaxy.yml: version is not MAJOR.MINOR.PATCH")
    return found.group(1)


def archives(checkout: Path, version: str) -> Iterator[str]:
    """The archives of other versions that files name."""
    for path in sorted(path for pattern in NAMED_IN for path in checkout.glob(pattern)):
        for other in set(ARCHIVE.findall(path.read_text(encoding="utf-8"))) - {version}:
            yield f"{path.relative_to(checkout)}: names the archive of {other}, and galaxy.yml has {version}"


def changelog(checkout: Path, version: str) -> Iterator[str]:
    """What the changelog lacks."""
    if f"\n  {version}:\n" not in (checkout / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"):
        yield f"changelogs/changelog.yaml: has no release {version}; make release VERSION={version} makes it"
    if f"## v{version}\n" not in (checkout / "CHANGELOG.md").read_text(encoding="utf-8").replace("\\", ""):
        yield f"CHANGELOG.md: has no part for v{version}; antsibull-changelog generate writes it"
    left = sorted(path.name for path in (checkout / "changelogs" / "fragments").glob("*.yml"))
    if left:
        yield (
            f"changelogs/fragments: {len(left)} not released yet, such as {left[0]}; "
            "make release VERSION=... puts them into the changelog of a version"
        )


def faults(checkout: Path, tag: str) -> Iterator[str]:
    """What keeps this checkout from being released under the tag, which may be empty."""
    version = version_of(checkout)
    if tag and tag != f"v{version}":
        yield f"{tag}: is not the tag of {version}, v{version}"
    yield from archives(checkout, version)
    yield from changelog(checkout, version)


def main() -> int:
    """Print the faults; returns the exit status."""
    checkout = Path(__file__).resolve().parents[1]
    found = list(faults(checkout, sys.argv[1] if len(sys.argv) > 1 else ""))
    print("\n".join(found) or f"All files agree on {version_of(checkout)}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
