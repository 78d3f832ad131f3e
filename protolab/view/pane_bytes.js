// The bytes of a unit, or of what was derived from it: hexadecimal and ASCII, one buffer at a time.

import { Rows, el, keys, uid } from "./common.js";

const BYTE_LINE = 22; // pixels

/** `chosen(offset)` is told which byte is selected, `hovered(offset)` which one the mouse is on (-1: none). */
export class BytesPane {
  constructor({ chosen, hovered, left, switched }) {
    Object.assign(this, { chosen, switched });
    this.data = new Uint8Array(0);
    this.owners = new Int32Array(0);
    this.cursor = -1;
    this.span = [0, 0];
    this.hot = [0, 0];
    this.per = 16;
    this.tabs = el("div", { class: "tabs", role: "group", "aria-label": "Which bytes" });
    this.grid = el("div", {
      class: "hex mono", role: "grid", tabindex: 0, "aria-label": "Bytes: arrow keys choose, Escape goes back to the fields",
      onkeydown: keys({
        ArrowRight: () => this.move(1),
        ArrowLeft: () => this.move(-1),
        ArrowDown: () => this.move(this.per),
        ArrowUp: () => this.move(-this.per),
        PageDown: () => this.move(this.per * 8),
        PageUp: () => this.move(-this.per * 8),
        Home: () => this.go(this.cursor - (this.cursor % this.per)),
        End: () => this.go(Math.min(this.cursor - (this.cursor % this.per) + this.per, this.data.length) - 1),
        "Ctrl+Home": () => this.go(0),
        "Ctrl+End": () => this.go(this.data.length - 1),
        Enter: () => chosen(this.cursor, true),
        " ": () => chosen(this.cursor, true),
        Escape: () => left(),
      }),
      onclick: (event) => {
        const at = offset(event.target);
        if (at >= 0) this.go(at);
      },
      onmouseover: (event) => hovered(offset(event.target)),
      onmouseleave: () => hovered(-1),
    });
    this.node = el("div", { class: "bytes" }, this.tabs, this.grid);
    this.rows = new Rows(this.grid, { height: BYTE_LINE, make: () => this.make(), fill: (row, index) => this.fill(row, index) });
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.grid);
  }

  /** The buffers of a unit: [{ name, how, size }], their bytes, for each byte the index of its field, that field's
   *  hue, and the [start, end) of what is wrong in the first buffer. */
  begin(buffers, data, owners, hue, wrong = []) {
    this.hue = hue;
    this.wrong = wrong;
    this.buffers = buffers;
    this.all = data;
    this.painted = owners;
    this.tabs.replaceChildren(...buffers.map(({ name, size }, index) => el("button", {
      type: "button", "aria-pressed": "false", onclick: () => this.switched(index),
    }, `${index ? "= " : ""}${name} (${size.toLocaleString("en")})`)));
    this.tabs.hidden = buffers.length < 1;
    this.turn(0);
  }

  /** Show one of the buffers. */
  turn(index) {
    this.buffer = index;
    this.data = this.all[index] ?? new Uint8Array(0);
    this.owners = this.painted[index] ?? new Int32Array(0);
    [...this.tabs.children].forEach((tab, at) => tab.setAttribute("aria-pressed", at === index));
    const size = this.buffers[index]?.size ?? 0;
    this.grid.setAttribute("aria-description", size > this.data.length ? `the first ${this.data.length} of ${size} bytes` : `${size} bytes`);
    this.cursor = -1;
    this.span = this.hot = [0, 0];
    this.grid.scrollTop = 0;
    this.lay();
  }

  /** As many bytes a line as there is room for. */
  fit() {
    const per = this.grid.clientWidth < 480 ? 8 : 16;
    if (per === this.per) return;
    this.per = per;
    this.rows.at.forEach((row) => row.remove());
    this.rows.at.clear();
    this.lay();
  }

  lay() {
    const cut = (this.buffers?.[this.buffer]?.size ?? 0) > this.data.length;
    const lines = Math.ceil(this.data.length / this.per);
    this.grid.setAttribute("aria-rowcount", lines);
    this.grid.setAttribute("aria-colcount", this.per + 2);
    this.grid.classList.toggle("cut", cut);
    this.rows.reset(lines);
  }

  move(by) { this.go(Math.min(Math.max(Math.max(this.cursor, 0) + by, 0), this.data.length - 1)); }

  go(at) {
    if (at < 0 || at >= this.data.length) return;
    const again = at === this.cursor;
    this.cursor = at;
    this.rows.show(Math.floor(at / this.per));
    this.chosen(at, again);
  }

  /** Mark [start, end) as chosen; the cursor goes to its start unless it is in it. */
  mark(start, end) {
    this.span = [start, end];
    if (this.cursor < start || this.cursor >= end) this.cursor = Math.min(start, this.data.length - 1);
    if (this.cursor >= 0) this.rows.show(Math.floor(this.cursor / this.per));
    this.rows.again();
  }

  heat(start, end) {
    if (this.hot[0] === start && this.hot[1] === end) return;
    this.hot = [start, end];
    this.rows.again();
  }

  make() {
    const row = el("div", { role: "row", class: "line" });
    row.at = el("span", { role: "rowheader", class: "at quiet" });
    row.bytes = Array.from({ length: this.per }, () => el("span", { role: "gridcell", class: "byte", id: uid("byte") }));
    row.chars = row.bytes.map(() => el("span", { class: "char" }));
    row.ascii = el("span", { role: "gridcell", class: "ascii" }, ...row.chars);
    row.append(row.at, ...row.bytes, row.ascii);
    return row;
  }

  fill(row, index) {
    const first = index * this.per;
    row.setAttribute("aria-rowindex", index + 1);
    row.at.textContent = first;
    row.bytes.forEach((cell, i) => {
      const at = first + i, there = at < this.data.length, char = row.chars[i];
      cell.at = char.at = there ? at : -1;
      cell.textContent = there ? this.data[at].toString(16).padStart(2, "0") : "";
      char.textContent = there ? character(this.data[at]) : "";
      const owner = there ? this.owners[at] : -1;
      let name = owner < 0 ? "" : ` hue${this.hue(owner)}`;
      if (there && at >= this.span[0] && at < this.span[1]) name += " chosen";
      if (there && at >= this.hot[0] && at < this.hot[1]) name += " hot";
      if (there && at > first && this.owners[at - 1] !== owner) name += " begins";
      if (there && this.buffer === 0 && this.wrong.some(([start, end]) => start <= at && at < end)) name += " wrong";
      if (there && at === this.cursor) {
        name += " cursor";
        this.grid.setAttribute("aria-activedescendant", cell.id);
      }
      cell.className = `byte${name}`;
      char.className = `char${name}`;
      cell.setAttribute("aria-selected", there && at >= this.span[0] && at < this.span[1]);
    });
  }

  close() { this.watch.disconnect(); }
}

/** The offset of the byte that an element draws; -1 when it draws none. */
const offset = (node) => node.closest(".byte, .char")?.at ?? -1;

/** A byte as ASCII, a dot where it is not printable. */
const character = (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".");
