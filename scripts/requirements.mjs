// The table of requirements: clause of a standard -> test. It is made from comments directly above tests,
//
//   // Tests RFC 6750 section 3.1: an unsound token is 401 invalid_token
//
// in Rust and TypeScript, and above single cases of crates/app/tests/attacks, which the tests of that list run.
// `node scripts/requirements.mjs` writes the table into the page; `--check` fails when the page differs.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { testsOf } from "./tests-of.mjs";

const PAGE = "docs/reference/requirements.md";
const [BEGIN, END] = ["<!-- node scripts/requirements.mjs: begin -->", "<!-- node scripts/requirements.mjs: end -->"];

const rfc = (number, title) => [`RFC ${number}`, { title, url: `https://www.rfc-editor.org/rfc/rfc${number}`, anchors: true }];
/** What a comment may name, in the order of the page. */
const STANDARDS = new Map([
  rfc(6749, "The OAuth 2.0 Authorization Framework"),
  rfc(6750, "OAuth 2.0 Bearer Token Usage"),
  rfc(7009, "OAuth 2.0 Token Revocation"),
  rfc(7515, "JSON Web Signature"),
  rfc(7516, "JSON Web Encryption, which is refused"),
  rfc(7517, "JSON Web Key"),
  rfc(7518, "JSON Web Algorithms"),
  rfc(7519, "JSON Web Token"),
  rfc(7591, "OAuth 2.0 Dynamic Client Registration Protocol"),
  rfc(7636, "Proof Key for Code Exchange by OAuth Public Clients"),
  rfc(7638, "JWK Thumbprint"),
  rfc(7662, "OAuth 2.0 Token Introspection"),
  rfc(7797, "JWS Unencoded Payload Option, which is refused"),
  rfc(7800, "Proof-of-Possession Key Semantics for JWTs"),
  rfc(8032, "Edwards-Curve Digital Signature Algorithm"),
  rfc(8037, "CFRG Curves in JOSE"),
  rfc(8252, "OAuth 2.0 for Native Apps"),
  rfc(8414, "OAuth 2.0 Authorization Server Metadata"),
  rfc(8705, "OAuth 2.0 Mutual-TLS"),
  rfc(8707, "Resource Indicators for OAuth 2.0"),
  rfc(8725, "JSON Web Token Best Current Practices"),
  rfc(9068, "JWT Profile for OAuth 2.0 Access Tokens"),
  rfc(9207, "OAuth 2.0 Authorization Server Issuer Identification"),
  rfc(9449, "OAuth 2.0 Demonstrating Proof of Possession (DPoP)"),
  rfc(9470, "OAuth 2.0 Step Up Authentication Challenge"),
  rfc(9700, "Best Current Practice for OAuth 2.0 Security"),
  rfc(9728, "OAuth 2.0 Protected Resource Metadata"),
  ["OAuth 2.1", { title: "The OAuth 2.1 Authorization Framework (draft)", url: "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13", anchors: true }],
  ["Client ID Metadata Document", { title: "OAuth Client ID Metadata Document (draft)", url: "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02", anchors: true }],
  ["MCP Authorization", { title: "Model Context Protocol, Authorization (2026-07-28)", url: "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization" }],
  rfc(9864, "Fully-Specified Algorithms for JOSE and COSE"),
  ["OpenID Connect Core", { title: "OpenID Connect Core 1.0", url: "https://openid.net/specs/openid-connect-core-1_0.html" }],
  ["OpenID Connect Discovery", { title: "OpenID Connect Discovery 1.0", url: "https://openid.net/specs/openid-connect-discovery-1_0.html" }],
  rfc(3986, "Uniform Resource Identifier"),
  rfc(4648, "Base64 encodings"),
  ["RFC 6265bis", { title: "Cookies: HTTP State Management Mechanism (draft)", url: "https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis", anchors: true }],
  rfc(6455, "The WebSocket Protocol"),
  rfc(6585, "Additional HTTP Status Codes"),
  rfc(8259, "JSON"),
  rfc(9110, "HTTP Semantics"),
  rfc(9111, "HTTP Caching"),
  rfc(9112, "HTTP/1.1"),
  rfc(9457, "Problem Details for HTTP APIs"),
  ["W3C Trace Context", { title: "Trace Context", url: "https://www.w3.org/TR/trace-context/" }],
  ["Fetch", { title: "The Fetch standard", url: "https://fetch.spec.whatwg.org/" }],
]);
const MARK = /^\s*\/\/\/? Tests (.+?) (section|appendix) ([\w.]+|"[^"]+"): (.+)$/;
/** Anything that looks like one, so that a misspelt comment is not passed over. */
const LIKE_A_MARK = /^\s*\/\/\/? Tests (RFC|OpenID|OAuth 2|Fetch|MCP|Client ID|W3C)\b/;

