// A capture to walk through: the ladder, the chosen unit's fields and its bytes, linked both ways.

import { Cache, Kernel, bytes, el, frame, keys, speaker } from "./common.js";
import { Table } from "./table.js";
import { LadderPane } from "./pane_ladder.js";
import { FieldsPane } from "./pane_fields.js";
import { BytesPane } from "./pane_bytes.js";
import { controls } from "./explore_controls.js";

const UNITS = 40; // units whose fields are remembered
const HUES = 6;

class Explorer {
  constructor(model, root) {
    this.model = model;
    this.units = new Cache(UNITS);
    this.row = -1;
    this.spoken = speaker();
    this.trouble = el("p", { class: "problem trouble line" });
    this.kernel = new Kernel(model, (text) => { this.trouble.textContent = text && `! ${text}`; });
    this.controls = controls(this);
    this.ladder = new LadderPane({
      chosen: (row) => this.choose(row),
      opened: () => this.fields.node.focus(),
      wanted: (rows) => this.title(rows),
      more: {
        "/": () => this.controls.search.focus(),
        n: () => this.controls.go(1),
        N: () => this.controls.go(-1),
        f: () => this.controls.follow(this.row),
      },
    });
    this.fields = new FieldsPane({
      chosen: (index) => this.pick(index),
      hovered: (index) => this.warm(index),
      opened: () => this.bytes.grid.focus(),
      left: () => this.ladder.node.focus(),
    });
    this.bytes = new BytesPane({
      chosen: (at, again) => this.pickByte(at, again),
      hovered: (at) => this.warm(at < 0 ? -1 : this.owners[this.bytes.buffer][at]),
      left: () => this.fields.node.focus(),
      switched: (buffer) => this.turn(buffer),
    });
    this.heading = el("p", { class: "line heading" });
    this.detail = el("p", { class: "line detail" });
    this.lost = el("p", { class: "trouble line" });
    this.marks = el("ul", { class: "marks" });
    const name = model.get("facts").name;
    frame(root, `Explore${name ? ` ${name}` : " a conversation"}`);
    root.classList.add("explore");
    root.append(this.controls.node, this.lost, this.ladder.node, this.heading,
      el("div", { class: "panes" }, this.fields.node, this.bytes.node), this.detail, this.marks, this.trouble, help(), this.spoken);
    this.heard = {
      "change:version": () => this.begin(),
      "change:selected": () => this.choose(model.get("selected")),
      "change:field": () => this.pickName(model.get("field")),
    };
    for (const [event, handler] of Object.entries(this.heard)) model.on(event, handler);
    this.clear();
    this.begin();
  }

  /** New columns came. */
  begin() {
    this.table = new Table(this.model);
    this.units.clear();
    const { lost } = this.model.get("facts");
    this.lost.textContent = lost && `! ${lost}`;
    this.ladder.begin(this.table);
    this.controls.begin();
    this.filter();
    const row = Math.min(Math.max(this.model.get("selected"), 0), this.table.count - 1);
    this.row = -1;
    if (row >= 0) this.choose(row);
    else this.clear();
    this.survey(this.table);
  }

  filter() {
    this.ladder.show(this.table.filter(this.controls.wanted()), this.row);
    this.controls.count(this.ladder.shown.length);
  }

  /** Ask for the lines of the rows that are seen, until nothing that is seen is missing. */
  async title(rows) {
    this.seen = rows;
    if (this.titling) return;
    this.titling = true;
    const { table } = this;
    for (let missing; table === this.table && (missing = [...this.seen].filter((row) => !table.lines.has(row))).length;) {
      const answer = await this.asked("rows", { rows: missing });
      if (!answer || answer.data.stale) break;
      for (const line of answer.data.rows) table.lines.set(line.row, line);
      this.controls.kinds(answer.data.kinds);
      this.ladder.rows.again();
    }
    this.titling = false;
    if (table !== this.table) this.title(this.ladder.shown.subarray(...this.ladder.rows.range));
  }

  /** Ask what explaining each unit tells, piece by piece, so that marks, kinds and streams can be filtered by. */
  async survey(table) {
    for (const [owner, rows] of table.rowsOf.entries()) {
      for (let first = 0; first < rows.length;) {
        const answer = await this.asked("survey", { owner, first });
        if (!answer || answer.data.stale || table !== this.table) return;
        const { count, kinds } = answer.data;
        const streams = table.learn(owner, first, count, answer.buffers);
        first += count;
        this.controls.kinds(kinds);
        if (streams) {
          this.controls.follows();
          this.ladder.begin(table);
        }
        if (streams || this.controls.waits) this.filter();
        else this.controls.count(this.ladder.shown.length);
      }
    }
  }

  async asked(name, body) {
    try {
      return await this.kernel.ask(name, { version: this.table.version, ...body });
    } catch {
      return null; // what went wrong stands in the line below
    }
  }

  /** Choose a row: mark it, and show its fields as soon as they are here. */
  async choose(row) {
    if (row === this.row || !(row >= 0 && row < this.table.count)) return;
    this.row = row;
    if (!this.ladder.reveal(row) && this.ladder.shown.length) this.ladder.mark();
    this.tell("selected", row);
    this.open();
  }

  async open() {
    if (this.opening) return; // whoever holds an arrow key down asks for where it ends, not for each row on the way
    this.opening = true;
    const { table } = this;
    while (!this.units.has(this.row) && table === this.table) {
      const row = this.row, answer = await this.asked("unit", { row });
      if (!answer || answer.data.stale) break;
      this.units.set(row, { ...answer.data, data: answer.buffers.map(bytes) });
    }
    this.opening = false;
    if (table !== this.table) this.open();
    else if (this.units.has(this.row)) this.draw(this.units.get(this.row));
  }

