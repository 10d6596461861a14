// Makes a letter of a message: its subject, and its body as text and as HTML.
import type { Message } from "./message.ts";
import { textsOf } from "./texts.ts";

export interface Letter {
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** The letter for a message. `name` is the name of your service. */
export function letterOf(message: Message, name: string): Letter {
  const { kind, language, link, login, token } = message;
  const { code, valid, ...kinds } = textsOf(language);
  const texts = kinds[kind];
  const values = { name, login, time: timeOf(message) };
  // No value of a user is in the subject.
  const subject = filled(texts.subject, { name });
  const [lead, validity] = [filled(texts.lead, values), filled(valid, values)];
  const paragraphs = [lead, ...(link === undefined ? [] : [link]), `${code}\n${token}`, validity, texts.unasked];
  const html = `<!doctype html>
<html lang="${language}" dir="${language === "ar" ? "rtl" : "ltr"}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${escaped(subject)}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:30rem;margin:auto">
<p style="font-weight:600">${escaped(name)}</p>
<p>${escaped(lead)}</p>
${link === undefined ? "" : `<p style="margin:24px 0"><a href="${escaped(link)}" style="display:inline-block;padding:12px 20px;border-radius:12px;background:#3949ab;color:#fff;font-weight:600;text-decoration:none">${escaped(texts.button)}</a></p>\n`}<p>${escaped(code)}</p>
<p dir="ltr" style="padding:12px;border:1px solid #8888;border-radius:8px;font-family:monospace;overflow-wrap:anywhere">${escaped(token)}</p>
<p>${escaped(validity)}</p>
<p>${escaped(texts.unasked)}</p>
</div>
</body>
</html>
`;
  return { to: login, subject, text: `${paragraphs.join("\n\n")}\n`, html };
}

/** How long the token is valid, in words: "30 minutes". */
function timeOf({ expiresIn, language }: Message): string {
  const hours = expiresIn >= 2 * 3600;
  const style = { style: "unit", unit: hours ? "hour" : "minute", unitDisplay: "long" } as const;
  return new Intl.NumberFormat(language, style).format(Math.floor(expiresIn / (hours ? 3600 : 60)));
}

/** The text with its placeholders replaced, once: a value that looks like a placeholder stays as it is. */
function filled(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
}

/** A text as HTML has it, between tags and in quoted attributes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
