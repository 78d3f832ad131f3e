// The page at /graphql: asks by fetch, and subscribes over a WebSocket (graphql-transport-ws). Nothing comes from elsewhere.

const at = (id) => document.getElementById(id);
const [query, variables, headers, result, errors] = ["query", "variables", "headers", "result", "errors"].map(at);
const MOST = 200; // results of a subscription that stay on the page; the oldest go

const EXAMPLES = {
  "a user with posts": ["query UserWithPosts($id: ID!) {\n  user(id: $id) {\n    name\n    posts {\n      title\n      createdAt\n    }\n  }\n}", { id: "1" }],
  "create a post": ["mutation CreatePost($input: CreatePostInput!) {\n  createPost(input: $input) {\n    id\n    title\n    author { name }\n  }\n}", { input: { title: "Hello", content: "From the page.", authorId: "2" } }],
  "partial data": ["{\n  users(first: 5) { name phone }\n  trouble {\n    fine\n    nullable\n    inner { required }\n  }\n}"],
  "every post from now on": ["subscription {\n  postCreated { id title author { name } }\n}"],
  "a countdown": ["subscription Countdown($from: Int!) {\n  countdown(from: $from, interval: 0.5)\n}", { from: 5 }],
  "a mistake": ["{\n  user(id: 1) {\n    nmae\n  }\n}"],
};

