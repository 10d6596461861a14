// Proxies that verify assertions: the examples as they are, but for the addresses.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../worker/support/port.ts";
import { started, type Running } from "./processes.ts";

/** What stands in a proxy's settings. */
export interface Place {
  issuer: string;
  audience: string;
  /** The address of the key set. */
  keys: string;
  /** The API behind the proxy. */
  api: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const example = (name: string) => readFileSync(join(root, "examples", name), "utf8");
const hostOf = (url: string) => new URL(url).host;

/** Replaces each, and fails if one of them is not there. */
function replaced(text: string, changes: [string | RegExp, string][]): string {
  return changes.reduce((before, [from, to]) => {
    const pattern = typeof from === "string" ? from : new RegExp(from.source, "g");
    if (before.search(typeof from === "string" ? from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : from) < 0) throw new Error(`an example has no ${String(from)}`);
    return before.replaceAll(pattern, () => to);
  }, text);
}

function folderOf(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `postern-${name}-`));
  // The workers of nginx are another user.
  chmodSync(folder, 0o755);
  return folder;
}

const andRemove = (running: Running, folder: string): Running => ({
  url: running.url,
  async close() {
    await running.close();
    rmSync(folder, { recursive: true });
  },
});

/** nginx with these lines inside `http { }`; undefined where there is none. */
async function startedNginx(folder: string, port: number, lines: string): Promise<Running | undefined> {
  const program = ["nginx", "/usr/sbin/nginx"].find((name) => spawnSync(name, ["-v"]).status === 0);
  if (program === undefined) return undefined;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ");
  // A token of 8 kB is longer than nginx's own limit for a line.
  const http = `access_log off; large_client_header_buffers 4 32k; ${temporary} ${lines}`;
  writeFileSync(join(folder, "nginx.conf"), `load_module modules/ngx_http_js_module.so; daemon off; pid ${folder}/pid; error_log ${folder}/error.log info; events {} http { ${http} }`);
  const file = ["-c", join(folder, "nginx.conf")];
  const prefix = ["/usr/share/nginx", "/usr/lib/nginx", "/etc/nginx"].find((place) => spawnSync(program, ["-t", ...file, "-p", place]).status === 0);
  if (prefix === undefined) throw new Error(spawnSync(program, ["-t", ...file], { encoding: "utf8" }).stderr);
  return started(port, program, [...file, "-p", prefix]);
}

export async function nginx({ issuer, audience, keys, api }: Place): Promise<Running | undefined> {
  const folder = folderOf("nginx");
  const [port, keptPort] = [await freePort(), await freePort()];
  writeFileSync(join(folder, "postern.js"), replaced(example("nginx/postern.js"), [["https://auth.example.com", issuer], ["https://orders.internal.example.com", audience], ["8996", String(keptPort)]]));
  const shared = example("nginx/postern.conf");
  const settings = replaced(`${shared.slice(0, shared.indexOf("server {"))}${example("nginx/assertion.conf")}${shared.slice(shared.indexOf("# For this machine alone"))}`, [
    ["/etc/nginx;", `${folder};`],
    ["/var/cache/nginx/postern", join(folder, "cache")],
    ["listen 8081", `listen 127.0.0.1:${port}`],
    ["8996", String(keptPort)],
    ["https://auth.example.com/.well-known/jwks.json", keys],
    [/ *proxy_ssl.*\n/, ""],
    ["http://127.0.0.1:3000", api],
  ]);
  const proxy = await startedNginx(folder, port, settings);
  return proxy && andRemove(proxy, folder);
}

export async function envoy(bin: string, { issuer, audience, keys, api }: Place): Promise<Running> {
  const folder = folderOf("envoy");
  const port = await freePort();
  const address = (url: string) => `address: ${new URL(url).hostname}, port_value: ${new URL(url).port} `;
  const settings = replaced(example("envoy/envoy.yaml"), [
    ["https://auth.example.com/.well-known/jwks.json", keys],
    [/ {6}transport_socket:\n(?: {8}.*\n)+/, ""],
    ["address: auth.example.com, port_value: 443 ", address(keys)],
    ["address: 127.0.0.1, port_value: 3000 ", address(api)],
    ["https://auth.example.com", issuer],
    ["https://orders.internal.example.com", audience],
    ["address: 0.0.0.0, port_value: 8080", `address: 127.0.0.1, port_value: ${port}`],
  ]);
  writeFileSync(join(folder, "envoy.yaml"), settings);
  const args = ["--config-path", join(folder, "envoy.yaml"), "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error", "--base-id-path", join(folder, "base-id")];
  return andRemove(await started(port, join(bin, "envoy"), args), folder);
}

/** The verifier of the example, which finds the built package as after npm install. */
async function verifierIn(folder: string, { issuer, audience, keys }: Place): Promise<Running> {
  mkdirSync(join(folder, "node_modules/@postern"), { recursive: true });
  symlinkSync(join(root, "packages/origin"), join(folder, "node_modules/@postern/origin"));
  writeFileSync(join(folder, "verifier.js"), example("forward-auth/verifier.js"));
  writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
  const port = await freePort();
  return started(port, process.execPath, ["verifier.js"], { ISSUER: issuer, AUDIENCE: audience, KEYS: keys, PORT: String(port) }, folder);
}

/** nginx asks the verifier, with the lines of the guide. */
export async function nginxAsking(place: Place): Promise<Running | undefined> {
  const guide = readFileSync(join(root, "docs/guides/verify-at-your-origin.md"), "utf8");
  const [, lines = ""] = /```nginx\n([^`]*)```/.exec(guide) ?? [];
  const folder = folderOf("nginx-asking");
  const verifier = await verifierIn(folder, place);
  const port = await freePort();
  const settings = replaced(lines, [["http://127.0.0.1:8997", verifier.url], ["http://127.0.0.1:3000", place.api]]);
  const proxy = await startedNginx(folder, port, `server { listen 127.0.0.1:${port}; ${settings} }`);
  if (proxy === undefined) await verifier.close();
  return proxy && both(proxy, verifier, folder);
}

const both = (proxy: Running, verifier: Running, folder: string): Running => ({
  url: proxy.url,
  async close() {
    await proxy.close();
    await verifier.close();
    rmSync(folder, { recursive: true });
  },
});

export async function caddy(bin: string, place: Place): Promise<Running> {
  const folder = folderOf("caddy");
  const port = await freePort();
  const verifier = await verifierIn(folder, place);
  writeFileSync(join(folder, "Caddyfile"), `{\n\tadmin off\n}\n${replaced(example("forward-auth/Caddyfile"), [["127.0.0.1:8997", hostOf(verifier.url)], [":8080 {", `http://127.0.0.1:${port} {`], ["127.0.0.1:3000", hostOf(place.api)]])}`);
  const proxy = await started(port, join(bin, "caddy"), ["run", "--config", join(folder, "Caddyfile")], { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder });
  return both(proxy, verifier, folder);
}
