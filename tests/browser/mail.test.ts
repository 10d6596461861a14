// examples/mail between Postern and a mail server: from a sign-up at the page to an address that is verified. And what an
// attacker puts into a login.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { letterOf } from "../../examples/mail/src/letter.ts";
import mail from "../../examples/mail/src/index.ts";
import { read, Undeliverable } from "../../examples/mail/src/message.ts";
import { send, type MailEnv } from "../../examples/mail/src/send.ts";
import { PASSWORD } from "../worker/support/config.ts";
import { start, type Running } from "../worker/support/postern.ts";
import { bundle } from "../worker/harness.ts";
import { startWorkerd } from "../worker/support/workerd.ts";
import { launch } from "./scene.ts";
import type { MailServer } from "./mail.ts";

// Miniflare reads the certificates that workerd trusts when it is loaded. Node has its own list.
const { MailServer: Server, certificate } = await vi.hoisted(async () => {
  const { MailServer, mailCertificate } = await import("./mail.ts");
  const certificate = mailCertificate();
  process.env["NODE_EXTRA_CA_CERTS"] = certificate.file;
  const { getCACertificates, setDefaultCACertificates } = await import("node:tls");
  setDefaultCACertificates([...getCACertificates("default"), certificate.cert]);
  return { MailServer, certificate };
});

/** That of the settings of tests. */
const ISSUER = "http://localhost:8787";
const COMPATIBILITY = { compatibilityFlags: ["nodejs_compat"] };
const ALONE = { ...COMPATIBILITY, name: "mail", modules: true, compatibilityDate: "2026-07-01" } as const;

const linkOf = (text: string | undefined) => /https?:\S+#token=pot_[\w-]+/.exec(text ?? "")?.[0] ?? "no link";

let servers: Record<"implicit" | "starttls", MailServer>;
beforeAll(async () => {
  servers = { implicit: await Server.start("implicit", certificate), starttls: await Server.start("starttls", certificate) };
});
afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));

function env(tls: "implicit" | "starttls") {
  const account = { SMTP_USER: "acme", SMTP_PASSWORD: "the password" };
  return { MAIL_NAME: "Acme Books", MAIL_FROM: "no-reply@acme.test", SMTP_HOST: "127.0.0.1", SMTP_PORT: String(servers[tls].port), SMTP_TLS: tls, ...account };
}

describe.for(["implicit", "starttls"] as const)("by SMTP, TLS %s", (tls) => {
  let postern: Running;
  beforeAll(async () => {
    const vars = { POSTERN_PAGES: { name: "Acme Books" }, POSTERN_REGISTRATION: "open", POSTERN_LIMITS: "off", POSTERN_NOTIFIER: { service: "MAIL" } };
    const worker = { worker: "examples/mail/src/index.ts", options: { ...COMPATIBILITY, bindings: { ...env(tls) } } };
    postern = await start({ vars, services: { MAIL: worker } });
  });
  afterAll(() => postern.dispose());

  test("a user confirms an address and sets a password", async () => {
    // Links in mails have the issuer's address.
    const browser = await launch([`--host-resolver-rules=MAP ${new URL(ISSUER).host} ${new URL(postern.url).host}`]);
    const page = await browser.newPage();
    const login = `${crypto.randomUUID()}@reader.test`;
    await page.goto(`${ISSUER}/auth/sign-up?ui_locales=de`);
    await page.fill("#login", login);
    await page.fill("#password", PASSWORD);
    await page.click("button[type=submit]");
    const first = await servers[tls].to(login);
    expect(first.by).toBe(tls === "implicit" ? "PLAIN over TLS" : "LOGIN over TLS");
    expect([first.mail.subject, first.mail.from?.text]).toEqual(["Ihre Adresse für Acme Books bestätigen", '"Acme Books" <no-reply@acme.test>']);
    const link = linkOf(first.mail.text);
    expect(first.mail.html).toContain(`href="${link}"`);
    await page.goto(link);
    await page.click("button[type=submit]");
    expect(await page.textContent("h1")).toBe("Ihre Adresse ist bestätigt");
    await page.goto(`${ISSUER}/auth/forgotten-password?ui_locales=ar`);
    await page.fill("#login", login);
    await page.click("button[type=submit]");
    const second = await servers[tls].to(login);
    expect(second.mail.html).toContain('<html lang="ar" dir="rtl">');
    await page.goto(linkOf(second.mail.text));
    await page.fill("#password", "another long password");
    await page.click("button[type=submit]");
    const body = JSON.stringify({ login, password: "another long password", delivery: "body" });
    const signedIn = await postern.fetch("/auth/login", { method: "POST", body, headers: { "content-type": "application/json" } });
    const { access_token: token } = (await signedIn.json()) as { access_token: string };
    const me = await postern.fetch("/auth/me", { headers: { authorization: `Bearer ${token}` } });
    expect(await me.json()).toMatchObject({ email: login, email_verified: true });
    expect(postern.logs.join("\n")).not.toMatch(/pot_/);
    await browser.close();
  });
});

const MESSAGE = { kind: "reset_password", login: "alice@reader.test", token: "pot_A", link: "https://auth.acme.test/auth/new-password#token=pot_A", expires_in: 1800 };

