// Forwarding in plain JavaScript, one thing more at a time: what each of them costs. The path names it.
const TEN = [
  ["x-postern-hops", "1"],
  ["x-forwarded-for", "203.0.113.7"],
  ["x-forwarded-proto", "https"],
  ["x-forwarded-host", "api.example.com"],
  ["x-auth-subject", "user-1"],
  ["x-auth-issuer", "https://auth.example.com"],
  ["x-auth-scope", "read:orders write:orders"],
  ["x-auth-roles", "user,editor"],
  ["x-auth-tenant", "tenant-7"],
  ["x-auth-session", "AAAAAAAAAAAAAAAAAAAAAA"],
];
const ASSERTION = [
  ["x-postern-hops", "1"],
  ["x-postern-assertion", "a".repeat(600)],
];
const ALL = [...TEN, ["accept", "application/json"], ["accept-encoding", "gzip"], ["user-agent", "bench/1"]];
const UNCACHED = { cacheTtl: -1, cacheLevel: "bypass" };
const TIMEOUT_MS = 30_000;
const initOf = (request, headers) => ({ method: request.method, headers, redirect: "manual", body: null });
const copied = ({ headers: all }) => {
  const headers = new Headers(all);
  headers.delete("authorization");
  return headers;
};
const withSet = (request, pairs) => {
  const headers = copied(request);
  for (const [name, value] of pairs) headers.set(name, value);
  return headers;
};
const kept = new Map();
const keptHeaders = (pairs) => {
  let headers = kept.get(pairs);
  if (headers === undefined) kept.set(pairs, (headers = new Headers(pairs)));
  return headers;
};
const withKept = (request, pairs) => {
  const headers = new Headers(keptHeaders(pairs));
  for (const name of ["accept", "accept-encoding", "user-agent"]) headers.append(name, request.headers.get(name));
  return headers;
};
const passed = (response) => {
  const { status } = response;
  if (status < 200 || status > 599) throw status;
  return response.headers.has("set-cookie") ? new Response(response.body, response) : response;
};

async function everything(request, send) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
  try {
    return passed(await send({ ...initOf(request, withKept(request, TEN)), signal: controller.signal }));
  } finally {
    clearTimeout(timer);
  }
}

const steps = {
  plain: (request, url) => fetch(new Request(url, request)),
  service: (request, url, env) => env.ORIGIN.fetch(request),
  init: (request, url) => fetch(url, initOf(request, request.headers)),
  copied: (request, url) => fetch(url, initOf(request, copied(request))),
  ten: (request, url) => fetch(url, initOf(request, withSet(request, TEN))),
  "ten kept": (request, url) => fetch(url, initOf(request, withKept(request, TEN))),
  "ten as they are": (request, url) => fetch(url, initOf(request, keptHeaders(ALL))),
  assertion: (request, url) => fetch(url, initOf(request, withSet(request, ASSERTION))),
  uncached: (request, url) => fetch(url, { ...initOf(request, request.headers), cf: UNCACHED }),
  "no-store": (request, url) => fetch(url, { ...initOf(request, request.headers), cache: "no-store" }),
  signal: (request, url) => fetch(url, { ...initOf(request, request.headers), signal: new AbortController().signal }),
  deadline: (request, url) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
    return fetch(url, { ...initOf(request, request.headers), signal: controller.signal }).finally(() => clearTimeout(timer));
  },
  "AbortSignal.timeout": (request, url) => fetch(url, { ...initOf(request, request.headers), signal: AbortSignal.timeout(TIMEOUT_MS) }),
  awaited: async (request, url) => {
    try {
      return await fetch(url, initOf(request, request.headers));
    } finally {
      request = undefined;
    }
  },
  "answer looked at": (request, url) => fetch(url, initOf(request, request.headers)).then(passed),
  "answer copied": (request, url) => fetch(url, initOf(request, request.headers)).then((response) => new Response(response.body, response)),
  // What Postern does for a route with a verified token: the floor of a forward with all of it.
  everything: (request, url) => everything(request, (init) => fetch(url, { ...init, cf: UNCACHED })),
  "everything, service": (request, url, env) => everything(request, (init) => env.ORIGIN.fetch(url, init)),
  "headers read": (request, url) => {
    let text = "";
    for (const [name, value] of request.headers) text += `${name}\n${value}\n`;
    if (text === "") throw new Error("no headers");
    return fetch(url, initOf(request, request.headers));
  },
};

export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return steps[decodeURI(pathname.slice(1))](request, env.ORIGIN_URL + pathname + search, env);
  },
};
