
"use strict";
(() => {
  const AT_A_TIME = 40; // rows that are added when the end of the list comes into view
  const AHEAD = 600; // pixels below the window
  const MOST_HOSTS = 8; // named below a counter
  const NO_STATE = -1;
  // The order is that of concern: the first that a layer has gives it its colour.
  const STATES = {
    refused: ["R", "refused", "the kernel would not take it"],
    changed: ["D", "drift", "a run would change it"],
    shadowed: ["S", "shadowed", "another file wins at boot"],
    pending: ["P", "pending", "written down, effective later"],
    unmet: ["N", "not met", "the host has something else, and a run cannot change it"],
    readonly: ["L", "read-only", "as wanted, and not this host's to set"],
    absent: ["A", "absent", "not on this host"],
    kept: ["K", "kept", "has more than the floor"],
    ok: ["✓", "ok", "as wanted"],
  };
  const STATUSES = {
    unreachable: ["U", "unreachable", "could not be reached"],
    failed: ["F", "failed", "could not be audited as a whole"],
  };
  const data = JSON.parse(document.getElementById("data").textContent);
  const TROUBLE = data.troubles; // the order is that of concern
  const text = (index) => data.strings[index];
  const $ = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en");

  /** An element with attributes and children; a string becomes text, never markup. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  function mark(state) {
    const [letter, , meaning] = STATES[state] || STATUSES[state];
    return make("span", { class: `mark tone-${state}`, title: meaning, "aria-hidden": "true" }, letter);
  }

  const stateWord = (state) => (STATES[state] || STATUSES[state])[1];
  const amountOf = (counter, count) => {
    const [, , many, , one] = data.counters[counter];
    return `${number.format(count)} ${count === 1 ? one : many}`;
  };
  const plural = (count, word) => `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;

  // --- the data as the page works with it ---------------------------------------------------

  const stateNames = data.states;
  const hosts = data.hosts.map((packed, position) => {
    const [name, status, message, sequence, conditions, layers, rewrites, period, counters, tuners, sockets, ceilings, relays, storage] = packed;
    const host = { name, status, message: text(message), position, lower: name.toLowerCase(), layers, rewrites: new Map(rewrites), period: text(period), counters, tuners, sockets, ceilings, relays, storage };
    host.settings = data.sequences[sequence];
    host.conditions = conditions;
    host.counts = counted(host, null);
    host.weight = weight(host);
    return host;
  });

  /** How many items of each layer are in each state; with `wanted` only those settings count. */
  function counted(host, wanted) {
    const counts = data.layers.map(() => new Uint16Array(stateNames.length));
    for (let i = 0; i < host.conditions.length; i++) {
      const setting = host.settings[i];
      if (wanted && !wanted.has(setting)) continue;
      counts[data.settings[setting][0]][data.conditions[host.conditions[i]][0]]++;
    }
    return counts;
  }

  /** How much a host deserves a look; larger comes first. */
  function weight(host) {
    const of = (state) => host.counts.reduce((sum, counts) => sum + (counts[stateNames.indexOf(state)] || 0), 0);
    const concerns = host.counters.filter((counter) => counter[3]).length + relayWarnings(host);
    const status = host.status === "unreachable" ? 2e9 : host.status === "failed" ? 1e9 : 0;
    const drift = of("changed") + host.rewrites.size;
    return status + of("refused") * 1e6 + drift * 1e3 + of("shadowed") * 100 + concerns * 50 + (beaten(host) + host.storage.length) * 20 + of("unmet") * 10 + of("pending");
  }

  // --- filters ------------------------------------------------------------------------------

  const pressed = new Set();
  const opened = new Set();
  let shown = []; // [host, counts] that match, in order
  let drawn = 0;

  function wantedSettings() {
    const sought = $("item").value.trim().toLowerCase();
    if (!sought) return null;
    const found = new Set();
    data.settings.forEach((setting, index) => {
      if (text(setting[1]).toLowerCase().includes(sought)) found.add(index);
    });
    return found;
  }

  const narrowedByItem = () => $("item").value.trim() !== "";

  function matchingStates() {
    return stateNames.map((name, index) => (pressed.has(name) ? index : NO_STATE)).filter((index) => index !== NO_STATE);
  }

  /** Whether any item of these counts matches layer and states. */
  function matches(host, counts, layer, states, narrowed) {
    if (Object.keys(STATUSES).some((status) => pressed.has(status) && host.status === status)) return true;
    if (pressed.size && !states.length) return false;
    if (!states.length && !narrowed) return true;
    return counts.some((of, index) => {
      if (layer !== null && index !== layer) return false;
      const rewritten = !narrowedByItem() && host.rewrites.has(index);
      if (rewritten && (!states.length || pressed.has("changed"))) return true;
      return states.length ? states.some((state) => of[state]) : of.some((count) => count);
    });
  }

  function apply() {
    const name = $("host").value.trim().toLowerCase();
    const layer = $("layer").value === "" ? null : Number($("layer").value);
    const settings = wantedSettings();
    const states = matchingStates();
    const narrowed = settings !== null || layer !== null;
    shown = [];
    for (const host of hosts) {
      if (name && !host.lower.includes(name)) continue;
      const counts = settings ? counted(host, settings) : host.counts;
      if (matches(host, counts, layer, states, narrowed && host.status === "audited")) shown.push([host, counts]);
    }
    shown.sort(ORDERS[$("order").value]);
    remember();
    draw();
  }

  const ORDERS = {
    worst: ([a], [b]) => b.weight - a.weight || a.position - b.position,
    inventory: ([a], [b]) => a.position - b.position,
    name: ([a], [b]) => (a.lower < b.lower ? -1 : a.lower > b.lower ? 1 : 0),
  };

  /** Whether an item passes the filters that are set. */
  function passes(setting, condition, settings, layer, states) {
    if (settings && !settings.has(setting)) return false;
    if (layer !== null && data.settings[setting][0] !== layer) return false;
    return !states.length || states.includes(data.conditions[condition][0]);
  }

  // --- the filters live in the address, so that a view can be handed on ------------------------

  const FIELDS = ["host", "item", "layer", "order"];

  function remember() {
    const address = new URLSearchParams();
    for (const id of FIELDS) if ($(id).value && $(id).value !== "worst") address.set(id, $(id).value);
    if (pressed.size) address.set("states", [...pressed].join(","));
    try {
      history.replaceState(null, "", address.size ? `#${address}` : location.pathname + location.search);
    } catch { /* a page without an address of its own */ }
  }

  function recall() {
    const address = new URLSearchParams(location.hash.slice(1));
    for (const id of FIELDS) {
      const value = address.get(id);
      if (value !== null) $(id).value = value;
      if ($(id).tagName === "SELECT" && $(id).selectedIndex < 0) $(id).selectedIndex = 0;
    }
    for (const name of (address.get("states") || "").split(",")) if (name in STATES || name in STATUSES) pressed.add(name);
  }

  // --- the matrix -----------------------------------------------------------------------------

  function draw() {
    const body = $("matrix").tBodies[0];
    body.replaceChildren();
    drawn = 0;
    drawMore();
    $("none").hidden = shown.length > 0;
    $("matrix").hidden = shown.length === 0;
    $("shown").textContent = `${number.format(shown.length)} of ${plural(hosts.length, "host")}`;
    for (const button of $("states").children) button.setAttribute("aria-pressed", String(pressed.has(button.dataset.state)));
    drawBars();
  }

  function drawMore() {
    const rows = document.createDocumentFragment();
    for (const [host, counts] of shown.slice(drawn, drawn + AT_A_TIME)) {
      rows.append(hostRow(host, counts));
      if (opened.has(host)) rows.append(detailRow(host));
    }
    drawn = Math.min(drawn + AT_A_TIME, shown.length);
    $("matrix").tBodies[0].append(rows);
  }

  function hostRow(host, counts) {
    const open = opened.has(host);
    const button = make("button", { class: "open", type: "button", "aria-expanded": String(open) }, host.name);
    const head = make("th", { scope: "row", role: "rowheader" }, button);
    if (host.status !== "audited") head.append(" ", mark(host.status), make("span", { class: `state-note tone-${host.status}` }, ` ${stateWord(host.status)}`));
    if (host.sockets.length) head.append(make("span", { class: "survives soft" }, weakest(host)));
    const row = make("tr", { class: "host", role: "row", "data-host": host.position }, head);
    counts.forEach((of, index) => row.append(layerCell(host, of, index)));
    row.append(lossCell(host));
    return row;
  }

  /** What the weakest of a host's SIP sockets survives. */
  function weakest(host) {
    const known = host.sockets.filter(([, bytes]) => bytes !== null).sort((a, b) => a[1] - b[1]);
    return text((known[0] || host.sockets[0])[2]);
  }

  function layerCell(host, of, index) {
    const layer = data.layers[index];
    const status = host.layers[index];
    if (status !== "audited") {
      const known = status in STATUSES;
      const inner = known ? [mark(status), make("span", { class: "unseen" }, stateWord(status))] : [make("span", { class: "soft" }, "–")];
      return make("td", { class: `cell tone-${known ? status : "none"}${known ? "" : " calm"}`, role: "cell", "data-layer": layer }, ...inner);
    }
    const rewritten = host.rewrites.has(index);
    const troubles = TROUBLE.filter((state) => of[stateNames.indexOf(state)] || (rewritten && state === "changed"));
    const rest = of.reduce((sum, count) => sum + count, 0) - troubles.reduce((sum, state) => sum + of[stateNames.indexOf(state)], 0);
    const cell = make("td", { class: `cell tone-${troubles[0] || "ok"}${troubles.length ? "" : " calm"}`, role: "cell", "data-layer": layer });
    for (const state of troubles) {
      const count = of[stateNames.indexOf(state)];
      cell.append(make("span", { class: "some" }, mark(state), make("span", { class: "unseen" }, `${stateWord(state)} `), count ? String(count) : "files"));
    }
    cell.append(make("span", { class: "well" }, String(rest)));
    return cell;
  }

  /** How many other tuners of a host have the last word over siptune. */
  function beaten(host) {
    return host.tuners.filter(([, , , , keys]) => keys.some((key) => text(key[3]) !== "siptune")).length;
  }

  /** What there is to warn of how the relays of a host forward, now or after a boot. */
  function relayWarnings(host) {
    return host.relays.reduce((sum, [, , warnings]) => sum + warnings, 0);
  }

  function lossCell(host) {
    const count = host.counters.filter((counter) => counter[3]).length;
    const relays = relayWarnings(host);
    const others = beaten(host);
    const found = host.storage.length;
    const tone = count || relays ? "refused" : others ? "shadowed" : found ? "unmet" : "none";
    const cell = make("td", { class: `cell tone-${tone}${tone === "none" ? " calm" : ""}`, role: "cell", "data-layer": "counters" });
    if (count) cell.append(make("span", { class: "some" }, make("span", { class: "mark tone-refused", "aria-hidden": "true" }, "!"), plural(count, "counter")));
    if (relays) cell.append(make("span", { class: "some" }, make("span", { class: "mark tone-refused", "aria-hidden": "true" }, "!"), plural(relays, "relay")));
    if (others) cell.append(make("span", { class: "some" }, mark("shadowed"), plural(others, "other tuner")));
    if (found) cell.append(make("span", { class: "some" }, make("span", { class: "mark tone-unmet", "aria-hidden": "true" }, "!"), plural(found, "storage finding")));
    if (!count && !relays && !others && !found) cell.append(make("span", { class: "soft" }, "–"));
    return cell;
  }

  // --- a host opened ----------------------------------------------------------------------------

  function detailRow(host) {
    const cell = make("td", { colspan: data.layers.length + 2, role: "cell" });
    if (host.message) cell.append(make("p", { class: `message tone-${host.status}` }, host.message));
    cell.append(...sipSockets(host), ...relays(host), ...rewrites(host), ...losses(host), ...storage(host), ...otherTuners(host), ...ownCeilings(host));
    const settings = wantedSettings();
    const layer = $("layer").value === "" ? null : Number($("layer").value);
    const states = matchingStates();
    const items = [];
    for (let i = 0; i < host.conditions.length; i++) {
      if (passes(host.settings[i], host.conditions[i], settings, layer, states)) items.push([host.settings[i], host.conditions[i]]);
    }
    const stateOf = ([, condition]) => stateNames[data.conditions[condition][0]];
    const rank = Object.keys(STATES);
    const troubled = items.filter((item) => TROUBLE.includes(stateOf(item))).sort((a, b) => rank.indexOf(stateOf(a)) - rank.indexOf(stateOf(b)));
    const calm = items.filter((item) => !TROUBLE.includes(stateOf(item)));
    if (troubled.length) cell.append(itemTable(troubled));
    if (calm.length && (states.length || settings)) cell.append(itemTable(calm));
    else if (calm.length) cell.append(restButton(calm, troubled.length));
    if (!items.length && !host.message) cell.append(make("p", { class: "soft" }, "No items."));
    return make("tr", { class: "detail", role: "row" }, cell);
  }

  function restButton(calm, others) {
    const button = make("button", { class: "rest", type: "button" }, `Show the ${plural(calm.length, others ? "other item" : "item")}, which ${calm.length === 1 ? "needs" : "need"} nothing`);
    button.addEventListener("click", () => {
      const table = itemTable(calm);
      button.replaceWith(table);
      table.querySelector(".open").focus();
    });
    return button;
  }

  /** What each SIP socket survives, and what it has lost: the first thing to know of a SIP host. */
  function sipSockets(host) {
    if (!host.sockets.length) return [];
    const list = host.sockets.map(([name, bytes, summary, drops]) => {
      const size = bytes === null ? "" : ` (${number.format(bytes)} bytes)`;
      const lost = drops ? make("span", { class: "lost tone-refused" }, `, ${plural(drops, "datagram")} lost`) : "";
      return make("li", {}, make("strong", {}, text(name)), ` ${text(summary)}`, make("span", { class: "soft" }, size), lost);
    });
    return [make("ul", { class: "sockets", "aria-label": "SIP sockets" }, ...list)];
  }

  /** Whether the kernel forwards for each relay, and what there is to warn of. */
  function relays(host) {
    if (!host.relays.length) return [];
    const list = host.relays.map(([name, lines, warnings]) => make("li", { class: warnings ? "tone-refused" : null },
      make("strong", {}, text(name)), make("ul", {}, ...lines.map((line) => make("li", {}, text(line))))));
    return [make("ul", { class: "relays", "aria-label": "Relays" }, ...list)];
  }

  /** The layers of which a run would write files anew although no item of theirs differs. */
  function rewrites(host) {
    return Array.from(host.rewrites, ([index, said]) => make("p", { class: "rewrite tone-changed" }, mark("changed"), ` ${data.layers[index]}: ${text(said)}`));
  }

  function losses(host) {
    const concerned = host.counters.filter((counter) => counter[3]);
    if (!concerned.length) return [];
    const list = concerned.map((counter) => {
      const [index, value, limit] = counter;
      const [name] = data.counters[index];
      const amount = limit === null ? amountOf(index, value) : `${number.format(value)} of ${amountOf(index, limit)}`;
      const since = text(counter[7]) ? ` ${text(counter[7])}` : "";
      return make("li", {}, make("strong", {}, name), ` ${amount}${since}${places(counter)}`, make("span", { class: "soft" }, ` – ${adviceOf(counter, true)}`));
    });
    return [make("p", { class: "soft period" }, `Counters ${host.period}`), make("ul", { class: "losses", "aria-label": "Counters that call for a look" }, ...list)];
  }

  /** What is wrong with where the daemons write: mounts, disks, room, and logs without a bound. */
  function storage(host) {
    if (!host.storage.length) return [];
    const list = host.storage.map(([what, said]) => make("li", {}, make("strong", {}, text(what)), make("span", { class: "soft" }, ` – ${text(said)}`)));
    return [make("ul", { class: "storage", "aria-label": "Where daemons write" }, ...list)];
  }

  /** Who else sets kernel parameters there: where it differs, who wins, and how to make both agree. */
  function otherTuners(host) {
    if (!host.tuners.length) return [];
    const list = host.tuners.map(([name, detail, effect, advice, keys]) => {
      const said = [text(effect), text(advice)].filter(Boolean).join("; ");
      const entry = make("li", {}, make("strong", {}, text(name)), text(detail) ? `, ${text(detail)}` : "", make("span", { class: "soft" }, ` – ${said}`));
      if (keys.length) entry.append(make("ul", {}, ...keys.map(keyOfTuner)));
      return entry;
    });
    return [make("ul", { class: "tuners", "aria-label": "Who else sets kernel parameters" }, ...list)];
  }

  /** What bounds the daemons by their own configuration, whatever their limits are. */
  function ownCeilings(host) {
    if (!host.ceilings.length) return [];
    const list = host.ceilings.map(([name, said]) => make("li", {}, make("strong", {}, text(name)), `: ${text(said)}`));
    return [make("ul", { class: "ceilings", "aria-label": "What bounds the daemons by their own configuration" }, ...list)];
  }

  function keyOfTuner([item, theirs, wanted, wins]) {
    const ours = text(wins) === "siptune";
    return make("li", { class: ours ? "calm" : "tone-shadowed" }, make("code", {}, text(item)),
      `: ${text(theirs)}, wanted ${text(wanted)}, `, make("strong", {}, `${text(wins)} wins`));
  }

  const places = (counter) => {
    const parts = counter[4].map(([part, value]) => `${text(part)} ${number.format(value)}`);
    return parts.length ? ` (${parts.join(", ")})` : "";
  };

  /** The items that would help, and what else there is to know; without `states` where they differ from host to host. */
  function adviceOf(counter, states = false) {
    const items = counter[6].map(([item, state]) => text(item) + (states ? ` (${state === null ? "left alone" : stateWord(stateNames[state])})` : ""));
    return [items.join(", "), text(counter[5])].filter(Boolean).join(": ");
  }

  const HEADINGS = [["State", ""], ["Item", ""], ["Wanted", "wide"], ["Live", "wide"], ["Boot", "wide"]];

  function itemTable(items) {
    const head = make("tr", {}, ...HEADINGS.map(([name, width]) => make("th", { scope: "col", class: width || null }, name)));
    return make("table", { class: "items" }, make("thead", {}, head), make("tbody", {}, ...items.map(itemRow)));
  }

  const shownValue = (index) => (text(index) === null || text(index) === "" ? "–" : text(index));

  function itemRow([setting, condition]) {
    const [, item, wanted] = data.settings[setting];
    const [state, live, , boot] = data.conditions[condition];
    const name = stateNames[state];
    const button = make("button", { class: "open", type: "button", "aria-expanded": "false" }, text(item));
    return make("tr", { class: "item", "data-setting": setting, "data-condition": condition },
      make("td", { class: `state tone-${name}` }, mark(name), make("span", { class: "word" }, stateWord(name))),
      make("th", { scope: "row", class: "name" }, button),
      ...[wanted, live, boot].map((value) => make("td", { class: "wide value" }, shownValue(value))));
  }

  function itemDetail(row) {
    const [layer, , wanted, why] = data.settings[Number(row.dataset.setting)];
    const [state, live, planned, boot, bootPlanned, reason] = data.conditions[Number(row.dataset.condition)];
    const name = stateNames[state];
    const list = make("dl");
    const say = (term, value, kind) => { if (value) list.append(make("dt", {}, term), make("dd", { class: kind || null }, value)); };
    say("State", `${stateWord(name)}: ${STATES[name][2]}`);
    say("Wanted", shownValue(wanted), "value");
    say("Live", shownValue(live), "value");
    if (text(planned) !== text(live)) say("After a run", shownValue(planned), "value");
    say("Boot", shownValue(boot), "value");
    if (text(bootPlanned) !== text(boot)) say("Boot after a run", shownValue(bootPlanned), "value");
    say("Who wins", text(reason) || winner(name, text(planned) === text(live)));
    say("Why", text(why));
    say("Layer", data.layers[layer]);
    return make("tr", { class: "inner" }, make("td", { colspan: HEADINGS.length }, list));
  }

  function winner(state, unchanged) {
    if (state === "changed") return unchanged ? "nobody yet: it is not written down for the next boot" : "siptune, once it is run";
    return { ok: "siptune", kept: "the host, which has as much or more" }[state] || "";
  }

  function toggle(button) {
    const row = button.closest("tr, .counter");
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    if (row.classList.contains("host")) {
      const host = hosts[Number(row.dataset.host)];
      if (open) opened.add(host); else opened.delete(host);
      if (open) row.after(detailRow(host)); else row.nextElementSibling.remove();
    } else if (row.classList.contains("item")) {
      if (open) row.after(itemDetail(row)); else row.nextElementSibling.remove();
    } else if (open) row.append(counterDetail(Number(row.dataset.counter)));
    else row.querySelector(".most").remove();
  }

  // --- the chart of counters --------------------------------------------------------------------

  /** For each counter the hosts among those shown that have it, the largest first. */
  function byCounter() {
    const found = data.counters.map(() => []);
    for (const [host] of shown) for (const counter of host.counters) found[counter[0]].push([host, counter]);
    return found;
  }

  const sizeOf = ([, counter]) => (counter[2] === null ? counter[1] : counter[1] / counter[2]);

  function drawBars() {
    const found = byCounter();
    const indexes = [...found.keys()];
    const counts = indexes.filter((index) => data.counters[index][1] === "counter" && found[index].length);
    const levels = indexes.filter((index) => data.counters[index][1] === "gauge" && found[index].length);
    const total = (index) => found[index].reduce((sum, entry) => sum + entry[1][1], 0);
    const largest = Math.max(1, ...counts.map(total));
    const rows = counts.sort((a, b) => total(b) - total(a)).map((index) => barRow(
      index, amountOf(index, total(index)), Math.log1p(total(index)) / Math.log1p(largest), plural(found[index].length, "host"), false));
    const gauges = levels.map((index) => {
      const [host, counter] = found[index].reduce((most, entry) => (sizeOf(entry) > sizeOf(most) ? entry : most));
      const share = sizeOf([host, counter]);
      return barRow(index, `${number.format(counter[1])} of ${amountOf(index, counter[2])}`, share, host.name, counter[3]);
    });
    $("bars").replaceChildren(
      ...(rows.length ? [barList("Counters, sum of the hosts shown", rows)] : [make("p", { class: "soft" }, "None of these hosts has lost or refused anything.")]),
      ...(gauges.length ? [make("h3", {}, "Nearest to a limit"), barList("Levels, the fullest host", gauges)] : []));
  }

  const barList = (label, rows) => make("ul", { class: "bars", "aria-label": label }, ...rows);

  function bar(share, near) {
    const fill = make("span", { class: `fill${near ? " near" : ""}` });
    fill.style.width = `${Math.min(100, share * 100).toFixed(1)}%`;
    return make("span", { class: "track", "aria-hidden": "true" }, fill);
  }

  function barRow(index, amount, share, note, near) {
    const [name] = data.counters[index];
    const button = make("button", { class: "open", type: "button", "aria-expanded": "false" }, name);
    return make("li", { class: "counter", "data-counter": index },
      make("div", { class: "line" }, button,
        make("span", { class: "amount" }, amount, make("span", { class: "soft" }, `, ${note}`))),
      bar(share, near));
  }

  /** Where a counter is read, what would help, and the hosts that have most of it. */
  function counterDetail(index) {
    const entries = byCounter()[index].sort((a, b) => sizeOf(b) - sizeOf(a));
    const largest = Math.max(...entries.map(sizeOf));
    const concerned = entries.find(([, counter]) => counter[3]);
    const list = make("dl", {}, make("dt", {}, "Read from"), make("dd", { class: "value" }, data.counters[index][3]));
    if (concerned) list.append(make("dt", {}, "Would help"), make("dd", {}, adviceOf(concerned[1])));
    const most = entries.slice(0, MOST_HOSTS).map(([host, counter]) => {
      const [, value, limit, concern] = counter;
      const amount = limit === null ? number.format(value) : `${number.format(value)} of ${number.format(limit)}`;
      return make("li", {}, make("div", { class: "line" }, make("span", {}, host.name), make("span", { class: "amount" }, amount)),
        bar(limit === null ? value / largest : value / limit, concern && limit !== null));
    });
    const more = entries.length - most.length;
    return make("div", { class: "most" }, list, make("ul", {}, ...most), more ? make("p", { class: "soft" }, `and ${plural(more, "more host")}`) : null);
  }

  // --- the frame ----------------------------------------------------------------------------------

  function frame() {
    const made = new Date(data.generated_at);
    $("made").textContent = `Made ${made.toISOString().slice(0, 16).replace("T", " ")} UTC by siptune.linux ${data.collection_version}`
      + (data.left_out ? `; ${plural(data.left_out, "other host")} of the inventory ${data.left_out === 1 ? "was" : "were"} not audited` : "");
    $("counters-hint").textContent = `${data.window_seconds ? `What ${plural(data.window_seconds, "second")} have added` : "Since each host's boot, or the start of its container"}, sum of the hosts shown. Bars are logarithmic.`;
    for (const [name, count] of data.totals) $("totals").append(make("div", {}, make("dt", {}, name), make("dd", {}, number.format(count))));
    data.layers.forEach((name, index) => $("layer").append(make("option", { value: index }, name)));
    const head = make("tr", { role: "row" });
    for (const name of ["host", ...data.layers, "counters"]) head.append(make("th", { scope: "col", role: "columnheader" }, name));
    $("matrix").tHead.append(head);
    for (const [name, [, word, meaning]] of [...Object.entries(STATES), ...Object.entries(STATUSES)]) {
      const count = name in STATUSES ? hosts.filter((host) => host.status === name).length
        : hosts.reduce((sum, host) => sum + host.counts.reduce((all, of) => all + (of[stateNames.indexOf(name)] || 0), 0), 0);
      $("states").append(make("button", { type: "button", class: `tone-${name}`, "data-state": name, "aria-pressed": "false", title: meaning, disabled: !count },
        mark(name), word, make("span", { class: "count" }, number.format(count))));
    }
    if (matchMedia("(max-width: 48rem)").matches) $("counters-fold").open = false;
    const measure = () => document.documentElement.style.setProperty("--bar-height", getComputedStyle($("filters")).position === "sticky" ? `${$("filters").offsetHeight}px` : "0px");
    new ResizeObserver(measure).observe($("filters"));
    measure();
  }

  function listen() {
    for (const id of FIELDS) $(id).addEventListener("input", apply);
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    $("filters").addEventListener("reset", () => { pressed.clear(); setTimeout(apply); });
    $("states").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (!pressed.delete(button.dataset.state)) pressed.add(button.dataset.state);
      apply();
    });
    document.querySelector("main").addEventListener("click", (event) => {
      const button = event.target.closest(".open");
      if (button) toggle(button);
      else if (event.target.closest(".host") && !String(getSelection())) toggle(event.target.closest(".host").querySelector(".open"));
    });
    document.addEventListener("keydown", keys);
    // The end of the list is watched from afar, so that there are rows before the eye gets there.
    const near = () => { while (drawn < shown.length && $("more").getBoundingClientRect().top < innerHeight + AHEAD) drawMore(); };
    new IntersectionObserver(near, { rootMargin: `${AHEAD}px` }).observe($("more"));
    // An observer does not tell of an end that has left and is back before the next frame, as with a key held down.
    addEventListener("scroll", near, { passive: true });
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select");
    if (event.key === "/" && !typing) { event.preventDefault(); $("host").focus(); return; }
    if (event.key === "Escape") { $("filters").reset(); return; }
    if ((event.key !== "ArrowDown" && event.key !== "ArrowUp") || !event.target.matches(".open")) return;
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    let buttons = [...document.querySelectorAll("#matrix .open, #bars .open")];
    if (step > 0 && buttons.indexOf(event.target) >= buttons.length - 2 && drawn < shown.length) {
      drawMore();
      buttons = [...document.querySelectorAll("#matrix .open, #bars .open")];
    }
    const next = buttons[buttons.indexOf(event.target) + step];
    if (next && next.closest("section") === event.target.closest("section")) next.focus();
  }

  frame();
  recall();
  listen();
  apply();
})();
