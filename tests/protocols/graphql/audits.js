// Runs the public audits of npm graphql-http against a server, and says what each came to.
const { serverAudits } = require("graphql-http");

(async () => {
  const said = [];
  for (const audit of serverAudits({ url: process.argv[2] })) {
    const { status, reason } = await audit.fn();
    said.push({ id: audit.id, name: audit.name, status, reason });
  }
  console.log(JSON.stringify(said));
})();
