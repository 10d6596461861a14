// The settings that the suites and the demo run with.
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

/** What a local Postern calls itself (scripts/dev-vars.sh): a name, not an address. */
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

const demo = parse(readFileSync(new URL("../../../examples/origin/binding.toml", import.meta.url), "utf8"));

/** The very routes that `make dev` has: what the demo origin asks for. */
export const DEMO_ROUTES = (demo["vars"] as { POSTERN_ROUTES: RouteSetting[] }).POSTERN_ROUTES;

/** Settings of a test's instance: the demo origin's routes, and what the test adds. Its routes come first. */
export function settings(vars: Record<string, unknown> = {}, routes: readonly RouteSetting[] = []): Record<string, unknown> {
  return {
    POSTERN_ISSUER: OWN_ISSUER,
    POSTERN_AUDIENCE: AUDIENCE,
    POSTERN_ROUTES: [...routes, ...DEMO_ROUTES],
    ...vars,
  };
}
