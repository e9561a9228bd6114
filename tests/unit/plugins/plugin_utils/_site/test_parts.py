# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables in parts: what comes of them, who counts, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.plugin_utils._site.names import given_in_parts
from ansible_collections.siptune.linux.plugins.plugin_utils._site.parts import DEPTHS, LOGINS, SERVICES, merged
from hypothesis import given
from hypothesis import strategies as st

SYSCTL = "siptune_network_sysctl"
UNITS = "siptune_service_limits_units"
LINKS = "siptune_network_nic_links"
OF_LOGINS = "siptune_service_limits_logins"
OF_SERVICES = "siptune_service_limits_services"
PORTS = "siptune_network_reserved_ports"
CAPACITY = "siptune_capacity"


def parts(base: str, **values: Any) -> dict[str, Any]:
    """Parts by the end of their names; `plain` is the variable itself."""
    return {base if end == "plain" else f"{base}__{end.lstrip('_')}": value for end, value in values.items()}


def bare(value: Any) -> Any:
    """Settings without the reasons."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    rest = {key: bare(one) for key, one in value.items() if key != "why"}
    return rest["value"] if list(rest) == ["value"] else rest


def test_every_variable_of_a_type_that_can_be_given_in_parts_has_a_way_to_be_merged() -> None:
    lists = {PORTS, OF_LOGINS, OF_SERVICES}
    known = {name for name in given_in_parts() if name.endswith(tuple(DEPTHS))}
    assert known | lists == given_in_parts()
    assert OF_LOGINS.endswith(LOGINS)
    assert OF_SERVICES.endswith(SERVICES)


@pytest.mark.parametrize(
    ("base", "values", "expected"),
    [
        pytest.param(SYSCTL, {"plain": {"a.b": 1}, "edge": {"a.c": 2}}, {"a.b": 1, "a.c": 2}, id="keys add up"),
        pytest.param(SYSCTL, {"plain": {"a.b": 1}, "_50_edge": {"a.b": 2}}, {"a.b": 2}, id="a level beats none"),
        pytest.param(SYSCTL, {"_9_z": {"a.b": 1}, "_10_a": {"a.b": 2}}, {"a.b": 2}, id="levels are numbers"),
        pytest.param(SYSCTL, {"_50_edge": {"a.b": None}, "plain": {"a.b": 2}}, {"a.b": None}, id="left alone"),
        pytest.param(SYSCTL, {"x": {"a.b": 1}, "y": {"a.b": "1"}}, {"a.b": 1}, id="the same in two spellings"),
        pytest.param(SYSCTL, {"x": {"a.b": 1}, "y": {"a/b": {"value": 1, "why": "Said."}}}, {"a.b": 1}, id="and keys"),
        pytest.param(
            SYSCTL,
            {"x": {"a.b": 1}, "y": {"a.b": 2}, "_1": {"a.b": 3}},
            {"a.b": 3},
            id="a contradiction that is settled",
        ),
        pytest.param(SYSCTL, {"x": None, "y": {}}, {}, id="nothing"),
        pytest.param(
            UNITS,
            {"plain": {"kamailio": {"LimitNOFILE": 1, "Nice": 2}}, "_5_x": {"kamailio": {"Nice": 3}}},
            {"kamailio": {"LimitNOFILE": 1, "Nice": 3}},
            id="directives of a unit",
        ),
        pytest.param(
            UNITS,
            {"x": {"a.service": {"Nice": 1}}, "_5": {"a.service": None}},
            {"a.service": None},
            id="a unit left alone",
        ),
        pytest.param(
            UNITS,
            {"_5": {"a.service": None}, "_6": {"a.service": {"Nice": 1}}, "x": {"a.service": {"LimitNOFILE": 1}}},
            {"a.service": {"Nice": 1}},
            id="and taken up again",
        ),
        pytest.param(
            UNITS,
            {"x": {"a.service": None}, "y": {"a.service": {"Nice": None}}},
            {"a.service": None},
            id="left alone in two ways",
        ),
        pytest.param(
            LINKS,
            {"x": {"eth0": {"rx_usecs": 50}}, "y": {"driver:igb": {"tx_usecs": 5}, "eth0": {"tx_usecs": 1}}},
            {"eth0": {"rx_usecs": 50, "tx_usecs": 1}, "driver:igb": {"tx_usecs": 5}},
            id="links",
        ),
        pytest.param(
            CAPACITY,
            {"plain": {"concurrent_calls": 1}, "edge": {"registrations": 2}},
            {"concurrent_calls": 1, "registrations": 2},
            id="figures",
        ),
        pytest.param(PORTS, {"plain": ["8080"], "b": ["9000", 8080], "a": ["5"]}, ["8080", "5", "9000"], id="ports"),
        pytest.param(
            OF_SERVICES,
            {"plain": None, "a": ["k.service"], "b": [{"unit": "s.service", "daemon": "kamailio"}, "k.service"]},
            ["k.service", {"unit": "s.service", "daemon": "kamailio"}],
            id="services",
        ),
    ],
)
def test_parts_are_merged(base: str, values: dict[str, Any], expected: Any) -> None:
    assert bare(merged(base, parts(base, **values))) == expected


def login(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"domain": "@voip", "type": kind, "item": "core", "value": value, **more}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"a": [login("soft", 1)], "b": [login("hard", 2)]}, [login("soft", 1), login("hard", 2)]),
        ({"a": [login("both", 1)], "_5_b": [login("soft", 0)]}, [login("hard", 1), login("soft", 0)]),
        ({"a": [login("soft", 1), login("hard", 2)], "_5_b": [login("both", 0)]}, [login("both", 0)]),
        ({"a": [login("both", 1)], "b": [login("both", "1")]}, [login("both", 1)]),
        ({"a": [login("both", 1)], "_5": [login("both", None)]}, [login("both", None)]),
    ],
)
def test_limits_of_logins_are_merged_by_domain_item_and_type(values: dict[str, Any], expected: Any) -> None:
    assert bare(merged(OF_LOGINS, parts(OF_LOGINS, **values))) == expected


@pytest.mark.parametrize(
    ("base", "values", "message"),
    [
        pytest.param(
            SYSCTL,
            {"plain": {"a.b": 1}, "proxies": {"a/b": {"value": 2, "rule": "at_least"}}},
            f"a.b: {SYSCTL} says 1 and {SYSCTL}__proxies says at_least 2. Give the one that counts a higher number, "
            f"such as {SYSCTL}__50_proxies; a name without a number has 0",
            id="a group and all",
        ),
        pytest.param(
            SYSCTL,
            {"_50_x": {"a.b": 1}, "_50_y": {"a.b": None}},
            f"a.b: {SYSCTL}__50_x says 1 and {SYSCTL}__50_y says null. Give the one that counts a higher number, such "
            f"as {SYSCTL}__60_x",
            id="one level",
        ),
        pytest.param(
            UNITS,
            {"x": {"a.service": None}, "y": {"a.service": {"Nice": 1}}},
            f"a.service Nice: {UNITS}__x says null and {UNITS}__y says 1",
            id="a unit left alone, and not",
        ),
        pytest.param(
            LINKS,
            {"x": {"eth0": {"rx": {"value": "max", "limit": 4096}}}, "y": {"eth0": {"rx": "max"}}},
            f"eth0 rx: {LINKS}__x says max and {LINKS}__y says max",
            id="a field of one's own",
        ),
        pytest.param(CAPACITY, {"x": {"registrations": 1}, "y": {"registrations": 2}}, "registrations: ", id="figures"),
        pytest.param(
            OF_LOGINS, {"x": [login("both", 1)], "y": [login("hard", 2)]}, "@voip core hard: ", id="sides of a login"
        ),
        pytest.param(
            OF_SERVICES,
            {"x": [{"unit": "a.service", "daemon": "kamailio"}], "y": [{"unit": "a.service", "daemon": "asterisk"}]},
            "a.service: ",
            id="daemons of a unit",
        ),
        pytest.param(
            SYSCTL, {"x": {"a.b": 1, "a/b": 2}}, f"a.b: is set twice in {SYSCTL}__x, to 1 and to 2", id="in one part"
        ),
    ],
)
def test_parts_of_one_level_must_not_contradict_each_other(base: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        merged(base, parts(base, **values))
    assert message in str(caught.value)


def test_each_setting_says_where_it_was_set_unless_it_has_a_reason_of_its_own() -> None:
    own = {"value": 3, "why": "Measured."}
    whole = merged(SYSCTL, parts(SYSCTL, plain={"a.a": 1, "a.d": None}, edge={"a.b": {"value": 2}, "a.c": own}))
    assert whole == {
        "a.a": {"value": 1, "why": f"set in {SYSCTL}"},
        "a.d": None,
        "a.b": {"value": 2, "why": f"set in {SYSCTL}__edge"},
        "a.c": own,
    }
    assert merged(UNITS, {UNITS: {"a": {"Nice": 1}, "b": None, "c": 5}}) == {
        "a": {"Nice": {"value": 1, "why": f"set in {UNITS}"}},
        "b": None,
        "c": 5,  # for the module to refuse
    }
    assert merged(CAPACITY, {CAPACITY: {"registrations": 1}}) == {"registrations": 1}
    assert merged(PORTS, {PORTS: ["1", "1"]}) == ["1", "1"]


# --- whatever the order ----------------------------------------------------------------------

ENDS = ("plain", "a", "b", "_5_a", "_5_b", "_10_c", "_050")
KEYS = st.sampled_from(["n.a", "n/a", "n.b", "n.c"])
VALUES = st.sampled_from([None, 1, "1", 2, {"value": 2, "rule": "at_least"}])
UNIT_VALUES = st.one_of(st.none(), st.dictionaries(st.sampled_from(["Nice", "LimitNOFILE"]), VALUES, max_size=2))
OF_BASE = {
    SYSCTL: st.dictionaries(KEYS, VALUES, max_size=3),
    UNITS: st.dictionaries(st.sampled_from(["a.service", "b.service"]), UNIT_VALUES, max_size=2),
    PORTS: st.lists(st.sampled_from(["1", "2", "3-4"]), max_size=3),
    OF_LOGINS: st.lists(
        st.builds(login, st.sampled_from(["soft", "hard", "both"]), st.sampled_from([1, 2])), max_size=2
    ),
}


@st.composite
def _shuffled(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[str, Any]]:
    base = draw(st.sampled_from(sorted(OF_BASE)))
    values = draw(st.dictionaries(st.sampled_from(ENDS), OF_BASE[base], min_size=1))
    order = draw(st.permutations(sorted(values)))
    return base, parts(base, **values), parts(base, **{end: values[end] for end in order})


def _outcome(base: str, given_parts: dict[str, Any]) -> str:
    """What comes of the parts, the order of keys included, as a text."""
    try:
        return repr(merged(base, given_parts))
    except CatalogueError as error:
        return str(error)


@given(_shuffled())
def test_the_order_of_the_parts_decides_nothing(case: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    base, one, other = case
    assert _outcome(base, one) == _outcome(base, other)


@given(st.dictionaries(st.sampled_from(ENDS), OF_BASE[SYSCTL], min_size=2))
def test_a_key_has_the_value_of_its_highest_level_or_is_refused(values: dict[str, Any]) -> None:
    levels = {"plain": 0, "a": 0, "b": 0, "_5_a": 5, "_5_b": 5, "_10_c": 10, "_050": 50}
    try:
        whole = bare(merged(SYSCTL, parts(SYSCTL, **values)))
    except CatalogueError:
        return
    said: dict[str, list[tuple[int, str]]] = {}
    for end, settings in values.items():
        for key, value in settings.items():
            said.setdefault(key.replace("/", "."), []).append((levels[end], str(value)))
    assert set(whole) == set(said)
    for key, value in whole.items():
        assert {text for level, text in said[key] if level == max(said[key])[0]} == {str(value)}
