"""What all components have in common: attributes that are fields of their JSON form, and what is compiled from it."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, overload

from tokengrove._native import Regex

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_numbers = itertools.count(1)


class _Changes:
    """A number that is another one after every change of any component.

    Tokenizers compare it with the one of the time they were compiled at, and look closer only if it differs.
    """

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def note(self) -> None:
        """Say that something has changed, after it has."""
        self.number = next(_numbers)


CHANGES = _Changes()


class Field(Generic[T]):
    """An attribute that is a field of the component's JSON form.

    Args:
        read: Checks a value that a user gives and makes it what JSON holds; raises ``TypeError`` or ``ValueError``.
        name: The name in the JSON form, if it is not the attribute's.
        write: Makes what a user gets from what JSON holds.
    """

    def __init__(self, read: Callable[[Any], Any], *, name: str = "", write: Callable[[Any], T] | None = None) -> None:
        self.read = read
        self.name = name
        self.write = write

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    @overload
    def __get__(self, obj: None, owner: type) -> Self: ...
    @overload
    def __get__(self, obj: Component, owner: type) -> T: ...
    def __get__(self, obj: Component | None, owner: type) -> Self | T:
        if obj is None:
            return self
        value = obj._state[self.name]
        return cast("T", value) if self.write is None else self.write(value)

    def __set__(self, obj: Component, value: T) -> None:
        # A new dict, so that whoever reads the state at this moment sees one state or the other.
        obj._state = {**obj._state, self.name: self.read(value)}
        CHANGES.note()


def boolean(value: Any) -> bool:
    """Read a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"'{type(value).__name__}' object is not an instance of 'bool'")
    return value


def optional_boolean(value: Any) -> bool | None:
    """Read a bool or None."""
    return None if value is None else boolean(value)


def string(value: Any) -> str:
    """Read a str."""
    if not isinstance(value, str):
        raise TypeError(f"'{type(value).__name__}' object is not an instance of 'str'")
    return str(value)


def character(value: Any) -> str:
    """Read a str of one character."""
    if len(string(value)) != 1:
        raise ValueError("expected a string of length 1")
    return str(value)


def count(value: Any) -> int:
    """Read a number of things."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    if value < 0:
        raise OverflowError("can't convert negative int to unsigned")
    return value


BEHAVIORS = {
    "removed": "Removed",
    "isolated": "Isolated",
    "merged_with_previous": "MergedWithPrevious",
    "merged_with_next": "MergedWithNext",
    "contiguous": "Contiguous",
}
_BEHAVIOR_NAMES = {value: key for key, value in BEHAVIORS.items()}


def behavior(value: Any) -> str:
    """Read what becomes of matches, by name or as an enumeration's member."""
    name = getattr(value, "value", value)
    if string(name) not in BEHAVIORS:
        raise ValueError(
            "Wrong value for SplitDelimiterBehavior, expected one of: "
            "`removed, isolated, merged_with_previous, merged_with_next, contiguous`"
        )
    return BEHAVIORS[name]


def behavior_name(value: str) -> str:
    """Give the name by which a behaviour is chosen."""
    return _BEHAVIOR_NAMES[value]


def prepend_scheme(value: Any) -> str:
    """Read which pieces get a mark."""
    if string(value) not in ("first", "never", "always"):
        raise ValueError(f"{value} is an unknown variant, should be one of ['first', 'never', 'always']")
    return str(value)


def pattern(value: Any) -> dict[str, str]:
    """Read a pattern: this very text, or a regular expression."""
    if isinstance(value, Regex):
        return {"Regex": value.pattern}
    if isinstance(value, str):
        return {"String": str(value)}
    raise TypeError("a pattern must be str or Regex")


class HiddenPattern:
    """The attribute ``pattern``, which the reference library has and lets nobody use."""

    def __get__(self, obj: Component | None, owner: type) -> None:
        if obj is not None:
            raise Exception("Cannot get pattern")

    def __set__(self, obj: Component, value: object) -> None:
        raise Exception("Cannot set pattern, please instantiate a new pattern instead")


