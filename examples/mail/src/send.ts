// Sends a letter, by Cloudflare or by SMTP.
import { createTransport } from "nodemailer";
import type { Letter } from "./letter.ts";

export interface MailEnv {
  /** The name of your service: the sender's, and in the texts. */
  MAIL_NAME: string;
  MAIL_FROM: string;
  /** Cloudflare's binding `send_email`. */
  EMAIL?: { send(mail: Letter & { from: { email: string; name: string } }): Promise<unknown> };
  SMTP_HOST?: string;
  /** 465 without it, or 587 with STARTTLS. */
  SMTP_PORT?: string;
  /** "implicit" (TLS from the start, RFC 8314 section 3.3) without it, or "starttls". */
  SMTP_TLS?: string;
  SMTP_USER?: string;
  SMTP_PASSWORD?: string;
}

// Postern waits 8 s for an answer at first.
const PATIENCE_MS = 7_000;

export async function send(letter: Letter, env: MailEnv): Promise<void> {
  if (env.SMTP_HOST !== undefined) return bySmtp(letter, env, env.SMTP_HOST);
  if (env.EMAIL === undefined) throw new Error("neither EMAIL nor SMTP_HOST is set");
  await env.EMAIL.send({ from: { email: env.MAIL_FROM, name: env.MAIL_NAME }, ...letter });
}

async function bySmtp(letter: Letter, env: MailEnv, host: string): Promise<void> {
  const secure = env.SMTP_TLS !== "starttls";
  const transport = createTransport({
    host,
    port: Number(env.SMTP_PORT ?? (secure ? "465" : "587")),
    // TLS from the start, or by STARTTLS and then required: no password and no code goes out in plain text.
    secure,
    requireTLS: true,
    ...(env.SMTP_USER === undefined ? {} : { auth: { user: env.SMTP_USER, pass: env.SMTP_PASSWORD ?? "" } }),
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    // Nothing of a letter names a file or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  await transport.sendMail({
    ...letter,
    from: { name: env.MAIL_NAME, address: env.MAIL_FROM },
    // As an object it is one address, whatever is in it.
    to: { name: "", address: letter.to },
    // Keeps holiday replies away (RFC 3834 section 5).
    headers: { "Auto-Submitted": "auto-generated" },
  });
}
