// A browser, Postern behind real names with TLS, and the sites around it.
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { chromium, type Browser, type BrowserContext, type LaunchOptions, type Page } from "playwright-core";
import { readFileSync } from "node:fs";
import { ALICE, PASSWORD, settings, type RouteSetting } from "../worker/support/config.ts";
import { expectNoSecrets, start, type Running } from "../worker/support/postern.ts";
import type { PosternOptions } from "../worker/harness.ts";
import { chromiumPath } from "./chromium.ts";
import { certificateFor, Wire, type Page as SitePage, type Seen } from "./wire.ts";

/** Postern: sign-in, and the gate in front of the API. */
export const AUTH = "https://auth.acme.test";
/** The app of the same company, on a host of its own: another origin, the same site. Listed. */
export const APP = "https://app.acme.test";
/** Another host of the same company, not listed: say, a blog that was broken into. */
export const SIBLING = "https://blog.acme.test";
/** An app that is listed, and on another site. */
export const PARTNER = "https://partner.test";
/** Anybody. */
export const EVIL = "https://evil.test";
const NAMES = [AUTH, APP, SIBLING, PARTNER, EVIL].map((origin) => new URL(origin).host);

export async function launch(args: string[] = [], options: LaunchOptions = {}): Promise<Browser> {
  // As root, which only throw-away machines run tests as, Chromium refuses its sandbox.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: chromiumPath(), args: [...sandbox, ...args], ...options });
}

/** A file of examples/spa. */
export function example(name: string): string {
  return readFileSync(new URL(`../../examples/spa/${name}`, import.meta.url), "utf8");
}

/** The example as a site of its own, with Postern elsewhere; any other path is an empty page. */
export function spaSite(auth: string): (request: Seen) => SitePage {
  const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src ${auth}; require-trusted-types-for 'script'`;
  const file = (name: string, type: string): SitePage => ({ body: example(name), headers: { "content-type": type } });
  return ({ path }) => {
    switch (path) {
      case "/app/":
        return { body: example("index.html").replace('data-postern=""', `data-postern="${auth}"`), headers: { "content-security-policy": policy } };
      case "/app/page.js":
      case "/app/client.js":
        return file(path.slice("/app/".length), "text/javascript");
      case "/app/style.css":
        return file("style.css", "text/css");
      default:
        return {};
    }
  };
}

export interface Scene {
  postern: Running;
  wire: Wire;
  browser: Browser;
  /** A browser profile of its own: no cookies, no cache. Closed at the end of the test. */
  profile(): Promise<BrowserContext>;
}

/** One for the whole file. Each test has fresh profiles and an empty record. */
export function scene(options: () => PosternOptions = () => ({ vars: webSettings() }), launching: [string[]?, LaunchOptions?] = []): () => Scene {
  let made: Scene | undefined;
  let open: BrowserContext[] = [];
  beforeAll(async () => {
    const certificate = certificateFor(NAMES);
    const postern = await start({ tls: certificate, ...options() });
    const empty = () => ({});
    const sites = { "app.acme.test": spaSite(AUTH), "partner.test": spaSite(AUTH), "blog.acme.test": empty, "evil.test": empty };
    const wire = await Wire.start(certificate, postern.url, sites);
    const rules = NAMES.map((name) => `MAP ${name}:443 127.0.0.1:${wire.port}`).join(", ");
    const browser = await launch([`--host-resolver-rules=${rules}`, `--ignore-certificate-errors-spki-list=${certificate.pin}`, ...(launching[0] ?? [])], launching[1]);
    const profile = async () => {
      const context = await browser.newContext();
      open.push(context);
      return context;
    };
    made = { postern, wire, browser, profile };
  });
  afterEach(async () => {
    await Promise.all(open.map((context) => context.close()));
    open = [];
    if (!made) return;
    made.wire.seen.length = 0;
    made.wire.fate = () => undefined;
    made.wire.held = () => undefined;
  });
  afterAll(async () => {
    await made?.browser.close();
    await made?.wire.stop();
    await made?.postern.dispose();
    if (made) expectNoSecrets(made.postern);
  });
  return () => {
    if (!made) throw new Error("the scene is there from beforeAll on");
    return made;
  };
}

/** The demo's routes with CORS for the app's own host, and settings as a deployment on these names has them. */
export function webSettings(vars: Record<string, unknown> = {}, routes: readonly RouteSetting[] = []): Record<string, unknown> {
  const set = settings({ POSTERN_ISSUER: AUTH, POSTERN_CORS_ORIGINS: [APP, PARTNER], ...vars }, routes);
  const cors = { origins: [APP, PARTNER], allow_headers: ["authorization", "content-type"] };
  const demo = set["POSTERN_ROUTES"] as RouteSetting[];
  return { ...set, POSTERN_ROUTES: demo.map((route) => (route.path === "/api/orders" ? { cors, ...route } : route)) };
}

/** What a page got for a fetch: its status and what it could read. */
export interface Got {
  type?: ResponseType;
  status?: number;
  headers?: Record<string, string>;
  text?: string;
  /** The page got nothing but this: a network error, as far as it can tell. */
  error?: string;
}

/** A fetch by the page itself, with the browser's own rules. */
export function fetchFrom(page: Page, url: string, init: RequestInit = {}): Promise<Got> {
  return page.evaluate(
    async ([url, init]) => {
      try {
        const answer = await fetch(url as string, init as RequestInit);
        return { type: answer.type, status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
      } catch (error) {
        return { error: String(error) };
      }
    },
    [url, init as object] as const,
  );
}

export interface PageTokens {
  access_token: string;
  csrf_token: string;
  session_id: string;
  expires_in: number;
}

const asJson = (body: unknown): RequestInit => ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** Signs in from this page; its browser keeps the cookies. */
export async function signInFrom(page: Page, auth = AUTH, login = ALICE): Promise<PageTokens> {
  const got = await fetchFrom(page, `${auth}/auth/login`, { ...asJson({ login, password: PASSWORD }), credentials: "include" });
  expect(got, JSON.stringify(got)).toMatchObject({ status: 200 });
  return JSON.parse(got.text ?? "") as PageTokens;
}

/** A page of Postern's own host, signed in: the victim of the attacks. */
export async function victim(context: BrowserContext): Promise<{ page: Page; tokens: PageTokens }> {
  const page = await context.newPage();
  await page.goto(`${AUTH}/app/`);
  return { page, tokens: await signInFrom(page) };
}

/** Whether the session still refreshes, asked from a page of ours. */
export async function refreshFrom(page: Page, csrf: string, auth = AUTH): Promise<Got> {
  return fetchFrom(page, `${auth}/auth/refresh`, { method: "POST", headers: { "x-csrf-token": csrf }, credentials: "include" });
}

/** Fills the example's form in. */
export async function enter(page: Page, login: string): Promise<void> {
  await page.fill("[name=login]", login);
  await page.fill("[name=password]", PASSWORD);
  await page.click("#sign-in button");
}

/** Signs in as a user of the example does. */
export async function signInByForm(page: Page, url: string, login = ALICE): Promise<void> {
  await page.goto(url);
  await enter(page, login);
  await page.waitForSelector("#orders li");
}
