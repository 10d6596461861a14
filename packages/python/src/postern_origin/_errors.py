"""Why a request is refused, and the answer for it."""

from __future__ import annotations

import json
from typing import Literal

Kind = Literal["assertion", "access_token"]

_TITLES = {400: "Bad Request", 401: "Unauthorized", 503: "Service Unavailable"}


def _code(kind: Kind, reason: str) -> str:
    if reason in ("keys_unavailable", "credentials_required", "invalid_request"):
        return reason
    if reason == "no_assertion":
        return "assertion_required"
    return "invalid_assertion" if kind == "assertion" else "invalid_token"


class OriginError(Exception):
    """A request is refused. ``status``, ``headers`` and ``body`` are the answer for it.

    ``reason`` is for your log: the name that Postern's gate has for it. ``about`` names the claim or the member of the
    header. Neither has a part of the token. ``code`` is for the caller: one word that does not help them to guess.
    ``status`` is 401; 400 for a malformed ``Authorization``; 503 without keys, which is not the caller's fault.
    """

    def __init__(self, kind: Kind, reason: str, about: str = "") -> None:
        super().__init__(f"{reason}: {about}" if about else reason)
        self.reason = reason
        self.about = about
        self.code = _code(kind, reason)
        self.status = {"keys_unavailable": 503, "invalid_request": 400}.get(reason, 401)
        self.headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if self.status == 503:
            self.headers["Retry-After"] = "5"
        elif kind == "assertion":
            self.headers["WWW-Authenticate"] = "Postern-Assertion"
        elif reason == "credentials_required":
            self.headers["WWW-Authenticate"] = "Bearer"
        else:
            self.headers["WWW-Authenticate"] = f'Bearer error="{self.code}"'

    @property
    def title(self) -> str:
        """The phrase of the status."""
        return _TITLES[self.status]

    @property
    def body(self) -> bytes:
        """The body of the answer: a problem document (RFC 9457)."""
        problem = {"title": self.title, "status": self.status, "code": self.code}
        return json.dumps(problem, separators=(",", ":")).encode()
