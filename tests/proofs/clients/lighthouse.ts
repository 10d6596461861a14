// Lighthouse's judgement of the pages for sign-in and consent: accessibility, all of it.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromiumPath } from "../../browser/chromium.ts";
import { FormBrowser } from "../../worker/support/form-browser.ts";
import { cookieHeader } from "../../worker/support/client.ts";
import { given } from "./client.ts";
import { check, equal, finished } from "./checks.ts";

const program = fileURLToPath(new URL("chromium/node_modules/lighthouse/cli/index.js", import.meta.url));
const flags = ["--headless=new", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])].join(" ");

interface Report {
  finalDisplayedUrl: string;
  categories: Record<string, { score: number | null }>;
  audits: Record<string, { title: string; score: number | null; scoreDisplayMode: string }>;
}

/** The score of a page, with what was found wrong. */
async function score(url: string, headers: Record<string, string>): Promise<[number, string[], string]> {
  const args = [url, "--quiet", "--output=json", "--output-path=stdout", "--only-categories=accessibility", `--chrome-flags=${flags}`, `--extra-headers=${JSON.stringify(headers)}`];
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { maxBuffer: 64 << 20, env: { ...process.env, CHROME_PATH: chromiumPath() } });
  const { categories, audits, finalDisplayedUrl } = JSON.parse(stdout) as Report;
  const wrong = Object.values(audits).filter(({ scoreDisplayMode, score }) => scoreDisplayMode === "binary" && score !== 1);
  return [Math.round((categories["accessibility"]?.score ?? 0) * 100), wrong.map(({ title }) => title), finalDisplayedUrl];
}

const home = new URL(given.issuer).origin;
const query = new URLSearchParams({
  client_id: given.open.client_id,
  redirect_uri: given.open.redirect_uri,
  response_type: "code",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
  prompt: "consent",
});

/** A browser that is signed in, as a header. */
async function signedIn(): Promise<string> {
  const browser = new FormBrowser({ url: home, fetch: (path: string, init?: RequestInit) => fetch(new URL(path, home), { redirect: "manual", ...init }) } as never);
  await browser.authorize(`${home}/oauth/authorize?${query}`);
  return cookieHeader(browser.cookies);
}

const cookie = await signedIn();
for (const language of ["en", "ar"]) {
  for (const [name, path, headers] of [
    ["sign-in", "/auth/sign-in", {}],
    ["sign-up", "/auth/sign-up", {}],
    ["forgotten password", "/auth/forgotten-password", {}],
    ["consent", "/oauth/authorize", { cookie }],
  ] as [string, string, Record<string, string>][]) {
    await check(`accessibility of ${name}, ${language}`, async () => {
      const asked = `${home}${path}?${new URLSearchParams({ ...(path === "/oauth/authorize" && Object.fromEntries(query)), ui_locales: language })}`;
      const [found, wrong, at] = await score(asked, headers);
      equal([found, wrong, new URL(at).pathname], [100, [], path]);
    });
  }
}
finished();
