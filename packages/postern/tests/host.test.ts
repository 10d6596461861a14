import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isFile, isSignature, readFile } from "../src/host.ts";

const content = Buffer.from("header.claims");
const ecdsa = (hash: string) => (key: KeyObject) => sign(hash, content, { key, dsaEncoding: "ieee-p1363" });
const cases: [string, { publicKey: KeyObject; privateKey: KeyObject }, (key: KeyObject) => Buffer][] = [
  ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" }), ecdsa("sha256")],
  ["ES384", generateKeyPairSync("ec", { namedCurve: "P-384" }), ecdsa("sha384")],
  ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 }), (key) => sign("sha256", content, key)],
  ["PS256", generateKeyPairSync("rsa", { modulusLength: 2048 }), (key) => sign("sha256", content, { key, padding: 6, saltLength: 32 })],
  ["EdDSA", generateKeyPairSync("ed25519"), (key) => sign(null, content, key)],
];

describe("host", () => {
  test.each(cases)("%s is verified, and nothing that was changed", (alg, { publicKey, privateKey }, signed) => {
    const jwk = JSON.stringify({ ...publicKey.export({ format: "jwk" }), alg });
    const signature = signed(privateKey);
    expect(isSignature(jwk, content, signature)).toBe(true);
    expect(isSignature(jwk, Buffer.from("header.other"), signature)).toBe(false);
    expect(isSignature(jwk, content, Buffer.from(signature).fill(0, 0, 4))).toBe(false);
    expect(isSignature(jwk, content, Buffer.alloc(0))).toBe(false);
    for (const [other] of cases.filter(([other]) => other !== alg)) {
      expect(isSignature(JSON.stringify({ ...publicKey.export({ format: "jwk" }), alg: other }), content, signature)).toBe(false);
    }
  });

  test("a key that cannot be read verifies nothing", () => {
    for (const key of ["", "{}", '{"kty":"EC","alg":"ES256"}', '{"kty":"oct","k":"AA","alg":"HS256"}']) expect(isSignature(key, content, content)).toBe(false);
  });

  test("files are read whole or not, with a reason alone", () => {
    const folder = mkdtempSync(join(tmpdir(), "postern-host-"));
    try {
      const path = join(folder, "a");
      writeFileSync(path, "äöü\n".repeat(50_000));
      expect(readFile(path, 1e9)).toHaveLength(200_000);
      expect(isFile(path)).toBe(true);
      expect(isFile(folder)).toBe(false);
      expect(() => readFile(join(folder, "none"), 9)).toThrow(/^no such file or directory$/);
      writeFileSync(path, Buffer.from([0xff, 0x41]));
      expect(() => readFile(path, 9)).toThrow();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
