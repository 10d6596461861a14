// The incidents of docs/guides/runbook.md about parts that fail: the platform's, the origins', the other issuers', our deployments.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Breakable, Breakage } from "../../worker/harness.ts";
import { Issuer, issuerKey } from "../../worker/support/issuer.ts";
import type { Sight } from "./dashboard.ts";
import { commands } from "./guide.ts";
import { counted, expect, on, until, type Incident } from "./incidents.ts";
import type { Stage } from "./stage.ts";

const ready = async (stage: Stage): Promise<number> => {
  const answer = await stage.fetch("/readyz");
  await answer.text();
  return answer.status;
};

const failing = (part: string): Sight => ({ page: "Overview", path: "/overview", table: "Components", row: "", instead: part, says: "fails" });
const fault = (part: string): Sight => ({ ...counted("Faults of components", ""), instead: part });

/**
 * Parts fail from now on; the guide's commands must name `told`, and its section what the dashboard shows, or the code that it
 * answers instead; at the end they work again.
 */
function broken(
  name: string,
  parts: Partial<Record<Breakable, Breakage>>,
  alertName: string,
  labels: Record<string, string>,
  section: string,
  seen: readonly Sight[] | string,
  told: RegExp,
  lasts: string,
): Incident {
  return on(name, { options: { breakable: true } }, async (stage) => {
    if (typeof seen !== "string") await stage.watch(section, seen);
    stage.cause();
    await stage.postern.break(parts);
    if (typeof seen === "string") await stage.isBlind(section, seen);
    const alert = await stage.alert(alertName, labels);
    const { out, err } = await stage.command(commands("runbook", section, 0));
    expect(`the guide's commands name it: ${out}${err}`, told.test(out));
    const acted = stage.seconds() - alert;
    await stage.postern.break({});
    const mended = stage.seconds();
    await until("it is ready again", 120, async () => (await ready(stage)) === 200);
    return { alert, alertName, done: acted + stage.seconds() - mended, attacker: undefined, told: lasts };
  });
}

export const kvReadOnly = broken("KV read-only", { POSTERN_KV: "takes-no-writes" }, "PosternKvTakesNoWrites", {}, "KV accepts no writes", [{ page: "Overview", path: "/overview", row: "Revocation feed: failed writes to KV" }, counted("Faults of components", "kv")], /kv/, "no request was refused");
export const objectUnreachable = broken("an object unreachable (key ring)", { KEY_RING: "throws" }, "PosternFaults", { part: "key_ring" }, "A Cloudflare dependency is down", [failing("key_ring"), fault("key_ring"), { page: "Overview", path: "/overview", row: "Not every component answers", says: "" }, { page: "Overview", path: "/overview", row: "The signing keys cannot be read", says: "" }], /key_ring/, "refreshes and sign-ins failed, the gate went on");
const OBJECTS: Breakable[] = ["ACCOUNT", "REVOCATION_FEED", "KEY_RING", "THROTTLE", "METRICS", "ISSUER_KEYS", "AUDIT_LOG"];
export const freeObjects = broken("free plan: calls of objects used up", Object.fromEntries(OBJECTS.map((part) => [part, "throws"])), "PosternNotScraped", {}, "A limit of the free plan is reached", "unavailable", /key_ring/, "refreshes and sign-ins failed, the gate went on");
export const freeDatabase: Incident = on("free plan: rows of D1 used up", { options: { breakable: true } }, async (stage) => {
  await stage.watch("A limit of the free plan is reached", [failing("database")]);
  stage.cause();
  await stage.postern.break({ DB: "throws" });
  stage.meanwhile(10_000, async () => stage.honest.note((await stage.users[0]?.signIn()) ?? 0));
  const alert = await stage.alert("PosternFaults", { part: "database" });
  const { out } = await stage.command(commands("runbook", "A limit of the free plan is reached", 0));
  expect("the commands name the database", out.includes('"database","ok":false'));
  await stage.postern.break({});
  await until("it is ready again", 60, async () => (await ready(stage)) === 200);
  return { alert, alertName: "PosternFaults", done: stage.seconds() - alert, attacker: undefined, told: "sign-ins failed, the gate went on" };
});

export const issuerDown: Incident = async () => {
  const issuer = await Issuer.start([await issuerKey("ES256")]);
  const [kid] = [...issuer.keys.keys()] as [string];
  const play = on(
    "issuer down",
    {
      // Fetched every minute: the alert looks for a good fetch in 10 minutes, so a recent one is the longest way to it.
      vars: { POSTERN_ISSUERS: [issuer.setting()], POSTERN_JWKS: { soft_age: 60 } },
      call: async (stage) => stage.fetch("/api/orders", { headers: { authorization: `Bearer ${await issuer.token(kid)}` } }),
    },
    async (stage) => {
      const fetched = issuer.fetches;
      await until("it is fetched again and again", 200, async () => issuer.fetches >= fetched + 2);
      await stage.watch("Another issuer is down", [
        { page: "Other issuers", path: "/issuers", row: "", instead: issuer.iss, says: "the last fetch failed" },
        fault("issuer"),
      ]);
      stage.cause();
      issuer.failure = { status: 500, body: "no" };
      const alert = await stage.alert("PosternIssuerDown", { issuer: issuer.iss });
      const { code, out } = await stage.command(commands("runbook", "Another issuer is down", 0).replace("--settings", "--local --settings"));
      expect(`the doctor names the issuer: ${out}`, code === 1 && out.includes(issuer.iss) && out.includes("500"));
      issuer.failure = undefined;
      const fetches = issuer.fetches;
      await until("it is fetched again", 320, async () => issuer.fetches > fetches);
      return { alert, alertName: "PosternIssuerDown", done: stage.seconds() - alert, attacker: undefined, told: "known keys serve for 24 h" };
    },
  );
  try {
    return await play();
  } finally {
    await issuer.stop();
  }
};

