// `postern token inspect --settings` against a real Worker of those settings: it answers what the gate answers, and names
// the setting that would change it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIn } from "../worker/support/client.ts";
import { ADMIN, ALICE, settings } from "../worker/support/config.ts";
import { Issuer, issuerKey } from "../worker/support/issuer.ts";
import { UrlOrigin } from "../worker/support/origin.ts";
import { shared } from "../worker/support/postern.ts";
import { postern as run } from "./program.ts";

interface Inspected {
  verdict: string;
  code: string | null;
  about: string | null;
  setting: string | null;
  keys: string | null;
  general: boolean | null;
  resources: string[] | null;
  request: { route: { name: string } | null; answer: { by: string; status?: number; code?: string } } | null;
}

const home = mkdtempSync(join(tmpdir(), "postern-inspect-"));
afterAll(() => rmSync(home, { recursive: true }));

/** A resource of the gate, whose clients are elsewhere: the host of a request is not compared. */
const MCP = "https://api.example.test/x/mcp";

let theirs: Issuer;
let stranger: Issuer;
let origin: UrlOrigin;
let vars: Record<string, unknown>;
const worker = shared(async () => {
  const key = await issuerKey("ES256", "theirs-1");
  [theirs, stranger] = await Promise.all([Issuer.start([key, await issuerKey("RS256", "theirs-2")]), Issuer.start([key])]);
  origin = await UrlOrigin.start();
  const upstream = origin.url;
  vars = settings({ POSTERN_PROFILE: "local", POSTERN_ISSUERS: [{ ...theirs.setting(), algorithms: ["ES256"] }] }, [
    { name: "x-any", path: "/x/any", upstream },
    { name: "x-role", path: "/x/role", roles_any: ["admin"], upstream },
    { name: "x-public", path: "/x/public", access: "public", upstream },
    { name: "x-mcp", path: "/x/mcp", resource: MCP, issuers: [theirs.iss], upstream },
  ]);
  return { vars };
});
let file: string;
beforeAll(() => {
  void worker();
  file = join(home, "wrangler.local.toml");
  writeFileSync(file, stringify({ name: "postern", vars }));
});
afterAll(async () => {
  await Promise.all([theirs.stop(), stranger.stop(), origin.stop()]);
});

/** What the program says of a token, for a request as well. */
async function inspect(token: string, path: string, ...more: string[]): Promise<Inspected & { exit: number | null; text: string }> {
  const args = ["token", "inspect", "--settings", file, "--request", "GET", `${worker().url}${path}`, ...more];
  const surroundings = { env: { POSTERN_URL: worker().url }, input: token };
  const [ended, text] = [await run(["--json", ...args], surroundings), await run(args, surroundings)];
  expect(ended.err).toBe("");
  expect(ended.out + text.out).not.toContain(token.split(".")[2] ?? "no signature");
  return { ...(JSON.parse(ended.out) as Inspected), exit: ended.code, text: text.out };
}

const now = () => Math.floor(Date.now() / 1000);

describe("it answers as the gate, and names the setting", () => {
  const CASES: [string, () => Promise<string>, string, Partial<Inspected>][] = [
    ["a sound one of another issuer", () => theirs.token("theirs-1"), "/x/any", { verdict: "accepted", code: null, setting: null }],
    ["another audience", () => theirs.token("theirs-1", { aud: "https://other.example" }), "/x/any", { code: "wrong_audience", about: "claim aud", setting: "POSTERN_ISSUERS[0].audiences" }],
    ["an algorithm that is not allowed", () => theirs.token("theirs-2"), "/x/any", { code: "alg_not_allowed", about: "header member alg", setting: "POSTERN_ISSUERS[0].algorithms" }],
    ["an issuer that is not trusted", () => stranger.token("theirs-1"), "/x/any", { code: "untrusted_issuer", setting: "POSTERN_ISSUERS" }],
    ["an expired one", () => theirs.token("theirs-1", { iat: now() - 7200, exp: now() - 3600 }), "/x/any", { code: "expired", setting: null }],
    ["no subject", () => theirs.token("theirs-1", { sub: undefined as unknown as string }), "/x/any", { code: "missing_claim", about: "claim sub" }],
    ["a signature of nobody", async () => (await theirs.token("theirs-1")).replace(/\.[^.]{4}([^.]*)$/, ".AAAA$1"), "/x/any", { code: "bad_signature", setting: null }],
    ["one of ours", async () => (await signIn(worker(), { login: ALICE })).access_token, "/x/any", { verdict: "accepted" }],
    ["one of ours without the role", async () => (await signIn(worker(), { login: ALICE })).access_token, "/x/role", { verdict: "accepted", setting: "POSTERN_ROUTES[1].roles_any" }],
    ["one of ours with it", async () => (await signIn(worker(), { login: ADMIN })).access_token, "/x/role", { verdict: "accepted", setting: null }],
    ["rubbish on a route that looks at none", async () => "a.b", "/x/public", { verdict: "refused", code: "not_three_parts" }],
    ["one for a resource", () => theirs.token("theirs-1", { aud: MCP }), "/x/mcp", { verdict: "accepted", setting: null, general: false, resources: [MCP] }],
    ["one for a resource elsewhere", () => theirs.token("theirs-1", { aud: MCP }), "/x/any", { verdict: "accepted", setting: "POSTERN_ROUTES[0].resource", general: false }],
    ["one for no resource", () => theirs.token("theirs-1"), "/x/mcp", { verdict: "accepted", setting: "POSTERN_ROUTES[3].resource", general: true, resources: [] }],
    ["rubbish", async () => "a.b", "/x/any", { verdict: "refused", code: "not_three_parts" }],
  ];
  test.for(CASES)("%s", async ([, make, path, expected]) => {
    const token = await make();
    const told = await inspect(token, path);
    expect(told).toMatchObject(expected);
    const answered = await worker().fetch(path, { headers: { authorization: `Bearer ${token}` } });
    const status = told.request?.answer.by === "upstream" ? 200 : told.request?.answer.status;
    expect(status).toBe(answered.status);
    expect(told.exit).toBe(expected.verdict === "accepted" && answered.status === 200 ? 0 : 1);
    if (expected.setting) expect(told.text).toContain(`${expected.setting} would change the answer`);
  });
});

test("keys come from the settings' place or from a file", async () => {
  const token = await theirs.token("theirs-1");
  expect((await inspect(token, "/x/any")).keys).toBe(theirs.jwksUri);
  const keys = join(home, "jwks.json");
  writeFileSync(keys, '{"keys":[]}');
  expect(await inspect(token, "/x/any", "--jwks", keys)).toMatchObject({ keys, code: "unknown_key" });
});

test("without settings a sound token is called sound and no more", async () => {
  const { access_token } = await signIn(worker());
  const ended = await run(["token", "inspect"], { env: { POSTERN_URL: worker().url }, input: access_token });
  expect(ended.code).toBe(0);
  expect(ended.out).toMatch(/^sound: .*--settings FILE/);
  expect(ended.out).not.toContain("accepted");
});

test("settings with mistakes judge nothing, and are named", async () => {
  const bad = join(home, "bad.toml");
  writeFileSync(bad, stringify({ vars: { ...vars, POSTERN_LEEWAY: "soon" } }));
  const ended = await run(["token", "inspect", "--settings", bad], { input: "a.b.c" });
  expect(ended).toMatchObject({ code: 1, out: "" });
  expect(ended.err).toContain("POSTERN_LEEWAY");
});
