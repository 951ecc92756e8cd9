// A real OpenID Connect provider for the tests: `node provider.js PORT CLIENTS`; anybody may log in under any name.
// CLIENTS is a JSON array of clients (https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata).
// The name before a full stop is the viewer's only group: `guard.ann` is in `guard`.

import Provider from "oidc-provider";

const [port, clients] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: JSON.parse(clients),
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"], email: ["email", "email_verified"] },
  features: { rpInitiatedLogout: { enabled: true } },
  cookies: { keys: ["only for tests"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: id,
      preferred_username: id,
      groups: [id.split(".")[0]],
      email: `${id}@video.example`,
      email_verified: true,
    }),
  }),
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