const isComment = (line) => /^\s*\/\//.test(line ?? "");

/** What stands below the comment that line `at` (from 0) is in: a test's name, or a case of the list of attacks. */
function below(file, lines, tests, at) {
  let next = at;
  while (isComment(lines[next])) next += 1;
  const test = tests.find(({ line, group, skipped }) => line === next + 1 && !group && !skipped);
  if (test) return test.name;
  if (!/\/tests\/attacks\//.test(file)) return undefined;
  const name = /"((?:[^"\\]|\\.)*)"/.exec(lines.slice(next, next + 3).join("\n"))?.[1];
  return name && `attack: ${name}`;
}

/** All clauses that the tests of these files name: { standard, kind, section, text, file, test }. */
export function clausesOf(files, read, problems) {
  const clauses = [];
  for (const file of files) {
    const text = read(file);
    if (!text.includes("// Tests ")) continue;
    const [lines, tests] = [text.split("\n"), testsOf(file, text)];
    lines.forEach((line, at) => {
      if (!LIKE_A_MARK.test(line)) return;
      const place = `${file}:${at + 1}`;
      const [, standard, kind, section, clause] = MARK.exec(line) ?? [];
      if (!STANDARDS.has(standard)) return problems.push(`${place}: not "Tests STANDARD section N: ..." of a known standard`);
      const test = below(file, lines, tests, at);
      if (test === undefined) return problems.push(`${place}: stands directly above no test that runs`);
      clauses.push({ standard, kind, section: section.replaceAll('"', ""), text: clause, file, test });
    });
  }
  return clauses;
}

/** 4.1.10 after 4.1.9, appendices after sections. */
function order(one, other) {
  if (one.kind !== other.kind) return one.kind === "appendix" ? 1 : -1;
  return one.section.localeCompare(other.section, "en", { numeric: true }) || one.text.localeCompare(other.text, "en");
}

const cell = (text) => text.replace(/[|[\]<>]/g, (sign) => `\\${sign}`);

function table(clauses) {
  const parts = [];
  for (const [name, { title, url, anchors }] of STANDARDS) {
    const own = clauses.filter(({ standard }) => standard === name).sort(order);
    if (own.length === 0) continue;
    const rows = own.map(({ kind, section, text, file, test }) => {
      const label = kind === "appendix" ? `appendix ${section}` : section;
      const clause = anchors ? `[${label}](${url}#${kind}-${section})` : label;
      return `| ${clause} | ${cell(text)} | [${cell(test)}](${relative(dirname(PAGE), file)}) |`;
    });
    const heading = name.startsWith("RFC") ? `${name}: ${title}` : title;
    parts.push(`## ${heading}\n\n[${anchors ? name : title}](${url})\n\n| Section | Requirement | Test |\n|---|---|---|\n${rows.join("\n")}`);
  }
  const standards = new Set(clauses.map(({ standard }) => standard)).size;
  return `${clauses.length} tested requirements of ${standards} documents.\n\n${parts.join("\n\n")}`;
}

if (import.meta.main) {
  const problems = [];
  const files = execFileSync("git", ["ls-files", "crates", "packages", "pages", "src", "tests"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => /\.rs$|\.test\.ts$/.test(file));
  const clauses = clausesOf(files, (file) => readFileSync(file, "utf8"), problems);
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) problems.push(`${PAGE} has lost its markers`);
  const made = `${before}${BEGIN}\n\n${table(clauses)}\n\n${END}${after}`;
  if (problems.length === 0 && made !== page) {
    if (process.argv.includes("--check")) problems.push(`${PAGE} is not what the tests say: node scripts/requirements.mjs`);
    else writeFileSync(PAGE, made);
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`${clauses.length} tested requirements`);
}
