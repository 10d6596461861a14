// What an attacker does with leaked secrets: the tokens are made here, by the formats of docs/reference/storage-schema.md.
import { createDecipheriv, createHmac, createPrivateKey, hkdfSync, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SignJWT } from "jose";

const MAC_BYTES = 16;

function derived(master: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.from(master, "base64url"), "", `postern/v1/${purpose}`, 32));
}

/** A refresh token of the same session with another secret, and the MAC that belongs to it: needs the master secret. */
export function forgedRefreshToken(token: string, master: string): string {
  const bytes = Buffer.from(token.slice("prt_".length), "base64url");
  const signed = bytes.subarray(0, -MAC_BYTES);
  randomBytes(16).copy(signed, signed.length - 16);
  const mac = createHmac("sha256", derived(master, "refresh-envelope")).update(signed).digest().subarray(0, MAC_BYTES);
  return `prt_${Buffer.concat([signed, mac]).toString("base64url")}`;
}

interface Wrapped {
  version: number;
  kid: string;
  alg: string;
  master: number;
  nonce: string;
  sealed: string;
}

export interface LeakedKey {
  kid: string;
  /** An access token with these claims, as the deployment would sign it. */
  sign(claims: Record<string, unknown>): Promise<string>;
}

/** The active signing key, out of the key ring's storage and the master secret. */
export function leakedSigningKey(state: string, master: string): LeakedKey {
  for (const name of readdirSync(state, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".sqlite")) continue;
    const database = new DatabaseSync(join(state, name), { readOnly: true });
    try {
      if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'records'").get() === undefined) continue;
      const row = database.prepare("SELECT record FROM records WHERE kind = 'key_ring'").get();
      if (row === undefined) continue;
      const { active } = JSON.parse(row["record"] as string) as { active: { key: { wrapped: Wrapped } } };
      const { version, kid, alg, master: id, nonce, sealed } = active.key.wrapped;
      const bytes = Buffer.from(sealed, "base64url");
      const cipher = createDecipheriv("aes-256-gcm", derived(master, "key-wrapping"), Buffer.from(nonce, "base64url"));
      cipher.setAAD(Buffer.concat([Buffer.from([version]), Buffer.from(kid + alg), Buffer.from([id])]));
      cipher.setAuthTag(bytes.subarray(-16));
      const key = createPrivateKey({ key: Buffer.concat([cipher.update(bytes.subarray(0, -16)), cipher.final()]), format: "der", type: "pkcs8" });
      return { kid, sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg, kid, typ: "at+jwt" }).sign(key) };
    } finally {
      database.close();
    }
  }
  throw new Error(`no key ring in ${state}`);
}
