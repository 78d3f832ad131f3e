// The peer of event_streams.py: Node's http, a response for each client, and one write for each client and event.
const http = require("http");

const clients = new Set();
let id = 9999999; // so that all ids are of one length
const data = { title: "Tea", message: "is ready in the kitchen, help yourself", n: 10000000 };
const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  if (url.pathname === "/say") {
    for (let left = Number(url.searchParams.get("n")); left; left--) {
      const event = `id: ${++id}\nevent: notification\ndata: ${JSON.stringify(data)}\n\n`;
      for (const client of clients) client.write(event);
    }
    response.end("said");
    return;
  }
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("event: connected\ndata: {}\n\n");
  clients.add(response);
  response.on("close", () => clients.delete(response));
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 2048 }, () => console.log(server.address().port));
