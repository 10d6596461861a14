// Everything on this machine: Postern on port 8787, the API behind it, and the app on port 3000. Nothing here is for production.
import { createHash, randomBytes } from "node:crypto";
import { serve } from "@hono/node-server";
import { startPostern } from "@postern/testing";
import { apiFor, ROUTES } from "./src/api.ts";
import { appFor } from "./src/app.ts";
import type { Settings } from "./src/settings.ts";

const [port, app] = [Number(process.env["POSTERN_PORT"] ?? 8787), Number(process.env["PORT"] ?? 3000)];
const issuer = `http://localhost:${port}`;
const secret = randomBytes(32).toString("hex");
const settings: Settings = { url: `http://localhost:${app}`, issuer, clientId: "castle-works", clientSecret: secret, cookieKey: randomBytes(32).toString("base64url") };

await startPostern({
  port,
  routes: ROUTES,
  upstream: apiFor(issuer),
  vars: {
    POSTERN_PAGES: { name: "Castle Works", scopes: { "read:orders": "See your orders", "write:orders": "Order in your name" } },
    POSTERN_CLIENTS: [
      { client_id: "first-party" },
      {
        client_id: settings.clientId,
        name: "Castle Works",
        redirect_uris: [`${settings.url}/callback`],
        secret_hashes: [createHash("sha256").update(secret).digest("hex")],
        scopes: ["read:orders", "write:orders"],
        first_party: true,
      },
    ],
  },
});
serve({ fetch: appFor(settings).fetch, port: app });
console.log(`\nThe app: ${settings.url}\nSign in as alice@example.com with the password: correct horse battery staple\n`);
