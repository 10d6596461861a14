// Every kind of bad input, and the code of docs/reference/http-api.md that answers it. Nothing here may be a 5xx.
import { describe, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, json, post, signIn } from "./support/client.ts";
import { ALICE, PASSWORD, settings } from "./support/config.ts";
import { rawRequest } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

const postern = shared(() => ({ vars: settings({ POSTERN_REGISTRATION: "open" }) }));

const LOGIN = { login: ALICE, password: PASSWORD };

/** The calls that take a body. */
const WITH_BODY = ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout", "/auth/logout-all"];

function send(path: string, body: string | Uint8Array<ArrayBuffer> | ReadableStream, contentType: string | null = "application/json"): Promise<Response> {
  return postern().fetch(path, {
    method: "POST",
    headers: contentType === null ? {} : { "content-type": contentType },
    body,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  } as RequestInit);
}

describe.for(WITH_BODY)("a body that %s cannot read", (path) => {
  test.for(["{", "", "{'login':1}", '{"login":"a"} x', '{"login":"a",}', "\u0000", "nul"].filter((text) => text !== ""))(
    "malformed JSON: %j",
    async (text) => {
      await expectProblem(await send(path, text), 400, "malformed_json");
    },
  );

  test("the same member twice: two readers would see two requests", async () => {
    const text = '{"refresh_token":"a","refresh_token":"b","login":"a","password":"b"}';
    await expectProblem(await send(path, text), 400, "malformed_json");
  });

  test.for(["[]", "1", '"text"', "null", "true"])("JSON that is no object: %s", async (text) => {
    await expectProblem(await send(path, text), 400, "not_an_object");
  });

  // Tests RFC 8259 section 8.1: JSON is UTF-8
  test("bytes that are no UTF-8", async () => {
    const bytes = new Uint8Array([...Buffer.from('{"login":"'), 0xff, 0xfe, ...Buffer.from('"}')]);
    await expectProblem(await send(path, bytes), 400, "invalid_utf8");
  });

  // Tests RFC 9110 section 15.5.16: another content type is 415
  test.for(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "application/problem+json", null])(
    "another content type, such as a foreign form could send: %s",
    async (contentType) => {
      // As bytes, or fetch adds a content type of its own.
      const bytes = new TextEncoder().encode(JSON.stringify({ ...LOGIN }));
      await expectProblem(await send(path, bytes, contentType), 415, "unsupported_media_type");
    },
  );

  test("an unknown member is named", async () => {
    const problem = await expectProblem(await send(path, '{"is_admin":true}'), 400, "unknown_member");
    expect(problem.errors?.map((error) => error.field)).toEqual(["is_admin"]);
  });

  // Tests RFC 9110 section 15.5.14: a body that is too large is 413
  test("a body over 64 KB, with or without its length said", async () => {
    const large = JSON.stringify({ refresh_token: "x".repeat(64 * 1024) });
    await expectProblem(await send(path, large), 413, "body_too_large");
    const chunks = new Blob([large]).stream();
    await expectProblem(await send(path, chunks), 413, "body_too_large");
  });

  test("an object as deep as its size allows breaks nothing", async () => {
    const response = await send(path, `{"login":${"[".repeat(30_000)}${"]".repeat(30_000)}}`);
    expect(response.status).toBe(400);
    await response.text();
  });
});

describe("members", () => {
  test.for(["login", "password"])("%s is missing", async (name) => {
    const body: Record<string, string> = { ...LOGIN };
    delete body[name];
    for (const path of ["/auth/login", "/auth/register"]) {
      const problem = await expectProblem(await post(postern(), path, body), 400, "missing_member");
      expect(problem.errors?.map((error) => error.field)).toEqual([name]);
    }
  });

  test.for([
    ["login", 1],
    ["login", ["alice@example.com"]],
    ["password", { $ne: null }],
    ["password", true],
    ["delivery", "header"],
    ["delivery", 1],
    ["device_name", 7],
    ["client_id", 7],
    ["client_id", "no-such-client"],
  ] as const)("%s with a value that it cannot have: %j", async ([name, value]) => {
    const problem = await expectProblem(await post(postern(), "/auth/login", { ...LOGIN, [name]: value }), 400, "invalid_member");
    expect(problem.errors?.map((error) => error.field)).toEqual([name]);
  });

  test("a refresh token of another type", async () => {
    for (const path of ["/auth/refresh", "/auth/logout"]) {
      await expectProblem(await post(postern(), path, { refresh_token: 1 }), 400, "invalid_member");
    }
  });

  test("no problem repeats a value of the request", async () => {
    const response = await post(postern(), "/auth/login", { ...LOGIN, delivery: "hunter2-hunter2" });
    expect(await response.text()).not.toContain("hunter2");
  });
});

