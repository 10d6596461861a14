// What would be many crossings between JavaScript and WASM, in one each. No decision is made here: names and values
// come from WASM and go there as they are. Lines are safe separators: no method, URL, header name or value holds one.

import { watched } from "./socket.js";

/** How many sets of headers are kept made, of about 2 KB each. Past it the memory starts anew. */
const MAX_KEPT = 256;

/** Headers that were made, by their lines. Never changed: whoever uses one copies it. */
const keptHeaders = new Map();

/** Tells `take` each name and value of lines that hold them in turn. */
function eachPair(lines, take) {
  const list = lines.split("\n");
  for (let at = 0; at + 1 < list.length; at += 2) take(list[at], list[at + 1]);
}

/** A copy of headers, some left out: names, each on a line. */
function without(names, all) {
  const headers = new Headers(all);
  if (names !== "") for (const name of names.split("\n")) headers.delete(name);
  return headers;
}

function made(lines) {
  const headers = new Headers();
  eachPair(lines, (name, value) => headers.append(name, value));
  return headers;
}

/** The same headers are told to the same caller again and again, and setting one costs more than copying ten. */
function madeOnce(lines) {
  let headers = keptHeaders.get(lines);
  if (headers === undefined) {
    headers = made(lines);
    if (keptHeaders.size >= MAX_KEPT) keptHeaders.clear();
    keptHeaders.set(lines, headers);
  }
  return headers;
}

const encoder = new TextEncoder();

/** Writes a text to a place in WASM's memory. The result is its length in bytes, or -1 when it does not fit. */
function writtenTo(place, text) {
  const { read, written } = encoder.encodeInto(text, place);
  return read === text.length ? written : -1;
}

/** Method, URL and, if there is one, `Authorization`, each on a line: all that most requests are judged by. */
export function headText(request) {
  const authorization = request.headers.get("authorization");
  const text = `${request.method}\n${request.url}`;
  return authorization === null ? text : `${text}\n${authorization}`;
}

export function head(request, place) {
  return writtenTo(place, headText(request));
}

/** Ids of requests without one of the platform's, as on a developer's machine: each request keeps the first. */
const ids = new WeakMap();

export function idOf(request, made) {
  const known = ids.get(request);
  if (known !== undefined) return known;
  ids.set(request, made);
  return made;
}

/** The headers' names and values, each ending its line. */
export function headersText(request) {
  let text = "";
  // An iterator would make a list of two for each header, which takes a half longer.
  request.headers.forEach((value, name) => {
    text += `${name}\n${value}\n`;
  });
  return text;
}

export function headers(request, place) {
  return writtenTo(place, headersText(request));
}

/**
 * A response of ours; `lines` are names and values in turn. `again`: nothing in them is for one answer alone. What is, `fresh`
 * has.
 */
export function reply(status, lines, body, again, fresh) {
  if (body !== "" || again) {
    const response = new Response(body === "" ? null : body, { status, headers: again ? madeOnce(lines) : made(lines) });
    if (fresh !== "") eachPair(fresh, (name, value) => response.headers.set(name, value));
    return response;
  }
  // Headers that are made first would be copied into the response.
  const response = new Response(null, { status });
  const { headers } = response;
  eachPair(lines, (name, value) => headers.append(name, value));
  return response;
}

/** How many responses are kept, of about 2 KB each: as many as tokens in one generation of the cache of verified ones. */
const MAX_RESPONSES = 1000;

/** Responses without a body, by the numbers that WASM gave them. */
const responses = new Map();

export function kept(number) {
  return responses.get(number);
}

export function forget() {
  responses.clear();
}

export function keep(number, response) {
  if (responses.size >= MAX_RESPONSES) forget();
  responses.set(number, response);
}

/**
 * The headers for the upstream: those of the request without some, or some of it alone (`only`), then others set, and last
 * those that no other request has (`fresh`). Of two ways to the same headers the one that has less to set.
 */
function outgoingHeaders(request, names, only, set, fresh) {
  const headers = keptAndSet(request, names, only, set);
  eachPair(fresh, (name, value) => headers.set(name, value));
  return headers;
}

function keptAndSet(request, names, only, set) {
  if (only) {
    const headers = new Headers(madeOnce(set));
    if (names !== "") for (const name of names.split("\n")) headers.append(name, request.headers.get(name));
    return headers;
  }
  const headers = without(names, request.headers);
  eachPair(set, (name, value) => headers.set(name, value));
  return headers;
}

/**
 * What tells the platform's cache neither to answer nor to keep the answer: what `cache: "no-store"` becomes, without the
 * request headers that go with that.
 */
