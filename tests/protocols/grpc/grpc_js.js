// A peer from another family: npm @grpc/grpc-js, as a client of our server, or as a server for our client.
//   node grpc_js.js client HOST:PORT FOLDER_OF_PROTOS     calls every method, and says as JSON what came of it
//   node grpc_js.js server FOLDER_OF_PROTOS               says its port, and serves until its stdin ends
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const path = require("path");

const load = (folder) => grpc.loadPackageDefinition(loader.loadSync(
  ["user_service.proto", "lessons.proto"].map((name) => path.join(folder, name)),
  { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [folder] }));
const soon = (ms = 5000) => ({ deadline: Date.now() + ms });

async function client(target, folder) {
  const { user_service, protolab } = load(folder);
  const insecure = grpc.credentials.createInsecure();
  const users = new user_service.UserService(target, insecure);
  const calls = new protolab.lessons.Calls(target, insecure);
  const directory = new protolab.lessons.Directory(target, insecure);
  const chat = new protolab.lessons.Chat(target, insecure);
  const said = {};

  const ask = (stub, method, request, metadata = new grpc.Metadata(), options = soon()) => new Promise((done) => {
    stub[method](request, metadata, options, (error, answer) => done(error
      ? { code: error.code, details: error.details, rich: error.metadata.get("grpc-status-details-bin").map((b) => b.toString("hex")) }
      : answer));
  });
  const hear = (stream) => new Promise((done) => {
    const answers = [];
    stream.on("data", (answer) => answers.push(answer));
    stream.on("error", () => {});
    stream.on("status", (status) => done({ answers, code: status.code, trailers: status.metadata.getMap() }));
  });

  for (const name of ["Ada", "Bob", "Cyd"]) {
    said[`create ${name}`] = await ask(users, "CreateUser", { name, email: `${name}@x.org`, age: 30, roles: ["dev", name] });
  }
  said.get = await ask(users, "GetUser", { id: "1" });
  said.list = await hear(users.ListUsers({ page_size: 2 }, soon()));
  said.more = await hear(users.ListUsers({ page_token: said.list.trailers["next-page-token"] }, soon()));
  said.update = await ask(users, "UpdateUser", { id: "2", user: { name: "Bea", email: "Bob@x.org" } });
  said.delete = await ask(users, "DeleteUser", { id: "3" });
  said["get missing"] = await ask(users, "GetUser", { id: "3" });
  said["create twice"] = await ask(users, "CreateUser", { name: "Ada", email: "ADA@x.org" });
  said["create nobody"] = await ask(users, "CreateUser", {});
  said["update missing"] = await ask(users, "UpdateUser", { id: "9", user: { name: "Z", email: "z@x.org" } });
  said["delete missing"] = await ask(users, "DeleteUser", { id: "9" });
  said["bad token"] = (await hear(users.ListUsers({ page_token: "1" }, soon()))).code;

  said.echo = await ask(calls, "Echo", { text: "grüß dich 😀" });
  said.count = await hear(calls.Count({ to: 3 }, soon()));
  said.sum = await new Promise((done) => {
    const stream = calls.Sum(soon(), (error, answer) => done(error ? { code: error.code } : answer));
    [1, -2, 30].forEach((value) => stream.write({ value }));
    stream.end();
  });
  const both = calls.Double(soon());
  const doubled = hear(both);
  [1, -7].forEach((value) => both.write({ value }));
  both.end();
  said.double = await doubled;
  said.late = await ask(calls, "Wait", { ms: 20000 }, new grpc.Metadata(), soon(100));
  said.fail = await ask(calls, "Fail", { code: 9, message: "100% é\n" });
  said.bug = await ask(calls, "Fail", { code: 0, message: "a secret" });
  const types = { an_int32: -5, a_uint64: 7, a_bool: true, a_string: "x", a_color: "COLOR_BLUE", packed: [1, -1], a_map: { one: 1 }, number: -3 };
  said.types = await ask(calls, "Types", types);
  said.flood = await new Promise((done) => {
    const stream = calls.Flood({ size: 10000 }, soon());
    let chunks = 0;
    stream.on("data", () => { if (++chunks === 50) stream.cancel(); });
    stream.on("error", () => {});
    stream.on("status", (status) => done({ code: status.code, enough: chunks >= 50 }));
  });
  said.person = await ask(directory, "UpdatePerson", { user: { id: "1", age: 31 }, update_mask: { paths: ["age"] } });
  said.stale = (await ask(directory, "UpdatePerson", { user: { id: "1", age: 32 }, etag: "v0" })).code;
  said.people = (await ask(directory, "ListPeople", { page_size: 1 })).people.length;
  said.unknown = await new Promise((done) => users.makeUnaryRequest(
    "/user_service.UserService/GetNobody", () => Buffer.alloc(0), (b) => b, {}, (error) => done(error.code)));

  const talk = chat.Talk(soon());
  const heard = hear(talk);
  talk.write({ join: { room: "js", name: "Ada" } });
  talk.write({ say: "hello" });
  await new Promise((done) => talk.on("data", (event) => event.said && done()));
  talk.end();
  said.talk = await heard;
  console.log(JSON.stringify(said));
  process.exit(0);
}

function server(folder) {
  const { user_service, protolab } = load(folder);
  const users = new Map();
  const missing = (id) => {
    const metadata = new grpc.Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from("0805120374686572", "hex")); // cut short, which no client may die of
    return { code: grpc.status.NOT_FOUND, details: `no ${id} – sorry`, metadata };
  };
  const one = (id, back) => (users.has(id) ? back(null, users.get(id)) : back(missing(id)));
  const serving = new grpc.Server();
  serving.addService(user_service.UserService.service, {
    GetUser: (call, back) => one(call.request.id, back),
    CreateUser: (call, back) => {
      const user = { ...call.request, id: String(users.size + 1) };
      users.set(user.id, user);
      back(null, { ...user, name: user.name + (call.metadata.get("x-suffix")[0] || "") });
    },
    UpdateUser: (call, back) => { users.set(call.request.id, call.request.user); back(null, call.request.user); },
    DeleteUser: (call, back) => one(call.request.id, (error) => back(error, { success: true, message: "gone" })),
    ListUsers: (call) => {
      [...users.values()].forEach((user) => call.write(user));
      const trailers = new grpc.Metadata();
      trailers.set("next-page-token", call.request.page_token ? "" : "more");
      call.end(trailers);
    },
  });
  let failures = 0;
  serving.addService(protolab.lessons.Calls.service, {
    Echo: (call, back) => back(null, call.request),
    Wait: () => {},
    Fail: (call, back) => (failures++ < call.request.times ? back({ code: call.request.code, details: "not yet" }) : back(null, { text: "at last" })),
    Types: (call, back) => back(null, call.request),
    Count: (call) => { for (let value = 1; value <= call.request.to; value++) call.write({ value }); call.end(); },
    Flood: (call) => { call.on("cancelled", () => console.log("cancelled")); call.write({ number: 1, data: Buffer.alloc(5) }); },
    Sum: (call, back) => { let sum = 0, count = 0; call.on("data", (n) => { sum += n.value; count++; }).on("end", () => back(null, { sum, count })); },
    Double: (call) => call.on("data", (n) => call.write({ value: 2 * n.value })).on("end", () => call.end()),
  });
  serving.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => console.log(error || port));
  process.stdin.on("end", () => process.exit(0)).resume();
}

const [what, ...rest] = process.argv.slice(2);
({ client, server })[what](...rest);
