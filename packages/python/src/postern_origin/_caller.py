"""The caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping


@dataclass(frozen=True)
class Caller:
    """The caller, verified."""

    #: ``sub``. Another issuer may give the same one to another person: see ``key``.
    subject: str
    #: The issuer of the access token: ``token_iss`` of an assertion, ``iss`` of an access token. It has no space.
    issuer: str
    #: ``client_id``: the client that the token was issued to.
    client: str | None
    #: ``sid``: the session.
    session: str | None
    #: ``tenant_id``.
    tenant: str | None
    #: ``scope``.
    scopes: frozenset[str]
    #: ``roles``.
    roles: frozenset[str]
    #: ``acr``: how strong the sign-in was. Access tokens only.
    acr: str | None
    #: ``amr``: the methods of the sign-in (RFC 8176). Access tokens only.
    amr: tuple[str, ...]
    #: ``auth_time``, in seconds: when the user signed in. Access tokens only.
    authenticated_at: float | None
    #: ``iat``, in seconds.
    issued_at: float
    #: ``exp``, in seconds.
    expires_at: float
    #: All claims, as they were signed.
    claims: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def key(self) -> str:
        """The issuer, a space, and the subject: the name of this caller in your database."""
        return f"{self.issuer} {self.subject}"
