"""The middleware: with an assertion, without one, with two, and on a health path."""

import asyncio
import json
import unittest
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from postern_origin import RequireCaller, RequireCallerWsgi
from test_key_set import GOOD, Scene
from test_vectors import VECTORS, verifier_of

KEY = "https://auth.example.com 5f0c"
NEAR_HEALTH = [("POST", "/healthz"), ("GET", "/healthz/"), ("GET", "/HEALTHZ"), ("GET", "//healthz")]


def asgi(method, path, values, refused=None):
    async def app(scope, receive, send):
        caller = scope.get("state", {}).get("caller")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": (caller.key if caller else "nobody").encode()})

    async def ask():
        sent = []

        async def send(message):
            sent.append(message)

        guarded = RequireCaller(app, Scene().verifier, health=["/healthz"], on_refused=refused)
        headers = [(b"x-postern-assertion", value.encode()) for value in values]
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b"a=1"}
        await guarded(scope, None, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"].decode()

    return asyncio.run(ask())


def wsgi(method, path, values, refused=None):
    def app(environ, start_response):
        caller = environ.get("postern.caller")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [(caller.key if caller else "nobody").encode()]

    answer = {}

    def start_response(status, headers, exc_info=None):
        answer.update(status=int(status[:3]), headers={name.lower().encode(): value.encode() for name, value in headers})

    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "a=1"}
    setup_testing_defaults(environ)
    if values:
        # As servers join two lines of one name.
        environ["HTTP_X_POSTERN_ASSERTION"] = ",".join(values)
    guarded = validator(RequireCallerWsgi(app, Scene().verifier, health=["/healthz"], on_refused=refused))
    parts = guarded(environ, start_response)
    body = b"".join(parts).decode()
    parts.close()
    return answer["status"], answer["headers"], body


class Middleware(unittest.TestCase):
    def test_known_callers_and_health_alone_pass(self):
        for ask in (asgi, wsgi):
            with self.subTest(ask.__name__):
                self.assertEqual(ask("POST", "/orders", [GOOD])[::2], (200, KEY))
                status, headers, body = ask("GET", "/orders", [])
                self.assertEqual((status, headers[b"www-authenticate"]), (401, b"Postern-Assertion"))
                self.assertEqual(json.loads(body), {"title": "Unauthorized", "status": 401, "code": "assertion_required"})
                reasons = []
                self.assertEqual(ask("GET", "/orders", [GOOD, GOOD], lambda error: reasons.append(error.reason))[0], 401)
                self.assertEqual(reasons, ["several_assertions"])
                self.assertEqual(ask("GET", "/healthz", [])[::2], (200, "nobody"))
                for method, path in NEAR_HEALTH:
                    self.assertEqual(ask(method, path, [])[0], 401, path)

    def test_a_bound_assertion_is_for_the_request_as_it_was_sent(self):
        case = next(one for one in VECTORS["cases"] if one["name"] == "assertion: bound to this request")
        verifier = verifier_of(case)
        method, target = case["request"]["method"], case["request"]["target"]
        path, _, query = target.partition("?")
        seen = []

        async def app(scope, receive, send):
            seen.append(scope["state"]["caller"].subject)

        async def send(message):
            seen.append(message.get("status"))

        scope = {"type": "http", "method": method, "path": "/orders/a/b", "raw_path": path.encode(), "query_string": query.encode()}
        scope["headers"] = [(b"x-postern-assertion", case["values"][0].encode())]
        asyncio.run(RequireCaller(app, verifier)(scope, None, send))
        asyncio.run(RequireCaller(app, verifier)({**scope, "state": {}, "query_string": b""}, None, send))
        self.assertEqual(seen, ["5f0c", 401, None])
        with self.assertRaises(RuntimeError):
            asyncio.run(RequireCaller(app, verifier)({**scope, "raw_path": None}, None, send))

        environ = {"REQUEST_METHOD": method, "PATH_INFO": "/orders/a/b", "HTTP_X_POSTERN_ASSERTION": case["values"][0]}
        statuses = []
        guarded = RequireCallerWsgi(lambda environ, start: start("200 OK", []) or [b""], verifier)
        for raw in (target, path):
            guarded({**environ, "RAW_URI": raw}, lambda status, _: statuses.append(status[:3]))
        self.assertEqual(statuses, ["200", "401"])
        with self.assertRaises(RuntimeError):
            guarded(environ, None)
        with self.assertRaises(TypeError):
            verifier.verify(case["values"])

    def test_a_health_path_is_a_plain_path(self):
        for bad in [["/health/*"], ["healthz"], ["/a?b"], "/healthz"]:
            for middleware in (RequireCaller, RequireCallerWsgi):
                with self.subTest(bad), self.assertRaises(ValueError):
                    middleware(None, Scene().verifier, health=bad)

    def test_a_socket_without_a_caller_is_closed_unopened(self):
        async def ask(headers):
            seen = []

            async def app(scope, receive, send):
                seen.append(scope["state"]["caller"].key)

            async def receive():
                return {"type": "websocket.connect"}

            async def send(message):
                seen.append((message["type"], message["code"]))

            scope = {"type": "websocket", "path": "/healthz", "headers": headers}
            await RequireCaller(app, Scene().verifier, health=["/healthz"])(scope, receive, send)
            return seen

        self.assertEqual(asyncio.run(ask([])), [("websocket.close", 1008)])
        self.assertEqual(asyncio.run(ask([(b"X-Postern-Assertion", GOOD.encode())])), [KEY])

    def test_requests_of_an_unknown_kind_do_not_pass(self):
        async def app(scope, receive, send):
            raise AssertionError("reached")

        with self.assertRaises(RuntimeError):
            asyncio.run(RequireCaller(app, Scene().verifier)({"type": "webtransport", "headers": []}, None, None))


if __name__ == "__main__":
    unittest.main()
