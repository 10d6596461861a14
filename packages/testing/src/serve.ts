// Functions of the test that play servers, for workerd.
import type * as miniflare from "miniflare";
import type { Handler } from "./options.ts";

export type Service = (request: miniflare.Request) => Promise<miniflare.Response>;

/** Answers with what an upstream would have got, so that a test of routes needs no upstream. */
export async function echo(request: Request): Promise<Response> {
  const { method, url } = request;
  return Response.json({ method, url, headers: Object.fromEntries(request.headers), body: await request.text() });
}

/** The handler for workerd. Its classes are those of this process, not Miniflare's. */
export function serviceOf(handler: Handler, { Response: MiniflareResponse }: typeof miniflare): Service {
  const answer = typeof handler === "function" ? handler : (request: Request) => handler.fetch(request);
  return async (asked) => {
    const { method, url, body } = asked;
    const request = new Request(url, { method, headers: [...asked.headers] as [string, string][], body, redirect: "manual", duplex: "half" } as RequestInit);
    try {
      const { status, statusText, headers, body: answered } = await answer(request);
      return new MiniflareResponse(answered, { status, statusText, headers: [...headers] });
    } catch (error) {
      console.error("@postern/testing: what plays a server threw", error);
      return new MiniflareResponse(`what plays the server threw: ${String(error)}`, { status: 500 });
    }
  };
}
