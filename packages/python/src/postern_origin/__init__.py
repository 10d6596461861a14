"""Verifies what Postern says about a caller, in the origin behind it: the gate's assertion, or an access token.

>>> verifier = AssertionVerifier("https://auth.example.com", "https://orders.internal.example.com")
>>> app = RequireCaller(app, verifier, health=["/healthz"])  # ASGI; RequireCallerWsgi for WSGI  # doctest: +SKIP
"""

from ._caller import Caller
from ._errors import OriginError
from ._key_set import Fetched, KeySet
from ._verifier import AccessTokenVerifier, AssertionVerifier, Verifier
from .asgi import RequireCaller
from .wsgi import RequireCallerWsgi

__all__ = [
    "AccessTokenVerifier",
    "AssertionVerifier",
    "Caller",
    "Fetched",
    "KeySet",
    "OriginError",
    "RequireCaller",
    "RequireCallerWsgi",
    "Verifier",
]
