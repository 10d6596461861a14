"""A WSGI origin that verified callers alone reach, with the server of Python's library."""

import os
from wsgiref.simple_server import WSGIRequestHandler, make_server

from postern_origin import AssertionVerifier, RequireCallerWsgi


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def app(environ, start_response):
    caller = environ.get("postern.caller")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [(caller.key if caller else "ok").encode()]


verifier = AssertionVerifier(os.environ["ISSUER"], os.environ["AUDIENCE"], keys=os.environ["KEYS"])
guarded = RequireCallerWsgi(app, verifier, health=["/healthz"])
make_server("127.0.0.1", int(os.environ["PORT"]), guarded, handler_class=Quiet).serve_forever()
