// Sends the request on standard input and prints the answer. Run by host.ts.
import { text } from "node:stream/consumers";

interface Asked {
  method: string;
  url: string;
  headers: [string, string][];
  body: string | null;
  timeout_ms: number;
  limit: number;
}

/** Reads a body of at most `limit` bytes. */
async function read(answer: Response, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > limit) throw new Error(`the answer has more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** `fetch` says "fetch failed"; its cause says why. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || ((error.cause as NodeJS.ErrnoException).code ?? error.message) : error.message;
}

async function exchange(asked: Asked): Promise<object> {
  let request: Request;
  try {
    request = new Request(asked.url, {
      method: asked.method,
      headers: asked.headers,
      body: asked.body,
      // A redirect could carry the token to another host.
      redirect: "manual",
      signal: AbortSignal.timeout(asked.timeout_ms),
    });
  } catch {
    // Node's message would quote a header.
    return { invalid: "the URL or a header has characters that HTTP does not allow" };
  }
  try {
    const answer = await fetch(request);
    const body = await read(answer, asked.limit);
    return { status: answer.status, headers: [...answer.headers], body: body.toString("base64url") };
  } catch (error) {
    return { unreachable: reason(error) };
  }
}

process.stdout.write(JSON.stringify(await exchange(JSON.parse(await text(process.stdin)) as Asked)));
