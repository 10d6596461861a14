// The settings that the suites run with, in one place: what Postern's configuration looks like is written here once.
/** The issuer that the local profile has by itself: a name, not an address. */
export const OWN_ISSUER = "http://localhost:8787";
export const AUDIENCE = "https://api.example.test";

/** The users that the local profile is seeded with. */
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
  { name: "public", path: "/public/{*rest}", access: "public", ...DEMO },
  { name: "read-orders", path: "/api/orders", methods: ["GET"], scopes_all: ["read:orders"], ...DEMO },
  { name: "write-orders", path: "/api/orders", methods: ["POST"], scopes_all: ["write:orders"], ...DEMO },
  { name: "admin", path: "/admin/{*rest}", roles_any: ["admin"], ...DEMO },
  { name: "tenant", path: "/t/{tenant}/docs", attributes: [{ claim: "tenant_id", equals: "{tenant}" }], ...DEMO },
  { name: "echo", path: "/echo", ...DEMO },
  { name: "status", path: "/status/{code}", ...DEMO },
  { name: "slow", path: "/slow", timeout_ms: 500, ...DEMO },
  { name: "stream", path: "/stream", ...DEMO },
  { name: "ws", path: "/ws", ...DEMO },
];

/** Settings of a test's instance: the demo origin's routes, and what the test adds. Its routes come first. */
export function settings(vars: Record<string, unknown> = {}, routes: readonly RouteSetting[] = []): Record<string, unknown> {
  return {
    POSTERN_ISSUER: OWN_ISSUER,
    POSTERN_AUDIENCE: AUDIENCE,
    POSTERN_ROUTES: [...routes, ...DEMO_ROUTES],
    ...vars,
  };
}
