"""The added tokens of a tokenizer and the ids they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokengrove.compat.tokenizers._added import AddedToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tokengrove._native import BpeModel

NativeToken = tuple[str, int, bool, bool, bool, bool, bool]
"""Content, id, special, single_word, lstrip, rstrip, normalized."""


class AddedVocabulary:
    """Added tokens by text and by id. Adding one takes constant time; nothing is compiled here."""

    __slots__ = ("by_content", "by_id", "largest")

    def __init__(self) -> None:
        self.by_content: dict[str, int] = {}
        self.by_id: dict[int, AddedToken] = {}
        self.largest = -1

    def copy(self) -> AddedVocabulary:
        """Give an independent copy."""
        other = AddedVocabulary()
        other.by_content, other.by_id, other.largest = dict(self.by_content), dict(self.by_id), self.largest
        return other

    def add(self, tokens: Iterable[AddedToken], model: BpeModel) -> int:
        """Add tokens, or give those that are there already other properties.

        Args:
            tokens: The tokens.
            model: The model; a token of its vocabulary keeps its id.

        Returns:
            How many were added or changed.
        """
        size = len(model)
        next_id = self.largest + 1 if self.by_id and (self.largest >= size or size == 0) else size
        changed = 0
        for token in tokens:
            if not token.content:
                continue
            known = self.by_content.get(token.content)
            if known is not None and self.by_id.get(known) == token:
                continue
            changed += 1
            number = known if known is not None else model.token_to_id(token.content)
            if number is None:
                number, next_id = next_id, next_id + 1
            self.by_content[token.content] = number
            self.by_id[number] = token._copy()
            self.largest = max(self.largest, number)
        return changed

    def native(self, normalize: Callable[[str], str] | None) -> list[NativeToken]:
        """Give the tokens as the core takes them.

        Args:
            normalize: Gives the form in which a normalized token is looked for, where the core cannot.
        """
        tokens = []
        for number, token in sorted(self.by_id.items()):
            content = normalize(token.content) if normalize and token.normalized else token.content
            flags = (token.special, token.single_word, token.lstrip, token.rstrip, token.normalized)
            tokens.append((content, number, *flags))
        return tokens
