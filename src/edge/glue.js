// What would be many crossings between JavaScript and WASM, in one each. No decision is made here: names and values
// come from WASM and go there as they are. Lines are safe separators: no method, URL, header name or value holds one.

/** Method, URL, then the headers' names and values, each on a line. */
export function head(request) {
  let text = `${request.method}\n${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}\n${value}`;
  return text;
}

/** A response of ours; `lines` are names and values in turn. */
export function reply(status, lines, body) {
  const headers = new Headers();
  const list = lines.split("\n");
  for (let at = 0; at + 1 < list.length; at += 2) headers.append(list[at], list[at + 1]);
  return new Response(body === "" ? null : body, { status, headers });
}

/** The request as it goes to the upstream: some headers removed, then others set; the body is the stream itself, or left out where it is empty and may be sent twice. */
export function outgoing(request, url, remove, set, signal, withoutBody) {
  const headers = new Headers(request.headers);
  if (remove !== "") for (const name of remove.split("\n")) headers.delete(name);
  const list = set.split("\n");
  for (let at = 0; at + 1 < list.length; at += 2) headers.set(list[at], list[at + 1]);
  const body = withoutBody ? null : request.body;
  // Redirects are the client's to follow.
  return new Request(url, { method: request.method, headers, redirect: "manual", body, signal });
}
