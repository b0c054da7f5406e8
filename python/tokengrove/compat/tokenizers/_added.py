"""``AddedToken``: a token that is found in the text before anything else happens to it."""

from __future__ import annotations

from typing import Any

__all__ = ["AddedToken"]


class AddedToken:
    """A token to be added to a tokenizer.

    Args:
        content: Its text.
        single_word: Whether it is found only between characters that are in no word.
        lstrip: Whether it swallows white space before it.
        rstrip: Whether it swallows white space after it.
        normalized: Whether its normalized form is looked for in the normalized text; if left out, it is for tokens that
            are not special.
        special: Whether decoding may skip it.
    """

    content: str
    special: bool

    def __init__(self, content: str | None = None, **kwargs: Any) -> None:
        if content is not None and not isinstance(content, str):
            raise TypeError(f"'{type(content).__name__}' object is not an instance of 'str'")
        self.content = content or ""
        self.special = False
        self._given: dict[str, bool] = {}
        for name, value in kwargs.items():
            if name == "special":
                self.special = _boolean(value)
            elif name in ("single_word", "lstrip", "rstrip", "normalized"):
                self._given[name] = _boolean(value)
            else:
                raise TypeError(f"AddedToken() got an unexpected keyword argument {name!r}")

    @property
    def single_word(self) -> bool:
        """Whether the token is found only between characters that are in no word."""
        return self._given.get("single_word", False)

    @property
    def lstrip(self) -> bool:
        """Whether the token swallows white space before it."""
        return self._given.get("lstrip", False)

    @property
    def rstrip(self) -> bool:
        """Whether the token swallows white space after it."""
        return self._given.get("rstrip", False)

    @property
    def normalized(self) -> bool:
        """Whether the token's normalized form is looked for in the normalized text."""
        return self._given.get("normalized", not self.special)

    def _key(self) -> tuple[str, bool, bool, bool, bool, bool]:
        return self.content, self.single_word, self.lstrip, self.rstrip, self.normalized, self.special

    def _copy(self) -> AddedToken:
        """A token with the same properties, all of them given."""
        return AddedToken(**self.__getstate__())

    def __getstate__(self) -> dict[str, Any]:
        """Give all properties."""
        return {
            "content": self.content,
            "single_word": self.single_word,
            "lstrip": self.lstrip,
            "rstrip": self.rstrip,
            "normalized": self.normalized,
            "special": self.special,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take all properties."""
        self.__init__(**state)  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        """Compare all properties."""
        return self._key() == other._key() if isinstance(other, AddedToken) else NotImplemented

    def __hash__(self) -> int:
        """Hash all properties."""
        return hash(self._key())

    def __lt__(self, other: object) -> bool:
        """Say no: tokens have no order."""
        return False

    __le__ = __gt__ = __ge__ = __lt__

    def __str__(self) -> str:
        """Give the text."""
        return self.content

    def __repr__(self) -> str:
        """Show all properties."""
        return (
            f'AddedToken("{self.content}", rstrip={self.rstrip}, lstrip={self.lstrip}, '
            f"single_word={self.single_word}, normalized={self.normalized}, special={self.special})"
        )


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"'{type(value).__name__}' object is not an instance of 'bool'")
    return value
