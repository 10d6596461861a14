// `make proof NAME=upgrade`: this version and the one before answer in turn, over the same storage, under mixed traffic.
// Told: answers of 500 and above, sessions and grants that were lost, and answers that no sound client expects.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as oauth from "oauth4webapi";
import { settings } from "../../worker/support/config.ts";
import { Issuer, issuerKey } from "../../worker/support/issuer.ts";
import { digestOf, type TestClient } from "../../worker/support/oauth-client.ts";
import { Deployment, VERSIONS, type Version } from "./deployment.ts";
import { Administrator, Asker, Machine, OauthUser, Session, type Person, type Tally } from "./people.ts";

const MINUTES = Number(process.env["MINUTES"] ?? 10);
/** Seconds until the versions that answer change, and objects begin anew. */
const SWAP = Number(process.env["SWAP"] ?? 4);
/** Seconds until workerd is restarted. */
const RESTART = Number(process.env["RESTART"] ?? 60);
/** Between two acts of one person, on average. */
const PAUSE_MS = 2000;

const [oldFolder, newFolder] = process.argv.slice(2);
if (oldFolder === undefined || newFolder === undefined) throw new Error("usage: run.ts FOLDER-OF-THE-OLD-BUILD FOLDER-OF-THE-NEW-BUILD");

const SECRET = "a secret of the back end, which is long enough";
const NOTES: TestClient = { client: { client_id: "notes" }, auth: oauth.None(), redirectUri: "https://notes.example.test/callback" };
const BACKEND: TestClient = { client: { client_id: "backend" }, auth: oauth.ClientSecretBasic(SECRET), redirectUri: "https://backend.example.test/callback" };

const issuer = await Issuer.start([await issuerKey("ES256")]);
const limits = [
  ...["login_account", "login_device", "login_ip", "login_network", "login_known_ip", "login_known_network"],
  ...["refresh_family", "refresh_ip", "refresh_network", "register_ip", "register_network"],
];
const routes = [
  { name: "strict", path: "/strict/{*rest}", revocation: "strong", service: "ORIGIN" },
  { name: "who", path: "/who", answer: "identity" },
  { name: "asserted", path: "/assertion/{*rest}", service: "ORIGIN", assertion: true, headers: "assertion" },
  { name: "api", path: "/api/{*rest}", service: "ORIGIN" },
];
const deployment = await Deployment.start(
  { old: oldFolder, new: newFolder },
  settings({
    POSTERN_PROFILE: "local",
    POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"),
    POSTERN_REGISTRATION: "open",
    POSTERN_LIMITS: Object.fromEntries(limits.map((name) => [name, "off"])),
    POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
    // A deployment lives long enough to change its keys meanwhile.
    POSTERN_KEYS: { publish_lead: 60, client_cache: 1 },
    POSTERN_ISSUERS: [issuer.setting()],
    POSTERN_CLIENTS: [
      { client_id: "first-party" },
      { client_id: "notes", redirect_uris: ["https://notes.example.test/callback"] },
      { client_id: "backend", redirect_uris: ["https://backend.example.test/callback"], secret_hashes: [digestOf(SECRET)], resources: ["https://api.example.test"] },
    ],
    POSTERN_ROUTES: routes,
  }),
);

const tally: Tally = { requests: { old: 0, new: 0 }, faults: [], lost: [], wrong: [] };
const asker = new Asker(deployment, tally);
const people: Person[] = [
  ...Array.from({ length: 12 }, (_, number) => new Session(asker, `browser-${number}@example.com`, "browser")),
  ...Array.from({ length: 12 }, (_, number) => new Session(asker, `mobile-${number}@example.com`, "mobile")),
  ...Array.from({ length: 6 }, (_, number) => new OauthUser(asker, `oauth-${number}@example.com`, NOTES, BACKEND)),
  ...Array.from({ length: 2 }, () => new Machine(asker, issuer)),
  ...Array.from({ length: 2 }, (_, number) => new Administrator(asker, number)),
];

/** Whose turn it is: one version alone, both, the other alone, both. */
const TURNS: (readonly Version[])[] = [["old"], VERSIONS, ["new"], VERSIONS];
let [swaps, restarts] = [0, 0];

async function swapping(until: number): Promise<void> {
  let next = Date.now() + RESTART * 1000;
  while (Date.now() < until) {
    await sleep(SWAP * 1000);
    swaps += 1;
    deployment.answering = TURNS[swaps % TURNS.length] ?? VERSIONS;
    await deployment.turnObjects();
    if (Date.now() < next) continue;
    await deployment.restart();
    restarts += 1;
    next = Date.now() + RESTART * 1000;
  }
}

async function living(person: Person, until: number): Promise<void> {
  await sleep(Math.random() * PAUSE_MS);
  while (Date.now() < until) {
    try {
      await person.act();
    } catch (error) {
      tally.wrong.push(`${person.constructor.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    await sleep(PAUSE_MS * (0.5 + Math.random()));
  }
}

try {
  for (const version of VERSIONS) {
    const { response } = await deployment.fetch("/healthz", {}, version);
    if (response.status !== 200) throw new Error(`${version} does not start: ${await response.text()}`);
  }
  for (const person of people) await person.arrive();
  const until = Date.now() + MINUTES * 60_000;
  await Promise.all([swapping(until), ...people.map((person) => living(person, until))]);
  deployment.answering = VERSIONS;
  const alive = (await Promise.all(people.map((person) => person.isAlive()))).filter(Boolean).length;
  const objects = deployment.objects();
  console.log(`${MINUTES} min, ${people.length} clients: ${tally.requests.old} requests to the old version, ${tally.requests.new} to the new one`);
  console.log(
    `${swaps} swaps, ${restarts} restarts; objects began ${objects.old} times in the old version and ${objects.new} times in the new one, ${objects.changed} times in the other one than before`,
  );
  console.log(`5xx: ${tally.faults.length}; sessions lost: ${tally.lost.length}; unexpected answers: ${tally.wrong.length}; alive at the end: ${alive} of ${people.length}`);
  for (const line of [...tally.faults, ...tally.lost, ...tally.wrong].slice(0, 20)) console.log(`  ${line}`);
  const faults = deployment.printed.filter((line) => /"event":"(fault|config_refused|master_mismatch|newer_master)"/.test(line));
  for (const line of faults.slice(0, 10)) console.log(`  ${line}`);
  if (tally.faults.length + tally.lost.length + tally.wrong.length > 0 || alive !== people.length) process.exitCode = 1;
} finally {
  await deployment.stop();
  await issuer.stop();
}
