// The learner's own browser as a client: buttons, what its WebSocket or EventSource reports, and what the tap saw of it.

import { Kernel, el, frame, keys, speaker } from "./common.js";

const LINES = 200; // newest lines of the log
const SETTLE = 250; // milliseconds after an event before the wire is looked at: a Close has its answer by then
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Where JupyterLab's server has its root; null when this page is not Jupyter's. */
function jupyter() {
  try {
    return new URL(JSON.parse(document.getElementById("jupyter-config-data").textContent).baseUrl, location.href);
  } catch {
    return null;
  }
}

/**
 * The way to `url`, an address on the kernel's machine, from this browser: { url, how }, or { trouble } when there is none.
 * A browser on the same machine goes straight; any other one asks Jupyter's server to pass it on.
 */
async function way(url, proxy) {
  const base = jupyter();
  const near = !base || LOOPBACK.test(base.hostname);
  if (proxy === "never" || (proxy !== "always" && near)) return { url, how: "straight to this machine" };
  const there = base && (await fetch(new URL("server-proxy/servers-info", base)).catch(() => null));
  if (!there?.ok) {
    return { trouble: `This page comes from ${base?.hostname ?? "elsewhere"}, so the kernel's ${new URL(url).host} is out of the browser's ` +
      "reach, and jupyter-server-proxy, which could pass it on, is not installed there. Run the lesson on your own machine, or install jupyter-server-proxy." };
  }
  const { port, pathname, search } = new URL(url);
  const passed = new URL(`proxy/${port || 80}${pathname}${search}`, base);
  if (url.startsWith("ws")) passed.protocol = base.protocol.replace("http", "ws");
  return { url: passed.href, how: "through jupyter-server-proxy: on the wire it is the proxy that speaks" };
}

