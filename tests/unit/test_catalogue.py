# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogues against the two source documents: nothing lost, nothing changed in classic, everything explained."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

if sys.version_info < (3, 11):  # noqa: UP036 - a target may have less
    pytest.skip("the roles' data is read on the controller, from Python 3.11 on", allow_module_level=True)

from ansible_collections.siptune.linux.plugins.module_utils._core.setting import RULES
from ansible_collections.siptune.linux.plugins.module_utils._layers.formulas import FORMULAS
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import (
    NETWORK_LAYER,
    SERVICE_LAYER,
    SYSCTL_LAYERS,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import display_name, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import parse_settings
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

CHECKOUT = Path(__file__).resolve().parents[2]

# What the documents set, taken down by hand from their text: key, then the number of S0 (where it has one, else of S1).
NETWORK = """
net.ipv6.conf.all.disable_ipv6 = 1
net.ipv6.conf.default.disable_ipv6 = 1
net.ipv6.conf.lo.disable_ipv6 = 0
net.core.rmem_max = 67108864
net.core.wmem_max = 33554432
net.core.rmem_default = 31457280
net.core.wmem_default = 31457280
net.ipv4.tcp_rmem = 10240 87380 10485760
net.ipv4.tcp_wmem = 10240 87380 10485760
net.ipv4.udp_rmem_min = 131072
net.ipv4.udp_wmem_min = 131072
net.ipv4.udp_mem = 19257652 19257652 19257652
net.ipv4.tcp_mem = 786432 1048576 26777216
net.core.optmem_max = 25165824
net.ipv4.ip_nonlocal_bind = 1
net.ipv4.tcp_timestamps = 0
net.ipv4.tcp_window_scaling = 1
net.ipv4.tcp_sack = 1
net.ipv4.tcp_no_metrics_save = 1
net.ipv4.tcp_max_syn_backlog = 300000
net.core.somaxconn = 65535
net.core.netdev_max_backlog = 300000
net.ipv4.tcp_max_tw_buckets = 1440000
net.ipv4.tcp_tw_recycle = 1
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_keepalive_time = 60
net.ipv4.tcp_keepalive_probes = 5
net.ipv4.tcp_keepalive_intvl = 60
net.ipv4.tcp_retries2 = 5
net.ipv4.tcp_syn_retries = 5
net.ipv4.tcp_fin_timeout = 15
net.ipv4.ip_local_port_range = 1024 65535
net.ipv4.tcp_syncookies = 1
net.ipv4.conf.all.accept_source_route = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv4.conf.all.accept_redirects = 0
net.ipv4.conf.default.accept_redirects = 0
net.ipv4.conf.all.secure_redirects = 1
net.ipv4.conf.default.secure_redirects = 1
net.ipv4.ip_forward = 0
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.send_redirects = 0
net.ipv4.conf.all.rp_filter = 1
net.ipv4.conf.default.rp_filter = 1
net.ipv4.icmp_echo_ignore_broadcasts = 1
net.ipv4.icmp_ignore_bogus_error_responses = 1
net.ipv4.conf.all.log_martians = 1
net.ipv4.conf.default.log_martians = 1
net.ipv4.tcp_rfc1337 = 1
net.netfilter.nf_conntrack_max = 131072
"""
MEMORY = """
vm.swappiness = 10
vm.dirty_ratio = 60
vm.dirty_background_ratio = 2
vm.max_map_count = 262144
kernel.shmmax = 1073741824
kernel.shmall = 262144
kernel.sem = 250 32000 100 128
"""
FS = """
fs.file-max = 500000
fs.protected_hardlinks = 1
fs.protected_symlinks = 1
"""
SECURITY = """
kernel.kptr_restrict = 1
kernel.yama.ptrace_scope = 1
kernel.perf_event_paranoid = 2
kernel.randomize_va_space = 2
kernel.panic = 10
"""
# Named in the text, but not set: a ceiling in a comment, a counter, and names that no kernel has.
NAMED_ONLY = {
    "fs.nr_open": "fs",
    "fs.inode-max": "fs",
    "fs.file-nr": "fs",
    "net.ipv4.udp_rmem": "network",
    "net.ipv4.udp_wmem": "network",
}
NOT_SETTABLE = NAMED_ONLY.keys() - {"fs.nr_open"}


def _table(layer: str, text: str) -> list[tuple[str, str, str]]:
    return [(layer, *map(str.strip, line.split("="))) for line in text.strip().splitlines()]  # type: ignore[misc]


SOURCES = [*_table("network", NETWORK), *_table("memory", MEMORY), *_table("fs", FS), *_table("security", SECURITY)]
CATALOGUES = {name: load_layer(name).catalogue for name in SYSCTL_LAYERS}
ENTRIES = [pytest.param(key, entry, id=key) for catalogue in CATALOGUES.values() for key, entry in catalogue.items()]
FIELDS = {"sources", "extra", "classic", "modern", "why", "hazard", "instead_of"}


def test_the_documents_set_65_keys() -> None:
    assert len({key for _, key, _ in SOURCES}) == len(SOURCES) == 65


@pytest.mark.parametrize(("layer", "key", "value"), SOURCES)
def test_each_key_of_the_documents_is_in_its_layer_as_written(layer: str, key: str, value: str) -> None:
    entry = CATALOGUES[layer][key]
    assert str(entry["classic"]["value"]) == value
    assert entry["classic"]["rule"] == "exact"
    assert entry["sources"].startswith(value)


@pytest.mark.parametrize(("key", "layer"), NAMED_ONLY.items())
def test_each_key_that_is_only_named_has_an_entry(key: str, layer: str) -> None:
    entry = CATALOGUES[layer][key]
    assert entry["sources"]
    if key in NOT_SETTABLE:
        assert entry["classic"] is entry["modern"] is None


def test_a_key_is_in_one_catalogue_only() -> None:
    counts = Counter(parse_key(key) for catalogue in CATALOGUES.values() for key in catalogue)
    assert [path for path, count in counts.items() if count > 1] == []


def test_what_the_documents_lack_is_marked_and_nothing_else() -> None:
    extras = {key for catalogue in CATALOGUES.values() for key, entry in catalogue.items() if entry.get("extra")}
    present = {key for catalogue in CATALOGUES.values() for key in catalogue}
    assert extras == present - {key for _, key, _ in SOURCES} - NAMED_ONLY.keys()


@pytest.mark.parametrize(("key", "entry"), ENTRIES)
def test_an_entry_is_whole(key: str, entry: dict[str, Any]) -> None:
    assert entry.keys() <= FIELDS
    assert {"classic", "modern", "why"} <= entry.keys()
    assert ("sources" in entry) != bool(entry.get("extra"))
    assert display_name(parse_key(key)) == key
    for text in (entry["why"], entry.get("hazard", "-")):
        assert text == text.strip()
        assert text
        assert "\n" not in text
    assert entry["why"].endswith(".")
    assert entry["why"][0].isupper() or entry["why"][0].isdigit()


@pytest.mark.parametrize(("key", "entry"), ENTRIES)
def test_both_profiles_are_settings_that_the_module_takes(key: str, entry: dict[str, Any]) -> None:
    for profile in ("classic", "modern"):
        choice = entry[profile]
        if choice is None:
            continue
        assert choice["rule"] in RULES
        assert len(choice) == 2
        if "sized" in choice:
            assert profile == "modern"
            assert choice["sized"] in FORMULAS
        else:
            parse_settings({key: {**choice, "why": entry["why"]}})


@pytest.mark.parametrize(("key", "entry"), ENTRIES)
def test_a_hazard_warns_of_something_that_classic_sets(key: str, entry: dict[str, Any]) -> None:
    assert "hazard" not in entry or entry["classic"] is not None


@pytest.mark.parametrize(("key", "entry"), CATALOGUES["security"].items())
def test_the_security_layer_lowers_nothing(key: str, entry: dict[str, Any]) -> None:
    assert entry["modern"] is None or entry["modern"]["rule"] == "at_least"


def test_every_formula_is_used() -> None:
    services = load_layer(SERVICE_LAYER).catalogue
    sockets = load_layer(NETWORK_LAYER).interfaces["sockets"]
    catalogues = [*CATALOGUES.values(), sockets, *services["units"].values(), *services["pools"].values()]
    used = {(entry["modern"] or {}).get("sized") for catalogue in catalogues for entry in catalogue.values()}
    rings = load_layer(NETWORK_LAYER).interfaces["rings"].values()
    limits = {(entry["modern"] or {}).get("sized_limit") for entry in rings}
    assert used | limits == {*FORMULAS, None}


def test_what_stands_in_for_another_key_names_one_that_there_is() -> None:
    for catalogue in CATALOGUES.values():
        for entry in catalogue.values():
            assert entry.get("instead_of") is None or entry["instead_of"] in catalogue


def test_the_page_of_keys_is_current() -> None:
    run = subprocess.run(
        [sys.executable, str(CHECKOUT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
