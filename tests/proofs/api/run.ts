// `make proof NAME=api`: schemathesis makes requests from docs/reference/openapi.yaml, sound ones and broken ones, and judges the answers of the
// running Worker. No answer may be a server error, and every one must be as described.
//
// Between the two stands a proxy. It puts a live administrator's access token in the place of a word, since many calls end
// the session that makes them; and it judges every answer a second time, by another validator.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { startPostern } from "../../worker/harness.ts";
import { signIn } from "../../worker/support/client.ts";
import { ADMIN, settings } from "../../worker/support/config.ts";
import { closedPort } from "../../worker/support/origin.ts";
import { file, operationOf, operations, wrongWith } from "./description.ts";
import { CLIENTS, liveForms } from "./oauth.ts";

const VERSION = "4.32.5";
/** Where the token goes. Schemathesis also sends requests without it, and with another. */
const PLACE = "administrator";
/** Examples for each operation; EXAMPLES=400 looks harder. The seed makes a failure come again. */
const EXAMPLES = process.env["EXAMPLES"] ?? "100";
const SEED = process.env["SEED"] ?? "1";

/** The program, from a Python environment in the cache that is made for this once. */
function schemathesis(): string {
  const cache = process.env["POSTERN_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postern");
  const folder = join(cache, "tools", `schemathesis-${VERSION}`);
  const program = join(folder, "bin", "schemathesis");
  if (!existsSync(program)) {
    console.log(`postern: installing schemathesis ${VERSION} into ${folder} (once)`);
    spawnSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
    spawnSync(join(folder, "bin", "python3"), ["-m", "pip", "install", "--quiet", `schemathesis==${VERSION}`], { stdio: "inherit" });
  }
  if (!existsSync(program)) throw new Error("schemathesis was not installed: this needs Python 3.10 or newer with venv and pip");
  return program;
}

const program = schemathesis();
const port = await closedPort();
const issuer = `http://127.0.0.1:${port}`;
const postern = await startPostern({
  port,
  vars: settings({
    POSTERN_ISSUER: issuer,
    POSTERN_CLIENTS: [{ client_id: "first-party" }, ...CLIENTS],
    POSTERN_REGISTRATION: "open",
    POSTERN_ROUTES: { kv: "routes" },
    // The cheapest that is allowed: this is about answers, not about hashing.
    POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
  }),
});
await postern.kv.write("routes", JSON.stringify({ version: 1, routes: [] }));

const live = await liveForms(postern, issuer);
const statuses = new Map<number, number>();
const wrong = new Map<string, string>();
const succeeded = new Set<string>();
let token: Promise<string> | undefined;
const administrator = (): Promise<string> => (token ??= signIn(postern, { login: ADMIN }).then((tokens) => tokens.access_token));

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** One request as it is: fetch would refuse some methods, and repair some headers. */
function send(method: string, path: string, headers: OutgoingHttpHeaders, body: Buffer): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(new URL(postern.url), { method, path, headers: { ...headers, "content-length": body.length }, agent: false }, (response) => {
    buffer(response).then((all) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all }), reject);
  });
  sent.on("error", reject).end(body);
  return promise;
}

async function pass(incoming: IncomingMessage): Promise<Answer> {
  const { method = "GET", url: path = "/" } = incoming;
  const came = await buffer(incoming);
  const form = await live(path.split("?")[0] ?? "", came);
  const body = form ?? came;
  const { host: _, connection: __, "transfer-encoding": ___, "accept-encoding": ____, ...headers } = incoming.headers;
  // The client's secret is in the form, and a client proves itself once.
  if (form !== undefined) delete headers.authorization;
  if (headers.authorization !== `Bearer ${PLACE}`) return send(method, path, headers, body);
  const standing = async () => send(method, path, { ...headers, authorization: `Bearer ${await administrator()}` }, body);
  const answer = await standing();
  if (answer.status !== 401 || !answer.body.includes("invalid_token")) return answer;
  token = undefined; // a call before ended the session, or revoked the key
  return standing();
}

// Addresses of several kilobytes are no mistake of this proxy's.
const proxy = createServer({ maxHeaderSize: 1 << 20 }, async (incoming, response) => {
  try {
    const { status, headers, body } = await pass(incoming);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const operation = operationOf(incoming.method ?? "", (incoming.url ?? "").split("?")[0]!);
    if (operation !== undefined) {
      if (status < 300) succeeded.add(`${operation.method} ${operation.path}`);
      for (const line of wrongWith(operation, status, headers["content-type"] ?? null, body.toString())) wrong.set(line, incoming.url ?? "");
    }
    response.writeHead(status, { ...headers, connection: "close" }).end(body);
  } catch (error) {
    // A request that cannot even be sent on, such as one with a header that HTTP forbids.
    response.writeHead(400, { "content-type": "text/plain" }).end(String(error));
  }
});
await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

const child = spawn(
  program,
  [
    "run", fileURLToPath(file), "--url", url, "--header", `Authorization: Bearer ${PLACE}`,
    "--max-examples", EXAMPLES, "--seed", SEED, "--phases", "examples,coverage,fuzzing", "--mode", "all",
    // A sound request may be refused for what is there: a wrong password, a login that is taken.
    "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth",
    ...(process.env["ONLY"] ? ["--include-path-regex", process.env["ONLY"]] : []),
    "--generation-database", "none", "--workers", "2", "--request-timeout", "30", "--continue-on-failure", "--no-color",
  ],
  { stdio: "inherit", env: { ...process.env, PYTHONWARNINGS: "ignore" } },
);
const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
proxy.close();
proxy.closeAllConnections();
const errors = postern.logs.filter((line) => /panicked|Uncaught|unreachable/.test(line));
await postern.dispose();

const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
const server = [...statuses].filter(([status]) => status >= 500).reduce((sum, [, count]) => sum + count, 0);
console.log(`\nrequests ${total}: ${[...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`).join(", ")}`);
console.log(`server errors ${server}; answers not as described, by the second validator ${wrong.size}; exceptions in the log ${errors.length}`);
console.log(`operations ${operations.length}, of which ${succeeded.size} were answered with success at least once`);
for (const [line, where] of wrong) console.log(`  ${line} (${where})`);
for (const line of errors.slice(0, 10)) console.log(`  ${line}`);
process.exit(code === 0 && server === 0 && wrong.size === 0 && errors.length === 0 ? 0 : 1);
