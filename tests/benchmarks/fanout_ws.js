// The peer of fanout.py: a room with npm ws, as its documentation writes a broadcast. Prints its port.
const { WebSocketServer, WebSocket } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 2048 }, () => {
  console.log(server.address().port);
});
server.on("connection", (client) => {
  client.on("error", () => {});
  client.on("message", (data, binary) => {
    for (const other of server.clients) {
      if (other.readyState === WebSocket.OPEN) other.send(data, { binary });
    }
  });
});
