// The settings that the suites run with, in one place: what Postern's configuration looks like is written here once.
import type { PosternOptions } from "../harness.ts";

/** The issuer that the local profile has by itself: a name, not an address. */
export const OWN_ISSUER = "http://localhost:8787";
export const AUDIENCE = "https://api.example.test";

/** The users of the local profile. */
export const PASSWORD = "correct horse battery staple";
export const ALICE = "alice@example.com";
export const ADMIN = "admin@example.com";

export interface RouteSetting {
  name: string;
  path: string;
  [setting: string]: unknown;
}

const DEMO = { service: "ORIGIN" };

/** What the demo origin asks for, as its README tells. */
export const DEMO_ROUTES: readonly RouteSetting[] = [
  { name: "public", path: "/public/**", access: "public", upstream: DEMO },
  { name: "read orders", path: "/api/orders", methods: ["GET"], scopes: ["read:orders"], upstream: DEMO },
  { name: "write orders", path: "/api/orders", methods: ["POST"], scopes: ["write:orders"], upstream: DEMO },
  { name: "admin", path: "/admin/**", roles: ["admin"], upstream: DEMO },
  { name: "tenant", path: "/t/{tenant}/docs", attributes: [{ claim: "tenant_id", param: "tenant" }], upstream: DEMO },
  { name: "echo", path: "/echo", upstream: DEMO },
  { name: "status", path: "/status/{code}", upstream: DEMO },
  { name: "slow", path: "/slow", timeout_ms: 1000, upstream: DEMO },
  { name: "stream", path: "/stream", upstream: DEMO },
  { name: "ws", path: "/ws", upstream: DEMO },
];

/** Settings of a test's instance: the demo origin's routes, and what the test adds. */
export function settings(vars: Record<string, unknown> = {}, routes: readonly RouteSetting[] = []): PosternOptions["vars"] {
  return {
    POSTERN_ISSUER: OWN_ISSUER,
    POSTERN_AUDIENCE: AUDIENCE,
    POSTERN_ROUTES: [...routes, ...DEMO_ROUTES],
    ...vars,
  };
}
