// What the npm clients make of a server of ours: a query, a mutation, a subscription and an error, printed as JSON.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const [way, where] = process.argv.slice(2);

function connect() {
  if (way === "sse") {
    const { createClient } = require("graphql-sse");
    return createClient({ url: `http://${where}`, retryAttempts: 0 });
  }
  if (way === "legacy") return legacy();
  const { createClient } = require("graphql-ws");
  return createClient({ url: `ws://${where}`, webSocketImpl: require("ws"), retryAttempts: 0, keepAlive: 20 });
}

// The library that the older protocol is of calls back; the others are iterated over.
function legacy() {
  const { SubscriptionClient } = require("subscriptions-transport-ws");
  const client = new SubscriptionClient(`ws://${where}`, {}, require("ws"));
  async function* iterate(request) {
    const heard = [];
    let wake = () => {};
    const hear = (one) => { heard.push(one); wake(); };
    const { unsubscribe } = client.request(request).subscribe({
      next: (value) => hear({ value }),
      error: ({ message }) => hear({ error: { message } }),
      complete: () => hear({ done: true }),
    });
    try {
      for (;;) {
        while (!heard.length) await new Promise((ready) => { wake = ready; });
        const { value, error, done } = heard.shift();
        if (error) throw error;
        if (done) return;
        yield value;
      }
    } finally {
      unsubscribe();
    }
  }
  return { iterate, dispose: () => client.close() };
}

const client = connect();

async function results(request, most = Infinity) {
  const got = [];
  for await (const result of client.iterate(request)) {
    got.push(result);
    if (got.length === most) break;
  }
  return got;
}

const told = {};
told.query = await results({ query: "query($n: String) { hello(name: $n) }", variables: { n: "Zoë" } });
told.mutation = await results({ query: 'mutation { createPost(input: {title: "x"}) { title author { name } } }' });
told.subscription = await results({ query: "subscription { countdown(from: 2, interval: 0, failAt: 1) }" });
told.left = await results({ query: "subscription { counter(interval: 0.01) }" }, 3);
try {
  told.invalid = await results({ query: "{ nope }" });
} catch (error) {
  told.invalid = error;
}
console.log(JSON.stringify(told));
await client.dispose();
