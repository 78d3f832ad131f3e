// The learner's own browser as a client: buttons, what its WebSocket reports, and what the tap saw of it.

import { Kernel, el, frame, keys, speaker } from "./common.js";

const LINES = 200; // newest lines of the log
const SETTLE = 250; // milliseconds after an event before the wire is looked at: a Close has its answer by then
const STATES = ["connecting", "open", "closing", "closed"];
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
  passed.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  return { url: passed.href, how: "through jupyter-server-proxy: on the wire it is the proxy that speaks" };
}

class Client {
  constructor(model, root) {
    this.model = model;
    this.socket = null;
    this.began = performance.now();
    this.unheard = [];
    this.lines = 0;
    this.spoken = speaker();
    this.trouble = el("p", { class: "trouble line" });
    this.kernel = new Kernel(model, (text) => this.say(text));
    const button = (says, title, onclick) => el("button", { type: "button", title, onclick }, says);
    const field = (says, node) => el("label", {}, el("span", { class: "quiet" }, says), node);
    const text = (value, width, onenter) => el("input", {
      type: "text", value, spellcheck: "false", autocomplete: "off", style: `width:${width}px`, onkeydown: keys({ Enter: onenter }),
    });
    this.url = text(model.get("url"), 250, () => this.connect());
    this.protocols = text("", 110, () => this.connect());
    this.words = text("Hello", 250, () => this.send());
    this.kind = el("select", { "aria-label": "Send as" }, el("option", { value: "text" }, "as text"), el("option", { value: "hex" }, "as bytes (hex)"));
    this.code = text("1000", 60, () => this.end());
    this.reason = text("", 150, () => this.end());
    this.opens = button("Connect", "new WebSocket(url, subprotocols)", () => this.connect());
    this.sends = button("Send", "socket.send(...)", () => this.send());
    this.closes = button("Close", "socket.close(code, reason)", () => this.end());
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
      el("div", { class: "tools", role: "group", "aria-label": "Connect" }, field("Address", this.url), field("Subprotocols", this.protocols), this.opens, this.state),
      el("div", { class: "tools", role: "group", "aria-label": "Send" }, field("Message", this.words), this.kind, this.sends),
      el("div", { class: "tools", role: "group", "aria-label": "Close" }, field("Code", this.code), field("Reason", this.reason), this.closes),
      this.trouble,
      el("div", { class: "panes" },
        table(this.log, el("p", { class: "quiet" }, "What your browser's API reports"), "log", "ms", "event", "says"),
        model.get("taps") ? table(this.wire, this.wired, "group", "unit", "who", "says", "bytes") : null),
      this.spoken);
    this.draw();
  }

  say(text) { this.trouble.textContent = text && `! ${text}`; }

  draw() {
    const state = this.socket ? this.socket.readyState : 3;
    this.state.textContent = this.socket ? `readyState ${state}: ${STATES[state]}` : "not connected";
    this.state.className = `state ${state === 1 ? "server" : "quiet"}`;
    this.sends.disabled = this.closes.disabled = !this.socket || state === 3;
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
    let socket;
    try {
      socket = new WebSocket(url, this.protocols.value.split(/[\s,]+/).filter(Boolean));
    } catch (error) {
      this.note("refused", `new WebSocket threw ${error.name}: ${error.message}`);
      return;
    }
    socket.binaryType = "arraybuffer";
    let opened = false;
    const on = (event, says) => socket.addEventListener(event, (happened) => {
      if (this.socket !== socket) return;
      opened ||= event === "open";
      this.note(event, says(happened));
      this.draw();
    });
    this.socket = socket;
    this.began = performance.now();
    this.note("new WebSocket", how);
    on("open", () => (socket.protocol ? `subprotocol ${socket.protocol}` : "the handshake is done") + (socket.extensions ? `, extensions ${socket.extensions}` : ""));
    on("message", ({ data }) => (typeof data === "string" ? `text ${JSON.stringify(data)}` : `${data.byteLength} bytes: ${hex(data)}`));
    on("error", () => "an error; scripts are not told which");
    on("close", ({ code, reason, wasClean }) => {
      if (!opened && code === 1006) this.say("The connection was never open. Browsers do not say why: perhaps the server does not run any more, or this page may not reach it.");
      return `code ${code}, reason ${JSON.stringify(reason)}, wasClean ${wasClean}`;
    });
    this.draw();
  }

  send() {
    if (!this.socket) return;
    try {
      const said = this.kind.value === "hex" ? bytesOf(this.words.value) : this.words.value;
      this.socket.send(said);
      this.note("send", typeof said === "string" ? `text ${JSON.stringify(said)}` : `${said.length} bytes`);
    } catch (error) {
      this.note("send threw", `${error.name}: ${error.message}`);
    }
  }

  end() {
    if (!this.socket) return;
    try {
      const code = this.code.value.trim();
      if (code) this.socket.close(+code, this.reason.value);
      else this.socket.close();
      this.note("close()", code ? `code ${code}${this.reason.value ? `, reason ${JSON.stringify(this.reason.value)}` : ""}` : "no code");
    } catch (error) {
      this.note("close() threw", `${error.name}: ${error.message}`);
    }
    this.draw();
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
      this.wired.textContent = `What the tap saw on the wire, connection ${connection}${left ? `, the last ${units.length} of ${units.length + left} units` : ""}`;
      this.wire.replaceChildren(...units.map(({ number, side, title, remarks, bytes }) => el("tr", {},
        el("td", { class: "number quiet" }, number),
        el("td", { class: side }, side === "client" ? "client →" : "← server"),
        el("td", {}, title, remarks ? el("span", { class: remarks.startsWith("!") ? "trouble" : "quiet" }, `  ${remarks}`) : null),
        el("td", { class: "number quiet" }, bytes))));
      const pane = this.wire.closest(".pane");
      pane.scrollTop = pane.scrollHeight;
    } catch {
      return; // what went wrong stands in the line above
    }
  }

  /** A socket that is not this client's any more says goodbye by itself. */
  drop() {
    const { socket } = this;
    this.socket = null;
    if (socket && socket.readyState < 2) socket.close(1000);
  }

  close() {
    clearTimeout(this.timer);
    this.drop();
    this.kernel.close();
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
    const client = new Client(model, root);
    return () => client.close();
  },
};