const UNCACHED = { cacheTtl: -1, cacheLevel: "bypass" };

/** Sends a request to its upstream: the promise of the answer. `service` is the binding to ask, or undefined for the URL's own host. */
function send(request, service, url, headers, body, signal, uncached) {
  // Redirects are the client's to follow.
  const init = { method: request.method, headers, redirect: "manual", body };
  if (signal !== undefined) init.signal = signal;
  // The platform's cache has answers to these two methods alone, and they are those without a body.
  if (uncached && hasMethodWithoutBody(request)) init.cf = UNCACHED;
  return service === undefined ? fetch(url, init) : service.fetch(url, init);
}

/** By which a browser sends it back: a cookie without a name is its bare value then, which reads as name and value. */
function nameOf(cookie) {
  return cookie.split(";", 1)[0].replace(/^[\s=]+/, "").split("=", 1)[0].trim().toLowerCase();
}

/** The cookies without those of these names, or undefined when there is none of them. */
function cookiesWithout(headers, names) {
  if (!headers.has("set-cookie")) return undefined;
  const unwanted = names.toLowerCase().split("\n");
  const cookies = headers.getSetCookie();
  const rest = cookies.filter((cookie) => !unwanted.includes(nameOf(cookie)));
  return rest.length === cookies.length ? undefined : rest;
}

/**
 * The upstream's answer as the client gets it, without some headers and cookies (their names) and with other headers: the
 * very response when nothing is to change. Throws a status that none is.
 */
export function answered(response, names, cookies, added) {
  const { status, webSocket } = response;
  // A WebSocket: the platform carries the socket in the response itself.
  const isSocket = status === 101 && Boolean(webSocket);
  // A Response can't be made of other statuses, and no client expects them.
  if (!isSocket && (status < 200 || status > 599)) throw status;
  const rest = cookiesWithout(response.headers, cookies);
  if (rest === undefined && (isSocket || added === "")) return response;
  // A fetched response's own headers can't be changed.
  const headers = without(isSocket ? "" : names, response.headers);
  if (rest !== undefined) {
    headers.delete("set-cookie");
    for (const cookie of rest) headers.append("set-cookie", cookie);
  }
  if (isSocket) return new Response(null, { status, headers, webSocket });
  eachPair(added, (name, value) => (name === "vary" ? headers.append(name, value) : headers.set(name, value)));
  return new Response(response.body, { status, statusText: response.statusText, headers });
}

/** Statuses of Cloudflare's own answers in place of an origin's: it was not reached, or its certificate is not valid. */
const isOfThePlatform = (status) => (status >= 520 && status <= 527) || status === 530;

/** What `told` is called with: what happened to a request on its way. */
const FAILED = 0;
const SENT_ONCE_MORE = 1;
const BODY_BROKE_OFF = 2;
const BODY_TOO_SLOW = 3;

/**
 * Carries a request to its upstream and the answer back. `told` writes down what goes wrong on the way and makes the answer
 * then: of an exception, or of a status that none is. `timeout` is for the answer's head, `total` for everything (0: none);
 * `again`: it is sent once more when no answer came; `look` watches the WebSocket that comes of it, if one does.
 */
export async function carry(request, env, ctx, told, service, url, names, only, set, fresh, uncached, unwanted, cookies, added, timeout, total, again, look) {
  const begun = Date.now();
  const limit = Math.min(timeout || Infinity, total || Infinity);
  const controller = limit === Infinity && look === undefined ? undefined : new AbortController();
  const signal = controller?.signal;
  const timer = limit === Infinity ? undefined : setTimeout(() => controller.abort(), limit);
  const tell = (what, cause) => told(request, env, ctx, what, cause, added);
  let upload;
  let isWatched = false;
  try {
    upload = uploadOf(request, ctx);
    const headers = outgoingHeaders(request, names, only, set, fresh);
    // The platform has a stream for `Content-Length: 0` too; nothing of it can break off.
    const body = upload ? upload.body : hasMethodWithoutBody(request) || again ? null : request.body;
    const sent = () => send(request, service, url, headers, body, signal, uncached);
    let response;
    try {
      response = await (upload ? upload.answerTo(sent()) : sent());
    } catch (cause) {
      if (!again || upload || signal?.aborted) throw cause;
      tell(SENT_ONCE_MORE, cause);
      // The same deadline: two tries take no longer than one may.
      response = await sent();
    }
    // A service gives what it fetched itself.
    if (service === undefined && isOfThePlatform(response.status)) throw response.status;
    const answer = answered(response, unwanted, cookies, added);
    if (answer.status === 101 && look !== undefined) {
      isWatched = true;
      return watched(answer, look, () => controller.abort());
    }
    // Something must be waited for until then: the platform forgets the timers of a request whose answer it carries by itself.
    if (total !== 0 && answer.status !== 101) {
      ctx.waitUntil(scheduler.wait(Math.max(0, total - (Date.now() - begun))).then(() => controller.abort()));
    }
    return answer;
  } catch (cause) {
    return tell((await upload?.fault(signal?.aborted)) ?? FAILED, cause);
  } finally {
    // The head is here: the body may take as long as it likes (streams, server-sent events).
    clearTimeout(timer);
    if (look !== undefined && !isWatched) look(ENDED);
  }
}

