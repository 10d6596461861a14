"""Middleware for WSGI: Flask, Django, Bottle, Pyramid."""

from __future__ import annotations

from typing import Any, Callable, Iterable

from ._errors import OriginError
from ._headers import NAMES
from ._health import is_health
from ._middleware import Middleware

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


def _request_of(environ: Environ) -> tuple[str, str]:
    """Method and target, for a bound assertion. PATH_INFO is decoded, so the server must give what was sent."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not isinstance(target, str):
        raise RuntimeError("a bound assertion needs a server that gives RAW_URI or REQUEST_URI")
    return environ["REQUEST_METHOD"], target


class RequireCallerWsgi(Middleware[App]):
    """Lets requests with a good token pass, with ``environ["postern.caller"]``, and answers the others.

    ``health`` are paths that GET and HEAD reach without a caller. ``on_refused`` is called with each refusal, for your
    log. A WSGI server joins two headers of one name with a comma, which is refused; one that keeps the last instead
    hides the first from every program, and then the last one is verified.
    """

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if is_health(self.health, environ["REQUEST_METHOD"], path):
            return self.app(environ, start_response)
        name = "HTTP_" + NAMES[self.verifier.kind].upper().replace("-", "_")
        request = _request_of(environ) if self.verifier.bound else None
        try:
            caller = self.verifier.verify([environ[name]] if name in environ else [], request)
        except OriginError as error:
            self._note(error)
            body = b"" if environ["REQUEST_METHOD"] == "HEAD" else error.body
            headers = [*error.headers.items(), ("Content-Length", str(len(error.body)))]
            start_response(f"{error.status} {error.title}", headers)
            return [body]
        environ["postern.caller"] = caller
        return self.app(environ, start_response)
