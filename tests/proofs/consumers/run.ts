// `make proof NAME=consumers`: verifiers that others wrote judge access tokens of a running Postern, and forged ones. nginx runs
// examples/nginx as it is, but for the addresses.
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JwtVerifier } from "aws-jwt-verify";
import { startPostern } from "../../worker/harness.ts";
import { ALICE, PASSWORD, settings } from "../../worker/support/config.ts";
import { freePort } from "../../worker/support/port.ts";

const [ISSUER, AUDIENCE] = ["http://localhost:8787", "https://api.example.com"];

const postern = await startPostern({ vars: settings({ POSTERN_AUDIENCE: AUDIENCE }) });
const body = JSON.stringify({ login: ALICE, password: PASSWORD, delivery: "body" });
const signedIn = await postern.fetch("/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
const { access_token: ours } = (await signedIn.json()) as { access_token: string };
const published = (await (await postern.fetch("/.well-known/jwks.json")).json()) as { keys: object[] };

// Beside Postern's own keys one whose private part is here, so that a token can be wrong in one thing alone.
const known = generateKeyPairSync("ec", { namedCurve: "P-256" });
const unknown = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keys = { keys: [...published.keys, { ...known.publicKey.export({ format: "jwk" }), kid: "known", alg: "ES256", use: "sig" }] };
let fetched = 0;
let keysAreThere = true;

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
const now = Math.floor(Date.now() / 1000);
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: "u1", client_id: "c", jti: "j", exp: now + 300, iat: now };
function minted(claims: object = {}, header: object = {}, key: KeyObject = known.privateKey): string {
  const signed = `${encoded({ alg: "ES256", kid: "known", typ: "at+jwt", ...header })}.${encoded({ ...CLAIMS, ...claims })}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
const [, payload = ""] = ours.split(".");
const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;

/** Each token, and whether it is to pass. */
const TOKENS: Record<string, [string, boolean]> = {
  "of Postern": [ours, true],
  "for several resources": [minted({ aud: ["https://other.example", AUDIENCE] }), true],
  "for another resource": [minted({ aud: "https://other.example" }), false],
  "of another issuer": [minted({ iss: "https://other.example" }), false],
  expired: [minted({ exp: now - 60 }), false],
  "not yet valid": [minted({ nbf: now + 600 }), false],
  "without expiry": [minted({ exp: undefined }), false],
  "signed by another key": [minted({}, {}, unknown.privateKey), false],
  "with an unknown kid": [minted({}, { kid: "unknown" }), false],
  "with alg none": [`${encoded({ alg: "none", kid: "known", typ: "at+jwt" })}.${encoded(CLAIMS)}.`, false],
  "with another subject": [ours.replace(payload, encoded({ ...claims, sub: "admin" })), false],
  "of another kind": [minted({}, { typ: "JWT" }), false],
  garbage: ["x.y", false],
};

function listening(server: Server): Promise<number> {
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done((server.address() as AddressInfo).port)));
}
const keyServer = createServer((_, answer) => {
  fetched += 1;
  if (!keysAreThere) return void answer.writeHead(503).end();
  answer.setHeader("cache-control", "public, max-age=300").end(JSON.stringify(keys));
});
const api = createServer((request, answer) => answer.end(JSON.stringify(request.headers)));
const [keyPort, apiPort] = [await listening(keyServer), await listening(api)];

/** The tokens that this verifier judged otherwise than they are to be. */
async function misjudged(passes: (token: string) => Promise<boolean>, but: string[] = []): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, [token, good]] of Object.entries(TOKENS)) if ((await passes(token)) !== good && !but.includes(name)) wrong.push(name);
  return wrong;
}

async function nginx(): Promise<string[] | undefined> {
  const program = ["nginx", "/usr/sbin/nginx"].find((name) => spawnSync(name, ["-v"]).status === 0);
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "postern-nginx-"));
  // Its workers are another user.
  chmodSync(folder, 0o755);
  const [port, keptPort] = [await freePort(), await freePort()];
  const example = (name: string) => readFileSync(new URL(`../../../examples/nginx/${name}`, import.meta.url), "utf8");
  const script = example("postern.js").replace("https://auth.example.com", ISSUER).replace("https://api.example.com", AUDIENCE).replace("8996", String(keptPort));
  writeFileSync(join(folder, "postern.js"), script);
  const own = example("postern.conf")
    .replace("/etc/nginx;", `${folder};`)
    .replace("/var/cache/nginx/postern", join(folder, "cache"))
    .replace("listen 8080", `listen 127.0.0.1:${port}`)
    .replace("8996", String(keptPort))
    .replace("https://auth.example.com", `http://127.0.0.1:${keyPort}`)
    .replace(/ *proxy_ssl.*\n/g, "")
    .replace("127.0.0.1:3000", `127.0.0.1:${apiPort}`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ");
  writeFileSync(
    join(folder, "nginx.conf"),
    `load_module modules/ngx_http_js_module.so; daemon off; pid ${folder}/pid; error_log ${folder}/error.log info; events {} http { access_log off; ${temporary} ${own} }`,
  );
  const prefix = ["/usr/share/nginx", "/usr/lib/nginx", "/etc/nginx"].find((place) => spawnSync(program, ["-t", "-c", join(folder, "nginx.conf"), "-p", place]).status === 0);
  if (prefix === undefined) throw new Error(spawnSync(program, ["-t", "-c", join(folder, "nginx.conf")], { encoding: "utf8" }).stderr);
  const running = spawn(program, ["-c", join(folder, "nginx.conf"), "-p", prefix], { stdio: "ignore" });
  try {
    for (;;) {
      const socket = connect(port, "127.0.0.1");
      const up = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(() => false);
      socket.destroy();
      if (up) break;
    }
    keysAreThere = false;
    const early = await fetch(`http://127.0.0.1:${port}/api/x`, { headers: { authorization: `Bearer ${ours}` } });
    if (early.status !== 500) throw new Error(`without keys a good token gets ${early.status}`);
    keysAreThere = true;
    return await misjudged(async (token) => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/x`, { headers: { authorization: `Bearer ${token}`, "x-subject": "forged" } });
      if (answer.status !== 200) return false;
      const seen = (await answer.json()) as Record<string, string>;
      if (seen["x-subject"] === "forged" || seen["authorization"] !== undefined) throw new Error("the API sees a forged header, or the token");
      return true;
    });
  } finally {
    running.kill();
    await once(running, "exit");
    rmSync(folder, { recursive: true });
  }
}

// AWS's own library for other issuers. It looks at no `typ`, and takes a token without `exp`; ours have one.
async function aws(): Promise<string[]> {
  const verifier = JwtVerifier.create({ issuer: ISSUER, audience: AUDIENCE, jwksUri: `${ISSUER}/.well-known/jwks.json` });
  verifier.cacheJwks(keys as never);
  const verdict = (token: string) => verifier.verify(token).then(() => true, () => false);
  return misjudged(verdict, ["of another kind", "without expiry"]);
}

const total = Object.keys(TOKENS).length;
const verdicts = { nginx: await nginx(), "aws-jwt-verify": await aws() };
for (const [name, wrong] of Object.entries(verdicts)) {
  console.log(wrong === undefined ? `${name}: not here` : `${name}: ${total - wrong.length} of ${total} tokens judged as they should be${wrong.length ? `; not: ${wrong.join(", ")}` : ""}`);
}
console.log(`requests for the key set: ${fetched}`);
await postern.dispose();
keyServer.close();
api.close();
if (Object.values(verdicts).some((wrong) => wrong?.length)) process.exitCode = 1;