export const issuerRotatedBadly: Incident = async () => {
  const issuer = await Issuer.start([await issuerKey("ES256", "old"), await issuerKey("ES256", "new")]);
  issuer.unpublish("new");
  let kid = "old";
  const play = on(
    "issuer rotated badly",
    {
      vars: { POSTERN_ISSUERS: [issuer.setting()] },
      call: async (stage) => stage.fetch("/api/orders", { headers: { authorization: `Bearer ${await issuer.token(kid)}` } }),
    },
    async (stage) => {
      await stage.watch("An issuer changed its keys", [counted("Refused access tokens", "unknown_key")]);
      stage.cause();
      kid = "new";
      const alert = await stage.alert("PosternTokensRefused", { code: "unknown_key" });
      const local = commands("runbook", "An issuer changed its keys", 0).replaceAll("--settings", "--local --settings");
      const { out } = await stage.command(local, { TOKEN: await issuer.token(kid) });
      expect(`the inspection says that no key verifies the token: ${out}`, out.includes("unknown_key"));
      const { passed } = stage.honest;
      issuer.published = [...issuer.keys.values()].map(({ jwk }) => jwk);
      await until("tokens pass again", 60, async () => stage.honest.passed > passed);
      return { alert, alertName: "PosternTokensRefused", done: stage.seconds() - alert, attacker: undefined, told: "the issuer publishes the key; the gate fetches it by itself" };
    },
  );
  try {
    return await play();
  } finally {
    await issuer.stop();
  }
};

/** Its certificates are made by the script, as workerd must trust them from its start: one of today, one that expired in 2020. */
export const expiredCertificate: Incident = async () => {
  const folder = process.env["RUNBOOK_CERTIFICATES"];
  if (folder === undefined) throw new Error("RUNBOOK_CERTIFICATES is not set: make proof NAME=runbooks");
  const of = (name: string) => ({ key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.pem`)) });
  const origin = createServer(of("valid"), (_, response) => response.end("[]")).listen(0, "127.0.0.1");
  await once(origin, "listening");
  const { port } = origin.address() as AddressInfo;
  const play = on(
    "certificate of an upstream expired",
    { routes: [{ name: "orders", path: "/api/orders", scopes_all: ["read:orders"], upstream: `https://localhost:${port}` }] },
    async (stage) => {
      await stage.watch("An upstream is down", [counted("Upstream failures", "unreachable")]);
      stage.cause();
      origin.setSecureContext(of("expired"));
      origin.closeAllConnections();
      const alert = await stage.alert("PosternUpstreamDown", { route: "orders" });
      const { out } = await stage.command(commands("runbook", "An upstream is down", 0, { "origin.example.com:443": `localhost:${port}`, "-servername origin.example.com": "-servername localhost" }));
      expect(`the command shows the date: ${out}`, out.includes("2020"));
      const { passed } = stage.honest;
      origin.setSecureContext(of("valid"));
      origin.closeAllConnections();
      await until("the route answers", 60, async () => stage.honest.passed > passed);
      const cause = stage.postern.logs.find((line) => line.includes('"part":"upstream"')) ?? "";
      return { alert, alertName: "PosternUpstreamDown", done: stage.seconds() - alert, attacker: undefined, told: `the log's cause: ${/"cause":"([^"]*)"/.exec(cause)?.[1] ?? "none"}` };
    },
  );
  try {
    return await play();
  } finally {
    origin.close();
    origin.closeAllConnections();
  }
};

export const badDeployment: Incident = on("a bad deployment rolled back", {}, async (stage) => {
  const { POSTERN_LEEWAY: before } = stage.vars;
  stage.wrangler = async (words) => {
    expect(`it is a rollback: ${words.join(" ")}`, words[0] === "rollback");
    await stage.deploy({ POSTERN_LEEWAY: before });
    return "rolled back";
  };
  stage.cause();
  await stage.deploy({ POSTERN_LEEWAY: "10m" });
  await stage.isBlind("A wrong deployment", "misconfigured");
  const alert = await stage.alert("PosternNotScraped");
  const { out } = await stage.must(commands("runbook", "A wrong deployment", 0));
  expect(`it is healthy: ${out}`, out.includes("200"));
  const { passed } = stage.honest;
  await until("users are served", 30, async () => stage.honest.passed > passed);
  await delay(0);
  expect("no user signs in again", stage.users.every(({ signIns }) => signIns === 1));
  return { alert, alertName: "PosternNotScraped", done: stage.seconds() - alert, attacker: undefined, told: "no session was lost" };
});
