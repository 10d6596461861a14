"""Middleware for ASGI: Starlette, FastAPI, Litestar, Quart, Django's ASGI handler."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, MutableMapping

from ._errors import OriginError
from ._headers import NAMES
from ._health import is_health
from ._middleware import Middleware

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def _request_of(scope: Scope) -> tuple[str, str]:
    """Method and target, for a bound assertion. ``path`` is decoded, so the server must give ``raw_path``."""
    raw_path, query = scope.get("raw_path"), scope["query_string"]
    if raw_path is None:
        raise RuntimeError("a bound assertion needs a server that gives raw_path")
    target = raw_path + (b"?" + query if query else b"")
    return scope.get("method", "GET"), target.decode("latin-1")


class RequireCaller(Middleware[App]):
    """Lets requests with a good token pass, with ``scope["state"]["caller"]``, and answers the others.

    In Starlette and FastAPI that is ``request.state.caller``. ``health`` are paths that GET and HEAD reach without a
    caller. ``on_refused`` is called with each refusal, for your log. WebSockets are refused before they are accepted.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            # The lifespan of the server, which no request reaches.
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
                return
            raise RuntimeError(f"postern-origin does not know requests of type {scope['type']!r}")
        if scope["type"] == "http" and is_health(self.health, scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        name = NAMES[self.verifier.kind].encode()
        lines = [value.decode("latin-1") for header, value in scope["headers"] if header.lower() == name]
        request = _request_of(scope) if self.verifier.bound else None
        try:
            caller = await self.verifier.verify_async(lines, request)
        except OriginError as error:
            self._note(error)
            await self._refuse(error, scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["caller"] = caller
        await self.app(scope, receive, send)

    async def _refuse(self, error: OriginError, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            # Before it is accepted, this is status 403 of the handshake.
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        body = error.body
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
