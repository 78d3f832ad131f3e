// The explorer's tools: what is shown, what is looked for, and whether something new was recorded.

import { el, keys } from "./common.js";

/** The tools of an explorer, as `{ node, search, begin, wanted, count, kinds, follows, follow, go, waits }`. */
export function controls(explorer) {
  const changed = () => explorer.filter();
  const select = (...options) => el("select", { onchange: changed }, ...options.map(([value, text]) => el("option", { value }, text)));
  const side = select(["", "both sides"], ["client", "the client"], ["server", "the server"]);
  const kind = select(["", "every kind"]);
  const followed = select(["", "everything"]);
  const odd = el("input", { type: "checkbox", onchange: changed });
  const only = el("input", { type: "checkbox", onchange: changed });
  const how = el("select", { "aria-label": "Search for", onchange: () => look() }, el("option", { value: "" }, "text"), el("option", { value: "hex" }, "hex"));
  const search = el("input", {
    type: "search", placeholder: "search", "aria-label": "Search in lines and bytes", spellcheck: "false",
    onkeydown: keys({ Enter: () => find(1), "Shift+Enter": () => find(-1), Escape: () => { search.value = ""; look(); explorer.ladder.node.focus(); } }),
    oninput: () => { if (!search.value) look(); },
  });
  const back = el("button", { type: "button", "aria-label": "Previous match", title: "Previous match (N)", onclick: () => find(-1) }, "↑");
  const on = el("button", { type: "button", "aria-label": "Next match", title: "Next match (n)", onclick: () => find(1) }, "↓");
  const refresh = el("button", {
    type: "button", title: "Take in what was recorded since",
    onclick: () => explorer.kernel.ask("update").catch(() => {}),
  }, "Refresh");
  const counted = el("span", { class: "counted quiet" });
  const found = el("span", { class: "found quiet" });
  const labelled = (text, control) => {
    control.setAttribute("aria-label", text);
    return el("label", {}, el("span", { class: "quiet" }, text), control);
  };
  const following = labelled("Follow", followed);
  const node = el("div", { class: "tools", role: "group", "aria-label": "Filter and search" },
    labelled("From", side), labelled("Kind", kind), following,
    el("label", {}, odd, el("span", {}, "only marked ", el("span", { class: "trouble" }, "!"), " - ~")),
    el("span", { class: "seek" }, search, how, back, on, el("label", {}, only, el("span", {}, "only matches")), found),
    el("span", { class: "space" }), counted, refresh);

  let query = null; // what is looked for now: { text, hex, hits, done, looked }

  /** Begin to look for what stands in the box; jump to the first match from the chosen row on, `by` rows at a time. */
  async function look(by = 0) {
    const text = search.value, hex = how.value === "hex", { table } = explorer;
    const mine = query = text.trim() ? { text, hex, hits: new Uint8Array(table.count), total: 0, looked: 0, done: false } : null;
    tell();
    explorer.kernel.trouble("");
    if (only.checked) changed();
    if (!mine) return;
    let waiting = by;
    for (const [owner, rows] of table.rowsOf.entries()) {
      for (let first = 0; first < rows.length;) {
        const answer = await explorer.asked("search", { owner, first, text, hex });
        if (mine !== query) return;
        if (!answer || answer.data.stale) { query = null; return; }
        const { hits, count } = answer.data;
        for (const number of hits) mine.hits[rows[number]] = 1;
        mine.total += hits.length;
        first += count;
        mine.looked += count;
        tell();
        if (only.checked && hits.length) changed();
        if (waiting > 0 && leap(1, 0, false)) waiting = 0;
      }
    }
    mine.done = true;
    tell();
    if (waiting) leap(waiting, waiting > 0 ? 0 : 1, true);
  }

  /** Go to the next match, or the one before; a text that was not looked for yet is looked for first. */
  function find(by) {
    if (!query || query.text !== search.value || query.hex !== (how.value === "hex")) look(by);
    else leap(by, 1, true);
  }

  /** Choose the next match among the rows shown, `skip` rows from the chosen one at least; past the end from the beginning. */
  function leap(by, skip, around) {
    const { shown, cursor } = explorer.ladder;
    for (let i = skip; i < shown.length + skip; i++) {
      let index = cursor + i * by;
      if (index < 0 || index >= shown.length) {
        if (!around) return false;
        index = (index + shown.length) % shown.length;
      }
      if (query.hits[shown[index]]) {
        explorer.ladder.go(index);
        return true;
      }
    }
    return false;
  }

  function tell() {
    found.textContent = !query ? "" : `${query.total.toLocaleString("en")} match${query.total === 1 ? "" : "es"}${query.done ? "" : ` in ${query.looked.toLocaleString("en")}`}`;
    if (query?.done) explorer.spoken.say(found.textContent);
  }

  /** Give a select the options of a map of value to text, after its first one; the chosen one stays if it is there. */
  function offer(control, options) {
    const { value } = control;
    control.replaceChildren(control.firstChild, ...options.map(([key, text]) => el("option", { value: key }, text)));
    control.value = options.some(([key]) => String(key) === value) ? value : "";
  }

  const tools = {
    node, search,
    get waits() { return odd.checked || kind.value !== "" || followed.value.includes("/"); },
    wanted: () => ({ side: side.value, kind: kind.value, follow: followed.value, odd: odd.checked, hits: only.checked && query ? query.hits : null }),
    go: (by) => query && leap(by, 1, true),

    begin() {
      this.kinds(explorer.table.kinds);
      this.follows();
      if (query) look();
    },

    kinds(names) {
      if (names.length !== kind.options.length - 1) offer(kind, names.map((name, index) => [index, name]));
    },

    follows() {
      const { connections, streams } = explorer.table;
      const options = connections.length > 1 ? connections.map((name, owner) => [owner, name]) : [];
      for (const [key, name] of [...streams].slice(0, 500)) options.push([key, `stream ${name}`]);
      offer(followed, options);
      following.hidden = !options.length;
    },

    /** Show the stream of a row alone, or its connection where there are no streams; everything again when it is so. */
    follow(row) {
      const { table } = explorer, owner = `${table.owner(row)}`, lane = table.lanes[row];
      const value = lane >= 0 ? `${owner}/${lane}` : owner;
      followed.value = followed.value === value || ![...followed.options].some((option) => option.value === value) ? "" : value;
      changed();
    },

    count(shown) {
      const { table } = explorer, all = table.units;
      const said = [shown === table.count ? `${all.toLocaleString("en")} units` : `${shown.toLocaleString("en")} of ${table.count.toLocaleString("en")} rows`];
      if (table.findings) said.push(`${table.findings.toLocaleString("en")} with findings`);
      if (table.discards) said.push(`${table.discards.toLocaleString("en")} with discards`);
      if (table.surveyed < all) said.push(`${Math.floor((table.surveyed / all) * 100)}% looked through`);
      const text = said.join(", ");
      if (counted.textContent === text) return;
      counted.textContent = text;
      if (table.surveyed === all) explorer.spoken.say(text);
    },
  };
  return tools;
}
