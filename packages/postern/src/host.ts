// What the program (crates/cli, as WebAssembly) gets from the system: crates/cli/src/host/node.rs has the other side.
import { spawnSync } from "node:child_process";
import { constants, createPublicKey, verify } from "node:crypto";
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** An error reaches the program as its reason alone. Node puts the operation and the path behind it. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, text] = /^\w+: (.*?)(?:, \w+(?: '.*')?)?$/.exec(error.message) ?? [];
  return text ?? error.message;
}

/** Waits for some bytes, at most `limit`. None at the end. */
function readSome(file: number, limit: number): Buffer {
  const buffer = Buffer.alloc(Math.min(limit, 65536));
  for (;;) {
    try {
      return buffer.subarray(0, readSync(file, buffer));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // A pipe on Windows ends with an error, and one that has nothing yet says so.
      if (code === "EOF") return buffer.subarray(0, 0);
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Reads at most `limit` bytes of UTF-8. */
function readAll(file: number, limit: number): string {
  const parts: Buffer[] = [];
  let left = limit;
  while (left > 0) {
    const part = readSome(file, left);
    if (part.length === 0) break;
    parts.push(part);
    left -= part.length;
  }
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(file, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

export function readFile(path: string, limit: number): string {
  try {
    const file = openSync(path, "r");
    try {
      return readAll(file, limit);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw reason(error);
  }
}

export function readInput(limit: number): string {
  try {
    return readAll(STDIN, limit);
  } catch (error) {
    throw reason(error);
  }
}

/** Waits for some bytes of the standard input. None at its end. */
export function readPiece(): Uint8Array {
  try {
    return readSome(STDIN, 65536);
  } catch (error) {
    throw reason(error);
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

export function inputIsTerminal(): boolean {
  return isatty(STDIN);
}

export function variable(name: string): string | undefined {
  return process.env[name];
}

/** Whether there is a reader: it may close the pipe (`| head -1`). */
export function writeOutput(bytes: Uint8Array): boolean {
  try {
    writeAll(STDOUT, bytes);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw reason(error);
    return false;
  }
}

export function writeError(text: string): void {
  try {
    writeAll(STDERR, Buffer.from(text));
  } catch {
    // There is no other place to report it.
  }
}

export function nowMillis(): number {
  return Date.now();
}

/** Whether the signature is one by this key, a JWK with its algorithm, over the content. */
export function isSignature(key: string, content: Uint8Array, signature: Uint8Array): boolean {
  try {
    const jwk = JSON.parse(key) as import("node:crypto").webcrypto.JsonWebKey & { alg: string };
    const publicKey = createPublicKey({ key: jwk, format: "jwk" });
    const type = publicKey.asymmetricKeyType;
    // The type is looked at too: Node verifies an RSA signature without the name of a hash as one with SHA-256.
    switch (`${jwk.alg} ${type}`) {
      case "ES256 ec":
        return verify("sha256", content, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
      case "ES384 ec":
        return verify("sha384", content, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
      case "RS256 rsa":
        return verify("sha256", content, publicKey, signature);
      case "PS256 rsa":
        return verify("sha256", content, { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
      case "EdDSA ed25519":
        return verify(null, content, publicKey, signature);
      default:
        return false;
    }
  } catch {
    // A key or a signature that cannot be read verifies nothing.
    return false;
  }
}

/** One HTTP exchange, both sides as JSON. The program is synchronous, so another process waits for the answer. */
export function exchange(request: string): string {
  const child = fileURLToPath(new URL("./exchange.js", import.meta.url));
  // On standard input, as every user of the machine can see arguments, and the request may have a token.
  const { stdout, error } = spawnSync(process.execPath, [child], { input: request, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return error === undefined && stdout !== "" ? stdout : JSON.stringify({ unreachable: error?.message ?? "the request ended without an answer" });
}
