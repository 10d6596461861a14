import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import type { Answers } from "../src/answers.ts";
import { filesFor } from "../src/files.ts";

const root = join(import.meta.dirname, "../../..");
const template = execFileSync(process.execPath, [join(root, "packages/postern/scripts/template.mjs"), join(root, "wrangler.toml")], { encoding: "utf8" });
const isSound = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(readFileSync(join(root, "packages/postern/schema/settings.schema.json"), "utf8")) as object);

const issuer = "https://auth.example.com";
const own = { kind: "own" } as const;
const other = { kind: "issuer", issuer: 'https://id.example.com/"realm"', audience: 'orders "api"' } as const;
const demo = { kind: "demo" } as const;
const url = { kind: "url", url: "http://127.0.0.1:3000" } as const;

function made(answers: Answers) {
  const files = filesFor("my-auth", answers, { template, masterKey: "K".repeat(43), postern: "^0.1.0" });
  const text = (name: string) => files.get(name) ?? "";
  // The types of smol-toml are those of any TOML.
  return { files, text, toml: parse(text("wrangler.toml")) as any, npm: JSON.parse(text("package.json")) as any };
}

describe("files", () => {
  test.each([
    [own, demo],
    [own, url],
    [other, demo],
    [other, url],
  ])("settings are by the schema (%o, %o)", (users, upstream) => {
    const { toml } = made({ issuer, users, upstream });
    isSound(toml.vars);
    expect(isSound.errors).toBeNull();
    expect(toml.name).toBe("my-auth");
    expect(toml.routes).toEqual([{ pattern: "auth.example.com", custom_domain: true }]);
    const ours = parse(template) as any;
    for (const list of ["kv_namespaces", "durable_objects", "migrations", "compatibility_date"]) expect(toml[list]).toEqual(ours[list]);
    expect(toml.d1_databases[0]).toMatchObject({ binding: "DB", migrations_dir: "node_modules/postern/dist/migrations" });
    expect(toml.build).toBeUndefined();
  });

  test("own users register, and the route asks for their scope", () => {
    const { vars } = made({ issuer, users: own, upstream: demo }).toml;
    expect(vars.POSTERN_REGISTRATION).toBe("open");
    expect(vars.POSTERN_ROUTES[1].scopes_all).toEqual(vars.POSTERN_DEFAULT_SCOPES);
    expect(vars.POSTERN_ISSUERS).toBeUndefined();
  });

  test("another issuer alone opens the route", () => {
    const { vars } = made({ issuer, users: other, upstream: demo }).toml;
    expect(vars.POSTERN_ISSUERS).toEqual([{ issuer: other.issuer, audiences: [other.audience], typ: "any" }]);
    expect(vars.POSTERN_ROUTES[1].issuers).toEqual([other.issuer]);
    expect(vars.POSTERN_REGISTRATION).toBeUndefined();
  });

  test("the demo is a Worker of its own, deployed first", () => {
    const { files, toml, text, npm } = made({ issuer, users: own, upstream: demo });
    expect(toml.services).toEqual([{ binding: "DEMO", service: "my-auth-demo" }]);
    expect((parse(text("demo/wrangler.toml")) as any).name).toBe("my-auth-demo");
    expect(npm.scripts.deploy).toMatch(/-c demo\/wrangler.toml && wrangler deploy$/);
    expect(files.has("demo/index.js")).toBe(true);
    const without = made({ issuer, users: own, upstream: url });
    expect(without.toml.services).toBeUndefined();
    expect([...without.files.keys()].some((name) => name.startsWith("demo"))).toBe(false);
    expect(without.npm.scripts.dev).not.toContain("demo");
  });

  test("an address at workers.dev is no custom domain", () => {
    expect(made({ issuer: "https://my-auth.acme.workers.dev", users: own, upstream: demo }).toml.routes).toBeUndefined();
  });

  test("the secret is in .dev.vars alone, which git ignores", () => {
    const { files, text } = made({ issuer, users: own, upstream: demo });
    const having = [...files].filter(([, text]) => text.includes("K".repeat(43))).map(([name]) => name);
    expect(having).toEqual([".dev.vars"]);
    expect(text(".gitignore").split("\n")).toContain(".dev.vars*");
    expect(text("wrangler.toml")).not.toMatch(/^POSTERN_(MASTER_KEY|PROFILE)/m);
  });

  test("the workflow and the page name only scripts that exist", () => {
    const { text, npm } = made({ issuer, users: own, upstream: demo });
    const named = [...`${text("README.md")}${text(".github/workflows/deploy.yml")}`.matchAll(/npm run ([a-z]+)/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(npm.scripts).toHaveProperty(name ?? "");
    expect(text(".github/workflows/deploy.yml")).toContain("${{ secrets.CLOUDFLARE_API_TOKEN }}");
  });
});
