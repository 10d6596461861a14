// `make bench PART=growth`: what each thing costs as what it works on grows. The domain natively, in instructions and time; what
// objects do on workerd, in processor time. `--render` writes the page anew; ONLY="native objects" picks.
import { startPostern, type Postern } from "../tests/worker/harness.ts";
import { PASSWORD, settings } from "../tests/worker/support/config.ts";
import { counts, program, type Count } from "./counts.ts";
import { cpuOf, plot, type Curve } from "./measure.ts";
import { made, onMachine, record, recorded, table } from "./pages.ts";

/** Calls of which the median is taken: enough for it, and the accounts do not grow much by them. */
const CALLS = Number(process.env["CALLS"] ?? 40);
const SESSIONS = [1, 10, 100, 500];
const FAMILIES = [10, 100, 1_000, 3_000];
const PARTS = (process.env["ONLY"] ?? "native objects").split(" ");

interface Point {
  name: string;
  size: number;
  /** Microseconds of processor time of workerd for one call, the median. */
  micros: number;
}

interface Session {
  access_token: string;
  refresh_token: string;
}

const json = { "content-type": "application/json" };

async function called(postern: Postern, path: string, status: number, init: RequestInit): Promise<Session> {
  const answer = await postern.fetch(path, init);
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`${path}: ${answer.status} ${text}`);
  return (text ? JSON.parse(text) : {}) as Session;
}

async function median(postern: Postern, call: (index: number) => Promise<unknown>): Promise<number> {
  const pid = String(postern.pid);
  const costs: number[] = [];
  for (let index = -10; index < CALLS; index += 1) {
    const before = cpuOf(pid);
    await call(index);
    if (index >= 0) costs.push(cpuOf(pid) - before);
  }
  return Math.round(costs.toSorted((a, b) => a - b)[Math.floor(costs.length / 2)] ?? Number.NaN);
}

const cheap = { memory_kib: 32, iterations: 1 };
const strong = [{ name: "strong", path: "/strong", upstream: "http://127.0.0.1:9", revocation: "strong", scopes_all: ["nobody:has-this"] }];

/** One account with more and more sessions, each account its own. */
async function sessions(): Promise<Point[]> {
  const postern = await startPostern({ origin: false, vars: settings({ POSTERN_REGISTRATION: "open", POSTERN_PASSWORD: cheap, POSTERN_REFRESH: { max_families: 500 } }, strong) });
  const points: Point[] = [];
  try {
    for (const size of SESSIONS) {
      const login = `sessions-${size}@example.com`;
      await called(postern, "/auth/register", 201, { method: "POST", headers: json, body: JSON.stringify({ login, password: PASSWORD }) });
      const enter = () => called(postern, "/auth/login", 200, { method: "POST", headers: json, body: JSON.stringify({ login, password: PASSWORD, delivery: "body" }) });
      let session = await enter();
      for (let count = 1; count < size; count += 1) session = await enter();
      const bearer = () => ({ headers: { authorization: `Bearer ${session.access_token}` } });
      const add = async (name: string, call: (index: number) => Promise<unknown>) => points.push({ name, size, micros: await median(postern, call) });
      await add("sessions: refresh one", async () => {
        session = await called(postern, "/auth/refresh", 200, { method: "POST", headers: json, body: JSON.stringify({ refresh_token: session.refresh_token }) });
      });
      await add("sessions: is one alive (route with `strong`)", () => called(postern, "/strong", 403, bearer()));
      await add("sessions: list them", () => called(postern, "/auth/sessions", 200, bearer()));
      // Each takes its own session back, so that there are no more of them.
      await add("sessions: sign in once more, and out", async () => {
        const more = await enter();
        const answer = await postern.fetch("/auth/logout", { method: "POST", headers: json, body: JSON.stringify({ refresh_token: more.refresh_token }) });
        await answer.text();
      });
    }
  } finally {
    await postern.dispose();
  }
  return points;
}

/** More and more accounts, one session each. */
async function families(): Promise<Point[]> {
  const postern = await startPostern({ origin: false, vars: settings({ POSTERN_REGISTRATION: "open", POSTERN_PASSWORD: cheap }) });
  const points: Point[] = [];
  const tokens: string[] = [];
  try {
    for (const size of FAMILIES) {
      while (tokens.length < size) {
        const missing = Math.min(4, size - tokens.length);
        tokens.push(...(await Promise.all(Array.from({ length: missing }, async () => {
          const login = `family-${crypto.randomUUID()}@example.com`;
          await called(postern, "/auth/register", 201, { method: "POST", headers: json, body: JSON.stringify({ login, password: PASSWORD }) });
          return (await called(postern, "/auth/login", 200, { method: "POST", headers: json, body: JSON.stringify({ login, password: PASSWORD, delivery: "body" }) })).refresh_token;
        }))));
      }
      // Families in turn, so that no object is the one just used.
      const step = Math.max(1, Math.floor(size / (CALLS + 10)));
      points.push({
        name: "families in all: refresh one of them",
        size,
        micros: await median(postern, async (index) => {
          const which = ((index + 10) * step) % size;
          const { refresh_token: next } = await called(postern, "/auth/refresh", 200, { method: "POST", headers: json, body: JSON.stringify({ refresh_token: tokens[which] }) });
          tokens[which] = next;
        }),
      });
    }
  } finally {
    await postern.dispose();
  }
  return points;
}

