"""Finds the token in a request. Two headers are refused, because two programs might each take another one."""

from __future__ import annotations

import re
from typing import Sequence

from ._errors import Kind, OriginError

#: RFC 6750 section 2.1.
_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_SCHEME = re.compile(r"([^ \t,]*)(.*)", re.DOTALL)
_HIDDEN = re.compile(r",[ \t]*bearer(?:[ \t,]|$)", re.IGNORECASE)

#: The header of each kind of token, in small letters.
NAMES: dict[Kind, str] = {"assertion": "x-postern-assertion", "access_token": "authorization"}


def _assertion(lines: Sequence[str]) -> str:
    if not lines:
        raise OriginError("assertion", "no_assertion")
    if len(lines) > 1 or "," in lines[0]:
        raise OriginError("assertion", "several_assertions")
    value = lines[0].strip(" \t")
    if value == "":
        raise OriginError("assertion", "empty_assertion")
    return value


def _access_token(lines: Sequence[str]) -> str:
    value = ", ".join(lines).strip(" \t")
    found = _SCHEME.fullmatch(value)
    scheme, rest = found.groups() if found else ("", "")
    if scheme.lower() != "bearer":
        reason = "invalid_request" if _HIDDEN.search(value) else "credentials_required"
        raise OriginError("access_token", reason)
    token = rest.lstrip(" ")
    if not _B64TOKEN.fullmatch(token):
        raise OriginError("access_token", "invalid_request")
    return token


def token_of(kind: Kind, lines: Sequence[str]) -> str:
    """The one token that a request with these lines of the header carries. Raises OriginError."""
    return _assertion(lines) if kind == "assertion" else _access_token(lines)
