// Bytes on a bench: a grid to type in, fields to set, what it means and what it breaks, and a peer to send it to.

import { Kernel, bytes, el, frame, keys, speaker, uid } from "./common.js";
import { BytesPane } from "./pane_bytes.js";

const TINTS = 6;
const STEP = 14; // pixels of one level
const DEEPEST = 8; // levels that are indented

class Bench {
  constructor(model, root) {
    this.model = model;
    this.spoken = speaker();
    this.trouble = el("p", { class: "trouble line" });
    this.kernel = new Kernel(model, (text) => { this.trouble.textContent = text && `! ${text}`; });
    this.rows = new Map(); // name of a field and which of that name -> its row
    this.nibble = false; // whether the first digit of a byte was typed
    const button = (says, title, onclick) => el("button", { type: "button", title, onclick }, says);
    this.undo = button("Undo", "Take back the last change", () => this.step("undo"));
    this.redo = button("Redo", "Change it again", () => this.step("redo"));
    this.reset = button("Begin again", "Back to the bytes that came first", () => this.step("reset"));
    this.side = el("select", { onchange: () => this.tell("server", this.side.value === "server") },
      el("option", { value: "client" }, "the client"), el("option", { value: "server" }, "the server"));
    this.anew = el("input", { type: "checkbox", checked: true });
    this.actions = el("span", { class: "actions" });
    this.heading = el("h3", { class: "says" });
    this.about = el("p", { class: "line quiet" });
    this.body = el("tbody");
    this.marks = el("ul", { class: "marks" });
    this.send = button("Send", "Say these bytes to a live server, as a client", () => this.sendOff());
    this.reply = el("p", { class: "reply" });
    this.bytes = new BytesPane({
      chosen: (at) => { this.nibble = false; this.pickByte(at); },
      hovered: (at) => this.warm(at < 0 ? -1 : this.owners[this.bytes.buffer]?.[at] ?? -1),
      left: () => this.firstControl()?.focus(),
      switched: (buffer) => this.turn(buffer),
    });
    this.bytes.grid.setAttribute("aria-label",
      "Bytes: arrow keys choose, digits 0 to f change, Insert adds one, Delete takes one out, Escape goes to the fields");
    this.bytes.grid.addEventListener("keydown", keys({
      Insert: () => this.insert(), "+": () => this.insert(), Delete: () => this.remove(0), Backspace: () => this.remove(-1),
      ...Object.fromEntries([..."0123456789abcdefABCDEF"].map((digit) => [digit, () => this.type(parseInt(digit, 16))])),
    }));
    this.hint = el("p", { class: "quiet hint" });
    frame(root, "Byte lab: change bytes and fields");
    root.classList.add("explore", "bench");
    root.append(
      el("div", { class: "tools", role: "group", "aria-label": "Changes" }, this.undo, this.redo, this.reset,
        el("label", {}, el("span", { class: "quiet" }, "Said by"), this.side), this.actions),
      this.heading, this.about,
      el("div", { class: "panes" },
        el("div", { class: "values" },
          el("table", {}, el("thead", {}, el("tr", {}, ...["field", "value", "meaning"].map((name) => el("th", { scope: "col" }, name)))), this.body),
          el("label", { class: "anew" }, this.anew, " a changed field encodes the whole anew: lengths and masks follow")),
        el("div", {}, this.bytes.node,
          el("div", { class: "tools under" }, button("+ byte", "Add a byte 00 after the chosen one (Insert)", () => this.insert()),
            button("− byte", "Take the chosen byte out (Delete)", () => this.remove(0)), this.hint))),
      this.marks,
      el("div", { class: "out", role: "group", "aria-label": "A live peer" }, this.send, this.reply),
      this.trouble, this.spoken);
    this.heard = { "change:said": () => this.draw(), "change:server": () => this.draw(), "change:reply": () => this.answer() };
    for (const [event, handler] of Object.entries(this.heard)) model.on(event, handler);
    this.draw();
    this.answer();
  }

  get said() { return this.model.get("said"); }

  async ask(name, body = {}) {
    try {
      return await this.kernel.ask(name, body);
    } catch {
      this.refused(); // what went wrong stands in the line below
      return null;
    }
  }

  /** Python did not take it: every control says again what is. */
  refused() {
    for (const row of this.rows.values()) row.shown = null;
    this.draw();
  }

