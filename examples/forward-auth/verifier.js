// Answers 204 for a request with a good assertion and says who calls, and 401 for every other. For proxies that ask another
// server about each request: Caddy's forward_auth, nginx's auth_request.
//
//   npm install @postern/origin
//   ISSUER=https://auth.example.com AUDIENCE=https://orders.internal.example.com PORT=8997 node verifier.js
import { createServer } from "node:http";
import { callerOf, requireAssertion } from "@postern/origin/express";

const { ISSUER, AUDIENCE, KEYS, PORT = "8997" } = process.env;
const verify = requireAssertion({
  issuer: ISSUER,
  audience: AUDIENCE,
  ...(KEYS === undefined ? {} : { keys: KEYS }),
  onRefused: (error) => console.error(error.message),
});

createServer((request, response) =>
  verify(request, response, () => {
    const { subject, issuer, scopes } = callerOf(request);
    // A subject may have characters that a header may not have.
    const headers = { "X-Caller-Subject": encodeURIComponent(subject), "X-Caller-Issuer": encodeURIComponent(issuer), "X-Caller-Scope": [...scopes].join(" ") };
    response.writeHead(204, headers).end();
  }),
).listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
