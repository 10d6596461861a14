// The single-page app of examples/spa, served through the gate: then page, sign-in and API are one origin.
import client from "../../spa/client.js" with { type: "text" };
import page from "../../spa/index.html" with { type: "text" };
import script from "../../spa/page.js" with { type: "text" };
import style from "../../spa/style.css" with { type: "text" };

const FILES: Record<string, [type: string, text: string]> = {
  "": ["text/html", page],
  "client.js": ["text/javascript", client],
  "page.js": ["text/javascript", script],
  "style.css": ["text/css", style],
};

const HEADERS = {
  // Nothing but these files, no inline script, no frame around it, no form that leaves the page.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  // Asked for anew each time: these files have no version in their names.
  "cache-control": "no-cache",
};

/** One of the app's files; nothing when there is none of this name. */
export function spa(name: string): Response | undefined {
  const file = FILES[name];
  return file && new Response(file[1], { headers: { ...HEADERS, "content-type": `${file[0]}; charset=utf-8` } });
}
