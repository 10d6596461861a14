// Settings files of one's own: made once, looked at before anything starts, and every mistake with the line to edit.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { afterAll, beforeEach, describe, expect, test } from "vitest";

const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
const all = mkdtempSync(join(tmpdir(), "postern-settings-"));
afterAll(() => rmSync(all, { recursive: true }));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(all, "clone-"));
});
const LOCAL = "wrangler.local.toml";
const PRODUCTION = "wrangler.production.toml";
const read = (name: string) => readFileSync(join(home, name), "utf8");
const write = (name: string, text: string) => writeFileSync(join(home, name), text);

function run(name: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script(name), ...args], { cwd: home, encoding: "utf8" });
  return { status, out: stdout, err: stderr };
}

/** The last line counts the mistakes; those before it are them. */
function mistakes(...args: string[]): string[] {
  const { status, err } = run("check-settings.mjs", ...args);
  const lines = err.trim().split("\n").slice(0, -1);
  expect(status, err).toBe(lines.length === 0 ? 0 : 1);
  return lines;
}

describe("a local file", () => {
  test("is made whole, and anew until somebody has edited it", () => {
    expect(run("settings.mjs", "local").status).toBe(0);
    const made = read(LOCAL);
    expect(parse(made)).toMatchObject({ name: "postern", vars: { POSTERN_PROFILE: "local" }, services: [{ binding: "ORIGIN" }] });
    // As an older version would have made it: of another text, whose sum it names.
    const { createHash } = process.getBuiltinModule("node:crypto");
    const older = 'name = "older"\n';
    write(LOCAL, `# a\n# b (${createHash("sha256").update(older).digest("hex").slice(0, 16)})\n${older}`);
    run("settings.mjs", "local");
    expect(read(LOCAL)).toBe(made);
    write(LOCAL, `${made}# mine\n`);
    run("settings.mjs", "local");
    expect(read(LOCAL)).toBe(`${made}# mine\n`);
  });

  // And with its file.
  test("is checked with .dev.vars, each mistake with its line", () => {
    run("settings.mjs", "local");
    write(".dev.vars", "POSTERN_LEEWAY=soon\n");
    expect(mistakes(LOCAL, "--local", "--quick")).toEqual([]);
    const bad = read(LOCAL).replace("[vars]\n", '[vars]\nPOSTERN_ISUER = "x"\nPOSTERN_LIMITS = "off"\n').replace('path = "/echo"', 'path = "echo"');
    write(LOCAL, bad);
    const line = (text: string) => bad.split("\n").findIndex((one) => one.includes(text)) + 1;
    expect(mistakes(LOCAL, "--local")).toEqual([
      `${LOCAL}:${line("POSTERN_ISUER")}: POSTERN_ISUER: is not a variable of Postern; did you mean POSTERN_ISSUER?`,
      ".dev.vars: POSTERN_LEEWAY: must be a whole number of seconds from 0 to 120; it is a string",
      expect.stringMatching(new RegExp(`^${LOCAL}:\\d+: POSTERN_ROUTES\\[\\d+\\]\\.path: must begin with a slash$`)),
    ]);
  });

  // Its line, which may hold a secret, is not shown.
  test("with mistaken TOML ends at once", () => {
    write(LOCAL, 'name = "postern"\nPOSTERN_METRICS_TOKEN = "secret\n');
    const [told, ...more] = mistakes(LOCAL, "--local", "--quick");
    expect(more).toEqual([]);
    expect(told).toMatch(new RegExp(`^${LOCAL}:2:\\d+: `));
    expect(told).not.toContain("secret");
  });

  test("that lacks what an upgrade brought is told what to copy", () => {
    run("settings.mjs", "local");
    write(LOCAL, `${read(LOCAL).replace('name = "THROTTLE"', 'name = "OTHER"').replace(', "Throttle"]', "]")}`);
    expect(mistakes(LOCAL, "--local", "--quick")).toEqual([
      expect.stringContaining("durable_objects.bindings: lacks THROTTLE"),
      expect.stringContaining("migrations: lacks Throttle"),
    ]);
  });
});

describe("a deployment's file", () => {
  test("is made once, and refused until it is fit to be deployed", () => {
    expect(run("settings.mjs", "production", "http://auth.example.com").status).toBe(1);
    expect(run("settings.mjs", "production", "https://auth.example.com").status).toBe(0);
    expect(run("settings.mjs", "production", "https://auth.example.com")).toMatchObject({ status: 1, err: expect.stringContaining("already exists") });
    expect(mistakes(PRODUCTION)).toEqual([expect.stringContaining("kv_namespaces.id"), expect.stringContaining("d1_databases.database_id")]);
    const fit = read(PRODUCTION).replaceAll(/id = "[0-]+"/g, 'id = "c0ffee"');
    write(PRODUCTION, fit);
    expect(mistakes(PRODUCTION)).toEqual([]);
    const route = (index: number) => `[[vars.POSTERN_ROUTES]]\npath = "/api${index}/{*rest}"\nupstream = "https://origin.example.com"\n`;
    write(PRODUCTION, `${fit.replace("[vars]\n", '[vars]\nPOSTERN_PROFILE = "local"\nPOSTERN_MASTER_KEY = "secret"\n')}${Array.from({ length: 100 }, (_, index) => route(index)).join("")}`);
    expect(mistakes(PRODUCTION).map((one) => /: (POSTERN_\w+): /.exec(one)?.[1])).toEqual(["POSTERN_ROUTES", "POSTERN_PROFILE", "POSTERN_MASTER_KEY", "POSTERN_MASTER_KEY"]);
    expect(mistakes(PRODUCTION).join()).not.toContain("secret\"");
  });

  test("is not wrangler.toml, which is everybody's", () => {
    expect(mistakes(fileURLToPath(new URL("../../wrangler.toml", import.meta.url)))).toEqual([expect.stringContaining("wrangler.production.toml")]);
  });
});

// In one line.
test("a busy port is reported first, with a free one", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const tried = (text: string) => spawnSync(script("port.sh"), [text], { encoding: "utf8" });
  expect(tried(String(port))).toMatchObject({ status: 1, stderr: expect.stringMatching(new RegExp(`^postern: port ${port} is in use.*make dev PORT=\\d+\\n$`)) });
  for (const no of ["0", "65536", "http", "-1", ""]) expect(tried(no).status, no).toBe(1);
  server.close();
  await once(server, "close");
  expect(tried(String(port)).status).toBe(0);
});
