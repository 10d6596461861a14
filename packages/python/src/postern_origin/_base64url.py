"""Strict base64url (RFC 4648 section 5, RFC 7515 section 2)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode


def decode(text: str) -> bytes:
    """The bytes, if this is the one way to write them: no padding, no white space, no bits left over. Raises ValueError."""
    found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe_b64encode(found).rstrip(b"=").decode() != text:
        raise ValueError("not base64url")
    return found
