// `postern routes` against a real Worker: what it explains is what the gate does.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIn } from "../worker/support/client.ts";
import { ADMIN, settings } from "../worker/support/config.ts";
import { Issuer, issuerKey } from "../worker/support/issuer.ts";
import type { JsonObject } from "../worker/support/jwt.ts";
import { rawRequest, UrlOrigin } from "../worker/support/origin.ts";
import { shared, start } from "../worker/support/postern.ts";
import { answer, postern as run } from "./program.ts";

type Header = [string, string];

const home = mkdtempSync(join(tmpdir(), "postern-routes-"));
afterAll(() => rmSync(home, { recursive: true }));
const file = (name: string, content: unknown) => {
  const path = join(home, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

const APP = "https://app.example";

interface Explained {
  path: string | null;
  route: { index: number; name: string; asks: { member: string; met: boolean | null }[] } | null;
  passed_over: { index: number; route: string; why: string }[];
  answer: { by: "postern" | "upstream" | "gate"; status?: number; code?: string; why?: string; www_authenticate?: string | null; preflight?: boolean; permitted?: boolean };
}

interface Checked {
  sound: boolean;
  routes: number | null;
  mistakes: { path: string; problem: string }[];
  warnings: { path: string; code: string }[];
}

let theirs: Issuer;
let origin: UrlOrigin;
let vars: Record<string, unknown>;
const worker = shared(async () => {
  theirs = await Issuer.start([await issuerKey("ES256", "theirs-1")]);
  origin = await UrlOrigin.start();
  const to = { upstream: origin.url };
  vars = settings({ POSTERN_PROFILE: "local", POSTERN_ISSUERS: [theirs.setting({ roles_claim: "realm.roles" })], POSTERN_COOKIE: { access: true } }, [
    { ...to, name: "x-public", path: "/x/public", methods: ["GET"], access: "public" },
    { ...to, name: "x-write", path: "/x/public", methods: ["PUT"], scopes_all: ["write:orders"] },
    { ...to, name: "x-optional", path: "/x/optional", access: "optional" },
    { ...to, name: "x-tenant", path: "/x/t/{tenant}/docs", attributes: [{ claim: "tenant_id", equals: "{tenant}" }] },
    { ...to, name: "x-tenants", path: "/x/m/{tenant}", attributes: [{ claim: "tenants", contains: "{tenant}" }] },
    { ...to, name: "x-method", path: "/x/method", attributes: [{ claim: "may", contains: "{method}" }] },
    { ...to, name: "x-role", path: "/x/role", roles_any: ["editor"], issuers: [theirs.iss] },
    { ...to, name: "x-own", path: "/x/own", issuers: ["http://localhost:8787"] },
    { ...to, name: "x-any", path: "/x/any", scopes_any: ["a", "b"] },
    { ...to, name: "x-strong", path: "/x/acr", acr: ["gold"], amr: ["otp"] },
    { ...to, name: "x-fresh", path: "/x/fresh", max_token_age: 60 },
    { ...to, name: "x-host", host: "*.apps.example", path: "/x/{*rest}" },
    { ...to, name: "x-rest", path: "/x/files/{*rest}", methods: ["GET"], strip_prefix: "/x" },
    { ...to, name: "x-cors", path: "/x/cors", cors: { origins: [APP] } },
    { ...to, name: "x-cookie", path: "/x/cookie", token_sources: ["cookie"], cors: { origins: [APP], credentials: true } },
  ]);
  return { vars };
});
let settingsFile: string;
beforeAll(() => {
  void worker();
  settingsFile = file("wrangler.toml", stringify({ name: "postern", vars }));
});
afterAll(async () => {
  await theirs.stop();
  await origin.stop();
});

const CASES: [string, JsonObject | undefined][] = [
  ["GET /x/public", undefined],
  ["HEAD /x/public", undefined],
  ["PUT /x/public", undefined],
  ["PUT /x/public", {}],
  ["PUT /x/public", { scope: "write:orders" }],
  ["DELETE /x/public", { scope: "write:orders" }],
  ["GET /x/optional", undefined],
  ["GET /x/optional", {}],
  ["GET /x/optional", { aud: "https://another.example" }],
  ["GET /x/t/acme/docs", { tenant_id: "acme" }],
  ["GET /x/t/%61cme/docs", { tenant_id: "acme" }],
  ["GET /x/t/ACME/docs", { tenant_id: "acme" }],
  ["GET /x/t/acme/docs", {}],
  ["GET /x/t/acme/docs", { tenant_id: "acme " }],
  ["GET /x/t/acme/docs", { tenant_id: ["acme"] }],
  ["GET /x/t//docs", { tenant_id: "" }],
  ["GET /x/t/a%2fcme/docs", { tenant_id: "a/cme" }],
  ["GET /x/m/acme", { tenants: ["other", "acme"] }],
  ["GET /x/m/acme", { tenants: "acme" }],
  ["GET /x/m/acme", { tenants: ["acmee", "ACME"] }],
  ["GET /x/m/7", { tenants: [7] }],
  ["GET /x/m/true", { tenants: [true, null, {}] }],
  ["GET /x/method", { may: ["GET"] }],
  ["POST /x/method", { may: ["GET"] }],
  ["POST /x/method", { may: ["post"] }],
  ["GET /x/role", { realm: { roles: ["editor"] } }],
  ["GET /x/role", { roles: ["editor"] }],
  ["GET /x/own", {}],
  ["GET /x/any", { scope: "b" }],
  ["GET /x/any", { scope: "c" }],
  ["GET /x/acr", { acr: "gold", amr: ["pwd", "otp"] }],
  ["GET /x/acr", { acr: "gold", amr: ["pwd"] }],
  ["GET /x/acr", {}],
  ["GET /x/fresh", {}],
  ["GET /x/fresh", { iat: Math.floor(Date.now() / 1000) - 120 }],
  ["GET /x/fresh", { exp: Math.floor(Date.now() / 1000) - 120, iat: Math.floor(Date.now() / 1000) - 240 }],
  ["GET /x/fresh", { cnf: { jkt: "x" } }],
  ["GET /x/nothing", {}],
  ["POST /x/files/a", {}],
  ["GET /x/files/", {}],
  ["GET /X/public", undefined],
  ["GET /x/%2e%2e/public", undefined],
  ["GET /x/public;a", undefined],
  ["GET /healthz", undefined],
  ["GET /%68ealthz", undefined],
];

describe("explain", () => {
  test("says of every case what the running gate does with it", async () => {
    for (const [request, claims] of CASES) {
      const what = `${request} ${JSON.stringify(claims)}`;
      const [method, path] = request.split(" ") as [string, string];
      const token = claims && (await theirs.token("theirs-1", claims));
      const args = ["routes", "explain", method, worker().url + path, "--settings", settingsFile];
      const explained = await answer<Explained>(token ? [...args, "--token-file", "-"] : args, { input: token ?? "" });
      const before = origin.requests;
      const response = await rawRequest(worker().url, method, path, token ? [["authorization", `Bearer ${token}`]] : []);
      expect(origin.requests - before, what).toBe(explained.answer.by === "upstream" ? 1 : 0);
      if (explained.answer.by === "gate") {
        expect(response.status, what).toBe(explained.answer.status);
        expect((JSON.parse(response.body) as { code: string }).code, what).toBe(explained.answer.code);
        expect(response.headers["www-authenticate"] ?? null, what).toBe(explained.answer.www_authenticate);
        expect(explained.answer.why, what).not.toBe("");
      } else {
        expect(response.status, what).toBe(200);
      }
    }
  }, 120_000);

  // As the gate answers them.
  test("explains cookies, other origins and preflights", async () => {
    const own = (await signIn(worker())).access_token;
    const other = await theirs.token("theirs-1");
    const app: Header = ["origin", APP];
    const evil: Header = ["origin", "https://evil.example"];
    const wanted: Header = ["access-control-request-method", "PUT"];
    const cases: [string, Header[], string | undefined, "cookie" | "authorization"][] = [
      ["GET /x/cookie", [], own, "cookie"],
      ["GET /x/cookie", [], own, "authorization"],
      ["GET /x/cookie", [], other, "cookie"],
      ["GET /x/cors", [], own, "cookie"],
      ["GET /x/cors", [evil], own, "authorization"],
      ["POST /x/cookie", [], own, "cookie"],
      ["POST /x/cookie", [app], own, "cookie"],
      ["POST /x/cookie", [evil, ["x-csrf-token", "x"]], own, "cookie"],
      ["POST /x/cookie", [["sec-fetch-site", "cross-site"], ["x-csrf-token", "x"]], own, "cookie"],
      ["OPTIONS /x/cors", [app, wanted], undefined, "cookie"],
      ["OPTIONS /x/cors", [evil, wanted], undefined, "cookie"],
      ["OPTIONS /x/cors", [app], undefined, "cookie"],
      ["OPTIONS /x/own", [app, wanted], undefined, "cookie"],
    ];
    for (const [request, headers, token, place] of cases) {
      const what = JSON.stringify([request, headers, place, token === own]);
      const [method, path] = request.split(" ") as [string, string];
      const args = ["routes", "explain", method, worker().url + path, "--settings", settingsFile];
      for (const [name, value] of headers) args.push("--header", `${name}: ${value}`);
      if (place === "cookie" && token) args.push("--cookie");
      if (token) args.push("--token-file", "-");
      const explained = await answer<Explained>(args, { input: token ?? "" });
      const sent: Header[] = token ? [[place, place === "cookie" ? `__Host-postern_access=${token}` : `Bearer ${token}`]] : [];
      const before = origin.requests;
      const response = await rawRequest(worker().url, method, path, [...headers, ...sent]);
      expect(origin.requests - before, what).toBe(explained.answer.by === "upstream" ? 1 : 0);
      expect(response.status, what).toBe(explained.answer.status ?? 200);
      if (explained.answer.preflight) expect(response.headers["access-control-allow-methods"] !== undefined, what).toBe(explained.answer.permitted);
      else if (explained.answer.by === "gate") expect((JSON.parse(response.body) as { code: string }).code, what).toBe(explained.answer.code);
    }
    const refused = await run(["routes", "explain", "GET", `${worker().url}/x/own`, "--settings", settingsFile, "--header", `authorization: Bearer ${own}`]);
    expect(refused.code).toBe(2);
  }, 120_000);

  // They are compared with each rule.
  test("claims in a file need no registered claims", async () => {
    const claims = file("claims.json", { iss: theirs.iss, tenant_id: "acme" });
    const args = ["routes", "explain", "GET", "https://api.example/x/t/other/docs", "--settings", settingsFile, "--claims", claims];
    const explained = await answer<Explained>(args);
    expect(explained.route).toMatchObject({ name: "x-tenant", asks: [{ member: "attributes", met: false }] });
    expect(explained.answer).toMatchObject({ by: "gate", status: 403, code: "forbidden", why: "attribute_mismatch" });
    const text = await run(args);
    expect(text).toMatchObject({ code: 0, err: "" });
    expect(text.out).toContain("NOT MET  the claim tenant_id equals {tenant} of the path");
    expect(text.out).toContain("not      0 `x-public`: its path is /x/public");
  });

  test("a token is shown nowhere", async () => {
    const token = await theirs.token("theirs-1");
    const ended = await run(["routes", "explain", "GET", `${worker().url}/x/own`, "--settings", settingsFile, "--token-file", file("t", token)]);
    expect(ended.code).toBe(0);
    expect(ended.out).not.toContain(token.split(".")[1]);
  });
});

describe("check", () => {
  test("a sound table ends with 0, counted warnings with 1", async () => {
    const checked = await answer<Checked>(["routes", "check", "--settings", settingsFile]);
    expect(checked).toMatchObject({ sound: true, mistakes: [] });
    expect(checked.warnings.map(({ code }) => code)).toContain("any_issuer");
    expect((await run(["routes", "check", "--settings", settingsFile, "--strict"])).code).toBe(1);
  });

  test("all mistakes are listed by their path, and end with 1", async () => {
    const routes = file("routes.json", [{ path: "a" }, { path: "/b", service: "B", acess: "public" }]);
    const ended = await run(["--json", "routes", "check", "--routes", routes]);
    expect(ended.code).toBe(1);
    const { sound, mistakes } = JSON.parse(ended.out) as Checked;
    expect(sound).toBe(false);
    expect(mistakes.map(({ path }) => path)).toEqual(["POSTERN_ROUTES[0].path", "POSTERN_ROUTES[0].upstream", "POSTERN_ROUTES[1].acess"]);
  });

  // Unreachable routes are named.
  test("a document for KV needs its version", async () => {
    const table = [{ name: "all", path: "/{*all}", service: "A" }, { name: "never", path: "/a", access: "public", service: "A", methods: ["GET"] }];
    expect((await run(["routes", "check", "--routes", file("d.json", { routes: table })])).code).toBe(1);
    const checked = await answer<Checked>(["routes", "check", "--routes", file("d.json", { version: 1, routes: table })]);
    expect(checked.warnings).toEqual([expect.objectContaining({ path: "POSTERN_ROUTES[1]", route: "never", code: "unreachable" })]);
  });

  test("what cannot be read is said, with the code of a refusal", async () => {
    for (const args of [["--settings", join(home, "none.toml")], ["--routes", file("broken.json", "[")], ["--settings", settingsFile, "--env", "staging"]]) {
      const ended = await run(["routes", "check", ...args]);
      expect([ended.code, ended.out], args.join(" ")).toEqual([1, ""]);
    }
    expect((await run(["routes", "check", "--live", "--routes", "x"])).code).toBe(2);
  });

  // One in its variables cannot be had.
  test("the table in KV of a deployment is checked", async () => {
    const own = await start({ vars: settings({ POSTERN_ROUTES: { kv: "routes", refresh: 1 } }) });
    try {
      await own.kv.write("routes", JSON.stringify({ version: 3, routes: [{ path: "/a", service: "A" }, { path: "/a", service: "B" }] }));
      const { access_token } = await signIn(own, { login: ADMIN });
      const env = { POSTERN_URL: own.url, POSTERN_TOKEN: access_token };
      const checked = await answer<Checked>(["routes", "check", "--live"], { env });
      expect(checked).toMatchObject({ sound: true, routes: 2, warnings: [{ code: "unreachable" }] });
      const explained = await answer<Explained>(["routes", "explain", "GET", `${own.url}/b`, "--live"], { env });
      expect(explained.answer).toMatchObject({ status: 404, code: "no_route" });
    } finally {
      await own.dispose();
    }
    const { access_token } = await signIn(worker(), { login: ADMIN });
    const refused = await run(["routes", "check", "--live"], { env: { POSTERN_URL: worker().url, POSTERN_TOKEN: access_token } });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("--settings");
  });
});
