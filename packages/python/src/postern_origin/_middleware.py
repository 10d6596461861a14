"""What the middlewares have in common."""

from __future__ import annotations

from typing import Callable, Generic, Iterable, TypeVar

from ._errors import OriginError
from ._health import checked_health
from ._verifier import Verifier

App = TypeVar("App")


class Middleware(Generic[App]):
    """An application, and the verifier in front of it."""

    def __init__(
        self,
        app: App,
        verifier: Verifier,
        *,
        health: Iterable[str] = (),
        on_refused: Callable[[OriginError], None] | None = None,
    ) -> None:
        self.app = app
        self.verifier = verifier
        self.health = checked_health(health)
        self.on_refused = on_refused

    def _note(self, error: OriginError) -> None:
        if self.on_refused is not None:
            self.on_refused(error)
