"""The verifiers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from typing import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from joserfc import jws

from ._caller import Caller
from ._claims import ClaimFault, caller_of, require_equal
from ._errors import Kind, OriginError
from ._headers import token_of
from ._json import NotStrict, strict_object
from ._key_set import KeySet, checked_url
from ._keys import Key, matching
from ._token import Token, parse


class Verifier:
    """Verifies the tokens of requests. Use ``AssertionVerifier`` or ``AccessTokenVerifier``: a verifier takes one kind.

    ``issuer`` is POSTERN_ISSUER, to the letter. ``audience`` is the route's ``assertion``, or for access tokens your
    API's ``resource`` or POSTERN_AUDIENCE; several where several are yours. ``keys`` is the address of the key set, by
    default ``/.well-known/jwks.json`` at the issuer's host, or a ``KeySet``. ``clock`` is for tests. ``bound``: the
    route has ``bind_assertion``, and an assertion must be for this very request. Raises ValueError for settings that
    would let too much pass.
    """

    kind: Kind

    def __init__(
        self,
        issuer: str,
        audience: str | Iterable[str],
        *,
        keys: str | KeySet | None = None,
        bound: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if type(self) is Verifier:
            raise TypeError("use AssertionVerifier or AccessTokenVerifier")
        if bound and self.kind != "assertion":
            raise ValueError("bound is for assertions")
        parts = urlsplit(checked_url(issuer, "issuer"))
        audiences = [audience] if isinstance(audience, str) else list(audience or ())
        if not audiences or not all(isinstance(one, str) and one for one in audiences):
            raise ValueError("audience is required: the route's assertion, or the API's audience")
        if not isinstance(keys, KeySet):
            keys = KeySet(keys if keys is not None else f"{parts.scheme}://{parts.netloc}/.well-known/jwks.json")
        self.issuer = issuer
        self.audiences = frozenset(audiences)
        self.key_set = keys
        self.bound = bound
        self._clock = clock

    def verify(self, lines: Sequence[str], request: tuple[str, str] | None = None) -> Caller:
        """The caller of a request with these lines of the header, in order. Raises OriginError.

        ``request`` is method and target (path and query as they were sent), which a bound assertion must be for.
        """
        self._check_request(request)
        text, token = self._parsed(lines)
        found = self._choose(token, self.key_set.keys())
        if found == "unknown_key":
            found = self._choose(token, self.key_set.keys(is_unknown=True))
        return self._judged(text, token, found, request)

    async def verify_async(self, lines: Sequence[str], request: tuple[str, str] | None = None) -> Caller:
        """The same, with fetches in a thread, so that the loop goes on."""
        self._check_request(request)
        text, token = self._parsed(lines)
        found: Key | str = "unknown_key"
        for is_unknown in (False, True):
            is_settled, keys = self.key_set.known(is_unknown)
            if not is_settled:
                keys = await asyncio.to_thread(self.key_set.keys, is_unknown)
            found = self._choose(token, keys)
            if found != "unknown_key":
                break
        return self._judged(text, token, found, request)

    def _check_request(self, request: tuple[str, str] | None) -> None:
        if self.bound and request is None:
            raise TypeError("a bound assertion is verified together with its request")

    def _parsed(self, lines: Sequence[str]) -> tuple[str, Token]:
        text = token_of(self.kind, lines)
        token = parse(text, self.kind)
        if isinstance(token, str):
            raise OriginError(self.kind, token)
        return text, token

    def _choose(self, token: Token, keys: tuple[Key, ...] | None) -> Key | str:
        if keys is None:
            raise OriginError(self.kind, "keys_unavailable", self.key_set.url)
        return matching(keys, token.kid, token.algorithm)

    def _judged(self, text: str, token: Token, key: Key | str, request: tuple[str, str] | None) -> Caller:
        if isinstance(key, str):
            raise OriginError(self.kind, key)
        if token.signature_bytes != key.signature_bytes:
            raise OriginError(self.kind, "wrong_signature_length")
        try:
            jws.deserialize_compact(text.encode(), key.key, algorithms=[token.named_algorithm])
        except Exception:  # The library has several errors for a signature that is not good.
            raise OriginError(self.kind, "bad_signature") from None
        try:
            claims = strict_object(token.payload)
        except NotStrict:
            raise OriginError(self.kind, "malformed_claims") from None
        try:
            caller = caller_of(claims, self.kind, self.issuer, self.audiences, self._clock())
            if self.bound and request is not None:
                method, target = request
                digest = base64.urlsafe_b64encode(hashlib.sha256(target.encode("latin-1")).digest()).decode().rstrip("=")
                require_equal(claims, {"htm": method, "target_sha256": digest})
            return caller
        except ClaimFault as fault:
            raise OriginError(self.kind, fault.reason, fault.about) from None


class AssertionVerifier(Verifier):
    """Verifies the assertion that Postern's gate sets on requests, in ``X-Postern-Assertion``."""

    kind: Kind = "assertion"


class AccessTokenVerifier(Verifier):
    """Verifies Postern's access tokens in ``Authorization: Bearer``, for an API that is reached without the gate.

    A revoked token passes until it expires: only the gate knows of revocations.
    """

    kind: Kind = "access_token"
