"""JSON as RFC 7493 has it. ``json.loads`` takes the last of two members of one name, and the next program may take the first."""

from __future__ import annotations

import json
import math
from typing import Any

#: Objects and lists inside each other. Postern's gate has the same limit.
_MAX_DEPTH = 64


class NotStrict(ValueError):
    """The text is no strict JSON object."""


def _without_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise NotStrict
    return found


def _check(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list)):
        if depth >= _MAX_DEPTH:
            raise NotStrict
        if isinstance(value, dict):
            for name in value:
                _check(name, depth + 1)
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, depth + 1)
    elif isinstance(value, str):
        # Half of a surrogate pair is no character.
        value.encode("utf-8")
    # Python reads NaN and Infinity, which JSON does not have, and takes a number out of range for infinite.
    elif isinstance(value, (int, float)) and not math.isfinite(value):
        raise NotStrict


def strict_object(document: bytes) -> dict[str, Any]:
    """The object that UTF-8 text is. Raises NotStrict."""
    try:
        text = document.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_without_duplicates)
        _check(value, 0)
    except (ValueError, RecursionError, OverflowError) as error:
        raise NotStrict from error
    if not isinstance(value, dict):
        raise NotStrict
    return value
