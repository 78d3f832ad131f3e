// What the widgets share: questions to Python, elements, rows that are only there while they are seen.

/** An element: `el("td", { class: "x", role: "cell", onclick: f }, "text", child)`; null and false are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return node;
}

let _ids = 0;

/** An id that no other element of the page has. */
export const uid = (word) => `protolab-${word}-${++_ids}`;

/** The element of a widget. JupyterLab's shortcuts are told to leave keys alone in it: arrows would move between cells. */
export function frame(el_, label) {
  el_.classList.add("protolab");
  el_.setAttribute("role", "group");
  el_.setAttribute("aria-label", label);
  el_.setAttribute("data-lm-suppress-shortcuts", "true");
}

/** A live region: what is said here is read aloud, politely, and not drawn. Only the last word of a burst is said. */
export function speaker() {
  const node = el("div", { class: "protolab-spoken", role: "status", "aria-live": "polite" });
  let timer = 0;
  node.say = (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => { node.textContent = text; }, 150);
  };
  return node;
}

/** Keys by name: `keys({ ArrowUp: f, "Ctrl+Home": g })` is a listener; a handler that returns false lets the key pass. */
export function keys(handlers) {
  return (event) => {
    const held = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") +
      (event.shiftKey && event.key.length > 1 ? "Shift+" : "");
    const handler = handlers[held + event.key];
    if (!handler || handler(event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
}

const PAUSE = 50; // milliseconds in which questions are gathered: at most 20 messages a second go either way
const SILENCE = 4000; // milliseconds after which one says that Python is busy or gone

/** Questions to the widget's Python object: `await kernel.ask("unit", { row: 3 })` is { data, buffers }. */
export class Kernel {
  constructor(model, trouble = () => {}) {
    this.model = model;
    this.trouble = trouble; // told what went wrong, and "" when it is over
    this.waiting = new Map(); // id -> { resolve, reject }
    this.queue = [];
    this.away = false; // whether a message is on its way
    this.name = uid("view");
    this.hear = (message, buffers) => this.#hear(message, buffers);
    model.on("msg:custom", this.hear);
  }

  ask(name, body = {}, buffers = []) {
    return new Promise((resolve, reject) => {
      const id = `${this.name}:${++_ids}`;
      this.waiting.set(id, { resolve, reject });
      this.queue.push({ id, name, body, own: buffers });
      this.#send();
    });
  }

  #send() {
    if (this.away || !this.queue.length) return;
    this.away = true;
    this.timer = setTimeout(() => {
      const sent = [];
      const questions = this.queue.splice(0).map(({ id, name, body, own }) => {
        const indexes = own.map((_, i) => sent.length + i);
        sent.push(...own);
        return { id, name, body, buffers: indexes };
      });
      this.model.send({ questions }, undefined, sent);
      this.patience = setTimeout(() => this.trouble("Python does not answer: its kernel is busy, or was stopped."), SILENCE);
    }, PAUSE);
  }

  #hear(message, buffers) {
    const mine = (message.answers ?? []).filter(({ id }) => this.waiting.has(id));
    if (!mine.length) return; // another view of the same widget asked
    clearTimeout(this.patience);
    this.away = false;
    this.trouble("");
    for (const answer of mine) {
      const { resolve, reject } = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if (answer.error) {
        this.trouble(answer.error);
        reject(new Error(answer.error));
      } else resolve({ data: answer.data, buffers: (buffers ?? []).slice(...answer.buffers) });
    }
    this.#send();
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.patience);
    this.model.off("msg:custom", this.hear);
    this.waiting.clear();
  }
}

/** A map that keeps what was used last. */
export class Cache {
  constructor(limit) {
    this.limit = limit;
    this.map = new Map();
  }

  get(key) {
    const found = this.map.get(key);
    if (found !== undefined) {
      this.map.delete(key);
      this.map.set(key, found);
    }
    return found;
  }

  has(key) { return this.map.has(key); }

  set(key, value) {
    this.map.delete(key);
    this.map.set(key, value);
    if (this.map.size > this.limit) this.map.delete(this.map.keys().next().value);
  }