describe("logins and passwords", () => {
  test.for([
    ["empty", ""],
    ["10 000 characters", "x".repeat(10_000)],
    ["255 bytes", "x".repeat(255)],
    ["255 bytes of 2-byte characters", "é".repeat(128)],
    ["a space inside", "ali ce@example.com"],
    ["a control character", "alice\u0000@example.com"],
    ["a line break", "alice@example.com\nX: y"],
    ["a bidirectional override", "alice\u202e@example.com"],
    ["nothing but spaces", "   "],
  ] as const)("a new login cannot be: %s", async ([, login]) => {
    await expectProblem(await post(postern(), "/auth/register", { login, password: PASSWORD }), 400, "invalid_login");
  });

  test("a sign-in with an impossible login is refused, not 5xx", async () => {
    for (const login of ["", "x".repeat(10_000), "ali ce@example.com", "alice\u0000@example.com"]) {
      const response = await post(postern(), "/auth/login", { login, password: PASSWORD });
      expect([400, 401]).toContain(response.status);
      await response.text();
    }
  });

  test.for([
    ["7 bytes", "1234567"],
    ["1 025 bytes", "x".repeat(1025)],
    ["60 000 bytes", "x".repeat(60_000)],
    ["empty", ""],
  ] as const)("a new password cannot be: %s", async ([, password]) => {
    const login = `${crypto.randomUUID()}@example.com`;
    await expectProblem(await post(postern(), "/auth/register", { login, password }), 400, "invalid_password");
  });

  test("a password of 1 024 bytes is taken, and all of it counts", async () => {
    const login = `${crypto.randomUUID()}@example.com`;
    const password = "ä".repeat(512);
    await json(await post(postern(), "/auth/register", { login, password }), 201);
    await signIn(postern(), { login, password });
    const almost = `${"ä".repeat(511)}ö`;
    await expectProblem(await post(postern(), "/auth/login", { login, password: almost }), 401, "invalid_credentials");
  });

  test("an over-long password is refused before the hash", async () => {
    const response = await post(postern(), "/auth/login", { login: ALICE, password: "x".repeat(60_000) });
    expect([400, 401]).toContain(response.status);
    await response.text();
  });

  test("SQL in a login is a login that does not exist", async () => {
    for (const login of ["'OR'1'='1", `${ALICE}'--`, "a';DROP/**/TABLE/**/users;--"]) {
      await expectProblem(await post(postern(), "/auth/login", { login, password: PASSWORD }), 401, "invalid_credentials");
    }
    await signIn(postern());
  });
});

