// The built app as it is deployed: pages and API behind Postern's gate, one origin. `npm run build` first.
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { startPostern } from "@postern/testing";
import { works } from "./api/orders.ts";

const TYPES: Record<string, string> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const dist = join(import.meta.dirname, "dist");
// Those that the platform sets from the same file.
const headers = (await readFile(join(dist, "_headers"), "utf8")).split("\n").flatMap((line) => /^ +([\w-]+): (.*)$/.exec(line)?.slice(1) ?? []);

async function page(path: string): Promise<Response> {
  const wanted = join(dist, normalize(path));
  const body = await readFile(wanted.startsWith(dist) ? wanted : dist).catch(() => undefined);
  const [name, content] = body === undefined ? ["index.html", await readFile(join(dist, "index.html"))] : [wanted, body];
  const answer = new Response(content, { headers: { "content-type": TYPES[extname(name)] ?? "application/octet-stream" } });
  for (let at = 0; at + 1 < headers.length; at += 2) answer.headers.set(headers[at] as string, headers[at + 1] as string);
  return answer;
}

const { url } = await startPostern({
  port: Number(process.env["PORT"] ?? 8787),
  settings: "binding.toml",
  upstream: async (request) => (await works(request)) ?? page(new URL(request.url).pathname),
});
console.log(`\nThe app: ${url}\nSign in as alice@example.com with the password: correct horse battery staple\n`);