/** What both kinds of client have in common: the log, the wire, and the way there. A kind has `tools`, `states`, `open` and `shut`. */
class Client {
  constructor(model, root) {
    this.model = model;
    this.peer = null; // a WebSocket or an EventSource
    this.began = performance.now();
    this.unheard = [];
    this.said = "";
    this.lines = 0;
    this.spoken = speaker();
    this.trouble = el("p", { class: "trouble line" });
    this.kernel = new Kernel(model, (text) => this.say(this.said, text));
    this.url = this.input(model.get("url"), 250, () => this.connect());
    this.state = el("output", { class: "state" });
    this.log = el("tbody");
    this.wire = el("tbody");
    this.wired = el("p", { class: "quiet" }, "What the tap saw on the wire");
    const table = (body, head, role, ...names) => el("div", {}, head,
      el("div", { class: "pane", tabindex: 0, role, "aria-live": "off", "aria-label": head.textContent },
        el("table", {}, el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name)))), body)));
    frame(root, "Your browser as a client");
    root.classList.add("browser");
    root.append(
      ...this.tools(),
      this.trouble,
      el("div", { class: "panes" },
        table(this.log, el("p", { class: "quiet" }, "What your browser's API reports"), "log", "ms", "event", "says"),
        model.get("taps") ? table(this.wire, this.wired, "group", "unit", "who", "says", "bytes") : null),
      this.spoken);
    this.draw();
  }

  button(says, title, onclick) { return el("button", { type: "button", title, onclick }, says); }

  field(says, node) { return el("label", {}, el("span", { class: "quiet" }, says), node); }

  input(value, width, onenter) {
    return el("input", { type: "text", value, spellcheck: "false", autocomplete: "off", style: `width:${width}px`, onkeydown: keys({ Enter: onenter }) });
  }

  row(label, ...nodes) { return el("div", { class: "tools", role: "group", "aria-label": label }, ...nodes); }

  /** Say what is wrong with the connection; what is wrong with Python stands in its place for as long as it lasts. */
  say(text, python = "") {
    this.said = text;
    this.trouble.textContent = python || text ? `! ${python || text}` : "";
  }

  draw() {
    const state = this.peer?.readyState;
    this.state.textContent = this.peer ? `readyState ${state}: ${this.states[state]}` : "not connected";
    this.state.className = `state ${state === 1 ? "server" : "quiet"}`;
    for (const button of this.busy) button.disabled = !this.peer || state === this.states.length - 1;
  }

  async connect() {
    this.say("");
    const { url, how, trouble } = await way(this.url.value, this.model.get("proxy")).catch((error) => ({ trouble: error.message }));
    if (trouble) {
      this.say(trouble);
      this.note("no way", trouble);
      return;
    }
    this.drop();
    try {
      this.peer = this.open(url);
    } catch (error) {
      this.note("refused", `new ${this.model.get("api")} threw ${error.name}: ${error.message}`);
      return;
    }
    this.began = performance.now();
    this.note(`new ${this.model.get("api")}`, how);
    this.draw();
  }

  /** Write down each `event` of a peer, as long as it is this client's; `says` tells what it said. */
  hear(peer, event, says) {
    peer.addEventListener(event, (happened) => {
      if (this.peer !== peer) return;
      this.note(event, says(happened));
      this.draw();
    });
  }

  /** One more line of the log; Python hears of it too, and the wire is looked at once things have calmed down. */
  note(what, says) {
    const at = Math.round(performance.now() - this.began);
    this.log.append(el("tr", {}, el("td", { class: "number quiet" }, at), el("th", { scope: "row" }, what), el("td", {}, says)));
    if (++this.lines > LINES) this.log.firstChild.remove();
    const pane = this.log.closest(".pane");
    pane.scrollTop = pane.scrollHeight;
    this.spoken.say(`${what}: ${says}`);
    this.unheard.push({ what, says });
    if (this.timer) return;
    this.timer = setTimeout(() => this.tell(), SETTLE);
  }

  async tell() {
    this.timer = 0;
    try {
      await this.kernel.ask("heard", { events: this.unheard.splice(0) });
      if (!this.model.get("taps")) return;
      const { units, left, connection } = (await this.kernel.ask("wire")).data;
      const first = units[0]?.of ?? connection;
      const which = first === connection ? `connection ${connection}` : `connections ${first} to ${connection}`;
      this.wired.textContent = `What the tap saw on the wire, ${which}${left ? `, the last ${units.length} of ${units.length + left} units` : ""}`;
      this.wire.replaceChildren(...units.map(({ number, of, side, title, remarks, bytes }) => el("tr", {},
        el("td", { class: "number quiet", title: `unit ${number} of connection ${of}` }, first === connection ? number : `${of}/${number}`),
        el("td", { class: side }, side === "client" ? "client →" : "← server"),
        el("td", {}, title, remarks ? el("span", { class: remarks.startsWith("!") ? "trouble" : "quiet" }, `  ${remarks}`) : null),
        el("td", { class: "number quiet" }, bytes))));
      const pane = this.wire.closest(".pane");
      pane.scrollTop = pane.scrollHeight;
    } catch {
      return; // what went wrong stands in the line above
    }
  }

  /** A peer that is not this client's any more says goodbye by itself. */
  drop() {
    const { peer } = this;
    this.peer = null;
    if (peer) this.shut(peer);
  }

  close() {
    clearTimeout(this.timer);
    this.drop();
    this.kernel.close();
  }
}

class Socket extends Client {
  get states() { return ["connecting", "open", "closing", "closed"]; }

  tools() {
    this.protocols = this.input("", 110, () => this.connect());
    this.words = this.input("Hello", 250, () => this.send());
    this.kind = el("select", { "aria-label": "Send as" }, el("option", { value: "text" }, "as text"), el("option", { value: "hex" }, "as bytes (hex)"));
    this.code = this.input("1000", 60, () => this.end());
    this.reason = this.input("", 150, () => this.end());
    this.busy = [this.button("Send", "socket.send(...)", () => this.send()), this.button("Close", "socket.close(code, reason)", () => this.end())];
    return [
      this.row("Connect", this.field("Address", this.url), this.field("Subprotocols", this.protocols),
        this.button("Connect", "new WebSocket(url, subprotocols)", () => this.connect()), this.state),
      this.row("Send", this.field("Message", this.words), this.kind, this.busy[0]),
      this.row("Close", this.field("Code", this.code), this.field("Reason", this.reason), this.busy[1]),
    ];
  }

  open(url) {
    const socket = new WebSocket(url, this.protocols.value.split(/[\s,]+/).filter(Boolean));
    socket.binaryType = "arraybuffer";
    let opened = false;
    this.hear(socket, "open", () => {
      opened = true;
      return (socket.protocol ? `subprotocol ${socket.protocol}` : "the handshake is done") + (socket.extensions ? `, extensions ${socket.extensions}` : "");
    });
    this.hear(socket, "message", ({ data }) => (typeof data === "string" ? `text ${JSON.stringify(data)}` : `${data.byteLength} bytes: ${hex(data)}`));
    this.hear(socket, "error", () => "an error; scripts are not told which");
    this.hear(socket, "close", ({ code, reason, wasClean }) => {
      if (!opened && code === 1006) this.say("The connection was never open. Browsers do not say why: perhaps the server does not run any more, or this page may not reach it.");
      return `code ${code}, reason ${JSON.stringify(reason)}, wasClean ${wasClean}`;
    });
    return socket;
  }

