// The fields of a unit as a tree of rows: name, value, note. Which row is open is all that is decided here.

import { Rows, el, keys, uid } from "./common.js";

const FIELD_LINE = 22; // pixels
const STEP = 14; // pixels of one level
const DEEPEST = 12; // levels that are indented

/** `chosen(index)` is told which field is selected, `hovered(index)` which one the mouse is on (-1: none). */
export class FieldsPane {
  constructor({ chosen, hovered, opened, left }) {
    this.chosen = chosen;
    this.fields = [];
    this.shown = []; // indexes of fields whose ancestors are all open
    this.closed = new Set();
    this.cursor = -1; // index of a field
    this.hot = -1;
    this.node = el("div", {
      class: "fields", role: "treegrid", tabindex: 0, "aria-label": "Fields of the unit: arrow keys choose and unfold, Enter goes to the bytes",
      onkeydown: keys({
        ArrowDown: () => this.move(1),
        ArrowUp: () => this.move(-1),
        PageDown: () => this.move(10),
        PageUp: () => this.move(-10),
        Home: () => this.move(-Infinity),
        End: () => this.move(Infinity),
        ArrowRight: () => this.unfold(true),
        ArrowLeft: () => this.unfold(false),
        Enter: () => opened(),
        Escape: () => left(),
      }),
      onclick: (event) => {
        const row = event.target.closest(".field");
        if (!row) return;
        if (event.target.closest(".fold")) this.fold(row.field, !this.closed.has(row.field));
        else this.go(row.field);
      },
      onmouseover: (event) => {
        const row = event.target.closest(".field");
        hovered(row ? row.field : -1);
      },
      onmouseleave: () => hovered(-1),
    }, el("div", { role: "rowgroup", class: "heads" }, el("div", { role: "row", class: "head", "aria-rowindex": 1 },
      ...["field", "value", "meaning"].map((name) => el("span", { role: "columnheader", class: `f-${name}` }, name)))));
    this.rows = new Rows(this.node, { height: FIELD_LINE, head: FIELD_LINE, make: () => this.make(), fill: (row, index) => this.fill(row, index) });
  }

  /** Other fields. `hue(field)` is the number of the tint that its bytes have, or -1. */
  begin(fields, hue) {
    this.fields = fields;
    this.hue = hue;
    this.closed.clear();
    this.cursor = this.hot = -1;
    this.above = []; // the index of each field's parent
    const path = [];
    fields.forEach((field, index) => {
      path.length = field.depth;
      this.above.push(field.depth ? path[field.depth - 1] : -1);
      path[field.depth] = index;
    });
    const places = new Map(); // how many siblings there are, and which of them each is
    this.place = this.above.map((parent) => {
      places.set(parent, (places.get(parent) ?? 0) + 1);
      return places.get(parent);
    });
    this.family = this.above.map((parent) => places.get(parent));
    this.node.scrollTop = 0;
    this.lay();
  }

  lay() {
    let hidden = Infinity; // the depth of the closed field that hides what is below it
    this.shown = [];
    this.fields.forEach(({ depth }, index) => {
      if (depth > hidden) return;
      hidden = this.closed.has(index) ? depth : Infinity;
      this.shown.push(index);
    });
    this.node.setAttribute("aria-rowcount", this.shown.length + 1);
    this.rows.reset(this.shown.length);
    this.mark();
  }

  hasBelow(index) { return (this.fields[index + 1]?.depth ?? 0) > this.fields[index].depth; }

  fold(index, closed) {
    if (closed) this.closed.add(index);
    else this.closed.delete(index);
    if (closed && this.shown.indexOf(this.cursor) < 0) this.cursor = index;
    this.lay();
  }

  unfold(open) {
    if (this.cursor < 0) return;
    if (open ? this.closed.has(this.cursor) : this.hasBelow(this.cursor) && !this.closed.has(this.cursor)) this.fold(this.cursor, !open);
    else if (open && this.hasBelow(this.cursor)) this.go(this.cursor + 1);
    else if (!open && this.above[this.cursor] >= 0) this.go(this.above[this.cursor]);
  }

  move(by) {
    const at = this.shown.indexOf(this.cursor);
    this.go(this.shown[Math.min(Math.max(at + by, 0), this.shown.length - 1)]);
  }

  go(index) {
    if (this.fields[index]) {
      this.reveal(index);
      this.chosen(index);
    }
  }

  /** Select a field from outside; what hides it is opened. */
  reveal(index) {
    this.cursor = index;
    let closed = false;
    for (let at = this.above[index]; at >= 0; at = this.above[at]) closed = this.closed.delete(at) || closed;
    if (closed) this.lay();
    if (index >= 0) this.rows.show(this.shown.indexOf(index));
    this.mark();
  }

  heat(index) {
    this.hot = index;
    this.mark();
  }

  mark() {
    this.node.removeAttribute("aria-activedescendant");
    for (const row of this.rows.at.values()) {
      row.setAttribute("aria-selected", row.field === this.cursor);
      row.classList.toggle("hot", row.field === this.hot);
      if (row.field === this.cursor) this.node.setAttribute("aria-activedescendant", row.id);
    }
  }

  make() {
    const row = el("div", { role: "row", class: "field", id: uid("field") });
    row.fold = el("span", { class: "fold", "aria-hidden": "true" });
    row.swatch = el("span", { class: "swatch", "aria-hidden": "true" });
    row.text = el("span", { class: "name" });
    row.named = el("span", { role: "rowheader", class: "f-field" }, row.fold, row.swatch, row.text);
    row.value = el("span", { role: "gridcell", class: "f-value mono" });
    row.note = el("span", { role: "gridcell", class: "f-meaning quiet" });
    row.append(row.named, row.value, row.note);
    return row;
  }

  fill(row, index) {
    const at = this.shown[index], field = this.fields[at], below = this.hasBelow(at), hue = this.hue(at);
    row.field = at;
    row.className = `field${field.derives ? " derives" : ""}${at === this.hot ? " hot" : ""}`;
    row.setAttribute("aria-rowindex", index + 2);
    row.setAttribute("aria-level", field.depth + 1);
    row.setAttribute("aria-posinset", this.place[at]);
    row.setAttribute("aria-setsize", this.family[at]);
    row.setAttribute("aria-selected", at === this.cursor);
    if (below) row.setAttribute("aria-expanded", !this.closed.has(at));
    else row.removeAttribute("aria-expanded");
    row.named.style.paddingLeft = `${4 + STEP * Math.min(field.depth, DEEPEST)}px`;
    row.fold.textContent = !below ? "" : this.closed.has(at) ? "▸" : "▾";
    row.swatch.className = `swatch ${hue < 0 ? "" : `hue${hue}`}`;
    row.text.textContent = field.derives ? `= ${field.name}` : field.name;
    row.value.textContent = field.bits && !field.value ? field.bits : field.value;
    row.note.textContent = field.note;
    row.title = [`${field.name}, ${field.where}`, field.bits, field.value, field.note].filter(Boolean).join("\n");
  }
}