  clear() { this.draw({ title: "Nothing was said so far.", about: "" }); }

  draw(unit) {
    const { fields = [], buffers = [], data = [], findings = [], discards = [] } = unit;
    this.unit = { ...unit, fields, buffers, data };
    this.paint();
    this.heading.replaceChildren(el("b", {}, unit.title), el("span", { class: "quiet" }, unit.about ? `  ${unit.about}` : ""));
    this.bytes.begin(buffers, data, this.owners, (index) => this.hues[index], findings.map(({ start, end }) => [start, end]));
    this.fields.begin(fields, (index) => this.hueOf(index));
    this.detail.replaceChildren(fields.length ? el("span", { class: "quiet" }, "Choose a field or a byte: what it is stands here.") : "");
    const mark = (sign, name, look) => ({ says, more, start, end }) => el("li", {}, el("button", {
      type: "button", class: look, title: more,
      onclick: () => { this.turn(0); this.bytes.mark(start, end); this.spoken.say(`${says}, bytes ${start} to ${end - 1}. ${more}`); },
    }, `${sign} `, el("span", {}, `${name} ${says}`)), more ? el("span", { class: "quiet" }, more) : null);
    const unlisted = unit.left || unit.unlisted ? [el("li", { class: "quiet" }, `... ${unit.left ?? 0} more fields and ${unit.unlisted ?? 0} more marks`)] : [];
    this.marks.replaceChildren(...findings.map(mark("!", "finding", "trouble")), ...discards.map(mark("-", "discard", "quiet")), ...unlisted);
    this.spoken.say([unit.title, unit.about, findings.length ? `${findings.length} findings` : "", discards.length ? `${discards.length} discards` : ""].filter(Boolean).join(". "));
    const name = this.model.get("field");
    if (name) this.pickName(name);
  }

  /** For each buffer, whose each byte is: of the first field without children that covers it. */
  paint() {
    const { fields, data } = this.unit;
    this.owners = data.map((buffer) => new Int32Array(buffer.length).fill(-1));
    this.hues = new Int8Array(fields.length).fill(-1);
    let hue = 0;
    fields.forEach(({ leaf, buffer, start, end }, index) => {
      const owners = this.owners[buffer];
      if (!leaf || start >= end || owners[start] !== -1) return; // a bit's byte is its first bit's
      owners.fill(index, start, end);
      this.hues[index] = hue++ % HUES;
    });
  }

  hueOf(index) {
    const { leaf, buffer, start } = this.unit.fields[index];
    return leaf ? this.hues[this.owners[buffer][start]] ?? -1 : -1;
  }

  /** A field was chosen: mark its bytes, in the buffer they are in. */
  pick(index) {
    const field = this.unit.fields[index];
    if (!field) return;
    this.field = index;
    if (field.buffer !== this.bytes.buffer) this.bytes.turn(field.buffer);
    this.bytes.mark(field.start, field.end);
    this.describe(field);
    this.tell("field", field.name);
  }

  /** A byte was chosen: its deepest field; chosen again, the next one that shares it, as bits do. */
  pickByte(at, again) {
    const buffer = this.bytes.buffer, { fields } = this.unit;
    const here = fields.flatMap((field, index) =>
      field.leaf && field.buffer === buffer && field.start <= at && at < field.end ? [index] : []);
    if (!here.length) return;
    const known = here.indexOf(this.fields.cursor);
    const index = here[known < 0 ? 0 : again ? (known + 1) % here.length : known];
    this.fields.reveal(index);
    this.pick(index);
  }

  pickName(name) {
    if (this.unit.fields[this.fields.cursor]?.name === name) return;
    const index = this.unit.fields.findIndex((field) => field.name === name);
    if (index < 0) return;
    this.fields.reveal(index);
    this.pick(index);
  }

  turn(buffer) {
    this.bytes.turn(buffer);
    const { name, how } = this.unit.buffers[buffer];
    this.spoken.say(`${name}${how ? `, ${how}` : ""}`);
    this.fields.reveal(-1);
  }

  /** The mouse is on a field, or on a byte of it. */
  warm(index) {
    this.fields.heat(index);
    const field = this.unit.fields[index];
    if (field && field.buffer === this.bytes.buffer) this.bytes.heat(field.start, field.end);
    else this.bytes.heat(0, 0);
  }

  describe({ name, where, bits, value, note }) {
    this.detail.replaceChildren(el("b", {}, name), el("span", { class: "quiet" }, ` ${where}`),
      el("span", { class: "mono" }, bits ? `  ${bits}` : "", value ? `  ${value}` : ""), note ? `  ${note}` : "");
    this.spoken.say([name, where, value, note].filter(Boolean).join(", "));
  }

  /** Tell Python, and not ourselves again. */
  tell(name, value) {
    if (this.model.get(name) === value) return;
    this.model.set(name, value);
    this.model.save_changes();
  }

  close() {
    for (const [event, handler] of Object.entries(this.heard)) this.model.off(event, handler);
    this.kernel.close();
    for (const rows of [this.ladder.rows, this.fields.rows, this.bytes.rows, this.bytes]) rows.close();
  }
}

const help = () => el("details", { class: "help quiet" }, el("summary", {}, "Keys"), el("ul", {}, ...[
  "Tab goes from the ladder to the fields, to the bytes; Enter goes there too, Escape goes back.",
  "Arrows, Page Up, Page Down, Home and End choose; left and right fold and unfold a field, or go from byte to byte.",
  "Enter on a byte that several fields share chooses the next of them.",
  "In the ladder: / searches, n and N go to the next match and the one before, f follows the chosen unit's stream or connection.",
].map((text) => el("li", {}, text))));

export default {
  render({ model, el: root }) {
    const explorer = new Explorer(model, root);
    return () => explorer.close();
  },
};
