// A conversation to step through: the unit that was said, both peers' states, and the tables that say what is allowed.

import { Cache, Kernel, el, frame, keys, speaker } from "./common.js";

const SIDES = [["client", "C"], ["server", "S"]];
const KEPT = 40; // answers that are remembered, each of some steps
const BLOCK = 32; // steps that are asked for together

class Scrubber {
  constructor(model, root) {
    this.model = model;
    this.spoken = speaker();
    this.trouble = el("p", { class: "trouble line" });
    this.kernel = new Kernel(model, (text) => { this.trouble.textContent = text && `! ${text}`; });
    const button = (sign, says, key, go) =>
      el("button", { type: "button", "aria-label": says, title: `${says} (${key})`, onclick: go }, el("span", { "aria-hidden": "true" }, sign));
    this.first = button("⏮", "To the beginning", "Home", () => this.go(0));
    this.back = button("◀", "One step back", "left arrow", () => this.go(this.step - 1));
    this.on = button("▶", "One step forward", "right arrow", () => this.go(this.step + 1));
    this.end = button("⏭", "To the end", "End", () => this.go(this.last));
    this.slider = el("input", { type: "range", min: 0, step: 1, "aria-label": "Step", oninput: () => this.go(+this.slider.value) });
    this.count = el("output", { class: "count" });
    this.connections = el("select", { "aria-label": "Connection", onchange: () => this.turn(+this.connections.value) });
    const refresh = el("button", { type: "button", title: "Take in what was recorded since", onclick: () => this.kernel.ask("update").catch(() => {}) }, "Refresh");
    this.unit = el("p", { class: "unit" });
    this.about = el("p", { class: "about quiet" });
    this.marks = el("ul", { class: "marks" });
    this.peers = SIDES.map(([side]) => el("section", { class: `peer ${side}-peer`, "aria-label": `The ${side}` }));
    this.tables = el("div", { class: "tables" });
    const name = model.get("facts").name;
    frame(root, `Step through ${name || "a conversation"}`);
    root.classList.add("scrub");
    root.append(
      el("div", { class: "tools", role: "group", "aria-label": "Steps" },
        this.connections, this.first, this.back, this.on, this.end, this.slider, this.count, refresh),
      el("div", { class: "said" }, this.unit, this.about, this.marks),
      el("div", { class: "peers" }, ...this.peers), this.tables, this.trouble, this.spoken);
    this.pressed = keys({
      ArrowRight: (event) => this.key(event, this.step + 1),
      ArrowLeft: (event) => this.key(event, this.step - 1),
      Home: (event) => this.key(event, 0),
      End: (event) => this.key(event, this.last),
    });
    root.addEventListener("keydown", this.pressed);
    this.heard = {
      "change:facts": () => this.begin(),
      "change:step": () => this.show(),
      "change:connection": () => this.show(),
    };
    for (const [event, handler] of Object.entries(this.heard)) model.on(event, handler);
    this.begin();
  }

  get step() { return Math.min(Math.max(this.model.get("step"), 0), this.last); }

  get connection() { return Math.min(Math.max(this.model.get("connection"), 0), this.facts.connections.length - 1); }

  get last() { return this.facts.connections[this.connection].last; }

  get facts() { return this.model.get("facts"); }

  begin() {
    this.blocks = new Cache(KEPT);
    const { connections, machines } = this.facts;
    this.connections.hidden = connections.length < 2;
    this.connections.replaceChildren(...connections.map(({ label }, index) => el("option", { value: index }, label)));
    this.drawTables(machines);
    this.show();
  }

  key(event, step) {
    if (event.target === this.connections) return false;
    this.go(step);
  }

  go(step) {
    const wanted = Math.min(Math.max(step, 0), this.last);
    if (wanted === this.model.get("step")) return;
    this.model.set("step", wanted);
    this.model.save_changes();
  }

  turn(connection) {
    this.model.set({ connection, step: 0 });
    this.model.save_changes();
  }

  /** Draw the step that is wanted, as soon as it is here. */
  async show() {
    const { step, last, connection } = this;
    this.connections.value = connection;
    this.slider.max = last;
    this.slider.value = step;
    this.count.textContent = `step ${step.toLocaleString("en")} of ${last.toLocaleString("en")}`;
    // Not `disabled`: a button that is would lose the focus, and with it the arrow keys.
    for (const each of [this.first, this.back]) each.setAttribute("aria-disabled", step === 0);
    for (const each of [this.on, this.end]) each.setAttribute("aria-disabled", step === last);
    if (this.asking) return; // who drags the slider asks for where it ends
    this.asking = true;
    for (;;) {
      const now = this.blockOf(this.step), { blocks } = this;
      if (blocks.has(now.key)) break;
      try {
        const { data } = await this.kernel.ask("moments", { connection: this.connection, first: now.first });
        blocks.set(now.key, data.moments);
      } catch {
        this.asking = false;
        return; // what went wrong stands in the line below
      }
    }
    this.asking = false;
    const block = this.blockOf(this.step), moment = this.blocks.get(block.key)[this.step - block.first];
    if (moment) this.draw(moment);
  }

