"""The keys of a JWK Set (RFC 7517), each for one algorithm. An entry that cannot be used is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

from ._base64url import decode
from ._json import NotStrict, strict_object

#: A ``kid`` is a name; Postern's have 43 bytes.
MAX_KID_BYTES = 256

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")
#: 2048 to 8192 bits (RFC 7518 section 3.3).
_RSA_BYTES = range(256, 1025)


@dataclass(frozen=True)
class Key:
    """A key, and the one algorithm that it verifies."""

    kid: str | None
    algorithm: str
    signature_bytes: int
    #: The numbers of the key: equal ones are one key.
    numbers: tuple[str, ...]
    key: ECKey | OKPKey | RSAKey


def plain_algorithm(name: object) -> object:
    """The name that both names of Ed25519 stand for (RFC 9864)."""
    return "EdDSA" if name == "Ed25519" else name


def _is_for_verification(jwk: dict[str, Any]) -> bool:
    operations = ["verify"] if jwk.get("key_ops") is None else jwk["key_ops"]
    if jwk.get("use") not in (None, "sig") or not isinstance(operations, list):
        return False
    return "verify" in operations and all(isinstance(one, str) for one in operations)


def _read(jwk: object) -> Key | None:
    if not isinstance(jwk, dict) or any(jwk.get(name) is not None for name in _PRIVATE):
        return None
    kid = jwk.get("kid") or None
    if not _is_for_verification(jwk) or not (kid is None or isinstance(kid, str)):
        return None
    if kid is not None and len(kid.encode()) > MAX_KID_BYTES:
        return None
    kind: type[ECKey] | type[OKPKey] | type[RSAKey]
    match (jwk.get("kty"), jwk.get("crv")):
        case ("EC", "P-256"):
            kind, algorithm, names = ECKey, "ES256", ("crv", "x", "y")
        case ("OKP", "Ed25519"):
            kind, algorithm, names = OKPKey, "EdDSA", ("crv", "x")
        case ("RSA", _):
            kind, algorithm, names = RSAKey, "RS256", ("n", "e")
        case _:
            return None
    if jwk.get("alg") is not None and plain_algorithm(jwk["alg"]) != algorithm:
        return None
    numbers = {name: jwk.get(name) for name in names}
    if not all(isinstance(value, str) for value in numbers.values()):
        return None
    signature_bytes = len(decode(numbers["n"])) if kind is RSAKey else 64
    if kind is RSAKey and signature_bytes not in _RSA_BYTES:
        return None
    key = kind.import_key({"kty": jwk["kty"], **numbers})
    # The library reads the numbers when they are first needed; a point that is not on its curve is found here.
    key.public_key  # noqa: B018
    return Key(kid, algorithm, signature_bytes, tuple(numbers.values()), key)


def read_keys(document: bytes) -> tuple[Key, ...] | None:
    """The usable keys of a document. ``None`` where it is no key set, or one without a usable key."""
    try:
        entries = strict_object(document).get("keys")
    except NotStrict:
        return None
    if not isinstance(entries, list):
        return None
    keys: list[Key] = []
    for entry in entries:
        try:
            key = _read(entry)
        except Exception:  # The library has no one error for a key that it cannot read.
            continue
        if key is not None and all((one.kid, one.numbers) != (key.kid, key.numbers) for one in keys):
            keys.append(key)
    return tuple(keys) or None


def matching(keys: tuple[Key, ...], kid: str | None, algorithm: str) -> Key | str:
    """The one key for a token with this header, or the reason why there is none."""
    named = [key for key in keys if kid is None or key.kid == kid]
    fitting = [key for key in named if key.algorithm == algorithm]
    if not fitting:
        return "alg_mismatch" if kid is not None and named else "unknown_key"
    first, *others = fitting
    return first if all(other.numbers == first.numbers for other in others) else "ambiguous_key"
