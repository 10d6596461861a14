// Postern with origins behind it and a user who is signed in.
import { startPostern, type Postern } from "../../worker/harness.ts";
import { ALICE, PASSWORD } from "../../worker/support/config.ts";
import { RawOrigin } from "./raw.ts";

export interface Scene {
  postern: Postern;
  origins: ReadonlyMap<string, RawOrigin>;
  /** An access token of a user with tenant `acme`. */
  accessToken: string;
  stop(): Promise<void>;
}

/** One origin for each route, so that who is asked shows which route decided. */
export async function scene(routes: readonly { name: string }[]): Promise<Scene> {
  const origins = new Map<string, RawOrigin>();
  for (const { name } of routes) origins.set(name, await RawOrigin.start(name));
  const postern = await startPostern({
    // Without the Worker that Miniflare puts before it, which answers `*` with a 500 of its own.
    direct: true,
    vars: {
      // Longer than a run takes.
      POSTERN_ACCESS_TOKEN_LIFETIME: 900,
      POSTERN_ROUTES: routes.map((route) => ({ ...route, upstream: origins.get(route.name)?.url })),
    },
  });
  const stop = async () => {
    await postern.dispose();
    for (const origin of origins.values()) await origin.stop();
  };
  const response = await postern.fetch("/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: ALICE, password: PASSWORD, delivery: "body" }),
  });
  if (response.status !== 200) {
    await stop();
    throw new Error(`the sign-in was answered ${response.status}: ${await response.text()}`);
  }
  const { access_token: accessToken } = (await response.json()) as { access_token: string };
  return { postern, origins, accessToken, stop };
}