describe("methods and paths", () => {
  const METHODS: Record<string, string> = {
    "/auth/register": "POST",
    "/auth/login": "POST",
    "/auth/refresh": "POST",
    "/auth/csrf": "GET",
    "/auth/logout": "POST",
    "/auth/logout-all": "POST",
    "/auth/sessions": "GET",
    "/auth/sessions/abc": "DELETE",
    "/auth/me": "GET",
    "/.well-known/jwks.json": "GET",
    "/healthz": "GET",
    "/readyz": "GET",
  };

  // Tests RFC 9110 section 15.5.6: another method of a call is 405 with Allow
  test.for(Object.entries(METHODS))("%s takes %s and says so to everything else", async ([path, taken]) => {
    const refused = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].filter(
      (method) =>
        method !== taken &&
        !(taken === "GET" && method === "HEAD") &&
        !(path === "/auth/sessions" && method === "DELETE"),
    );
    for (const method of refused) {
      const response = await postern().fetch(path, { method });
      const text = await response.text();
      expect({ method, status: response.status, text }).toMatchObject({ method, status: 405 });
      expect(response.headers.get("allow")?.split(/,\s*/)).toContain(taken);
      if (method !== "HEAD") expect(JSON.parse(text)).toMatchObject({ code: "method_not_allowed" });
    }
  });

  // Tests RFC 9110 section 9.3.7: OPTIONS is answered with Allow
  test("OPTIONS tells what a path takes (RFC 9110 section 9.3.7)", async () => {
    for (const [path, taken] of Object.entries(METHODS)) {
      const response = await expectEmpty(await postern().fetch(path, { method: "OPTIONS" }));
      expect(response.headers.get("allow")?.split(/,\s*/), path).toContain(taken);
    }
  });

  // RFC 9110, section 9.3.2.
  // Tests RFC 9110 section 9.3.2: a HEAD of our own calls has the head of its GET
  test("a HEAD is answered like its GET, without the body", async () => {
    for (const path of ["/.well-known/jwks.json", "/healthz", "/readyz"]) {
      const [head, got] = [await postern().fetch(path, { method: "HEAD" }), await postern().fetch(path)];
      expect(head.status, path).toBe(got.status);
      expect(head.headers.get("content-type")).toBe(got.headers.get("content-type"));
      expect(await head.text()).toBe("");
      await got.text();
    }
  });

  test("a method that nobody knows", async () => {
    for (const path of ["/auth/login", "/auth/me"]) {
      const answer = await rawRequest(postern().url, "PROPFIND", path);
      expect(answer.status).toBe(405);
    }
  });

  test.for(["/auth", "/auth/", "/auth/nothing", "/auth/login/", "/auth/login/x", "/auth/sessions/", "/auth/sessions/a/b", "/auth/Login", "/auth/%6cogin/x"])(
    "a path under /auth that does not exist: %s",
    async (path) => {
      await expectProblem(await postern().fetch(path), 404, "not_found");
    },
  );

  // Tests RFC 6750 section 2.3: a token in the query is not taken
  // Tests RFC 9700 section 4.3.2: an access token in a URI is not taken
  test("a query does not change which call it is", async () => {
    await expectProblem(await postern().fetch("/auth/nothing?/auth/me"), 404, "not_found");
    await expectProblem(await postern().fetch("/auth/me?access_token=a.b.c"), 401, "credentials_required");
  });
});

describe("the Authorization header", () => {
  test("an access token over 8 KB is refused before it is parsed", async () => {
    const { access_token } = await signIn(postern());
    const [header, claims, signature] = access_token.split(".");
    const long = `${header}.${claims}${"A".repeat(8 * 1024)}.${signature}`;
    for (const path of ["/auth/me", "/api/orders"]) {
      await expectProblem(await postern().fetch(path, { headers: bearer(long) }), 401, "invalid_token");
    }
  });

  // Tests RFC 6750 section 3.1: more or less than one token is invalid_request with 400
  test.for([
    ["two tokens", "Bearer a.b.c d.e.f"],
    ["a list of two", "Bearer a.b.c, Bearer d.e.f"],
    ["none", "Bearer"],
    ["quoted", 'Bearer "a.b.c"'],
    ["behind another scheme", "Basic YTpi, Bearer a.b.c"],
  ] as const)("more or less than one token is a bad request: %s", async ([, authorization]) => {
    for (const path of ["/auth/me", "/api/orders"]) {
      const response = await postern().fetch(path, { headers: { authorization } });
      expect(response.headers.get("www-authenticate")).toContain('error="invalid_request"');
      await expectProblem(response, 400, "invalid_request");
    }
  });

  // Whichever of them is sound.
  // Tests RFC 9110 section 5.3: two Authorization headers are refused
  test("two Authorization headers are a bad request", async () => {
    const { access_token } = await signIn(postern());
    for (const values of [[`Bearer ${access_token}`, "Bearer a.b.c"], ["Bearer a.b.c", `Bearer ${access_token}`]]) {
      const answer = await rawRequest(postern().url, "GET", "/api/orders", values.map((value) => ["authorization", value]));
      expect(answer.status).toBe(400);
    }
  });

  test("another scheme is no credentials of ours", async () => {
    const response = await postern().fetch("/api/orders", { headers: { authorization: "Basic YWxpY2U6eA==" } });
    await expectProblem(response, 401, "credentials_required");
  });
});

test("a client that goes away in its body harms no other", async () => {
  const abort = new AbortController();
  const endless = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('{"login":"'));
      abort.abort();
    },
  });
  await expect(
    postern().fetch("/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: endless,
      duplex: "half",
      signal: abort.signal,
    } as RequestInit),
  ).rejects.toThrow();
  await signIn(postern());
});
