// `make proof NAME=origins`: every verifier judges the vectors, and stands as an origin behind a running Postern. Proxies are
// run with the examples, and judge the same cases on the real clock. Prints the tables of docs/reference/origins.md.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { SERVERS } from "../../../packages/origin/tests/servers.ts";
import { startPostern } from "../../worker/harness.ts";
import { ALICE, OWN_ISSUER, PASSWORD, settings } from "../../worker/support/config.ts";
import { startWorkerd } from "../../worker/support/workerd.ts";
import { freePort } from "../../worker/support/port.ts";
import { started, type Running } from "./processes.ts";
import { caddy, envoy, nginx, nginxAsking, type Place } from "./proxies.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const AUDIENCE = "https://orders.internal.example.com";
const ASSERTION = "X-Postern-Assertion";
const failures: string[] = [];

/** The folder of programs of a Python with the packages of requirements.txt, in the cache; it is made once. */
function python(): string {
  const file = here("requirements.txt");
  const cache = process.env["POSTERN_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postern");
  const folder = join(cache, "tools", `origins-${createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12)}`);
  const done = join(folder, "done");
  if (!existsSync(done)) {
    console.log(`postern: installing the Python packages of requirements.txt into ${folder} (once)`);
    const made = spawnSync("python3", ["-m", "venv", "--clear", folder], { stdio: "inherit" }).status === 0;
    const install = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", file];
    if (!made || spawnSync(join(folder, "bin/python3"), install, { stdio: "inherit" }).status !== 0) throw new Error("they were not installed: this needs Python 3.10 or newer with venv and pip");
    writeFileSync(done, "");
  }
  return join(folder, "bin");
}

function run(name: string, program: string, args: string[], env: Record<string, string>): void {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8", env: { ...process.env, ...env } });
  if (status === 0) return;
  failures.push(`${name} failed`);
  console.error(`${stdout}\n${stderr}`);
}

const bin = python();
const target = process.env["CARGO_TARGET_DIR"] ?? join(root, "target");
const pythonEnv = { PYTHONPATH: join(root, "packages/python/src"), PYTHONDONTWRITEBYTECODE: "1", PYTHONWARNINGS: "ignore" };

// The vectors: each verifier writes its verdicts, which must be those of the file, and so equal.
interface Case {
  name: string;
  kind: "assertion" | "access_token";
  values: string[];
  key_set: string;
  verdict: "valid" | "invalid";
  reason?: string;
}
const file = JSON.parse(readFileSync(join(root, "tests/vectors/origin.json"), "utf8")) as { cases: Case[]; signing_keys: Record<string, object> };
async function vectors(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "postern-verdicts-"));
  run("@postern/origin", "vitest", ["run", "--config", "packages/vitest.config.ts", "packages/origin/tests/vectors"], { ORIGIN_VERDICTS: join(folder, "typescript.json") });
  run("postern-origin (Python)", join(bin, "python3"), ["-m", "unittest", "discover", "--start-directory", "packages/python/tests"], { ...pythonEnv, ORIGIN_VERDICTS: folder });
  run("postern-origin (Rust)", "cargo", ["test", "--quiet", "--package", "postern-origin"], { ORIGIN_VERDICTS: folder });
  console.log("| verifier | cases | as the file says | as the gate, with the same reason |\n|---|---|---|---|");
  const verdictsOf = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Record<string, string>;
  const gate = verdictsOf("gate");
  for (const [name, title] of [["gate", "the gate's own code"], ["typescript", "`@postern/origin`"], ["python", "`postern-origin` (Python)"], ["rust", "`postern-origin` (Rust)"]] as const) {
    const verdicts = verdictsOf(name);
    const right = file.cases.filter((one) => (verdicts[one.name] === "valid") === (one.verdict === "valid")).length;
    const same = file.cases.filter((one) => verdicts[one.name] === gate[one.name]).length;
    console.log(`| ${title} | ${file.cases.length} | ${right} | ${same} |`);
    if (right !== file.cases.length) failures.push(`${name} judges ${file.cases.length - right} cases otherwise than the file`);
  }
  rmSync(folder, { recursive: true });
}

