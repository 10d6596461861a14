// Receives Postern's messages to users, and sends them as mail.
import { letterOf } from "./letter.ts";
import { read, Undeliverable } from "./message.ts";
import { send, type MailEnv } from "./send.ts";

/** Sends the letter for a message. One that no further try can deliver is done with, too: its reason is in the log. */
async function deliver(message: unknown, env: MailEnv): Promise<void> {
  try {
    await send(letterOf(read(message), env.MAIL_NAME), env);
  } catch (error) {
    if (!(error instanceof Undeliverable)) throw error;
    console.warn(JSON.stringify({ event: "mail_dropped", reason: error.message }));
  }
}

/** What went wrong, without the text of the error: mail servers put addresses into it. */
function note(error: unknown): void {
  const { code, responseCode, name } = error as { code?: unknown; responseCode?: unknown; name?: unknown };
  console.error(JSON.stringify({ event: "mail_failed", name, code, status: responseCode }));
}

/** What is used of a batch of a queue. */
interface Batch {
  messages: readonly { body: unknown; ack(): void; retry(options: { delaySeconds: number }): void }[];
}

export default {
  /** `POST /notify`, of a service binding. After any other status than 2xx Postern tries again. */
  async fetch(request: Request, env: MailEnv): Promise<Response> {
    if (new URL(request.url).pathname !== "/notify" || request.method !== "POST") return new Response(null, { status: 404 });
    try {
      await deliver(await request.json(), env);
      return new Response(null, { status: 204 });
    } catch (error) {
      note(error);
      return new Response(null, { status: 502 });
    }
  },

  /** Of a queue, which tries again by itself. */
  async queue(batch: Batch, env: MailEnv): Promise<void> {
    for (const message of batch.messages) {
      try {
        await deliver(message.body, env);
        message.ack();
      } catch (error) {
        note(error);
        message.retry({ delaySeconds: 30 });
      }
    }
  },
};
