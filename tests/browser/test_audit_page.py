# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the audit in a real Chromium: it loads, filters, opens, and can be worked by keyboard and on a phone."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit import html
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import HostResults, document
from conftest import PHONE, WIDE, Window
from fleet import fleet
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

MOST_BYTES = 5_000_000  # of the page of 500 hosts with 150 items each
# A filter costs a fixed number of rows to draw, and little for each host: ten times the hosts, less than half the rate.
MOST_TIMES_SLOWER = 4
LEAST_TARGET_PIXELS = 24  # WCAG 2.2, success criterion 2.5.8
CONTRAST_OF_TEXT = 4.5  # WCAG 2.2, success criterion 1.4.3, level AA

FILTER_MS = """
const [id, value, done] = arguments;
const begun = performance.now();
const field = document.getElementById(id);
field.value = value;
field.dispatchEvent(new Event("input", { bubbles: true }));
document.body.offsetHeight;  // have the layout done, too
done(performance.now() - begun);
"""
# The contrast of each text's colour with what is painted behind it, the worst with its text.
CONTRASTS = """
const channel = (of) => {
  const part = of / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
};
const parse = (color) => {
  const [red, green, blue, alpha] = color.match(/[0-9.]+/g).map(Number);
  return { rgb: [red, green, blue], opaque: alpha === undefined || alpha === 1 };
};
const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const found = parse(getComputedStyle(element).backgroundColor);
    if (found.opaque) return found.rgb;
  }
  return [255, 255, 255];
};
const found = [];
for (const element of document.querySelectorAll("body *:not(script, style, noscript, option)")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
  if (!own || element.closest(":disabled") || !element.getClientRects().length) continue;
  const sides = [luminance(parse(getComputedStyle(element).color).rgb), luminance(behind(element))];
  const [lighter, darker] = sides.sort((a, b) => b - a);
  found.push([(lighter + 0.05) / (darker + 0.05), `${element.className}: ${element.textContent.slice(0, 40)}`]);
}
return found.sort((a, b) => a[0] - b[0])[0];
"""


def all_of(page: WebDriver, selector: str) -> list[Any]:
    return page.find_elements(By.CSS_SELECTOR, selector)


def texts(page: WebDriver, selector: str) -> list[str]:
    """The texts of all elements of a kind, in one call."""
    script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
    return page.execute_script(script, selector)


def filtered(page: WebDriver, name: str, value: str) -> float:
    """Set a filter; the milliseconds until the page is laid out anew."""
    return page.execute_async_script(FILTER_MS, name, value)


def click(page: WebDriver, selector: str, number: int = 0) -> None:
    page.execute_script("document.querySelectorAll(arguments[0])[arguments[1]].click()", selector, number)


def shown(page: WebDriver) -> int:
    return int(texts(page, "#shown")[0].split(" of ")[0].replace(",", ""))


def names(document: dict[str, Any], wanted: Callable[[dict[str, Any]], object]) -> set[str]:
    return {host["name"] for host in document["hosts"] if wanted(host)}


def shown_names(page: WebDriver) -> set[str]:
    """The hosts that match, scrolled into being if need be."""
    page.execute_script("scrollTo(0, document.body.scrollHeight)")
    return set(texts(page, "#matrix .host .open"))


# --- loading ---------------------------------------------------------------------------------