  shut(socket) { if (socket.readyState < 2) socket.close(1000); }

  send() {
    if (!this.peer) return;
    try {
      const said = this.kind.value === "hex" ? bytesOf(this.words.value) : this.words.value;
      this.peer.send(said);
      this.note("send", typeof said === "string" ? `text ${JSON.stringify(said)}` : `${said.length} bytes`);
    } catch (error) {
      this.note("send threw", `${error.name}: ${error.message}`);
    }
  }

  end() {
    if (!this.peer) return;
    try {
      const code = this.code.value.trim();
      if (code) this.peer.close(+code, this.reason.value);
      else this.peer.close();
      this.note("close()", code ? `code ${code}${this.reason.value ? `, reason ${JSON.stringify(this.reason.value)}` : ""}` : "no code");
    } catch (error) {
      this.note("close() threw", `${error.name}: ${error.message}`);
    }
    this.draw();
  }
}

class Source extends Client {
  get states() { return ["connecting", "open", "closed"]; }

  tools() {
    this.names = this.input(this.model.get("names"), 330, () => this.listen());
    this.names.addEventListener("change", () => this.listen());
    this.busy = [this.button("Close", "source.close()", () => this.end())];
    return [
      this.row("Connect", this.field("Address", this.url), this.button("Connect", "new EventSource(url)", () => this.connect()), this.busy[0], this.state),
      this.row("Listen", this.field("Listen to", this.names)),
    ];
  }

  open(url) {
    const source = new EventSource(url);
    let opened = 0;
    this.hear(source, "open", () => (opened++ ? "it came back by itself" : "the response is an event stream"));
    source.addEventListener("error", (happened) => {
      if (this.peer !== source || happened instanceof MessageEvent) return;
      const again = source.readyState === 0;
      this.note("error", again ? "no stream any more; the browser comes back by itself" : "no stream, and the browser will not come back");
      this.draw();
      if (!again || !opened) this.why(url, opened);
    });
    this.heard = new Set();
    this.listen(source);
    return source;
  }

  /** Hear the named events too: a script is told of those only that it asked for. */
  listen(source = this.peer) {
    if (!source) return;
    for (const name of this.names.value.split(/[\s,]+/).filter(Boolean)) {
      if (this.heard.has(name)) continue;
      this.heard.add(name);
      const says = ({ data, lastEventId }) => `${JSON.stringify(data)}${lastEventId ? `, lastEventId ${JSON.stringify(lastEventId)}` : ""}`;
      source.addEventListener(name, (event) => {
        if (this.peer === source && event instanceof MessageEvent) this.note(name, says(event));
      });
    }
  }

  /** An EventSource is not told why it failed, so ask once more, without a body, what a page is told. */
  async why(url, opened) {
    const { host, origin } = new URL(url);
    const ask = (mode) => fetch(url, { method: "HEAD", mode, cache: "no-store" }).catch(() => null);
    const answer = await ask("cors");
    if (answer?.status === 204) this.say("The server answers 204: it asks this client not to come back.");
    else if (answer) this.say(`The server answers ${answer.status} with the type ${answer.headers.get("Content-Type") ?? "(none)"}; a stream has 200 and text/event-stream.`);
    else if (opened || origin === location.origin || !(await ask("no-cors"))) this.say(`Nobody answers at ${host}: perhaps the server does not run any more.`);
    else this.say(`The server at ${host} answers, but does not let pages of ${location.origin} read it: it must say Access-Control-Allow-Origin. Start it with origins=["${location.origin}"].`);
  }

  shut(source) { source.close(); }

  end() {
    if (!this.peer) return;
    this.peer.close();
    this.note("close()", "the browser will not come back");
    this.draw();
  }
}

const hex = (data) => [...new Uint8Array(data)].slice(0, 64).map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

function bytesOf(text) {
  const digits = text.replace(/[\s:]/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new SyntaxError("bytes are pairs of hexadecimal digits, such as 00 ff");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export default {
  render({ model, el: root }) {
    const client = new { WebSocket: Socket, EventSource: Source }[model.get("api")](model, root);
    return () => client.close();
  },
};