// A running Postern, and an origin behind it for each verifier.
async function ask(url: string, headers: string[], method = "GET"): Promise<{ status: number; body: string }> {
  const sent = httpRequest(url, { method, agent: false, headers: ["Host", new URL(url).host, "Accept-Encoding", "identity", ...headers] as never }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return { status: answer.statusCode ?? 0, body };
}

// What stands behind a proxy: it believes the proxy's headers.
const api = createServer(({ headers, url }, answer) => {
  const told = (name: string) => decodeURIComponent(String(headers[`x-caller-${name}`] ?? ""));
  answer.end(url === "/healthz" ? `ok ${told("subject")}`.trim() : `${told("issuer")} ${told("subject")}`);
}).listen(0, "127.0.0.1");
await once(api, "listening");
const apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;

async function behindPostern(): Promise<void> {
  const posternPort = await freePort();
  const place: Place = { issuer: OWN_ISSUER, audience: AUDIENCE, keys: `http://127.0.0.1:${posternPort}/.well-known/jwks.json`, api: apiUrl };
  const given = { ISSUER: place.issuer, AUDIENCE, KEYS: place.keys };
  const expected = { issuer: place.issuer, audience: AUDIENCE, keys: place.keys, health: ["/healthz"] };

  async function pythonServer(name: string, env: Record<string, string> = {}): Promise<Running> {
    const port = await freePort();
    return started(port, join(bin, "python3"), [here(name)], { ...pythonEnv, ...given, ...env, PORT: String(port) });
  }
  async function workerServer(): Promise<Running> {
    const { outputFiles } = await build({ entryPoints: [here("worker.ts")], bundle: true, format: "esm", target: "es2022", write: false, conditions: ["workerd", "import"] });
    const worker = startWorkerd({ workers: [{ modules: true, script: outputFiles[0]?.text ?? "", compatibilityDate: "2026-07-01", bindings: given }] });
    return { url: (await worker.ready).href.replace(/\/$/, ""), close: () => worker.dispose() };
  }
  async function rustServer(): Promise<Running> {
    const port = await freePort();
    return started(port, join(target, "examples/debug/origin-axum"), [], { ...given, LISTEN: `127.0.0.1:${port}` });
  }

  const starts: Record<string, () => Promise<Running | undefined>> = {
    ...Object.fromEntries(Object.entries(SERVERS).map(([name, start]) => [`@postern/origin, ${name}`, () => start("assertion", expected)])),
    "@postern/origin, Worker": workerServer,
    "Python, ASGI (uvicorn)": () => pythonServer("asgi_origin.py"),
    "Python, WSGI (wsgiref)": () => pythonServer("wsgi_origin.py"),
    "Rust, tower (axum)": rustServer,
    nginx: () => nginx(place),
    Envoy: () => envoy(bin, place),
    "Caddy, verifier.js": () => caddy(bin, place),
  };
  const origins: [string, Running][] = [];
  for (const [name, start] of Object.entries(starts)) {
    const running = await start();
    if (running === undefined) console.log(`${name} is not here`);
    else origins.push([name, running]);
  }

  const bound: [string, Running][] = [
    ["@postern/origin, express", (await SERVERS["express"]?.("assertion", { ...expected, bound: true })) as Running],
    ["@postern/origin, hono", (await SERVERS["hono"]?.("assertion", { ...expected, bound: true })) as Running],
    ["Python, ASGI (uvicorn)", await pythonServer("asgi_origin.py", { BOUND: "1" })],
  ];

  // Takes the assertion that the gate has signed, so that it can be shown to the origins by hand.
  let taken = "";
  const taker = createServer((request, answer) => {
    taken = String(request.headers["x-postern-assertion"] ?? "");
    answer.end();
  }).listen(0, "127.0.0.1");
  await once(taker, "listening");
  const takerUrl = `http://127.0.0.1:${(taker.address() as AddressInfo).port}`;

  const route = (index: number | string, upstream: string) => ({ name: `o${index}`, path: `/o${index}/{*rest}`, strip_prefix: `/o${index}`, upstream, assertion: AUDIENCE, headers: "assertion" });
  const bind = (name: string, upstream: string) => ({ ...route(name, upstream), bind_assertion: true });
  const routes = [...origins.map(([, { url }], index) => route(index, url)), route("taker", takerUrl), ...bound.map(([, { url }], index) => bind(`bound${index}`, url)), bind("boundtaker", takerUrl)];
  const postern = await startPostern({ port: posternPort, vars: settings({}, routes) });
  const signedIn = await postern.fetch("/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ login: ALICE, password: PASSWORD, delivery: "body" }) });
  const { access_token: token } = (await signedIn.json()) as { access_token: string };
  const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { sub: string };
  const bearer = ["Authorization", `Bearer ${token}`];
  await ask(`${postern.url}/otaker/x`, bearer);
  const other = taken.replace(/[^.]*$/, (signature) => (signature.startsWith("A") ? "B" : "A") + signature.slice(1));

  console.log("\n| origin | checks passed |\n|---|---|");
  for (const [index, [name, { url }]] of origins.entries()) {
    const through = `${postern.url}/o${index}`;
    const key = `${place.issuer} ${sub}`;
    const checks: [string, Promise<{ status: number; body: string }>, number, string?][] = [
      ["with an access token, through Postern", ask(`${through}/orders`, bearer), 200, key],
      ["again", ask(`${through}/orders`, bearer, "GET"), 200, key],
      ["with a forged assertion beside it, which Postern removes", ask(`${through}/orders`, [...bearer, ASSERTION, other]), 200, key],
      ["without an access token, through Postern", ask(`${through}/orders`, []), 401],
      ["directly, without an assertion", ask(`${url}/orders`, []), 401],
      ["directly, with an empty one", ask(`${url}/orders`, [ASSERTION, ""]), 401],
      ["directly, with the access token in its place", ask(`${url}/orders`, [ASSERTION, token]), 401],
      ["directly, with the access token as it is", ask(`${url}/orders`, bearer), 401],
      ["directly, with a changed one", ask(`${url}/orders`, [ASSERTION, other]), 401],
      ["directly, with a good one and a changed one", ask(`${url}/orders`, [ASSERTION, taken, ASSERTION, other]), 401],
      ["directly, with a changed one and a good one", ask(`${url}/orders`, [ASSERTION, other, ASSERTION, taken]), 401],
      ["directly, with headers that a proxy would set", ask(`${url}/orders`, ["X-Caller-Subject", "admin", "X-Auth-Subject", "admin"]), 401],
      ["the health path", ask(`${url}/healthz`, ["X-Caller-Subject", "admin"]), 200, "ok"],
      ["the health path with another method", ask(`${url}/healthz`, [], "DELETE"), 401],
      ["a path that begins like it", ask(`${url}/healthz/../orders`, []), 401],
    ];
    const wrong: string[] = [];
    for (const [what, answer, status, body] of checks) {
      const found = await answer.catch((error: unknown) => ({ status: 0, body: String(error) }));
      // A proxy may say 403 where a verifier of ours says 401.
      const isStatus = found.status === status || (status === 401 && found.status === 403);
      if (!isStatus || (body !== undefined && found.body !== body)) wrong.push(`${what}: ${found.status} ${found.body.slice(0, 80)}`);
    }
    console.log(`| ${name} | ${checks.length - wrong.length} of ${checks.length} |`);
    failures.push(...wrong.map((one) => `${name}: ${one}`));
  }
  // An assertion for one request passes for it, and for no other.
  const unbound = taken;
  for (const [index, [name, { url }]] of bound.entries()) {
    await ask(`${postern.url}/oboundtaker/orders?of=%41`, bearer);
    const found = [
      await ask(`${postern.url}/obound${index}/orders?of='1'`, bearer),
      await ask(`${url}/orders?of=%41`, [ASSERTION, taken]),
      await ask(`${url}/orders?of=A`, [ASSERTION, taken]),
      await ask(`${url}/orders`, [ASSERTION, taken]),
      await ask(`${url}/orders?of=%41`, [ASSERTION, taken], "DELETE"),
      await ask(`${url}/orders?of=%41`, [ASSERTION, unbound]),
    ].map(({ status }) => status);
    if (found.join() !== "200,200,401,401,401,401") failures.push(`${name}, bound: ${found.join()}`);
  }
  taken = unbound;
  console.log(`\nbound to one request: ${bound.length} origins, 6 requests each`);
  await postern.dispose();

  // Postern is gone, and the assertion has seconds left: the keys that were fetched serve.
  for (const [name, { url }] of origins) {
    const { status } = await ask(`${url}/orders`, [ASSERTION, taken]);
    if (status !== 200) failures.push(`${name}: without Postern a good assertion gets ${status}`);
  }
  for (const [, running] of [...origins, ...bound]) await running.close();
  taker.close();
}

// The private hop: a binding with props reaches the entrypoint that it names, the internet the default one.
const script = readFileSync(here("private.js"), "utf8");
const front = `export default { fetch: (request, env) => env.ORIGIN.fetch(request) }`;
async function privately(props: Record<string, unknown> | undefined): Promise<number> {
  const running = startWorkerd({
    workers: [
      { name: "front", modules: true, script: front, compatibilityDate: "2026-07-01", serviceBindings: { ORIGIN: { name: "origin", entrypoint: "ForTheGate", ...(props === undefined ? {} : { props }) } } },
      { name: "origin", modules: true, script, compatibilityDate: "2026-07-01" },
    ],
  });
  const { status } = await fetch(await running.ready, { headers: { "x-auth-subject": "u" } });
  await running.dispose();
  return status;
}
async function privateHop(): Promise<void> {
  const hops = [await privately({ from: "postern" }), await privately({ from: "another" }), await privately(undefined)];
  console.log(`\nprivate hop: with the gate's props ${hops[0]}, with others ${hops[1]}, without ${hops[2]}`);
  if (hops.join() !== "200,401,401") failures.push(`the private hop answers ${hops.join()}`);
}

/** What depends on seconds, and so not on the proxy alone. */
const IN_TIME = /ahead$|ago$|fraction and an exponent$|exp is iat$|exp is before nbf$/;

// Proxies judge the cases of assertions on the real clock, with the same keys.
async function proxies(): Promise<void> {
  process.env["ORIGIN_NOW"] = String(Math.floor(Date.now() / 1000));
  const { cases, KEY_SETS } = await import("../../vectors/cases.ts");
  const { createPrivateKey, createPublicKey, sign } = await import("node:crypto");
  const keyOf = (kid: string) => createPrivateKey({ key: file.signing_keys[kid] as never, format: "jwk" });
  const algorithmOf = (kid: string) => ({ rs: "RS256", we: "RS256", ed: "EdDSA" })[kid.slice(0, 2)] ?? "ES256";
  const signing = {
    published: (kid: string) => ({ ...createPublicKey(keyOf(kid)).export({ format: "jwk" }), kid, use: "sig", alg: algorithmOf(kid) }) as Record<string, string>,
    secret: (kid: string) => file.signing_keys[kid] as Record<string, string>,
    signature: (kid: string, input: string) => sign(algorithmOf(kid) === "EdDSA" ? null : "sha256", Buffer.from(input), { key: keyOf(kid), dsaEncoding: "ieee-p1363" }).toString("base64url"),
  };
  const document = KEY_SETS(signing)["usual"] ?? "";
  const keyServer = createServer((_, answer) => answer.setHeader("cache-control", "max-age=600").setHeader("content-type", "application/json").end(document)).listen(0, "127.0.0.1");
  await once(keyServer, "listening");
  const judged: Place = { issuer: "https://auth.example.com", audience: AUDIENCE, keys: `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/keys`, api: apiUrl };
  const list = cases(signing).filter((one) => one.kind === "assertion" && one.key_set === "usual" && one.request === undefined && !IN_TIME.test(one.name));
  const ledger = JSON.parse(readFileSync(here("ledger.json"), "utf8")) as Record<string, { accepted: string[]; refused: string[] }>;
  const found: typeof ledger = {};
  console.log(`\n| proxy | cases | as a verifier of ours | accepts more | refuses more |\n|---|---|---|---|---|`);
  for (const [name, start] of [["nginx", () => nginx(judged)], ["Envoy", () => envoy(bin, judged)], ["Caddy, verifier.js", () => caddy(bin, judged)], ["nginx, verifier.js", () => nginxAsking(judged)]] as const) {
    const proxy = await start();
    if (proxy === undefined) continue;
    const result = { accepted: [] as string[], refused: [] as string[] };
    for (const one of list) {
      const { status } = await ask(`${proxy.url}/orders`, one.values.flatMap((value) => [ASSERTION, value])).catch(() => ({ status: 0 }));
      if (status === 200 && one.verdict === "invalid") result.accepted.push(one.name);
      if (status !== 200 && one.verdict === "valid") result.refused.push(one.name);
    }
    await proxy.close();
    found[name] = result;
    console.log(`| ${name} | ${list.length} | ${list.length - result.accepted.length - result.refused.length} | ${result.accepted.length} | ${result.refused.length} |`);
    if (JSON.stringify(result) !== JSON.stringify(ledger[name])) failures.push(`${name} judges otherwise than ledger.json says: ${JSON.stringify(result, null, 1)}`);
  }
  if (process.env["WRITE_LEDGER"] !== undefined) writeFileSync(here("ledger.json"), `${JSON.stringify(found, null, 2)}\n`);
  keyServer.close();
}

const parts = { vectors, behindPostern, privateHop, proxies };
const { ONLY = Object.keys(parts).join(" ") } = process.env;
for (const [name, part] of Object.entries(parts)) if (ONLY.split(" ").includes(name)) await part();
api.close();

for (const failure of failures) console.error(`FAILED: ${failure}`);
if (failures.length > 0) process.exitCode = 1;
