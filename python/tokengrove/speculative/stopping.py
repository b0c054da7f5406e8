"""When a sequence ends: its length, a stop token, a stop string, or whatever the caller says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from tokengrove.errors import InvalidArgumentError

__all__ = ["Decodes", "Ending"]


class Decodes(Protocol):
    """A tokenizer, as far as stop strings need one."""

    def decode(self, ids: list[int], /) -> str:
        """Gives the text of token ids."""
        ...


class Ending:
    """Tells where one sequence ends, token by token.

    Args:
        prompt: The tokens before.
        max_new_tokens: The most tokens after them, at least 0.
        stop_ids: Tokens that end it; the token itself is emitted.
        stop_strings: Strings that end it as soon as they stand in the new text.
        tokenizer: Makes text of tokens; needed for stop strings.
        criterion: Asked after each token with all tokens of the sequence, and those of `before`.
        before: Tokens before the prompt that `criterion` and logits processors see and the model does not: padding.

    Raises:
        InvalidArgumentError: If `max_new_tokens` is negative, a stop string is empty, or there are stop strings and no
            tokenizer.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        max_new_tokens: int,
        stop_ids: Collection[int] = (),
        stop_strings: Sequence[str] = (),
        tokenizer: Decodes | None = None,
        criterion: Callable[[list[int]], bool] | None = None,
        before: Sequence[int] = (),
    ) -> None:
        if max_new_tokens < 0:
            raise InvalidArgumentError(f"max_new_tokens is {max_new_tokens}; it cannot be negative")
        if not all(stop_strings):
            raise InvalidArgumentError("a stop string is empty: it would end every text before its first token")
        if stop_strings and tokenizer is None:
            raise InvalidArgumentError("stop_strings need a tokenizer")
        self.tokens = list(prompt)
        self._begin = len(self.tokens)
        self._end = self._begin + max_new_tokens
        self._stop_ids = frozenset(stop_ids)
        self._strings = tuple(stop_strings)
        self._tokenizer = tokenizer
        self._criterion = criterion
        self._before = list(before)
        # A token is at least one byte, and a character at most four; a few more for characters cut in two.
        self._tail = max((4 * len(text) for text in self._strings), default=0) + 8
        self.ended = max_new_tokens == 0

    @property
    def new(self) -> list[int]:
        """The tokens after the prompt."""
        return self.tokens[self._begin :]

    @property
    def left(self) -> int:
        """The most tokens that may still follow."""
        return self._end - len(self.tokens)

    @property
    def seen(self) -> list[int]:
        """What criteria and processors are shown: padding, prompt and new tokens."""
        return self._before + self.tokens

    def add(self, token: int) -> bool:
        """Appends a token.

        Args:
            token: Its id.

        Returns:
            Whether the sequence ends with it.
        """
        self.tokens.append(token)
        self.ended = (
            len(self.tokens) >= self._end
            or token in self._stop_ids
            or self._ends_with_string()
            or (self._criterion is not None and bool(self._criterion(self.seen)))
        )
        return self.ended

    def _ends_with_string(self) -> bool:
        if not self._strings or self._tokenizer is None:
            return False
        text = self._tokenizer.decode(self.tokens[max(self._begin, len(self.tokens) - self._tail) :])
        return any(string in text for string in self._strings)