def test_it_loads_without_an_error_and_without_the_network(window: Window) -> None:
    page = window(500)
    assert [entry for entry in page.get_log("browser") if entry["level"] != "INFO"] == []
    requests = [
        message["params"]["request"]["url"]
        for message in (json.loads(entry["message"])["message"] for entry in page.get_log("performance"))
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert [url[:5] for url in requests if not url.startswith("data:")] == ["file:"]
    assert shown(page) == 500


def test_it_is_small(pages: Callable[[int], Path]) -> None:
    size = pages(500).stat().st_size
    print(f"the page of 500 hosts with 150 items each has {size:,} bytes")
    assert size < MOST_BYTES


def test_it_is_small_even_when_no_two_hosts_have_a_value_in_common(tmp_path: Path) -> None:
    audit = fleet(500, 150)
    for number, item in enumerate(item for host in audit["hosts"] for item in host["items"]):
        item["live"] = str(1_000_000 + number)
    size = len(html.render(audit).encode())
    print(f"with all live values different it has {size:,} bytes")
    assert size < MOST_BYTES


def test_texts_of_hosts_stay_texts(window: Window, tmp_path: Path) -> None:
    audit = fleet(3, 10)
    evil = "</script><img src=x onerror='document.title=\"owned\"'><b>\u2028"
    audit["hosts"][0]["name"] = audit["hosts"][0]["items"][0]["item"] = audit["hosts"][0]["items"][0]["why"] = evil
    path = tmp_path / "evil.html"
    path.write_text(html.render(audit), encoding="utf-8")
    page = window(path=path)
    for number in range(3):
        click(page, "#matrix .host .open", number)
    while all_of(page, ".rest"):
        click(page, ".rest")
    assert evil in texts(page, "#matrix .open")
    assert all_of(page, "img, #matrix b") == []
    assert page.title == "siptune audit"
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


# --- filters ---------------------------------------------------------------------------------


def test_filter_by_host(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    filtered(page, "host", "SBC")
    expected = names(document, lambda host: "sbc" in host["name"])
    assert expected
    assert shown_names(page) == expected
    filtered(page, "host", "no such host")
    assert shown(page) == 0
    assert all_of(page, "#none")[0].is_displayed()


def test_filter_by_state(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    click(page, "[data-state=changed]")
    assert shown_names(page) == names(document, lambda host: host["drift"])
    click(page, "[data-state=shadowed]")  # or, not and
    assert shown_names(page) == names(document, lambda host: host["drift"] or host["shadowed"])
    click(page, "[data-state=changed]")
    click(page, "[data-state=shadowed]")
    click(page, "[data-state=unreachable]")
    assert shown_names(page) == names(document, lambda host: host["status"] == "unreachable") != set()


def test_filter_by_layer_and_state_together(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    click(page, "[data-state=changed]")
    for number, layer in enumerate(document["hosts"][0]["layers"]):
        filtered(page, "layer", str(number))
        name = layer["name"]
        expected = names(
            document, lambda host, name=name: any(item["drift"] and item["layer"] == name for item in host["items"])
        )
        assert (set() if shown(page) == 0 else shown_names(page)) == expected


def test_filter_by_item(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    sought = next(item["item"] for host in document["hosts"] for item in host["items"] if item["drift"])
    filtered(page, "item", sought)
    click(page, "[data-state=changed]")
    assert shown_names(page) == names(
        document, lambda host: any(item["drift"] and sought in item["item"] for item in host["items"])
    )
    click(page, "#matrix .host .open")
    assert texts(page, ".items .name .open") == [sought]


def test_clear_and_a_view_that_can_be_handed_on(window: Window) -> None:
    page = window(50)
    click(page, "[data-state=changed]")
    filtered(page, "host", "sbc")
    view, seen = page.execute_script("return location.hash"), shown_names(page)
    assert shown_names(window(50, view=view)) == seen
    click(page, "#clear")
    page.execute_async_script("setTimeout(arguments[0], 50)")
    assert shown(page) == 50
    assert page.execute_script("return location.hash") == ""


def test_filters_cost_a_fleet_of_500_little_more_than_one_of_50(window: Window) -> None:
    def milliseconds(hosts: int) -> float:
        page = window(hosts)
        filtered(page, "host", "warm up")
        taken = [filtered(page, name, value) for value in ("sbc", "") * 5 for name in ("host",)]
        taken += [filtered(page, "item", value) for value in ("rmem", "") * 5]
        taken += [filtered(page, "layer", value) for value in ("0", "") * 5]
        return statistics.median(taken)

    few, many = milliseconds(50), milliseconds(500)
    print(f"a filter takes {few:.0f} ms with 50 hosts and {many:.0f} ms with 500")
    assert many <= MOST_TIMES_SLOWER * few


# --- what can be read ------------------------------------------------------------------------


def test_a_row_opens_to_everything_there_is_to_know(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    hosts = {host["name"]: host for host in document["hosts"]}
    click(page, "[data-state=shadowed]")
    name = texts(page, "#matrix .host .open")[0]
    click(page, "#matrix .host .open")
    item = next(item for item in hosts[name]["items"] if item["state"] == "shadowed")
    assert texts(page, ".items .name .open")[0] == item["item"]
    click(page, ".items .name .open")
    said = dict(zip(texts(page, ".inner dt"), texts(page, ".inner dd"), strict=True))
    assert said == {
        "State": "shadowed: another file wins at boot",
        "Wanted": item["wanted"],
        "Live": item["live"],
        "Boot": item["boot"],
        "Who wins": item["reason"],
        "Why": item["why"],
        "Layer": item["layer"],
    }
    click(page, ".items .name .open")
    click(page, "#matrix .host .open")
    assert all_of(page, ".detail, .inner") == []


def test_a_row_says_what_the_sip_sockets_survive(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    losing = next(host for host in document["hosts"] if any(one["drops"] for one in host["sip_sockets"]))
    filtered(page, "host", losing["name"])
    (socket,) = losing["sip_sockets"]
    assert texts(page, "#matrix .host .survives")[0] == socket["summary"]
    click(page, "#matrix .open")
    (line,) = texts(page, ".detail > td > :first-child li")
    lost = f"{socket['drops']:,} datagram{'' if socket['drops'] == 1 else 's'} lost"
    assert line == f"kamailio 10.0.0.5:5060 {socket['summary']} (6,291,456 bytes), {lost}"


def test_a_row_says_where_a_relay_forwards_and_what_a_boot_would_change(window: Window) -> None:
    page, document = window(50), fleet(50, 150)
    for count, cell in ((1, "1 relay"), (0, "")):
        host = next(one for one in document["hosts"] if [len(each["warnings"]) for each in one["rtpengine"]] == [count])
        filtered(page, "host", host["name"])
        shown = page.find_element(By.CSS_SELECTOR, "#matrix [data-layer=counters]").text
        assert ("relay" in shown) == bool(count)
        assert cell in shown
        click(page, "#matrix .open")
        (relay,) = host["rtpengine"]
        assert texts(page, ".relays li li") == [relay["summary"], *relay["warnings"]]
        click(page, "#matrix .open")


def test_a_row_tells_who_else_sets_kernel_parameters(window: Window) -> None:
    document = fleet(50, 150)
    host = next(host for host in document["hosts"] if host["tuners"] and host["tuners"][0]["advice"])
    driver = window(50, view=f"#host={host['name']}")
    beaten = sum(any(key["wins"] != "siptune" for key in tuner["keys"]) for tuner in host["tuners"])
    assert f"{beaten} other tuner" in driver.find_element(By.CSS_SELECTOR, "#matrix [data-layer=counters]").text
    driver.find_element(By.CSS_SELECTOR, "#matrix .host .open").click()
    said = driver.find_element(By.CSS_SELECTOR, ".tuners").text
    for tuner in host["tuners"]:
        assert tuner["name"] in said
        assert tuner["effect"] in said
        assert tuner["advice"] in said
        for key in tuner["keys"]:
            assert f"{key['item']}: {key['theirs']}, wanted {key['wanted']}, {key['wins']} wins" in said


def test_a_row_tells_what_is_wrong_with_where_daemons_write(window: Window) -> None:
    host = next(host for host in fleet(50, 150)["hosts"] if host["storage"])
    driver = window(50, view=f"#host={host['name']}")
    assert "1 storage finding" in driver.find_element(By.CSS_SELECTOR, "#matrix [data-layer=counters]").text
    driver.find_element(By.CSS_SELECTOR, "#matrix .host .open").click()
    assert texts(driver, ".storage li") == [
        "/var/spool/asterisk/monitor (recordings of asterisk), /var/spool/asterisk (spool of asterisk) – "
        "on /dev/sdb1 mounted sync: each write waits for the disk; mount it without sync"
    ]


def test_a_row_draws_the_load_of_each_processor_and_queue(window: Window) -> None:
    host = next(host for host in fleet(50, 150)["hosts"] if host["packets"] and host["packets"]["findings"])
    driver = window(50, view=f"#host={host['name']}")
    assert "1 packet finding" in driver.find_element(By.CSS_SELECTOR, "#matrix [data-layer=counters]").text
    driver.find_element(By.CSS_SELECTOR, "#matrix .host .open").click()
    assert texts(driver, ".packets li") == [
        "eth0 – 1 receive queue for 8 processors, and no RPS; RPS, rps_cpus of nic_link"
    ]
    picture = driver.find_element(By.CSS_SELECTOR, ".load svg")
    assert picture.get_attribute("role") == "img"
    assert picture.get_attribute("aria-label").startswith(
        "Work of received packets on 8 processors: cpu0 97 %, cpu1 0 %, cpu2 0 %; eth0-TxRx-0 mostly cpu0, 100 %"
    )
    assert len(all_of(driver, ".load .bar")) == 8 + 1
    first, second = (bar.rect["height"] for bar in all_of(driver, ".load .bar")[:2])
    assert first > 40 > 5 > second
    click(driver, ".machine summary")
    assert "cpufreq governor: powersave – brings: performance keeps the clock up" in texts(driver, ".machine li")[0]


def test_isolated_processors_are_marked_in_the_picture(window: Window) -> None:
    host = next(host for host in fleet(50, 150)["hosts"] if host["packets"] and host["packets"]["isolated"])
    driver = window(50, PHONE, view=f"#host={host['name']}")
    driver.find_element(By.CSS_SELECTOR, "#matrix .host .open").click()
    assert len(all_of(driver, ".load .apart")) == 2
    assert "processors in a dashed frame are isolated" in driver.find_element(By.CSS_SELECTOR, ".load figcaption").text
    assert driver.find_element(By.CSS_SELECTOR, ".load svg").rect["width"] <= PHONE[0]


def test_all_items_of_a_host_can_be_seen(window: Window) -> None:
    page = window(50)
    click(page, "#matrix .host .open", 5)
    click(page, ".rest")
    assert len(all_of(page, ".items .item")) == 150


def test_every_cell_says_its_state_with_a_letter(window: Window) -> None:
    page = window(50)
    assert all(text.strip() for text in texts(page, "#matrix .cell"))
    marked = texts(page, "#matrix .cell:not(.calm) .mark")
    assert set(marked) <= set("DSPRUF!")
    assert {"D", "S", "P"} <= set(marked)


def test_the_chart_follows_the_filters(window: Window) -> None:
    page, document = window(50), fleet(50, 150)

    def total(wanted: str) -> int:
        return sum(
            counter["value"]
            for host in document["hosts"]
            for counter in host["counters"]["list"]
            if wanted in host["name"] and counter["name"] == "UdpRcvbufErrors"
        )

    for wanted in ("", "sbc"):
        filtered(page, "host", wanted)
        amounts = dict(zip(texts(page, "#bars .counter .open"), texts(page, "#bars .counter .amount"), strict=True))
        assert amounts["UdpRcvbufErrors"].startswith(f"{total(wanted):,} datagrams")
    click(page, "#bars .open")
    assert len(all_of(page, "#bars .most li")) > 0


def test_all_rows_come_as_the_page_is_scrolled(window: Window) -> None:
    page = window(500)
    first = len(all_of(page, "#matrix .host"))
    assert first < 200
    page.set_script_timeout(120)
    page.execute_async_script("""
        const done = arguments[0];
        const step = (left) => {
          scrollTo(0, document.body.scrollHeight);
          const all = document.querySelectorAll("#matrix .host").length >= 500;
          left && !all ? requestAnimationFrame(() => step(left - 1)) : done();
        };
        step(600);  // frames, as rows come with them, and a busy machine draws few; far more than are needed
    """)
    assert len(all_of(page, "#matrix .host")) == 500


# --- no cell is green that should not be -----------------------------------------------------


def one_item(state: str, **fields: Any) -> dict[str, Any]:
    return {"item": "fs.nr_open", "state": state, "wanted": "at least 5", "before": "7", "after": "7", **fields}


# the call's `changed`, its items; the marks of the layer's cell and its text, what the drift filter shows
CELLS: dict[str, tuple[bool, list[dict[str, Any]], list[str], str, bool]] = {
    "ok": (False, [one_item("ok")], [], "1", False),
    "a rewritten file": (True, [one_item("ok")], ["D"], "Ddrift files1", True),
    "a rewritten file and a pending item": (True, [one_item("pending")], ["D", "P"], "Ddrift filesPpending 10", True),
    "a file without any item": (True, [], ["D"], "Ddrift files0", True),
    "drift": (True, [one_item("changed")], ["D"], "Ddrift 10", True),
    "read-only, as wanted": (False, [one_item("readonly")], [], "1", False),
    "read-only, less": (False, [one_item("readonly", before="4")], ["N"], "Nnot met 10", False),
    "read-only, unknown": (False, [one_item("readonly", before=None)], ["N"], "Nnot met 10", False),
    "kept, less": (False, [one_item("kept", before="1")], ["N"], "Nnot met 10", False),
    "misspelt": (False, [one_item("absent", before=None, why="set in the inventory")], ["N"], "Nnot met 10", False),
}


@pytest.fixture(scope="module")
def cells_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host of each of CELLS, whose layer fs is the case, and its layer memory as it should be."""
    calm = [{"changed": False, "items": [one_item("ok")]}]
    files = [{"path": "/etc/sysctl.d/90-siptune-fs.conf", "change": "rewritten"}]
    results = {
        name: HostResults({"fs": [{"changed": drift, "items": items, "files": files[:drift]}], "memory": calm}, None)
        for name, (drift, items, *_) in CELLS.items()
    }
    path = tmp_path_factory.mktemp("cells") / "cells.html"
    path.write_text(html.render(document(results, "2026-11-24T03:15:00+00:00", 0, "0.1.0")), encoding="utf-8")
    return path


def row_of(page: WebDriver, name: str) -> Any:
    return next(row for row in all_of(page, "#matrix .host") if row.find_element(By.CSS_SELECTOR, ".open").text == name)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_says_what_is_not_as_wanted(window: Window, cells_page: Path, name: str) -> None:
    _changed, _items, marks, words, _drifts = CELLS[name]
    row = row_of(window(path=cells_page), name)
    cell, other = (row.find_element(By.CSS_SELECTOR, f"[data-layer={layer}]") for layer in ("fs", "memory"))
    assert [mark.text for mark in cell.find_elements(By.CSS_SELECTOR, ".mark")] == marks
    assert cell.get_attribute("textContent") == words
    assert ("tone-ok" in cell.get_attribute("class").split()) == (marks == [])
    assert "tone-ok" in other.get_attribute("class").split()


def test_the_filters_find_what_the_cells_say(window: Window, cells_page: Path) -> None:
    page = window(path=cells_page)
    for state, letter in (("changed", "D"), ("unmet", "N")):
        click(page, f"[data-state={state}]")
        assert shown_names(page) == {name for name, cell in CELLS.items() if letter in cell[2]}
        click(page, f"[data-state={state}]")
    click(page, "[data-state=changed]")
    filtered(page, "layer", "1")  # memory, where nothing drifts
    assert shown(page) == 0


def test_a_row_names_the_layers_whose_files_a_run_would_rewrite(window: Window, cells_page: Path) -> None:
    page = window(path=cells_page)
    row_of(page, "a rewritten file").find_element(By.CSS_SELECTOR, ".open").click()
    assert texts(page, ".rewrite") == ["D fs: a run would rewrite /etc/sysctl.d/90-siptune-fs.conf"]


def details(page: WebDriver) -> dict[str, str]:
    click(page, "#matrix .host .open")
    while all_of(page, ".rest"):
        click(page, ".rest")
    click(page, ".items .name .open")
    return dict(zip(texts(page, ".inner dt"), texts(page, ".inner dd"), strict=True))


# values now and after a run, at boot as things stand and after a run; the boot column, what the item's details say
BOOTS: dict[str, tuple[tuple[str | None, ...], str, dict[str, str]]] = {
    "nothing sets it yet": (("4", "7", None, "7"), "–", {"Boot": "–", "Boot after a run": "7", "After a run": "7"}),
    "another value is set": (("4", "7", "5", "7"), "5", {"Boot": "5", "Boot after a run": "7", "After a run": "7"}),
    "only the file is missing": (("7", "7", None, "7"), "–", {"Boot": "–", "Boot after a run": "7"}),
    "only live": (("4", "7", "7", "7"), "7", {"Boot": "7", "After a run": "7"}),
}


@pytest.mark.parametrize(("values", "column", "said"), BOOTS.values(), ids=BOOTS.keys())
def test_the_boot_column_is_what_a_boot_brings_now(
    window: Window, tmp_path: Path, values: tuple[str | None, ...], column: str, said: dict[str, str]
) -> None:
    fields = dict(zip(("before", "after", "at_boot_before", "at_boot"), values, strict=True))
    results = {"fs": [{"changed": True, "items": [one_item("changed", **fields)]}]}
    audit = document({"edge1": HostResults(results, None)}, "2026-11-24T03:15:00+00:00", 0, "0.1.0", left_out=1)
    path = tmp_path / "boot.html"
    path.write_text(html.render(audit), encoding="utf-8")
    page = window(path=path)
    found = details(page)
    assert texts(page, ".items .item .value")[2] == column
    assert {term: found[term] for term in ("Boot", "Boot after a run", "After a run") if term in found} == said
    assert texts(page, "#totals dt") == ["host", "with drift", "item drifts"]
    assert texts(page, "#made")[0].endswith("; 1 other host of the inventory was not audited")


def test_counters_say_what_they_are_since(window: Window, tmp_path: Path) -> None:
    fields = {"kind": "counter", "source": "x", "value": 1, "total": 1, "limit": None, "part_is": None, "parts": []}
    counted = {
        "since_boot": True,
        "since": "container",
        "seconds": 7300.0,
        "counters": [
            {**fields, "name": "UdpRcvbufErrors", "unit": "datagrams"},
            {**fields, "name": "SoftnetDropped", "unit": "packets", "value": 2},
        ],
    }
    audit = document({"edge1": HostResults({"fs": [None]}, counted)}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    path = tmp_path / "since.html"
    path.write_text(html.render(audit), encoding="utf-8")
    page = window(path=path)
    click(page, "#matrix .host .open")
    assert texts(page, ".period") == ["Counters since the container's start, 2 hours ago"]
    assert [line.split(" – ")[0] for line in texts(page, ".losses li")] == [
        "UdpRcvbufErrors 1 datagram",
        "SoftnetDropped 2 packets since the host's boot",
    ]
    assert sorted(texts(page, "#bars .amount")) == ["1 datagram, 1 host", "2 packets, 1 host"]


# --- by keyboard -----------------------------------------------------------------------------


def focused(page: WebDriver) -> str:
    return page.switch_to.active_element.text


def press(page: WebDriver, *keys: str) -> None:
    ActionChains(page).send_keys(*keys).perform()


def test_by_keyboard_alone(window: Window) -> None:
    page = window(50)
    press(page, "/")
    assert page.switch_to.active_element.get_attribute("id") == "host"
    press(page, "sbc")
    assert 0 < shown(page) < 50
    page.find_element(By.CSS_SELECTOR, "#matrix .open").send_keys(Keys.ARROW_DOWN)
    hosts = texts(page, "#matrix .host .open")
    assert focused(page) == hosts[1]
    press(page, Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("aria-expanded") == "true"
    press(page, Keys.ARROW_UP)
    assert focused(page) == hosts[0]
    press(page, Keys.ESCAPE)
    page.execute_async_script("setTimeout(arguments[0], 50)")
    assert shown(page) == 50


def test_the_focus_can_be_seen_and_is_not_below_the_filters(window: Window) -> None:
    page = window(500)
    page.find_element(By.CSS_SELECTOR, "#matrix .open").send_keys(*[Keys.ARROW_DOWN] * 60)
    press(page, *[Keys.ARROW_UP] * 40)
    outline, top, bar = page.execute_script("""
        const style = getComputedStyle(document.activeElement);
        return [style.outlineStyle + " " + style.outlineWidth, document.activeElement.getBoundingClientRect().top,
                document.querySelector("#matrix > thead th").getBoundingClientRect().bottom];
    """)
    assert outline == "solid 2px"
    assert top >= bar


def test_every_control_has_a_name(window: Window) -> None:
    page = window(50)
    for control in all_of(page, "input, select, #filters button"):
        assert control.accessible_name
    assert all_of(page, "#matrix")[0].aria_role == "table"


# --- on every screen -------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_fits_and_can_be_read(window: Window, size: tuple[int, int], dark: bool) -> None:
    page = window(50, size, dark)
    page.execute_script("document.getElementById('counters-fold').open = true")
    for number in (0, 5):
        click(page, "#matrix .host .open", number)
    click(page, ".items .name .open")
    click(page, "#bars .open")
    page.execute_async_script("setTimeout(arguments[0], 300)")
    assert page.execute_script("return document.documentElement.scrollWidth") <= size[0]
    ratio, where = page.execute_script(CONTRASTS)
    assert ratio >= CONTRAST_OF_TEXT, where
    _keep_picture(page, f"{'phone' if size == PHONE else 'wide'}-{'dark' if dark else 'light'}")


def _keep_picture(page: WebDriver, name: str) -> None:
    """Where SIPTUNE_PICTURES names a directory, leave a picture there for people to look at."""
    directory = os.environ.get("SIPTUNE_PICTURES")
    if directory:
        page.save_screenshot(os.path.join(directory, f"audit-{name}.png"))


def test_a_finger_can_hit_the_controls_of_a_phone(window: Window) -> None:
    page = window(50, PHONE)
    controls = all_of(page, "input, select, #filters button")
    assert [control.accessible_name for control in controls if control.size["height"] < LEAST_TARGET_PIXELS] == []