  clear() { this.map.clear(); }
}

/** A view of typed bytes: traits come as a DataView. */
export const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const TALLEST = 8_000_000; // pixels: browsers stop laying out somewhere past 15 million

/**
 * Rows that are in the page only while they are seen. `node` scrolls; `fill(row, index)` draws row `index` into an element
 * that may have been another row before; `make()` gives a fresh one. Scrolling moves and refills only rows that come in.
 * A header of `head` pixels may stand before them in `node` and stick to its top.
 */
export class Rows {
  constructor(node, { height, make, fill, head = 0, seen = () => {}, extra = 6, tallest = TALLEST }) {
    Object.assign(this, { node, height, make, fill, head, seen, extra, tallest });
    this.count = 0;
    this.at = new Map(); // index -> element
    this.sizer = el("div", { class: "protolab-sizer", role: "presentation" });
    this.body = el("div", { class: "protolab-rows", role: "rowgroup" });
    this.sizer.append(this.body);
    node.append(this.sizer);
    node.addEventListener("scroll", () => this.draw(), { passive: true });
    // A notebook takes cells out of the page while they are far away, and their scroll positions are lost with that.
    this.place = 0;
    this.watch = new ResizeObserver(() => {
      if (this.gone && node.clientHeight) node.scrollTop = this.place;
      this.gone = !node.clientHeight;
      this.draw();
    });
    this.watch.observe(node);
  }

  /** How many rows there are; all that is drawn is drawn anew. */
  reset(count) {
    this.count = count;
    this.sizer.style.height = `${Math.min(count * this.height, this.tallest)}px`;
    this.again();
  }

  /** Draw every row that is in the page again, because what it says changed. */
  again() {
    for (const [index, row] of this.at) {
      if (index < this.count) this.fill(row, index);
    }
    this.draw();
  }

  /** The pixels in which rows are seen. */
  get view() { return this.node.clientHeight - this.head; }

  /** The pixel of the scroll position at which row 0 would stand: past `tallest` it slides with the position. */
  get offset() {
    const full = this.count * this.height;
    if (full <= this.tallest) return 0;
    const share = this.node.scrollTop / Math.max(this.tallest - this.view, 1);
    return Math.round(this.node.scrollTop - Math.min(share, 1) * (full - this.view));
  }

  /** The first and one past the last row that is seen. */
  get range() {
    const top = this.node.scrollTop - this.offset;
    const first = Math.max(Math.floor(top / this.height), 0);
    return [first, Math.min(Math.ceil((top + this.view) / this.height), this.count)];
  }

  draw() {
    if (!this.gone) this.place = this.node.scrollTop;
    const [first, last] = this.range;
    const low = Math.max(first - this.extra, 0), high = Math.min(last + this.extra, this.count);
    const spare = [];
    for (const [index, row] of this.at) {
      if (index < low || index >= high) {
        this.at.delete(index);
        spare.push(row);
      }
    }
    const offset = this.offset;
    for (let index = high - 1; index >= low; index--) {
      let row = this.at.get(index);
      if (!row) {
        row = spare.pop() ?? this.make();
        this.body.insertBefore(row, this.at.get(index + 1) ?? null); // who reads the page reads them in their order
        this.at.set(index, row);
        this.fill(row, index);
      }
      row.style.transform = `translateY(${offset + index * this.height}px)`;
    }
    for (const row of spare) row.remove();
    this.seen(first, last);
  }

  /** Scroll as little as needed to show a row whole. */
  show(index) {
    const top = this.node.scrollTop - this.offset, view = this.view;
    const low = index * this.height;
    let wanted = top;
    if (low < top) wanted = low;
    else if (low + this.height > top + view) wanted = low + this.height - view;
    if (wanted !== top) {
      const full = this.count * this.height;
      this.node.scrollTop = full <= this.tallest ? wanted : (wanted / (full - view)) * (this.tallest - view);
    }
    this.draw();
  }

  close() { this.watch.disconnect(); }
}
