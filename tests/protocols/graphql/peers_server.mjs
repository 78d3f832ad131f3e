// The reference servers, with the fields of ours that the test asks for. Prints its port; ends with its standard input.
import { createRequire } from "node:module";
import http from "node:http";

const require = createRequire(process.cwd() + "/");
const { GraphQLSchema, GraphQLObjectType, GraphQLString, GraphQLInt, GraphQLError } = require("graphql");

let sources = 0;

async function* count(_, { to }) {
  sources += 1;
  try {
    for (let number = 1; number <= to; number += 1) {
      yield { counter: number };
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    sources -= 1;
  }
}

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: "Query",
    fields: {
      hello: { type: GraphQLString, args: { name: { type: GraphQLString } }, resolve: (_, { name }) => `Hello, ${name}!` },
      sources: { type: GraphQLInt, resolve: () => sources },
      fails: {
        type: GraphQLString,
        resolve: () => {
          throw new GraphQLError("on purpose", { extensions: { code: "ON_PURPOSE" } });
        },
      },
    },
  }),
  mutation: new GraphQLObjectType({
    name: "Mutation",
    fields: { say: { type: GraphQLString, args: { text: { type: GraphQLString } }, resolve: (_, { text }) => text } },
  }),
  subscription: new GraphQLObjectType({
    name: "Subscription",
    fields: { counter: { type: GraphQLInt, args: { to: { type: GraphQLInt, defaultValue: 1e9 } }, subscribe: count } },
  }),
});

const overHttp = require("graphql-http/lib/use/http").createHandler({ schema });
const overEvents = require("graphql-sse/lib/use/http").createHandler({ schema });
const server = http.createServer((request, response) =>
  (request.headers.accept || "").includes("text/event-stream") ? overEvents(request, response) : overHttp(request, response),
);
const { WebSocketServer } = require("ws");
require("graphql-ws/use/ws").useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
