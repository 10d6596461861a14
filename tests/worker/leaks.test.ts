// The leak test itself: that it would find what it is there for. The search over the whole run is in global-setup.ts.
import { expect, test } from "vitest";
import { mistakesIn } from "./support/event-schema.ts";
import { readFileSync } from "node:fs";
import { PURPOSES, search } from "./support/run.ts";

const REFRESH_TOKEN = `prt_${"Ab3-".repeat(28)}xyz`;
const PASSWORD = "correct horse battery staple";

test.for([
  ["as it is", REFRESH_TOKEN, `presented ${REFRESH_TOKEN} twice`],
  ["without its prefix", REFRESH_TOKEN, `token ${REFRESH_TOKEN.slice(4)}`],
  ["its end alone", REFRESH_TOKEN, `token ends with ${REFRESH_TOKEN.slice(-40)}`],
  ["its bytes in hexadecimal", REFRESH_TOKEN, Buffer.from(REFRESH_TOKEN.slice(4), "base64url").toString("hex")],
  ["a password in base64", PASSWORD, `basic ${Buffer.from(PASSWORD).toString("base64")}`],
  ["a password in a URL", PASSWORD, `GET /login?password=${encodeURIComponent(PASSWORD)}`],
  ["a password in JSON, its quotes escaped", 'say "friend"', JSON.stringify({ cause: 'bad body: say "friend"' })],
  ["the signature of an access token", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXNpZw", "tail c2lnbmF0dXJlLXNpZw"],
] as const)("a secret in the output is found: %s", ([, secret, line]) => {
  expect(search([secret], ["an innocent line", line]).leaks.length).toBeGreaterThan(0);
});

test("every key that is derived from a master secret is looked for", () => {
  const source = readFileSync(new URL("../../crates/core/src/secrets.rs", import.meta.url), "utf8");
  const fields = source.match(/^    pub [a-z_]+: Key,$/gm) ?? [];
  expect(PURPOSES.length).toBe(fields.length);
  expect(PURPOSES).toContain("one-time-token");
});

// Though it is no secret that was collected.
test("text in the shape of a secret is found", () => {
  const shapes = [`prt_${"x".repeat(40)}`, '{"kty":"EC","d":"GawgguFyGrWKav7AX4VKUg"}', "-----BEGIN PRIVATE KEY-----"];
  expect(search([], shapes).leaks.length).toBe(3);
});

test("a report of a leak does not repeat the secret", () => {
  const [leak] = search([PASSWORD], [`the password is ${PASSWORD}`]).leaks;
  expect(JSON.stringify(leak)).not.toContain("battery");
});

// Its one-time token is printed on purpose.
test("only the local profile's notification is excepted", () => {
  const token = "one-time-token-abcdefgh";
  const line = (more: string) => `notification: {"kind":"reset","token":"${token}"${more}}`;
  expect(search([token], [line("")]).leaks).toEqual([]);
  expect(search([token, PASSWORD], [line(`,"password":"${PASSWORD}"`)]).leaks.length).toBe(1);
  expect(search([token], [`{"event":"fault","cause":"${token}"}`]).leaks.length).toBe(1);
});

// By a name, a member or a value.
test("an event outside the schema is found", () => {
  const event = { at: 1, event: "sign_in_refused", outcome: "refused", cause: "wrong_password" };
  expect(mistakesIn([event])).toEqual([]);
  expect(mistakesIn([{ ...event, event: "made_up" }])).toEqual(["made_up: is not described"]);
  expect(mistakesIn([{ ...event, password: "x" }]).length).toBe(1);
  expect(mistakesIn([{ ...event, cause: "Wrong: hunter2" }]).length).toBe(1);
  expect(mistakesIn([{ ...event, outcome: "success" }]).length).toBe(1);
});
