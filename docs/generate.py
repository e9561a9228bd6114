#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/keys.md from the layers' catalogues, or with --check say whether it is current."""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs" / "keys.md"
FIGURES = CHECKOUT / "docs" / "calls.json"  # of tests/calls, which measures them
LINES_OF_DIFF = 20


def _make_importable() -> None:
    """Let the checkout be imported as ansible_collections.siptune.linux wherever it lies."""
    for name, path in (
        ("ansible_collections", []),
        ("ansible_collections.siptune", []),
        ("ansible_collections.siptune.linux", [str(CHECKOUT)]),
    ):
        if name not in sys.modules:
            module = types.ModuleType(name)
            module.__path__ = path
            sys.modules[name] = module


_make_importable()
sys.path.insert(0, str(CHECKOUT / "tests" / "calls"))

from ansible_collections.siptune.linux.plugins.module_utils._layers.formulas import FORMULAS  # noqa: E402
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import (  # noqa: E402
    NETWORK_LAYER,
    SERVICE_LAYER,
    SYSCTL_LAYERS,
    Layer,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer  # noqa: E402
from figures import Bed, from_document  # noqa: E402
from page import effect, table  # noqa: E402

TITLES = {"network": "Network", "memory": "Memory", "fs": "File handles and file system", "security": "Security"}
DAEMON_TITLES = {
    "asterisk": "Asterisk",
    "drachtio": "drachtio",
    "freeswitch": "FreeSWITCH",
    "kamailio": "Kamailio",
    "opensips": "OpenSIPS",
    "rtpengine": "rtpengine",
    "rtpengine-recording": "rtpengine's recording daemon",
}

INTRODUCTION = """\
<!-- Written by docs/generate.py from the catalogues in roles/*/vars/main.yml. Change those, then run it again. -->

# The settings, one by one

Every kernel parameter and every limit that the two source documents name, and the useful ones they lack (marked **+**).

- **Sources** is what the documents say. S0 is "Optimizing System Performance for SIP servers" (2018), S1 is "Linux
  Tuning For SIP Routers", parts 3 and 4 (2014).
- **Classic** is what `siptune_profile: classic` sets: the documents' literal numbers, exactly unless a rule is named.
- **Modern** is what `siptune_profile: modern`, the default, sets. Values in *italics* are sized to the host; the
  formulas are [below](#formulas).
- **Rule** belongs to modern. `at_least` is a floor and `at_most` a ceiling: a host that is beyond it is left alone.
  Vectors count field by field.
- A dash means that the setting is left alone.

Anything can be set in the inventory, `siptune_network_sysctl: {net.core.somaxconn: 8192}`, and `null` leaves it alone.
"""

MEASURED = """\
## What each key alone does for a stalled daemon

Measured: each key of the documents that concerns UDP was set to their value, alone, before a Kamailio was restarted and
stalled. The factor is that of the datagrams its socket held. A key that does nothing here may do something for TCP, or
under another load. [calls.md](calls.md) has the figures.
"""

FORMULAS_HEADING = """\
## Formulas

They take the facts of `siptune.linux.host_facts`, the figures of `siptune_capacity` and a role's options, and live in
[plugins/module_utils/_layers/sizing.py](../plugins/module_utils/_layers/sizing.py) and
[_layers/sizing_services.py](../plugins/module_utils/_layers/sizing_services.py).
"""

NICS = """\
## Network cards

On each interface that is hardware. Own settings: `siptune_network_nic_rings` and `siptune_network_nic_links`. What
would take a link down for a moment waits for a boot, unless `siptune_disruptive` is true.
"""

SOCKETS = """\
## Sockets of running daemons

Own buffer: `siptune_network_sip_receive_buffer`. On the UDP sockets on which SIP daemons listen, while they run, and
never on those of media.
"""

SERVICES = """\
## Services

Own settings: `siptune_service_limits_units`, `siptune_service_limits_pools` and `siptune_service_limits_logins`.
"""

UNITS_HEADING = "Directives in `/etc/systemd/system/UNIT.d/90-siptune.conf`, for each unit of the daemon."
POOLS_HEADING = "MiB, in the file that the unit reads the daemon's `-m` and `-M` from."
LOGINS_HEADING = (
    "Lines of `/etc/security/limits.d/90-siptune.conf`, for logins through PAM alone: no daemon that systemd starts\n"
    "sees them."
)


def page(layers: Iterable[Layer], nics: Mapping[str, Any], services: Layer, beds: Sequence[Bed] = ()) -> str:
    """The whole page as Markdown. `beds` are those of docs/calls.json."""
    sections = [INTRODUCTION]
    sections += [_section(layer) for layer in layers]
    sections += [NICS, *(_table(title, nics[part]) for part, title in (("rings", "Ring"), ("links", "Option")))]
    sections += [SOCKETS, _table("Option", nics["sockets"])]
    with_keys = [bed for bed in beds if bed.keys]
    if with_keys:
        sections += [MEASURED, _measured(with_keys)]
    sections += [SERVICES, *_service_sections(services.catalogue)]
    sections += [FORMULAS_HEADING, *(_formula(name) for name in sorted(FORMULAS))]
    return "\n".join(sections)


def _section(layer: Layer) -> str:
    variable = (
        f"Own settings: `siptune_{layer.name}_sysctl`. File: `{layer.defaults[f'siptune_{layer.name}_sysctl_path']}`."
    )
    return f"## {TITLES[layer.name]}\n\n{variable}\n\n{_table('Key', layer.catalogue)}"


def _service_sections(catalogue: Mapping[str, Any]) -> Iterable[str]:
    for daemon, directives in catalogue["units"].items():
        pools = catalogue["pools"].get(daemon)
        yield f"### Units of {DAEMON_TITLES[daemon]}\n\n{UNITS_HEADING}\n\n{_table('Directive', directives)}"
        if pools:
            yield f"### Memory pools of {DAEMON_TITLES[daemon]}\n\n{POOLS_HEADING}\n\n{_table('Pool', pools)}"
    yield f"### Logins\n\n{LOGINS_HEADING}\n\n{_table('Limit', catalogue['logins'])}"


def _table(of: str, entries: Mapping[str, Any]) -> str:
    rows = [_row(name, entry) for name, entry in entries.items()]
    return f"| {of} | Sources | Classic | Modern | Rule | Why |\n|---|---|---|---|---|---|\n{''.join(rows)}"


def _measured(beds: Sequence[Bed]) -> str:
    """A row for each key, a column for each kernel."""
    heading = ["Key", *(f"Linux {bed.versions['Linux']}" for bed in beds)]
    effects = [{key.key: effect(bed, key) for key in bed.keys} for bed in beds]
    keys = dict.fromkeys(key for found in effects for key in found)
    return table(heading, ([f"`{key}`", *(found.get(key, "-") for found in effects)] for key in keys))


def _row(key: str, entry: dict[str, Any]) -> str:
    modern = entry["modern"]
    why = _escaped(entry["why"])
    if entry.get("hazard"):
        why += f" **Hazard of classic:** {_escaped(entry['hazard'])}"
    cells = (
        f"`{key}`" + (" **+**" if entry.get("extra") else ""),
        _escaped(entry.get("sources", "-")),
        _classic(entry["classic"]),
        _modern(modern),
        f"`{modern['rule']}`" if modern else "-",
        why,
    )
    return f"| {' | '.join(cells)} |\n"


def _classic(choice: dict[str, Any] | None) -> str:
    if choice is None:
        return "-"
    return _literal(choice) + ("" if choice["rule"] == "exact" else f" (`{choice['rule']}`)")


def _modern(choice: dict[str, Any] | None) -> str:
    if choice is None:
        return "-"
    if "sized" in choice:
        name = choice["sized"]
        return f"*{_escaped(FORMULAS[name].summary)}* ([{name}](#{name}))"
    return _literal(choice)


def _literal(choice: dict[str, Any]) -> str:
    """A value as it is written, with what bounds it."""
    bound = ""
    if "sized_limit" in choice:
        name = choice["sized_limit"]
        bound = f", *{_escaped(FORMULAS[name].summary)}* at most ([{name}](#{name}))"
    fast = f" from {choice['from_mbps']} Mb/s on" if "from_mbps" in choice else ""
    media = " where media is carried" if choice.get("with_media") else ""
    return f"`{choice['value']}`{bound}{fast}{media}"


def _formula(name: str) -> str:
    return f"### {name}\n\n```text\n{inspect.getdoc(FORMULAS[name].formula)}\n```\n"


def _escaped(text: str) -> str:
    """Text in which Markdown finds nothing of its own: no column, emphasis, tag or link."""
    for character in "\\|*_<>[]":
        text = text.replace(character, "\\" + character)
    return text


def main() -> int:
    """Write the page; with --check compare only, and return 1 if the page is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if docs/keys.md is not current")
    check = parser.parse_args().check
    beds = from_document(json.loads(FIGURES.read_text(encoding="utf-8")))
    nics = load_layer(NETWORK_LAYER).interfaces
    wanted = page(map(load_layer, SYSCTL_LAYERS), nics, load_layer(SERVICE_LAYER), beds)
    present = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if wanted == present:
        return 0
    if not check:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    diff = list(
        difflib.unified_diff(present.splitlines(), wanted.splitlines(), "docs/keys.md", "catalogues", n=0, lineterm="")
    )
    print("\n".join(diff[:LINES_OF_DIFF]))
    print("docs/keys.md is not current: run docs/generate.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