const TYPES = `{ __schema { types { kind name description fields { name type { ...T } args { name type { ...T } } }
  inputFields { name type { ...T } } enumValues { name } } } }
  fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

let ending = null; // what Stop does while something runs

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

// JSON with its keys, strings and numbers told apart.
function coloured(value) {
  const text = JSON.stringify(value, null, 2);
  const whole = document.createDocumentFragment();
  let last = 0;
  for (const found of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:-?\d[\d.eE+-]*|true|false|null)\b/g)) {
    whole.append(text.slice(last, found.index));
    whole.append(element("span", found[1] ?? found[0], found[2] ? "key" : found[1] ? "string" : "number"));
    last = found.index + (found[1] ?? found[0]).length;
  }
  whole.append(text.slice(last) + "\n");
  return whole;
}

// Each error with the line of the query that it is about, and a caret under the place.
function tell(list) {
  errors.replaceChildren();
  for (const error of list) {
    const path = error.path ? ` (at ${error.path.join(".")})` : "";
    errors.append(element("p", error.message + path));
    for (const { line, column } of error.locations ?? []) {
      const text = query.value.split("\n")[line - 1] ?? "";
      errors.append(element("pre", `${String(line).padStart(3)} ${text}\n${" ".repeat(column + 3)}^`));
    }
  }
}

function show(answer, more) {
  if (!more) result.replaceChildren();
  result.append(coloured(answer));
  tell(answer.errors ?? []);
}

function read(box, what) {
  if (!box.value.trim()) return {};
  try {
    return JSON.parse(box.value);
  } catch (error) {
    throw new Error(`The ${what} are not JSON: ${error.message}`);
  }
}

function running(end) {
  ending = end;
  at("stop").disabled = !end;
  at("run").disabled = Boolean(end);
}

async function ask(body, more) {
  const away = new AbortController();
  running(() => away.abort());
  const began = performance.now();
  const response = await fetch("/graphql", {
    method: "POST",
    signal: away.signal,
    headers: { Accept: "application/graphql-response+json, application/json;q=0.9", ...more, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const took = (performance.now() - began).toFixed(0);
  at("status").textContent = `${response.status} ${response.statusText} · ${new Blob([text]).size} bytes · ${took} ms`;
  show(JSON.parse(text));
}

function subscribe(body) {
  let count = 0;
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/graphql", "graphql-transport-ws");
  const send = (message) => socket.send(JSON.stringify(message));
  result.replaceChildren();
  running(() => {
    if (socket.readyState === WebSocket.OPEN) send({ id: "1", type: "complete" });
    socket.close(1000, "done");
  });
  at("status").textContent = "connecting";
  socket.onopen = () => send({ type: "connection_init" });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") {
      at("status").textContent = "subscribed";
      send({ id: "1", type: "subscribe", payload: body });
    } else if (message.type === "ping") send({ type: "pong" });
    else if (message.type === "next") {
      at("status").textContent = `${++count} results`;
      result.append(element("div"));
      result.lastChild.append(coloured(message.payload));
      while (result.childElementCount > MOST) result.firstChild.remove();
      result.scrollTop = result.scrollHeight;
      if (message.payload.errors) tell(message.payload.errors);
    } else if (message.type === "error") {
      tell(message.payload);
      socket.close(1000, "done");
    } else if (message.type === "complete") socket.close(1000, "done");
  };
  socket.onclose = ({ code, reason }) => {
    at("status").textContent += ` · closed with ${code}${reason ? `: ${reason}` : ""}`;
    running(null);
  };
}

// What a document's operations are called and are; strings and comments count for nothing.
function operations(text) {
  const bare = text.replace(/"""[^]*?"""|"(?:[^"\\\n]|\\.)*"|#.*/g, " ");
  const found = [];
  let depth = 0;
  for (const [word] of bare.matchAll(/[{}()]|\b(?:query|mutation|subscription|fragment)\b(?:\s+\w+)?/g)) {
    if ("{(".includes(word)) depth += 1;
    else if ("})".includes(word)) depth -= 1;
    else if (depth === 0 && !word.startsWith("fragment")) found.push(word.split(/\s+/));
  }
  return found;
}

async function run() {
  if (ending) return;
  errors.replaceChildren();
  try {
    const body = { query: query.value };
    const known = operations(query.value);
    if (known.length > 1) body.operationName = at("operation").value;
    if (variables.value.trim()) body.variables = read(variables, "variables");
    const chosen = known.find(([, name]) => name === body.operationName) ?? known[0] ?? ["query"];
    if (chosen[0] === "subscription") subscribe(body);
    else {
      await ask(body, read(headers, "headers"));
      running(null);
    }
  } catch (error) {
    running(null);
    tell([{ message: error.name === "AbortError" ? "Stopped." : error.message }]);
  }
}

function edited() {
  const known = operations(query.value);
  at("which").hidden = known.length < 2;
  const chosen = at("operation").value;
  at("operation").replaceChildren(...known.map(([, name]) => element("option", name)));
  if (known.some(([, name]) => name === chosen)) at("operation").value = chosen;
}

function typeName(type) {
  if (type.kind === "NON_NULL") return `${typeName(type.ofType)}!`;
  return type.kind === "LIST" ? `[${typeName(type.ofType)}]` : type.name;
}

async function schema() {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify({ query: TYPES }),
  });
  const { data, errors: refused } = await response.json();
  if (!data) return void (at("types").textContent = refused[0].message);
  const lines = [];
  for (const type of data.__schema.types) {
    if (type.name.startsWith("__") || type.kind === "SCALAR") continue;
    const members = (type.fields ?? type.inputFields ?? []).map((field) => {
      const args = (field.args ?? []).map((arg) => `${arg.name}: ${typeName(arg.type)}`).join(", ");
      return `  ${field.name}${args ? `(${args})` : ""}: ${typeName(field.type)}`;
    });
    members.push(...(type.enumValues ?? []).map((value) => `  ${value.name}`));
    lines.push(`${type.kind === "INPUT_OBJECT" ? "input" : type.kind === "ENUM" ? "enum" : "type"} ${type.name} {`, ...members, "}", "");
  }
  at("types").textContent = lines.join("\n");
}

function use([text, values]) {
  query.value = text;
  variables.value = values ? JSON.stringify(values, null, 2) : "";
  edited();
}

for (const name of Object.keys(EXAMPLES)) at("examples").append(element("option", name));
at("examples").onchange = ({ target }) => target.value in EXAMPLES && use(EXAMPLES[target.value]);
at("run").onclick = run;
at("stop").onclick = () => ending?.();
at("schema").addEventListener("toggle", schema, { once: true });
query.oninput = edited;
document.onkeydown = (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") run();
};

const asked = new URLSearchParams(location.search);
use(EXAMPLES["a user with posts"]);
if (asked.get("query")) use([asked.get("query")]);
if (asked.get("variables")) variables.value = asked.get("variables");
