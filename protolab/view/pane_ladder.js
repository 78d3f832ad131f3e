// The ladder: one row for each unit, in a grid that knows only the rows that are seen.

import { Rows, el, keys, uid } from "./common.js";

const RUNG = 24; // pixels
const MOST = 11; // rows that are seen at once, unless one drags the corner
const AHEAD = 20; // rows on each side of those seen that are asked for with them

/**
 * `table` says what is known of a row; `shown` are the rows that the filter lets through, in order. `chosen(row)` is
 * told when one is selected, `opened()` when one is entered, `wanted(rows)` which rows are seen or near;
 * `more` are further keys.
 */
export class LadderPane {
  constructor({ chosen, opened, wanted, more = {} }) {
    this.chosen = chosen;
    this.cursor = 0; // index in `shown`
    this.shown = new Uint32Array(0);
    this.head = el("div", { role: "row", class: "rung head", "aria-rowindex": 1 });
    this.node = el("div", {
      class: "ladder", role: "grid", tabindex: 0, "aria-label": "Units, one row each: arrow keys choose, Enter opens",
      onkeydown: keys({
        ArrowDown: () => this.move(1),
        ArrowUp: () => this.move(-1),
        PageDown: () => this.move(this.page),
        PageUp: () => this.move(-this.page),
        Home: () => this.move(-Infinity),
        End: () => this.move(Infinity),
        Enter: () => opened(),
        ...more,
      }),
      onclick: (event) => {
        const row = event.target.closest(".rung:not(.head)");
        if (row) this.go(row.index);
      },
    }, el("div", { role: "rowgroup", class: "heads" }, this.head));
    this.rows = new Rows(this.node, {
      height: RUNG,
      head: RUNG,
      make: () => this.make(),
      fill: (row, index) => this.fill(row, index),
      seen: (first, last) => wanted(this.shown.subarray(Math.max(first - AHEAD, 0), last + AHEAD)),
    });
  }

  get page() { return Math.max(Math.floor(this.rows.view / RUNG) - 1, 1); }

  /** New columns: `table` as explore.js makes it. */
  begin(table) {
    this.table = table;
    const names = ["no.", table.logical ? "step" : "seconds", ...(table.follows ? [table.follows] : []), "client", "server", "bytes", "remarks"];
    this.head.replaceChildren(...names.map((name) => el("span", { role: "columnheader", class: `c-${name.replace(".", "")}` }, name)));
    this.node.classList.toggle("follows", table.follows !== "");
    this.node.setAttribute("aria-colcount", names.length - 1);
    const tall = (Math.min(Math.max(table.count, 3), MOST) + 1) * RUNG + 4;
    if (this.node.clientHeight < tall) this.node.style.height = `${tall}px`;
    // One cell stands between both lifelines, so it has one header, which names both ends.
    const sides = this.head.querySelectorAll(".c-client, .c-server");
    const rail = el("span", { role: "columnheader", class: "c-rail" }, el("b", { class: "client" }, "client"), el("b", { class: "server" }, "server"));
    sides[0].replaceWith(rail);
    sides[1].remove();
  }

  /** Show these rows; the chosen row stays chosen if it is among them. */
  show(shown, row) {
    this.shown = shown;
    this.node.setAttribute("aria-rowcount", shown.length + 1);
    this.cursor = Math.max(find(shown, row), 0);
    this.rows.reset(shown.length);
    this.mark();
  }

  /** Choose a row from outside. */
  reveal(row) {
    const index = find(this.shown, row);
    if (index < 0) return false;
    this.cursor = index;
    this.rows.show(index);
    this.mark();
    return true;
  }

  move(by) { this.go(Math.min(Math.max(this.cursor + by, 0), this.shown.length - 1)); }

  go(index) {
    if (!(index in this.shown)) return;
    this.cursor = index;
    this.rows.show(index);
    this.mark();
    this.chosen(this.shown[index]);
  }

  mark() {
    for (const [index, row] of this.rows.at) row.setAttribute("aria-selected", index === this.cursor);
    const row = this.rows.at.get(this.cursor);
    if (row) this.node.setAttribute("aria-activedescendant", row.id);
    else this.node.removeAttribute("aria-activedescendant");
  }

  make() {
    const cell = (name, role = "gridcell") => el("span", { role, class: `c-${name}` });
    const row = el("div", { role: "row", class: "rung", id: uid("rung") });
    row.cells = { no: cell("no", "rowheader"), when: cell("when"), stream: cell("stream"), rail: cell("rail"), bytes: cell("bytes"), remarks: cell("remarks") };
    row.says = el("span", { class: "says" });
    row.cells.rail.append(row.says, el("span", { class: "line" }), el("span", { class: "tip" }));
    row.append(...Object.values(row.cells));
    return row;
  }

  fill(row, index) {
    const { table } = this, { cells } = row, at = this.shown[index];
    const said = table.said(at), server = table.server(at), end = table.end(at);
    row.index = index;
    row.className = `rung ${server ? "server" : "client"}${end ? " end" : ""}`;
    row.setAttribute("aria-rowindex", index + 2);
    row.setAttribute("aria-selected", index === this.cursor);
    cells.no.textContent = end ? "end" : table.numbers[at];
    cells.when.textContent = table.when(at);
    if (table.follows) {
      cells.stream.textContent = table.stream(at, said);
      if (!cells.stream.parentNode) cells.when.after(cells.stream); // the row was made before a stream was known
    } else cells.stream.remove();
    const title = said ? said.title : "…";
    row.says.textContent = title;
    row.title = title;
    cells.rail.setAttribute("aria-label", `${server ? "server" : "client"}: ${title}`);
    cells.rail.lastChild.textContent = end ? (server ? "⊢" : "⊣") : server ? "◀" : "▶";
    cells.bytes.textContent = end ? "" : table.sizes[at].toLocaleString("en");
    const remarks = said ? said.remarks : "";
    cells.remarks.textContent = cells.remarks.title = remarks;
    cells.remarks.classList.toggle("trouble", remarks.startsWith("!"));
    if (index === this.cursor) this.node.setAttribute("aria-activedescendant", row.id);
  }
}

/** Where a number stands in a rising array; -1 when it does not. */
export function find(rising, value) {
  let low = 0, high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] < value) low = middle + 1;
    else high = middle;
  }
  return rising[low] === value ? low : -1;
}
