"""A compact JWS (RFC 7515) before its signature is verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._base64url import decode
from ._errors import Kind
from ._json import NotStrict, strict_object
from ._keys import MAX_KID_BYTES, plain_algorithm

#: As Postern's gate.
_MAX_BYTES = 8 * 1024
_TYPES: dict[Kind, str] = {"assertion": "postern-assertion+jwt", "access_token": "at+jwt"}
_READ = {"alg", "kid", "typ"}
#: They choose a key, change what is signed, or belong to another kind of token.
_FORBIDDEN = {
    *("crit", "b64", "enc", "zip", "jku", "x5u", "x5c", "x5t", "x5t#S256"),
    *("jwk", "cty", "p2s", "p2c", "epk", "iv", "tag"),
}


@dataclass(frozen=True)
class Token:
    """What is known of a token that is well-formed."""

    kid: str | None
    #: The algorithm, ``EdDSA`` for both names of Ed25519.
    algorithm: str
    #: The algorithm as the header names it.
    named_algorithm: str
    payload: bytes
    signature_bytes: int


def _algorithm_fault(name: object) -> str:
    if name is None:
        return "missing_alg"
    if not isinstance(name, str):
        return "malformed_header_member"
    if name.lower() == "none":
        return "alg_none"
    if name.lower().startswith("hs"):
        return "alg_symmetric"
    return "alg_not_allowed" if name in ("ES384", "PS256") else "alg_unsupported"


def _judge(header: dict[str, Any], kind: Kind) -> str | None:
    if _FORBIDDEN & header.keys():
        return "forbidden_header"
    if plain_algorithm(header.get("alg")) not in ("ES256", "EdDSA", "RS256"):
        return "malformed_header_member" if "alg" in header and header["alg"] is None else _algorithm_fault(header.get("alg"))
    kid = header.get("kid")
    if "kid" in header and (not isinstance(kid, str) or kid == "" or len(kid.encode()) > MAX_KID_BYTES):
        return "malformed_header_member"
    typ = header.get("typ")
    if "typ" in header and not isinstance(typ, str):
        return "malformed_header_member"
    if typ is None or typ.lower().removeprefix("application/") != _TYPES[kind]:
        return "wrong_typ"
    return None if header.keys() <= _READ else "unknown_header"


def parse(text: str, kind: Kind) -> Token | str:
    """Takes a token apart and judges its header; or the reason why not."""
    if len(text) > _MAX_BYTES:
        return "too_large"
    parts = text.split(".")
    if len(parts) != 3:
        return "encrypted" if len(parts) == 5 else "not_three_parts"
    try:
        header_bytes, payload, signature = (decode(part) for part in parts)
    except ValueError:
        return "not_base64url"
    if not signature:
        return "missing_signature"
    try:
        header = strict_object(header_bytes)
    except NotStrict:
        return "malformed_header"
    fault = _judge(header, kind)
    if fault is not None:
        return fault
    return Token(header.get("kid"), str(plain_algorithm(header["alg"])), header["alg"], payload, len(signature))
