// Writes origin.json: what every verifier of our assertions and access tokens must say about each case.
//
//   node tests/vectors/origin.ts          writes the file
//   node tests/vectors/origin.ts --check  fails if it would change
//
// Keys and signatures that stand in the file are used again, so that a run changes only the cases that were edited.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cases, KEY_SETS, type Algorithm, type Signing } from "./cases.ts";

const FILE = fileURLToPath(new URL("origin.json", import.meta.url));

type Jwk = Record<string, string>;

interface Written {
  signing_keys: Record<string, Jwk>;
  signatures: Record<string, string>;
  cases: { name: string }[];
}

const before = (existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : {}) as Partial<Written>;

/** Each key by its `kid`. `weak` is too short for any verifier, and `mallory` is in no key set. */
const ALGORITHMS: Record<string, Algorithm> = {
  "es-1": "ES256",
  "es-2": "ES256",
  "rs-1": "RS256",
  "ed-1": "EdDSA",
  weak: "RS256",
  mallory: "ES256",
};

function generated(kid: string): KeyObject {
  if (ALGORITHMS[kid] === "EdDSA") return generateKeyPairSync("ed25519").privateKey;
  if (ALGORITHMS[kid] === "RS256") return generateKeyPairSync("rsa", { modulusLength: kid === "weak" ? 1024 : 2048 }).privateKey;
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

const signingKeys = Object.fromEntries(
  Object.keys(ALGORITHMS).map((kid) => {
    const known = before.signing_keys?.[kid];
    return [kid, known === undefined ? generated(kid) : createPrivateKey({ key: known, format: "jwk" })];
  }),
);

function keyOf(kid: string): KeyObject {
  const key = signingKeys[kid];
  if (key === undefined) throw new Error(`there is no key ${kid}`);
  return key;
}

const published = (kid: string): Jwk => ({ ...(createPublicKey(keyOf(kid)).export({ format: "jwk" }) as Jwk), kid, use: "sig", alg: ALGORITHMS[kid] ?? "" });

const signatures: Record<string, string> = {};
const signing: Signing = {
  published,
  secret: (kid) => keyOf(kid).export({ format: "jwk" }) as Jwk,
  signature(kid, input) {
    const name = createHash("sha256").update(`${kid}.${input}`).digest("base64url");
    const key = keyOf(kid);
    const made = () => sign(ALGORITHMS[kid] === "EdDSA" ? null : "sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
    return (signatures[name] ??= before.signatures?.[name] ?? made());
  },
};

const list = cases(signing);
const names = list.map((one) => one.name);
const twice = names.filter((name, index) => names.indexOf(name) !== index);
if (twice.length > 0) throw new Error(`names that stand there twice: ${twice.join(", ")}`);

const { NOW, LEEWAY, ISSUER, AUDIENCES } = await import("./cases.ts");
const document = {
  about: "Cases for verifiers of Postern's assertions and access tokens. Written by tests/vectors/origin.ts.",
  now: NOW,
  clock_tolerance: LEEWAY,
  issuer: ISSUER,
  audiences: AUDIENCES,
  key_sets: KEY_SETS(signing),
  cases: list,
  // Test keys, so that the file can be written again. They protect nothing.
  signing_keys: Object.fromEntries(Object.keys(signingKeys).map((kid) => [kid, keyOf(kid).export({ format: "jwk" })])),
  signatures,
};
const text = `${JSON.stringify(document, null, 1)}\n`;
if (process.argv.includes("--check")) {
  if (!existsSync(FILE) || readFileSync(FILE, "utf8") !== text) {
    console.error("tests/vectors/origin.json is not what tests/vectors/origin.ts writes: run node tests/vectors/origin.ts");
    process.exitCode = 1;
  }
} else {
  writeFileSync(FILE, text);
  const valid = list.filter((one) => one.verdict === "valid").length;
  console.log(`${list.length} cases: ${valid} valid, ${list.length - valid} invalid`);
}