const render = process.argv.includes("--render");
if (!render && PARTS.includes("native")) await record("growth-native", counts(program(), "growth"));
if (!render && PARTS.includes("objects")) await record("growth-objects", [...(await sessions()), ...(await families())]);

const native = (await recorded<Count[]>("growth-native")) ?? [];
const objects = (await recorded<Point[]>("growth-objects")) ?? [];

/** The slope of the last step on logarithmic axes: 0 is flat, 1 is linear, 2 is quadratic. */
function exponent(points: [number, number][]): number {
  const [before, last] = points.filter(([size]) => size > 0).slice(-2);
  if (!before || !last) return 0;
  return Math.log(last[1] / before[1]) / Math.log(last[0] / before[0]);
}

const shape = (slope: number): string => (slope < 0.15 ? "flat" : slope < 0.75 ? "less than linear" : slope < 1.25 ? "linear" : "more than linear");

const number = (value: number): string => (value >= 1e4 ? `${Math.round(value / 1000).toLocaleString("en").replaceAll(",", " ")} k` : value.toFixed(value < 10 ? 1 : 0));

async function section(prefix: string, title: string, file: string, unit: string, points: { name: string; size: number; value: number }[], more: string): Promise<string> {
  const of = points.filter(({ name }) => name.startsWith(`${prefix}: `));
  const curves: Curve[] = [...new Set(of.map(({ name }) => name))].map((name) => ({ name: name.slice(prefix.length + 2), points: of.filter((point) => point.name === name).map(({ size, value }) => [size, value]) }));
  if (of.length === 0) return `### ${title}\n\nNot measured yet.`;
  const sizes = [...new Set(of.map(({ size }) => size))];
  await plot(file, { title: `${title}: ${unit}`, x: prefix, y: unit, log: true, curves });
  const rows = curves.map(({ name, points: its }) => [name, ...sizes.map((size) => { const found = its.find(([at]) => at === size)?.[1]; return found === undefined ? "" : number(found); }), shape(exponent(its))]);
  return `### ${title}\n\n${more}\n\n${table([unit, ...sizes, "at the end"], rows)}\n\n![${title}](${file}.svg)`;
}

const counted = native.every(({ instructions }) => instructions !== undefined);
const unit = counted ? "instructions" : "nanoseconds";
const domain = native.map(({ name, size, instructions, nanoseconds }) => ({ name, size, value: instructions ?? nanoseconds }));
const onWorkerd = objects.map(({ name, size, micros }) => ({ name, size, value: micros }));
const texts = [
  await section("routes", "Routes", "growth-routes", unit, domain, "Natively. What a request pays does not depend on the length of the table; reading it once does."),
  await section("keys", "Keys of an issuer", "growth-keys", unit, domain, "Natively. Keys are compared one after the other, at most 64 of them: a hit asks whether the key of the remembered token is still there, a new token looks for its own. Reading a set checks every point."),
  await section("revoked", "Revoked entries in the feed", "growth-revoked", unit, domain, "Natively. A look-up is a binary search for each of a token's marks. Reading is linear, in the background, and only when the feed changed; its object writes at most 100 000 entries."),
  await section("token size", "Size of a token, in bytes", "growth-token-size", unit, domain, "Natively, without the signature."),
  await section("sessions", "Sessions of an account: the decisions", "growth-sessions-domain", unit, domain, "Natively, over records in memory. A refresh and a check read one family. A sign-in reads them all, to make room, so it is linear up to `max_families` (50 by default, 500 at most) and the 200 ended ones that are kept."),
  await section("sessions", "Sessions of an account: the calls", "growth-sessions", "CPU µs", onWorkerd, "On workerd: whole calls, with a connection each, SQLite and signing."),
  await section("families in all", "Families in all", "growth-families", "CPU µs", onWorkerd, "On workerd: accounts with one session each, refreshed in turn. Every account is an object of its own with a database of its own."),
];
await made("growth.md", "make bench PART=growth", `${texts.join("\n\n")}\n\n${onMachine}`);
console.log(texts.join("\n\n"));
