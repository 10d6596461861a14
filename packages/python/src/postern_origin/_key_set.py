"""Postern's key set: fetched from one address, and kept."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Callable
from urllib.parse import urlsplit

from ._keys import Key, read_keys

#: Seconds. Where the answer says nothing: what Postern's own says.
_DEFAULT_MAX_AGE = 600
#: A withdrawn key stops verifying within this, whatever a cache in between says.
_LONGEST_MAX_AGE = 3600
#: The shortest time between two fetches while there is a set: made-up ``kid``s cost Postern two requests a minute.
_COOLDOWN = 30
#: Without a set, requests fail; so the next attempt comes sooner.
_PAUSE = 1
#: How old a set may be while no newer one can be had: a night.
_STALE_IF_ERROR = 24 * 3600
#: Longer than a healthy Postern takes, shorter than a caller's patience.
_TIMEOUT = 5
#: Postern's have 1 kB.
_MAX_BYTES = 512 * 1024


@dataclass(frozen=True)
class Fetched:
    """An answer with status 200."""

    body: bytes
    cache_control: str = ""
    age: str = ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from the address that the settings name, or not at all."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _fetch(url: str) -> Fetched:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with _opener.open(request, timeout=_TIMEOUT) as answer:
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        body = answer.read(_MAX_BYTES + 1)
        return Fetched(body, answer.headers.get("Cache-Control", ""), answer.headers.get("Age", ""))


def checked_url(url: object, name: str) -> str:
    """Keys are fetched over TLS; on this machine, plain HTTP will do. Raises ValueError."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is not None and parts.hostname:
        is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "https" or (parts.scheme == "http" and is_local):
            return str(url)
    raise ValueError(f"{name} must be an https URL")


def _freshness(fetched: Fetched) -> float:
    """How long an answer is fresh (RFC 9111 section 4.2)."""
    control = fetched.cache_control.lower()
    if "no-store" in control or "no-cache" in control:
        return _COOLDOWN
    found = re.search(r"(?:^|[\s,])max-age=(\d{1,10})", control)
    age = int(fetched.age) if fetched.age.isdecimal() else 0
    fresh = int(found.group(1)) - age if found else _DEFAULT_MAX_AGE
    return min(max(fresh, _COOLDOWN), _LONGEST_MAX_AGE)


@dataclass(frozen=True)
class _Kept:
    keys: tuple[Key, ...]
    at: float
    fresh_for: float


def _within(then: float | None, now: float, seconds: float) -> bool:
    # A clock that was put back says that everything is due.
    return then is not None and 0 <= now - then < seconds


class KeySet:
    """A key set that is kept in memory, for all threads.

    ``fetch`` is called with the address, and must follow no redirect, take no other status than 200, and give up in
    time; each is an exception. ``clock`` is for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], Fetched] = _fetch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = checked_url(url, "the address of the key set")
        self._fetch = fetch
        self._clock = clock
        self._kept: _Kept | None = None
        self._attempted: float | None = None
        self._failed: float | None = None
        self._fetching = threading.Lock()

    def known(self, is_unknown: bool = False) -> tuple[bool, tuple[Key, ...] | None]:
        """Whether no fetch is due, and the keys. ``is_unknown``: the set has no key of a token's name."""
        now = self._clock()
        kept = self._kept if self._kept is not None and _within(self._kept.at, now, _STALE_IF_ERROR) else None
        if kept is None:
            return _within(self._failed, now, _PAUSE), None
        is_fresh = not is_unknown and _within(kept.at, now, kept.fresh_for)
        return is_fresh or _within(self._attempted, now, _COOLDOWN), kept.keys

    def keys(self, is_unknown: bool = False) -> tuple[Key, ...] | None:
        """The keys, fetched where that is due. ``None`` when there are none to be had."""
        is_settled, keys = self.known(is_unknown)
        if is_settled:
            return keys
        with self._fetching:
            # Another thread may have fetched meanwhile.
            is_settled, keys = self.known(is_unknown)
            if is_settled:
                return keys
            now = self._attempted = self._clock()
            try:
                fetched = self._fetch(self.url)
                fresh = read_keys(fetched.body) if len(fetched.body) <= _MAX_BYTES else None
            except Exception:  # Whatever the fetcher is made of: without an answer the old set serves.
                fresh = None
            if fresh is None:
                self._failed = now
            else:
                self._kept = _Kept(fresh, now, _freshness(fetched))
            return self.known()[1]
