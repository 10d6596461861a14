// The whole story over HTTP, against the built Worker on a real workerd: what a user does, what a thief does, and what
// Postern answers. Ends with 0 only if every answer is the expected one. Run it with `make demo`.
import { setTimeout as delay } from "node:timers/promises";
import { startPostern } from "../tests/worker/harness.ts";
import { ALICE, PASSWORD, settings } from "../tests/worker/support/config.ts";

/** Seconds that an access token lives here instead of 600: long enough for a few requests, short enough to wait for. */
const LIFETIME = 5;

const colour = process.stdout.isTTY && !process.env["NO_COLOR"];
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
const shortened = (token) => `${token.slice(0, 10)}...${token.slice(-4)}`;
const bearer = (token) => ({ authorization: `Bearer ${token}` });

class Differs extends Error {}

let number = 0;
function chapter(title) {
  console.log(`\n${paint("1", title)}`);
}

/** Sends one request, prints it with its answer, and fails when the answer is another one. */
async function step(postern, what, [method, path, { headers = {}, body } = {}], expected) {
  number += 1;
  const response = await postern.fetch(path, {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = text === "" ? {} : JSON.parse(text);
  const got = `${response.status}${answer.code ? ` ${answer.code}` : ""}`;
  const right = got === expected;
  console.log(`${String(number).padStart(3)}. ${what}`);
  console.log(`     ${method} ${path} -> ${right ? paint("32", got) : `${paint("31", got)}, and not ${expected}`}`);
  if (!right) throw new Differs(`step ${number} got ${got}, expected ${expected}:\n${text}`);
  return answer;
}

function say(text) {
  console.log(`     ${text}`);
}

function same(what, got, expected) {
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    throw new Differs(`${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
  }
}

/** One character in the middle of the signature changed. */
function tampered(token) {
  const at = token.lastIndexOf(".") + 20;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

async function story(postern) {
  const signIn = (device_name) =>
    ["POST", "/auth/login", { body: { login: ALICE, password: PASSWORD, delivery: "body", device_name } }];
  const orders = (token) => ["GET", "/api/orders", token === undefined ? {} : { headers: bearer(token) }];
  const refresh = (refresh_token) => ["POST", "/auth/refresh", { body: { refresh_token } }];

  chapter("Alice signs in and calls an API behind the gate");
  const first = await step(postern, "She signs in on her laptop", signIn("Alice's laptop"), "200");
  const signedInAt = Date.now();
  say(`access token  ${shortened(first.access_token)}, good for ${first.expires_in} s (600 s outside this demo)`);
  say(`refresh token ${shortened(first.refresh_token)}`);
  same("scope", first.scope, "read:orders write:orders");
  const called = await step(postern, "Her access token opens the API", orders(first.access_token), "200");
  say(`the origin received: ${JSON.stringify(called.identity)}`);
  same("the tenant that the origin received", called.identity["x-auth-tenant"], "acme");

  chapter("Callers without a valid access token do not get through");
  await step(postern, "Without a token", orders(), "401 credentials_required");
  await step(postern, "With one character of the signature changed", orders(tampered(first.access_token)), "401 invalid_token");
  await step(postern, "Alice is not an administrator", ["GET", "/reports/stats", { headers: bearer(first.access_token) }], "403 forbidden");
  say(`(waiting until the access token has expired)`);
  await delay(Math.max(0, signedInAt + first.expires_in * 1000 + 1000 - Date.now()));
  await step(postern, "With an expired token", orders(first.access_token), "401 invalid_token");

  chapter("A refresh token works once, for a new pair");
  const second = await step(postern, "Her app refreshes", refresh(first.refresh_token), "200");
  say(`refresh token ${shortened(second.refresh_token)} replaces ${shortened(first.refresh_token)}`);
  same("the session", second.session_id, first.session_id);
  await step(postern, "The new access token opens the API", orders(second.access_token), "200");
  const third = await step(postern, "Some time later it refreshes again", refresh(second.refresh_token), "200");

  chapter("A thief has copied the very first refresh token");
  await step(postern, "The thief presents it", refresh(first.refresh_token), "401 invalid_grant");
  say("It was already used, so there is a copy. Postern cannot tell which of the two is Alice, and ends the session for both.");
  await step(postern, "Alice's next refresh is refused, too", refresh(third.refresh_token), "401 invalid_grant");
  await step(postern, "Her session is over at once", ["GET", "/auth/me", { headers: bearer(third.access_token) }], "401 invalid_token");

  chapter("Alice signs in again, on two devices, and then out everywhere");
  const laptop = await step(postern, "On the laptop", signIn("Alice's laptop"), "200");
  const phone = await step(postern, "On the phone", signIn("Alice's phone"), "200");
  const { sessions } = await step(postern, "She looks at her sessions", ["GET", "/auth/sessions", { headers: bearer(phone.access_token) }], "200");
  say(sessions.map((one) => `${one.device_name}${one.current ? " (this one)" : ""}`).join(", "));
  same("her live sessions", sessions.map((one) => one.session_id).sort(), [laptop.session_id, phone.session_id].sort());
  await step(postern, "She signs out everywhere", ["POST", "/auth/logout-all", { headers: bearer(phone.access_token) }], "204");
  await step(postern, "The laptop can no longer refresh", refresh(laptop.refresh_token), "401 invalid_grant");
  await step(postern, "The phone cannot, either", refresh(phone.refresh_token), "401 invalid_grant");
}

const postern = await startPostern({
  vars: settings({ POSTERN_ACCESS_TOKEN_LIFETIME: LIFETIME, POSTERN_LEEWAY: 0 }),
});
// Ctrl-C must not leave workerd behind.
for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]]) {
  process.once(signal, () => void postern.dispose().finally(() => process.exit(status)));
}
try {
  console.log(`Postern runs at ${postern.url}, the demo origin behind it.`);
  await story(postern);
  console.log(`\n${paint("32", `All ${number} steps went as expected.`)}`);
} catch (error) {
  console.error(`\n${paint("31", "A step did not go as expected.")} ${error instanceof Differs ? error.message : error.stack}`);
  console.error(`\nWhat Postern logged:\n${postern.logs.join("\n")}`);
  process.exitCode = 1;
} finally {
  await postern.dispose();
}