  blockOf(step) {
    const first = step - (step % BLOCK);
    return { first, key: `${this.connection}:${first}` };
  }

  draw(moment) {
    const { machines } = this.facts;
    this.slider.setAttribute("aria-valuetext", `${this.count.textContent}: ${moment.title}`);
    const arrow = { client: "client → server", server: "client ← server" }[moment.side];
    this.unit.replaceChildren(...(arrow ? [el("span", { class: `who ${moment.side}` }, arrow), " "] : []), el("b", {}, moment.title));
    this.about.textContent = moment.about ?? "Press ▶ or the right arrow key to hear the first word.";
    this.marks.replaceChildren(...(moment.findings ?? []).map((says) => el("li", { class: "trouble" }, `! finding ${says}`)));
    SIDES.forEach(([side, letter], index) => {
      this.peers[index].replaceChildren(
        el("h3", { class: side }, el("span", { class: "badge", "aria-hidden": "true" }, letter), ` the ${side}`),
        ...machines.map((machine, number) => this.peer(moment, side, machine, number)));
    });
    this.mark(moment);
    const where = SIDES.map(([side]) => `The ${side}: ${moment.states[side].join(", ")}`);
    this.spoken.say([this.count.textContent, moment.side ? `${moment.side} says ${moment.title}` : moment.title, ...where, ...(moment.findings ?? [])].join(". "));
  }

  /** One peer in one machine: what just happened to it, where it is, and what is allowed now. */
  peer(moment, side, machine, number) {
    const moves = moment.moves.filter((move) => move.side === side && move.machine === number);
    const state = moment.states[side][number];
    const allowed = machine.states.find((each) => each.state === state)?.moves ?? [];
    return el("dl", {},
      el("dt", { class: "quiet" }, machine.name),
      el("dd", {}, ...moves.filter((move) => move.before !== move.after).flatMap((move) => [el("span", { class: "quiet" }, move.before), " → "]),
        el("b", { class: "state" }, state)),
      ...moves.map((move) => el("dd", { class: move.allowed ? "event" : "event trouble" },
        move.allowed ? `by: ${move.event}` : `! ${move.event}: not allowed in “${move.before}”`)),
      el("dd", { class: "quiet may" }, allowed.length ? `now allowed: ${allowed.map(([event]) => event).join(", ")}` : "now allowed: nothing"));
  }

  /** The machines as tables, once; `mark` says who is where. */
  drawTables(machines) {
    this.rows = machines.map((machine) => new Map(machine.states.map(({ state, moves }) => {
      const here = el("td", { class: "here" });
      const events = new Map(moves.map(([event, next]) => [event, el("li", {}, el("span", { class: "ev" }, event), el("span", { class: "quiet" }, ` → ${next}`))]));
      const row = el("tr", {}, here, el("th", { scope: "row" }, state),
        el("td", {}, events.size ? el("ul", {}, ...events.values()) : el("span", { class: "quiet" }, "nothing: it is over")));
      return [state, { row, here, events }];
    })));
    const open = [...this.tables.children].map((each) => each.open);
    this.tables.replaceChildren(...machines.map((machine, number) => el("details", { open: open[number] ?? true },
      el("summary", {}, `The table: ${machine.name}`),
      el("table", {},
        el("thead", {}, el("tr", {}, ...["who is here", "state", "events allowed, and where they lead"].map((text) => el("th", { scope: "col" }, text)))),
        el("tbody", {}, ...[...this.rows[number].values()].map(({ row }) => row))))));
  }

  mark(moment) {
    this.rows.forEach((rows, number) => {
      for (const [state, { row, here, events }] of rows) {
        const there = SIDES.filter(([side]) => moment.states[side][number] === state);
        here.replaceChildren(...there.map(([side, letter]) => el("span", { class: `badge ${side}` },
          el("span", { "aria-hidden": "true" }, letter), el("span", { class: "protolab-spoken" }, side))));
        row.classList.toggle("now", there.length > 0);
        for (const [event, item] of events) {
          const took = moment.moves.filter((move) => move.machine === number && move.before === state && move.event === event);
          item.classList.toggle("took", took.length > 0);
          item.querySelector(".by")?.remove();
          if (took.length) item.prepend(el("span", { class: "by" }, `${took.map((move) => move.side[0].toUpperCase()).join(", ")} ▸ `));
        }
      }
    });
  }

  close() {
    for (const [event, handler] of Object.entries(this.heard)) this.model.off(event, handler);
    this.kernel.close();
  }
}

export default {
  render({ model, el: root }) {
    const scrubber = new Scrubber(model, root);
    return () => scrubber.close();
  },
};
