// @postern/client and @postern/react in Chromium with a real Postern: the redirect flow, duplicated tabs, no network, the
// memory of a long life, keys in IndexedDB, hydration. session.test.ts has races of tabs and users.
import { build } from "esbuild";
import { createRequire } from "node:module";
import type { BrowserContext, Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import type * as Client from "../../packages/client/src/index.ts";
import type { DpopKey as Key } from "../../packages/client/src/dpop.ts";
import { ALICE, PASSWORD } from "../worker/support/config.ts";
import { APP, AUTH, scene, webSettings } from "./scene.ts";

const LIFETIME = 8;
const CLIENTS = [
  { client_id: "first-party" },
  { client_id: "web", name: "Acme", redirect_uris: [`${APP}/callback`], scopes: ["read:orders", "write:orders"], first_party: true },
];
const on = scene(() => ({ vars: webSettings({ POSTERN_ACCESS_TOKEN_LIFETIME: LIFETIME, POSTERN_CLIENTS: CLIENTS, POSTERN_PAGES: { name: "Acme" }, POSTERN_LIMITS: "off" }) }));

// What the page has of the package once it is loaded.
declare const { OAuthSession, Session, memory }: typeof Client;
declare const DpopKey: typeof Key;
declare let oauth: Client.OAuthSession;
declare let session: Client.Session;

let context: BrowserContext;
let page: Page;
beforeEach(async () => {
  context = await on().profile();
  page = await context.newPage();
});

/** As text: what compiles these tests puts a function of its own in the place of `import()`. */
const load = (page: Page): Promise<unknown> => page.evaluate('import("/app/client.js").then((all) => void Object.assign(globalThis, all))');

/** A bundle of the packages as an app has it, at this address. */
async function serve(page: Page, url: string, code: string): Promise<void> {
  const resolveDir = new URL("../../packages", import.meta.url).pathname;
  const { outputFiles } = await build({ stdin: { contents: code, resolveDir, loader: "ts" }, bundle: true, write: false, format: "esm", target: "es2022", define: { "process.env.NODE_ENV": '"production"' }, alias: { "@postern/client": "./client/src/index.ts" } });
  await page.route(url, (route) => route.fulfill({ contentType: "text/javascript", body: outputFiles[0]!.text }));
}

describe("the redirect flow with Postern's pages", () => {
  /** The page of the app, with its OAuthSession. */
  async function app(page: Page, path?: string): Promise<void> {
    if (path) await page.goto(`${APP}${path}`);
    await load(page);
    await page.evaluate(([issuer]) => {
      const redirectUri = `${location.origin}/callback`;
      Object.assign(globalThis, { oauth: new OAuthSession({ issuer: issuer!, clientId: "web", redirectUri, scope: "read:orders", storage: sessionStorage }) });
    }, [AUTH]);
  }
  async function signIn(page: Page, options: Client.SignInOptions = {}): Promise<unknown> {
    await page.evaluate((options) => void oauth.signIn(options), options);
    await page.waitForURL(`${AUTH}/auth/sign-in?**`);
    await page.fill("#login", ALICE);
    await page.fill("#password", PASSWORD);
    await page.click("button[type=submit]");
    await page.waitForURL(`${APP}/callback?**`);
    await app(page);
    return page.evaluate(() => oauth.callback());
  }
  const orders = (page: Page): Promise<unknown> => page.evaluate(() => oauth.fetch("/api/orders").then(({ status }) => status, (error: Error) => error.name));

  test("a user comes back to where they were, signed in", async () => {
    await app(page, "/books/7");
    expect(await signIn(page, { returnTo: "/books/7" })).toBe("/books/7");
    // Neither the address nor the history has the code.
    expect(page.url()).toBe(`${APP}/callback`);
    expect(await page.evaluate(() => oauth.state)).toMatchObject({ status: "signed-in", offline: false });
    expect(await orders(page)).toBe(200);
  });

  test("a reload, an expiry, and a sign-out", async () => {
    await app(page, "/");
    await signIn(page);
    const { sessionId } = await page.evaluate(() => oauth.state);
    await app(page, "/");
    expect(await page.evaluate(() => oauth.start())).toMatchObject({ status: "signed-in", sessionId });
    on().wire.seen.length = 0;
    await expect.poll(() => on().wire.to("/oauth/token", "POST").length, { timeout: LIFETIME * 2000 }).toBeGreaterThanOrEqual(2);
    expect(await orders(page)).toBe(200);
    const token = await page.evaluate(() => sessionStorage.getItem(Object.keys(sessionStorage).find((key) => key.startsWith("postern https"))!));
    await page.evaluate(() => oauth.signOut());
    expect(await page.evaluate(() => oauth.start())).toMatchObject({ status: "signed-out" });
    // The server has ended the grant, too.
    const status = await page.evaluate(
      async ([url, text]) => (await fetch(url!, { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token", client_id: "web", refresh_token: JSON.parse(text!).token }) })).status,
      [`${AUTH}/oauth/token`, token],
    );
    expect(status).toBe(400);
  });

  test("a more recent sign-in is asked for with max_age", async () => {
    await app(page, "/");
    await signIn(page);
    const before = await page.evaluate(() => oauth.state.sessionId);
    // The pages ask again, although the browser is signed in.
    await signIn(page, { maxAge: 0 });
    expect(await page.evaluate(() => oauth.state.sessionId)).not.toBe(before);
    expect(await orders(page)).toBe(200);
  });

  // sessionStorage is copied into it, with the refresh token.
  test("a duplicated tab stays in the session", async () => {
    await app(page, "/");
    await signIn(page);
    const [copy] = await Promise.all([context.waitForEvent("page"), page.evaluate(() => void window.open("/copy"))]);
    await copy.waitForLoadState();
    await app(copy);
    expect(await copy.evaluate(() => oauth.start())).toMatchObject({ status: "signed-in" });
    for (let round = 0; round < 3; round += 1) {
      await page.waitForTimeout(LIFETIME * 400);
      expect([await orders(page), await orders(copy)]).toEqual([200, 200]);
    }
    expect(on().postern.logs.join("\n")).not.toContain("reuse_detected");
  });

  test("memory keeps nothing over a reload", async () => {
    await app(page, "/");
    await signIn(page);
    await page.goto(`${APP}/`);
    await load(page);
    const state = await page.evaluate(([issuer]) => new OAuthSession({ issuer: issuer!, clientId: "web", redirectUri: `${location.origin}/callback`, storage: memory() }).start(), [AUTH]);
    expect(state).toMatchObject({ status: "signed-out" });
  });
});

/** A page with a Session on Postern's own host. */
async function tab(page: Page): Promise<void> {
  await page.goto(`${AUTH}/public/ping`);
  await load(page);
  await page.evaluate(() => void Object.assign(globalThis, { session: new Session() }));
}
const signIn = (page: Page): Promise<void> => page.evaluate(([login, password]) => session.signIn({ login: login!, password: password! }), [ALICE, PASSWORD]);

test("without network the session goes on, and recovers by itself", async () => {
  await tab(page);
  await signIn(page);
  const { sessionId } = await page.evaluate(() => session.state);
  await context.setOffline(true);
  await expect.poll(() => page.evaluate(() => session.state.offline), { timeout: LIFETIME * 2000 }).toBe(true);
  await page.waitForTimeout(LIFETIME * 500);
  expect(await page.evaluate(() => session.fetch("/api/orders").then(({ status }) => status, (error: Error) => error.name))).toBe("Unreachable");
  expect(await page.evaluate(() => session.state)).toEqual({ status: "signed-in", sessionId, offline: true });
  await context.setOffline(false);
  await expect.poll(() => page.evaluate(() => session.state), { timeout: 5000 }).toEqual({ status: "signed-in", sessionId, offline: false });
});

test("account calls: sessions, activity, password", async () => {
  await tab(page);
  await signIn(page);
  const got = await page.evaluate(async () => {
    const [me, sessions, activity, grants] = await Promise.all([session.me(), session.sessions(), session.activity(), session.grants()]);
    await session.endOtherSessions();
    const wrong = await session.changePassword("not it", "correct horse battery staple 2").catch((error: Client.Refused) => error.code);
    const weak = await session.reset("no token", "short").catch((error: Client.Refused) => error.code);
    const unknown = await session.verify("no token").catch((error: Client.Refused) => error.code);
    await session.endSession("4hUv9NZpPo1Xg3Z2QXw0wg");
    return { login: me.login, current: sessions.filter((one) => one.current).length, kinds: activity.map(({ kind }) => kind), grants, wrong, weak, unknown };
  });
  expect(got).toMatchObject({ login: ALICE, current: 1, wrong: "wrong_password", unknown: "invalid_one_time_token" });
  expect(got.kinds).toContain("signed_in");
  expect(Array.isArray(got.grants)).toBe(true);
  expect(["invalid_password", "invalid_one_time_token"]).toContain(got.weak);
});

// Beside another tab, which hears of each.
test("a thousand refreshes leave no memory behind", { timeout: 240_000 }, async () => {
  await tab(page);
  await signIn(page);
  const other = await context.newPage();
  await tab(other);
  await page.evaluate(() => {
    const real = Date.now;
    Object.assign(globalThis, { shift: 0 });
    Date.now = () => real() + (globalThis as unknown as { shift: number }).shift;
  });
  const refresh = (times: number): Promise<void> =>
    page.evaluate(async (times) => {
      for (let round = 0; round < times; round += 1) {
        // To the page its token has expired.
        (globalThis as unknown as { shift: number }).shift += 60_000;
        await session.get();
      }
    }, times);
  const cdp = await context.newCDPSession(page);
  const used = async (): Promise<number> => {
    // What waits for a time-out is given up by then.
    await page.waitForTimeout(16_000);
    await cdp.send("HeapProfiler.collectGarbage");
    return ((await cdp.send("Runtime.getHeapUsage")) as { usedSize: number }).usedSize;
  };
  await refresh(50);
  const before = await used();
  on().wire.seen.length = 0;
  await refresh(1000);
  expect(on().wire.to("/auth/refresh", "POST").length).toBeGreaterThanOrEqual(1000);
  const grown = (await used()) - before;
  console.log(`heap after 1000 refreshes: ${grown} bytes more than ${before}`);
  expect(grown).toBeLessThan(200_000);
});

describe("a key in IndexedDB", () => {
  const open = async (page: Page): Promise<void> => {
    await serve(page, `${AUTH}/dpop.js`, 'export * from "./client/src/dpop.ts"');
    await page.goto(`${AUTH}/public/ping`);
    await page.evaluate('import("/dpop.js").then((all) => void Object.assign(globalThis, all))');
  };

  test("tabs that begin at once have the same, also after a reload", async () => {
    const other = await context.newPage();
    await open(page);
    await open(other);
    const made = await Promise.all([page, other].map((one) => one.evaluate(async () => (await DpopKey.inBrowser()).thumbprint)));
    expect(made[0]).toBe(made[1]);
    await open(page);
    expect(await page.evaluate(async () => (await DpopKey.inBrowser()).thumbprint)).toBe(made[0]);
  });

  // An injected script finds the key, but can take it nowhere.
  test("no script can read it", async () => {
    await open(page);
    const error = await page.evaluate(async () => {
      await DpopKey.inBrowser();
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open("postern dpop");
        request.onsuccess = () => resolve(request.result);
      });
      const pair = await new Promise<CryptoKeyPair>((resolve) => {
        const request = database.transaction("keys").objectStore("keys").get("postern dpop");
        request.onsuccess = () => resolve(request.result);
      });
      return crypto.subtle.exportKey("jwk", pair.privateKey).then(() => "exported", (thrown: Error) => thrown.name);
    });
    expect(error).toBe("InvalidAccessError");
  });

  test("it can be removed", async () => {
    await open(page);
    expect(await page.evaluate(async () => {
      const before = (await DpopKey.inBrowser()).thumbprint;
      await DpopKey.remove();
      return (await DpopKey.inBrowser()).thumbprint === before;
    })).toBe(false);
  });
});

describe("React", () => {
  /** What the server renders, and the same in the browser. */
  const APP_CODE = `
    import { createElement as h } from "react";
    import { PosternProvider, SignedIn, SignedOut, useSession } from "./react/src/index.ts";
    function Status() { return h("p", null, useSession().status); }
    export const page = (session, initial) => h(PosternProvider, { session, initial }, h(Status), h(SignedIn, null, h("b", null, "in")), h(SignedOut, null, h("i", null, "out")));
  `;

  async function rendered(initial?: object): Promise<string> {
    const resolveDir = new URL("../../packages", import.meta.url).pathname;
    const contents = `${APP_CODE} import { renderToString } from "react-dom/server"; import { Session } from "./client/src/index.ts"; export const html = renderToString(page(new Session(), ${JSON.stringify(initial)}));`;
    const { outputFiles } = await build({ stdin: { contents, resolveDir, loader: "ts" }, bundle: true, write: false, platform: "node", format: "cjs", alias: { "@postern/client": "./client/src/index.ts" } });
    const module = { exports: {} as { html: string } };
    new Function("module", "exports", "require", outputFiles[0]!.text)(module, module.exports, createRequire(import.meta.url));
    return module.exports.html;
  }

  /** Opens the page, and returns each text that it showed. */
  async function hydrated(page: Page, initial?: object): Promise<string[]> {
    const html = await rendered(initial);
    const code = `${APP_CODE} import { hydrateRoot } from "react-dom/client"; import { Session } from "./client/src/index.ts";
      const place = document.getElementById("root");
      globalThis.shown = [place.textContent];
      new MutationObserver(() => shown.push(place.textContent)).observe(place, { subtree: true, childList: true, characterData: true });
      globalThis.session = new Session();
      hydrateRoot(place, page(session, ${JSON.stringify(initial)}), { onRecoverableError: (error) => shown.push(String(error)) });`;
    await serve(page, `${AUTH}/app.js`, code);
    await page.route(`${AUTH}/page`, (route) => route.fulfill({ contentType: "text/html", body: `<!doctype html><div id="root">${html}</div><script type="module" src="/app.js"></script>` }));
    on().wire.seen.length = 0;
    await page.goto(`${AUTH}/page`);
    await page.waitForFunction(() => session.state.status !== "unknown");
    // A loop would show in this time.
    await page.waitForTimeout(1000);
    return page.evaluate(() => (globalThis as unknown as { shown: string[] }).shown);
  }
  const requests = (): string[] => on().wire.seen.map(({ path }) => path).filter((path) => path.startsWith("/auth/"));

  test("a page that the server rendered signed in does not flicker", async () => {
    await tab(page);
    await signIn(page);
    expect(await hydrated(page, { status: "signed-in" })).toEqual(["signed-inin"]);
    expect(requests()).toEqual(["/auth/csrf", "/auth/refresh"]);
  });

  test("a page that knows nothing changes once", async () => {
    expect(await hydrated(page)).toEqual(["unknown", "signed-outout"]);
    expect(requests()).toEqual(["/auth/csrf"]);
  });
});
