"""The paths that are reached without a caller."""

from __future__ import annotations

from typing import Iterable


def checked_health(paths: Iterable[str]) -> frozenset[str]:
    """The paths, each of which is compared as a whole. Raises ValueError."""
    if isinstance(paths, str):
        raise ValueError("health is a list of paths")
    found = frozenset(paths)
    for path in found:
        if not path.startswith("/") or set("*?#") & set(path):
            raise ValueError(f"health has {path!r}, which is not a plain path")
    return found


def is_health(paths: frozenset[str], method: str, path: str) -> bool:
    """Whether a request needs no caller."""
    return method in ("GET", "HEAD") and path in paths