class Component:
    """A part of a tokenizer's chain.

    Attributes that are set take effect in every tokenizer that has the component.
    """

    TYPE: ClassVar[str] = ""
    KIND: ClassVar[str] = ""
    """The name of the field that holds such a component in a ``tokenizer.json``."""

    _state: dict[str, Any]
    _custom: Any
    _compiled: tuple[str, Any] | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a component without a state; ``__init__`` gives it one."""
        self = super().__new__(cls)
        self._state = {}
        self._custom = None
        self._compiled = None
        return self

    def _set(self, **state: Any) -> None:
        """Set attributes through their checks."""
        for name, value in state.items():
            setattr(self, name, value)

    def _json(self) -> dict[str, Any]:
        """Give the JSON form.

        Raises:
            Exception: If the component is written in Python and has none.
        """
        if self._custom is not None:
            raise Exception(f"Custom {self.KIND} cannot be serialized")
        return {"type": self.TYPE, **self._state}

    def _text(self) -> str:
        """Give the JSON form as text, as the reference library writes it."""
        return json.dumps(self._json(), ensure_ascii=False, separators=(",", ":"))

    def _is_custom(self) -> bool:
        """Tell whether the component, or one inside it, is written in Python."""
        return self._custom is not None

    def _compile(self, make: Callable[[str], T]) -> T:
        """Give what ``make`` makes of the JSON form; made anew only if that has changed."""
        text = self._text()
        compiled = self._compiled
        if compiled is None or compiled[0] != text:
            compiled = (text, make(text))
            self._compiled = compiled
        return cast("T", compiled[1])

    def __getstate__(self) -> bytes:
        """Give the JSON form as bytes."""
        return self._text().encode()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the JSON form."""
        return _load, (type(self), self.__getstate__())

    def __repr__(self) -> str:
        """Show the component as the reference library does."""
        from tokengrove.compat.tokenizers import _repr

        return _repr.component(self, limit=_repr.LONG)

    def __str__(self) -> str:
        """Show the component, long lists cut off."""
        from tokengrove.compat.tokenizers import _repr

        return _repr.component(self, limit=_repr.SHORT)


def _load(cls: type[Component], state: bytes) -> Component:
    """Make a component of its JSON form."""
    from tokengrove.compat.tokenizers import _load as loading

    component: Component = loading.component(cls.KIND, json.loads(state))
    return component


class SequenceComponent(Component):
    """Components one after another."""

    TYPE = "Sequence"
    ITEMS: ClassVar[str] = ""
    BASE: ClassVar[type[Component]] = Component

    _items: list[Any]

    def __init__(self, items: list[Any]) -> None:
        if not isinstance(items, list):
            raise TypeError(f"'{type(items).__name__}' object is not an instance of 'list'")
        self._items = [self._checked(item) for item in items]

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, self.BASE):
            raise TypeError(f"'{type(item).__name__}' object is not an instance of '{self.BASE.__name__}'")
        return item

    def __len__(self) -> int:
        """Give the number of components."""
        return len(self._items)

    def __getitem__(self, index: int) -> Any:
        """Give one component; changing it changes the sequence."""
        try:
            return self._items[index]
        except IndexError:
            raise IndexError("Index not found") from None

    def __setitem__(self, index: int, value: Any) -> None:
        """Replace one component."""
        self[index]
        items = list(self._items)
        items[index] = self._checked(value)
        self._items = items
        CHANGES.note()

    def _is_custom(self) -> bool:
        return any(item._is_custom() for item in self._items)

    def _json(self) -> dict[str, Any]:
        return {"type": self.TYPE, self.ITEMS: [item._json() for item in self._items]}


class MetaspaceFields(Component):
    """The fields of both components of this name: visible spaces are made by one, and undone by the other."""

    TYPE = "Metaspace"

    replacement = Field[str](character)
    prepend_scheme = Field[str](prepend_scheme)
    split = Field[bool](boolean)

    def __init__(self, replacement: str = "▁", prepend_scheme: str = "always", split: bool = True) -> None:
        self._set(replacement=replacement, prepend_scheme=prepend_scheme, split=split)


def of_python(error: Exception) -> Exception:
    """Give the error that stands for one raised in a component written in Python."""
    return Exception(f"{type(error).__name__}: {error}")