describe("letters", () => {
  test.for(["en", "de", "fr", "es", "ja", "ar"] as const)("a parser reads them as written: %s", async (language) => {
    for (const kind of ["reset_password", "verify_email"] as const) {
      const letter = letterOf(read({ ...MESSAGE, kind, language }), "Bücher & <Söhne>");
      await send(letter, env("implicit"));
      const { mail, raw } = await servers.implicit.to(MESSAGE.login);
      expect([mail.subject, mail.text?.trim()]).toEqual([letter.subject, letter.text.trim()]);
      expect(mail.html).toContain(`<html lang="${language}"`);
      expect(mail.html).not.toContain("<Söhne>");
      expect(letter.text).toContain(new Intl.NumberFormat(language).format(30));
      expect(letter.text).not.toMatch(/\{\w+\}/);
      // RFC 5322 section 2.1.1.
      expect(raw.split("\r\n").every((line) => line.length <= 998)).toBe(true);
    }
  });

  test("without a page there is a code and no link", () => {
    const { text, html } = letterOf(read({ ...MESSAGE, link: undefined }), "Acme");
    expect(text).toContain("pot_A");
    expect([text, html].some((part) => /https?:/.test(part))).toBe(false);
  });
});

describe("attacks", () => {
  // Header injection, a second recipient, and words that a mail program shows instead of the address.
  test.for([
    "alice@reader.test\r\nBcc: evil@evil.test",
    "alice@reader.test\nSubject: x",
    "alice@reader.test,evil@evil.test",
    "alice@reader.test;evil@evil.test",
    "alice@reader.test evil@evil.test",
    "Alice <evil@evil.test>",
    '"alice@reader.test"@evil.test',
    "alice@reader.test\u0000",
    "alice\u202e@reader.test",
    "alice",
  ])("a login that is not one address gets no mail: %j", (login) => {
    expect(() => read({ ...MESSAGE, login })).toThrow(Undeliverable);
  });

  test.for(["javascript:alert(1)", "http://evil.test/", "data:text/html,x", "https:", 7])("a link that is no page is refused: %s", (link) => {
    expect(() => read({ ...MESSAGE, link })).toThrow(Undeliverable);
  });

  test("markup and placeholders in a login stay text", async () => {
    const login = `{name}&lt'${"`"}$&{token}@reader.test`;
    await send(letterOf(read({ ...MESSAGE, login }), "{login}"), env("implicit"));
    const { mail, raw } = await servers.implicit.to(login);
    expect(mail.text).toContain(`${login} at {login}`);
    expect(mail.html).toContain("{name}&#38;lt&#39;`$&#38;{token}@reader.test at {login}");
    expect(raw.split("\r\n\r\n")[0]?.match(/^subject:/gim)).toHaveLength(1);
  });

  // The name is the operator's own setting: a mistake in it must not become a header either.
  test("a name with line breaks is no header", async () => {
    const name = "Acme\r\nBcc: evil@evil.test\r\n\r\nbody";
    await send(letterOf(read(MESSAGE), name), { ...env("implicit"), MAIL_NAME: name });
    const { mail, recipients } = await servers.implicit.to(MESSAGE.login);
    expect([recipients, mail.bcc, mail.headers.has("bcc")]).toEqual([[MESSAGE.login], undefined, false]);
  });
});

describe("the Worker", () => {
  const notify = (body: unknown) => new Request("https://mail/notify", { method: "POST", body: JSON.stringify(body) });

  test("answers by what became of the message", async () => {
    const status = async (body: unknown, more: Partial<MailEnv> = {}) => (await mail.fetch(notify(body), { ...env("implicit"), ...more })).status;
    expect(await status(MESSAGE)).toBe(204);
    await servers.implicit.to(MESSAGE.login);
    expect(await status({ ...MESSAGE, kind: "another" }), "no further try would help").toBe(204);
    expect(await status(MESSAGE, { SMTP_PASSWORD: "wrong" }), "Postern tries again").toBe(502);
    expect((await mail.fetch(new Request("https://mail/"), env("implicit"))).status).toBe(404);
    expect(servers.implicit.received).toEqual([]);
  });

  test("acknowledges messages of a queue, and retries", async () => {
    const done: string[] = [];
    const message = (body: unknown) => ({ body, ack: () => void done.push("ack"), retry: () => void done.push("retry") });
    const batch = (body: unknown) => ({ messages: [message(body)] });
    await mail.queue(batch(MESSAGE), env("implicit"));
    await mail.queue(batch(MESSAGE), { ...env("implicit"), SMTP_PORT: "1" });
    expect(done).toEqual(["ack", "retry"]);
    await servers.implicit.to(MESSAGE.login);
  });

  // The attack: another machine answers in place of the mail server.
  test("sends nothing to a server without a trusted certificate", async () => {
    const { mailCertificate } = await import("./mail.ts");
    for (const tls of ["implicit", "starttls"] as const) {
      const impostor = await Server.start(tls, mailCertificate());
      const workerd = startWorkerd({ workers: [{ ...ALONE, script: await bundle("examples/mail/src/index.ts"), bindings: { ...env(tls), SMTP_PORT: String(impostor.port) } }] });
      const answer = await workerd.dispatchFetch("https://mail/notify", { method: "POST", body: JSON.stringify(MESSAGE) });
      expect([answer.status, impostor.received], tls).toEqual([502, []]);
      await workerd.dispose();
      await impostor.stop();
    }
  });

  test("hands a letter to Cloudflare's binding", async () => {
    const lines: string[] = [];
    const workerd = startWorkerd({
      printed: (line) => lines.push(line),
      workers: [{ ...ALONE, script: await bundle("examples/mail/src/index.ts"), bindings: { MAIL_NAME: "Acme Books", MAIL_FROM: "no-reply@acme.test" }, email: { send_email: [{ name: "EMAIL", allowed_sender_addresses: ["no-reply@acme.test"] }] } }],
    });
    const answer = await workerd.dispatchFetch("https://mail/notify", { method: "POST", body: JSON.stringify(MESSAGE) });
    expect(answer.status, lines.join("\n")).toBe(204);
    await workerd.dispose();
  });
});
