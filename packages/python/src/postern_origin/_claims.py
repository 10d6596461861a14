"""The claims of our own tokens, which are read to the letter: Postern writes them so, or did not write them."""

from __future__ import annotations

import math
import re
from typing import Any, Callable, TypeVar

from ._caller import Caller
from ._errors import Kind

#: Seconds that Postern's clock and ours may differ.
_CLOCK_TOLERANCE = 5
#: An assertion lives for 60 s; a later Postern may give it more, and none gives it this.
_LONGEST_ASSERTION = 300
#: The last second of the year 9999.
_LATEST = 253_402_300_799
_MAX_U32 = 0xFFFF_FFFF
#: RFC 6749 section 3.3.
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

T = TypeVar("T")


class ClaimFault(Exception):
    """Claims are refused, for this reason and about this claim."""

    def __init__(self, reason: str, about: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.about = about


class _OtherForm(Exception):
    """A claim has another form."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _OtherForm
    return value


def _filled(value: Any) -> str:
    if value == "":
        raise _OtherForm
    return _text(value)


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value] if isinstance(value, list) else [_text(value)]


def _number(value: Any) -> float:
    # True is an int.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _OtherForm
    return value


def _date(value: Any) -> float:
    """Whole milliseconds, as seconds."""
    if not 0 <= _number(value) <= _LATEST:
        raise _OtherForm
    return math.floor(value * 1000) / 1000


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= _number(value) <= _MAX_U32:
        raise _OtherForm
    return value


def _scope(value: Any) -> list[str]:
    tokens = [] if value == "" else value.split(" ") if isinstance(value, str) else _texts(value)
    if not all(_SCOPE_TOKEN.fullmatch(token) for token in tokens):
        raise _OtherForm
    return tokens


def _place(value: Any) -> str:
    """An issuer is the name of a place and has no space, which ``Caller.key`` relies on."""
    if " " in _filled(value):
        raise _OtherForm
    return value


def _binding(value: Any) -> str:
    if not isinstance(value, dict) or value.keys() != {"jkt"}:
        raise _OtherForm
    return _text(value["jkt"])


def caller_of(claims: dict[str, Any], kind: Kind, issuer: str, audiences: frozenset[str], now: float) -> Caller:
    """The caller that verified claims name. Raises ClaimFault."""
    is_assertion = kind == "assertion"

    def optional(name: str, form: Callable[[Any], T]) -> T | None:
        if name not in claims:
            return None
        try:
            return form(claims[name])
        except _OtherForm:
            raise ClaimFault("malformed_claim", name) from None

    def required(name: str, form: Callable[[Any], T]) -> T:
        found = optional(name, form)
        if found is None:
            raise ClaimFault("missing_claim", name)
        return found

    def own(name: str) -> str | None:
        return optional(name, _text) if is_assertion else required(name, _filled)

    iss = required("iss", _text)
    subject = required("sub", _filled)
    audience = optional("aud", _texts) or []
    expires_at = required("exp", _date)
    issued_at = required("iat", _date)
    not_before = optional("nbf", _date)
    own("jti")
    client = own("client_id")
    scopes = optional("scope", _scope) or []
    roles = optional("roles", _texts) or []
    tenant = optional("tenant_id", _text)
    session = optional("sid", _text)
    optional("rot", _count)
    acr = optional("acr", _text)
    amr = optional("amr", _texts) or []
    authenticated_at = optional("auth_time", _date)
    bound_to = optional("cnf", _binding)
    token_issuer = required("token_iss", _place) if is_assertion else iss

    def refuse_if(fails: bool, reason: str, about: str) -> None:
        if fails:
            raise ClaimFault(reason, about)

    soon = now + _CLOCK_TOLERANCE
    refuse_if(iss != issuer, "wrong_issuer", "iss")
    refuse_if(audiences.isdisjoint(audience), "wrong_audience", "aud")
    starts = [issued_at] if not_before is None else [issued_at, not_before]
    refuse_if(expires_at <= max(starts), "impossible_dates", "exp")
    refuse_if(now >= expires_at + _CLOCK_TOLERANCE, "expired", "exp")
    refuse_if(not_before is not None and not_before > soon, "not_yet_valid", "nbf")
    refuse_if(issued_at > soon, "issued_in_future", "iat")
    refuse_if(is_assertion and expires_at - issued_at > _LONGEST_ASSERTION, "lifetime_too_long", "exp")
    refuse_if(bound_to is not None, "bound_token_as_bearer", "cnf")

    return Caller(
        subject=subject,
        issuer=token_issuer,
        client=client,
        session=session,
        tenant=tenant,
        scopes=frozenset(scopes),
        roles=frozenset(roles),
        acr=acr,
        amr=tuple(amr),
        authenticated_at=authenticated_at,
        issued_at=issued_at,
        expires_at=expires_at,
        claims=claims,
    )


def require_equal(claims: dict[str, Any], wanted: dict[str, str]) -> None:
    """That these claims say this of the request. Raises ClaimFault."""
    for name, value in wanted.items():
        if name not in claims:
            raise ClaimFault("missing_claim", name)
        if not isinstance(claims[name], str):
            raise ClaimFault("malformed_claim", name)
        if claims[name] != value:
            raise ClaimFault("wrong_request", name)
