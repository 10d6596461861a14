// A recipe of docs/guides/keycloak.md, as it is written there, on the running Worker; crates/app/tests/documentation.rs plays all of them natively.
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { afterAll, expect, test } from "vitest";
import { AUDIENCE, settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import type { JsonObject } from "./support/jwt.ts";
import { rawRequest, UrlOrigin } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

const page = readFileSync(new URL("../../docs/guides/keycloak.md", import.meta.url), "utf8");
const recipe = /\n```toml\n(.*?)```\n\n```text\n(.*?)```/s.exec(page);
const [toml, lines] = [recipe![1]!, recipe![2]!.trim().split("\n")];

let theirs: Issuer;
let origin: UrlOrigin;
/** What the page calls by names of the world, by those of this machine. */
const here = (text: string) => text.replaceAll("https://id.example.com/realms/shop", theirs.iss).replaceAll('"https://api.example.com"', `"${AUDIENCE}"`);

const postern = shared(async () => {
  theirs = await Issuer.start([await issuerKey("ES256", "theirs-1")]);
  origin = await UrlOrigin.start();
  const text = here(toml).replaceAll(/^service = ".*"$/gm, `upstream = "${origin.url}"`);
  const { vars } = parse(text) as { vars: { POSTERN_ISSUERS: object[]; POSTERN_ROUTES: object[] } };
  // An issuer on this machine is found by its key set's address: it has no metadata.
  const POSTERN_ISSUERS = vars.POSTERN_ISSUERS.map((issuer) => ({ ...issuer, jwks_uri: theirs.jwksUri }));
  return { vars: { ...settings(), ...vars, POSTERN_ISSUERS } };
});
afterAll(async () => {
  await theirs.stop();
  await origin.stop();
});

test.each(lines)("%s", async (line) => {
  const [, method, url, caller, expected] = /^(\S+) https:\/\/api\.example\.com(\S+) (.*) => (.*)$/.exec(line)!;
  const token = caller === "-" ? undefined : await theirs.token("theirs-1", JSON.parse(here(caller!)) as JsonObject, { typ: "JWT" });
  const before = origin.requests;
  const response = await rawRequest(postern().url, method!, url!, token === undefined ? [] : [["authorization", `Bearer ${token}`]]);
  const passes = !/^\d/.test(expected!);
  expect(origin.requests - before).toBe(passes ? 1 : 0);
  if (passes) expect(response.status).toBe(200);
  else expect(`${response.status} ${(JSON.parse(response.body) as { code: string }).code}`).toBe(expected);
});