/** How long the other end gets to show that it has broken too: what has happened already shows at once. */
const PROBE_MS = 10;

const hasMethodWithoutBody = ({ method }) => method === "GET" || method === "HEAD";

/**
 * A body on its way to the upstream, or undefined when there is none. It goes through a pipe of the platform's own: of a
 * body that is handed on as it is, nobody can tell whether the client broke off or the upstream did.
 */
function uploadOf(request, ctx) {
  const source = request.body;
  if (source === null || hasMethodWithoutBody(request)) return undefined;
  const length = request.headers.get("content-length");
  if (length === "0") return undefined;
  const bytes = length === null ? NaN : Number(length);
  const { readable, writable } = Number.isSafeInteger(bytes) ? new FixedLengthStream(bytes) : new IdentityTransformStream();
  const stop = new AbortController();
  let isDone = false;
  let isBrokenOff = false;
  // Each end is left as it is when the other breaks: whose fault it was shows in which of them still stands.
  const piped = source.pipeTo(writable, { preventAbort: true, preventCancel: true, signal: stop.signal }).then(() => {
    isDone = true;
  });
  const settled = piped.catch(() => {});
  // An answer may begin before the body's end.
  ctx.waitUntil(settled);
  return {
    body: readable,
    /** The answer to the request that has this body; rejects when the body breaks off before there is one. */
    answerTo(sending) {
      const watched = piped.then(
        () => sending,
        async (cause) => {
          const ended = sending.then(() => true, () => true);
          // An upstream that breaks off fails the request as well. A client that does leaves it waiting for the rest.
          isBrokenOff = !(await Promise.race([ended, scheduler.wait(PROBE_MS).then(() => false)]));
          // The upstream must not wait on, nor take the beginning for the whole.
          writable.abort(cause).catch(() => {});
          if (!isBrokenOff) return sending;
          throw cause;
        },
      );
      watched.catch(() => {});
      sending.catch(() => {});
      return Promise.race([sending, watched]);
    },
    /** Whether no answer came because of the client: its body broke off, or was too slow when the time was over. */
    async fault(isLate) {
      if (isBrokenOff) return BODY_BROKE_OFF;
      if (isDone) return undefined;
      // The request is over: a pipe that waits for the upstream ends with it, one that waits for the client does not.
      const hasEnded = await Promise.race([settled.then(() => true), scheduler.wait(PROBE_MS).then(() => false)]);
      if (hasEnded) return undefined;
      stop.abort();
      return isLate ? BODY_TOO_SLOW : undefined;
    },
  };
}

/** What `verify` wants to know of an algorithm (RFC 7518 section 3.1), in the order of `SignatureAlgorithm`. */
const VERIFY = [
  { name: "ECDSA", hash: "SHA-256" },
  { name: "ECDSA", hash: "SHA-384" },
  { name: "Ed25519" },
  { name: "RSASSA-PKCS1-v1_5" },
  // The salt is as long as the hash: RFC 7518 section 3.5.
  { name: "RSA-PSS", saltLength: 32 },
];

/** The promise of a verdict. The two texts lie in WASM's memory: WebCrypto takes its own copy before it returns. */
export function verify(algorithm, key, signature, content) {
  return crypto.subtle.verify(VERIFY[algorithm], key, signature, content);
}

/**
 * The same, and then what `judged` answers to the verdict about this flight: whether the signature is good, or undefined
 * when WebCrypto gives none.
 */
export function judge(request, env, ctx, judged, flight, algorithm, key, signature, content) {
  const answer = (verdict) => judged(request, env, ctx, flight, verdict);
  return verify(algorithm, key, signature, content).then(answer, () => answer(undefined));
}

/** The one item of what a promise brings: a promise in a list is not waited for together with the one that brings it. */
export function first(promise) {
  return promise.then(([item]) => item);
}
