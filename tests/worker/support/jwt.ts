// Access tokens as others see them: read without checking, and forged in every way that libraries have fallen for.
import { createHmac } from "node:crypto";

export type JsonObject = Record<string, unknown>;

function part(token: string, index: number): JsonObject {
  return JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString("utf8")) as JsonObject;
}

export const headerOf = (token: string): JsonObject => part(token, 0);
export const claimsOf = (token: string): JsonObject => part(token, 1);

export function encode(value: JsonObject | string): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

/** The token with another header or other claims under the signature that it had. */
export function altered(token: string, change: { header?: JsonObject; claims?: JsonObject }): string {
  const [header = "", claims = "", signature = ""] = token.split(".");
  return [
    change.header ? encode({ ...headerOf(token), ...change.header }) : header,
    change.claims ? encode({ ...claimsOf(token), ...change.claims }) : claims,
    signature,
  ].join(".");
}

/** The token with one bit of its signature changed. */
export function bitFlipped(token: string): string {
  const [header, claims, signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  return [header, claims, bytes.toString("base64url")].join(".");
}

/** Signed with HMAC under any secret: what "algorithm confusion" does with a public key. */
export function withHmac(header: JsonObject, claims: JsonObject, secret: string | Buffer): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
