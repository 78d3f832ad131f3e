"""Children that are made when somebody looks at them, and then kept by the field that they hang on (law 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from protolab.fields import Field


class _Later(Sequence[Field]):
    """A tuple of fields that `make` gives when it is first asked for one, for its length, or whether it has any."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], tuple[Field, ...]]) -> None:
        self._make: Callable[[], tuple[Field, ...]] | None = make
        self._made: tuple[Field, ...] = ()

    def _all(self) -> tuple[Field, ...]:
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made

    def __getitem__(self, at: Any) -> Any:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Field]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return self._all() == (other._all() if isinstance(other, _Later) else other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


def later(make: Callable[[], tuple[Field, ...]]) -> tuple[Field, ...]:
    """What stands for the tuple that `make()` gives, and behaves as it in all that is done with a field's children."""
    return cast(tuple[Field, ...], _Later(make))