  tell(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  step(way) { this.ask("step", { way }); }

  // The grid.

  get writable() { return this.said.can[this.bytes.buffer] ?? false; }

  /** One hexadecimal digit: the first half of a byte, then the second, and on to the next byte. */
  type(digit) {
    const { bytes: pane } = this;
    if (!this.check()) return;
    if (pane.cursor < 0) pane.cursor = 0;
    const at = pane.cursor;
    if (at >= pane.data.length) return;
    const second = this.nibble, old = pane.data[at];
    pane.data[at] = second ? (old & 0xf0) | digit : (digit << 4) | (old & 0x0f);
    this.change(at, at + 1, pane.data[at].toString(16).padStart(2, "0"));
    if (second && at + 1 < pane.data.length) pane.cursor = at + 1;
    this.nibble = !second;
    pane.mark(pane.cursor, pane.cursor + 1);
  }

  insert() {
    const { bytes: pane } = this;
    if (!this.check()) return;
    const at = pane.data.length ? Math.max(pane.cursor, 0) + 1 : 0;
    this.nibble = false;
    this.goal = at;
    this.change(at, at, "00");
  }

  remove(by) {
    const { bytes: pane } = this;
    if (!this.check()) return;
    const at = pane.cursor + by;
    if (at < 0 || at >= pane.data.length) return;
    this.nibble = false;
    this.goal = at;
    this.change(at, at + 1, "");
  }

  check() {
    if (!this.writable) this.trouble.textContent = "! These bytes were derived, and cannot be put back: change those of the wire.";
    return this.writable;
  }

  change(start, end, hex) { this.ask("bytes", { buffer: this.bytes.buffer, start, end, hex }); }

  turn(buffer) {
    this.nibble = false;
    this.bytes.turn(buffer);
    this.hint.textContent = this.writable ? "" : "derived: to look at, not to change";
    this.spoken.say(this.said.buffers[buffer].name);
  }

  // The fields.

  firstControl() { return this.body.querySelector("input, select"); }

  set(index, text) {
    const { name } = this.said.fields[index];
    this.ask("field", { index, name, text, anew: this.anew.checked });
  }

  draw() {
    const { said, bytes: pane } = this, { fields, buffers, findings, discards } = said;
    const data = said.data.map((view) => bytes(view).slice());
    this.paint(fields, data);
    this.side.value = this.model.get("server") ? "server" : "client";
    this.undo.disabled = !said.undo;
    this.redo.disabled = !said.redo;
    this.heading.textContent = said.title;
    this.about.textContent = said.about;
    this.actions.replaceChildren(...said.actions.map(([action, says]) =>
      el("button", { type: "button", onclick: () => this.ask("act", { action }) }, says)));
    const cursor = this.goal ?? pane.cursor, { buffer } = pane, top = pane.grid.scrollTop;
    this.goal = null;
    pane.begin(buffers, data, this.owners, (index) => this.hues[index]);
    if (buffer > 0 && buffers[buffer]) pane.turn(buffer);
    pane.grid.scrollTop = top;
    if (cursor >= 0 && pane.data.length) {
      pane.cursor = Math.min(cursor, pane.data.length - 1);
      pane.mark(pane.cursor, pane.cursor + 1);
    }
    this.hint.textContent = this.writable ? "" : "derived: to look at, not to change";
    this.list(fields);
    const mark = (sign, word, look) => ({ says, more, start, end }) => el("li", {}, el("button", {
      type: "button", class: look, onclick: () => { this.turn(0); pane.mark(start, end); },
    }, `${sign} `, el("span", {}, `${word} ${says}`)), more ? el("span", { class: "quiet" }, more) : null);
    this.marks.replaceChildren(...findings.map(mark("!", "finding", "trouble")), ...discards.map(mark("-", "discard", "quiet")));
    if (!findings.length) this.marks.append(el("li", { class: "quiet fine" }, "✓ no rule is broken here"));
    this.send.textContent = `Send to ${said.peer}`;
    this.send.disabled = this.model.get("server") || !data[0].length;
    const rules = findings.length ? findings.map(({ says }) => `finding ${says}`).join(". ") : "no rule is broken";
    this.spoken.say(`${said.title}. ${rules}`);
  }

  paint(fields, data) {
    this.owners = data.map((buffer) => new Int32Array(buffer.length).fill(-1));
    this.hues = new Int8Array(fields.length).fill(-1);
    let hue = 0;
    fields.forEach(({ leaf, buffer, start, end }, index) => {
      const owners = this.owners[buffer];
      if (!leaf || start >= end || start >= owners.length || owners[start] !== -1) return; // a bit's byte is its first bit's
      owners.fill(index, start, end);
      this.hues[index] = hue++ % TINTS;
    });
  }

  /** The rows of fields; a row that was there before stays, and with it the focus and what is being typed. */
  list(fields) {
    const seen = new Map(), rows = new Map(), active = this.body.getRootNode().activeElement;
    fields.forEach((field, index) => {
      const kind = field.edit?.kind ?? "", name = `${field.depth} ${field.name} ${kind}`;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      const key = `${name} ${seen.get(name)}`;
      const row = this.rows.get(key) ?? this.make(field);
      rows.set(key, row);
      this.fill(row, field, index, active);
    });
    this.rows = rows;
    const wanted = [...rows.values()].map((row) => row.node), there = [...this.body.children];
    if (wanted.length !== there.length || wanted.some((node, at) => node !== there[at])) {
      this.body.replaceChildren(...wanted);
      if (this.body.contains(active)) active.focus(); // to be moved is to lose it
    }
  }

  make({ edit }) {
    const row = { value: el("td", { class: "mono" }), note: el("td", { class: "quiet" }) };
    row.swatch = el("span", { class: "swatch", "aria-hidden": "true" });
    row.name = el("span", { id: uid("name") });
    row.head = el("th", { scope: "row" }, row.swatch, row.name);
    row.node = el("tr", { onmouseenter: () => this.warm(row.index), onmouseleave: () => this.warm(-1), onfocusin: () => this.show(row.index), onclick: () => this.show(row.index) },
      row.head, row.value, row.note);
    if (!edit) return row;
    const set = () => {
      const typed = edit.kind === "flag" ? String(+row.control.checked) : row.control.value;
      if (typed !== row.shown) this.set(row.index, typed);
    };
    if (edit.kind === "choice") {
      row.control = el("select", { onchange: set }, ...edit.options.map(([value, says]) => el("option", { value }, says)));
    } else {
      row.control = el("input", {
        type: edit.kind === "flag" ? "checkbox" : "text", spellcheck: "false", autocomplete: "off", class: edit.kind, onchange: set,
        onkeydown: keys({ Enter: set, Escape: () => { row.control.value = row.shown; this.bytes.grid.focus(); } }),
      });
    }
    row.control.setAttribute("aria-labelledby", row.name.id);
    row.bits = el("span", { class: "quiet bits" });
    row.value.append(row.control, row.bits);
    return row;
  }

  fill(row, field, index, active) {
    const { edit, depth, name, where, note, bits, value, leaf, buffer, start, derives } = field;
    const hue = leaf && !derives ? this.hues[this.owners[buffer][start]] ?? -1 : -1;
    row.index = index;
    row.head.style.paddingLeft = `${6 + STEP * Math.min(depth, DEEPEST)}px`;
    row.swatch.className = `swatch ${hue < 0 ? "" : `hue${hue}`}`;
    row.name.textContent = derives ? `= ${name}` : name;
    row.node.title = [`${name}, ${where}`, bits].filter(Boolean).join("\n");
    row.note.textContent = note;
    if (!edit) {
      row.value.textContent = value;
      return;
    }
    const before = row.shown;
    row.shown = String(edit.value);
    if (edit.kind === "flag") row.control.checked = !!edit.value;
    else if (row.shown !== before || row.control !== active) row.control.value = row.shown; // what is being typed stays
    row.bits.textContent = edit.kind === "flag" ? (edit.value ? " 1" : " 0") : "";
  }

  // Links between the two.

  pickByte(at) {
    const owner = this.owners[this.bytes.buffer]?.[at] ?? -1;
    this.bytes.mark(at, at + 1);
    this.choose(owner);
    const field = this.said.fields[owner];
    if (field) this.spoken.say(`byte ${at}: ${this.bytes.data[at].toString(16).padStart(2, "0")}, ${field.name}`);
  }

  choose(index) {
    for (const row of this.rows.values()) {
      row.node.classList.toggle("now", row.index === index);
      if (row.index === index) row.node.scrollIntoView({ block: "nearest" });
    }
  }

  show(index) {
    const field = this.said.fields[index];
    if (!field) return;
    if (field.buffer !== this.bytes.buffer) this.turn(field.buffer);
    this.bytes.mark(field.start, field.end);
    this.choose(index);
  }

  warm(index) {
    const field = this.said.fields[index];
    for (const row of this.rows.values()) row.node.classList.toggle("hot", row.index === index);
    if (field && field.buffer === this.bytes.buffer) this.bytes.heat(field.start, field.end);
    else this.bytes.heat(0, 0);
  }

  // The peer.

  async sendOff() {
    this.reply.className = "reply quiet";
    this.reply.textContent = "sent; the answer is awaited ...";
    if (!(await this.ask("send"))) this.answer();
  }

  answer() {
    const { says, verdict, agrees } = this.model.get("reply");
    if (!says) {
      this.reply.textContent = "";
      return;
    }
    const sign = agrees === null ? "" : agrees ? "✓ " : "≠ ";
    this.reply.className = `reply${agrees === false ? " trouble" : ""}`;
    this.reply.replaceChildren("It answered: ", el("b", {}, says), `. ${sign}${verdict}`);
    this.spoken.say(this.reply.textContent);
  }

  close() {
    for (const [event, handler] of Object.entries(this.heard)) this.model.off(event, handler);
    this.kernel.close();
    this.bytes.rows.close();
    this.bytes.close();
  }
}

export default {
  render({ model, el: root }) {
    const bench = new Bench(model, root);
    return () => bench.close();
  },
};
