"""From what was learned to a tokenizer."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import TYPE_CHECKING, Any

from tokengrove._native import Model
from tokengrove.errors import InvalidArgumentError
from tokengrove.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokengrove._native import Trained
    from tokengrove.training.template import Template

__all__ = ["PadTo", "added_token", "assemble", "custom_ids", "last_of_each", "padded_size"]

PadTo = int | str | None
"""``"power-of-two"``, or a number to fill the vocabulary up to a multiple of."""


def added_token(content: str, token_id: int, *, special: bool, normalized: bool = False) -> dict[str, Any]:
    """Write an added token as ``tokenizer.json`` does; it is found in text as it stands.

    Args:
        content: Its text.
        token_id: Its id.
        special: Whether decoding may skip it.
        normalized: Whether it is looked for after normalization.

    Returns:
        The entry.
    """
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": normalized}
    return {"id": token_id, "content": content, **flags, "special": special}


def last_of_each(merges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out merges that are listed again later.

    Args:
        merges: Merges in order.

    Returns:
        The merges, each once.
    """
    last = {merge: place for place, merge in enumerate(merges)}
    return [merge for place, merge in enumerate(merges) if last[merge] == place]


def padded_size(size: int, pad_to: PadTo) -> int:
    """Tell how large a vocabulary is when it is filled up.

    Args:
        size: Its size.
        pad_to: To what; a size that fits already stays.

    Returns:
        The size then.

    Raises:
        InvalidArgumentError: If ``pad_to`` is neither ``"power-of-two"`` nor a positive number.
    """
    if pad_to is None:
        return size
    if pad_to == "power-of-two":
        return 1 << max(size - 1, 0).bit_length()
    if isinstance(pad_to, int) and pad_to > 0:
        return math.ceil(size / pad_to) * pad_to
    raise InvalidArgumentError(f"pad_to must be 'power-of-two' or a positive number; found {pad_to!r}")


def assemble(
    trained: Trained,
    template: Template,
    special_tokens: Sequence[str],
    custom_tokens: Sequence[str],
    pad_to: PadTo,
    **model: Any,
) -> Tokenizer:
    """Make the tokenizer.

    Args:
        trained: What was learned.
        template: How text is cut.
        special_tokens: Special tokens: entries of what was learned, or appended.
        custom_tokens: Tokens to append, which are not learned; single characters may be there.
        pad_to: What to fill the vocabulary up to, with runs of spaces and line feeds.
        model: Fields of the model other than its lists.

    Returns:
        The tokenizer.
    """
    strings = trained.strings
    # Where a string was learned twice, the first one has the id.
    vocab = {string: len(strings) - 1 - place for place, string in enumerate(reversed(strings))}
    merges = last_of_each([(merge[0], merge[1]) for merge in trained.merges])
    written = [(strings[left], strings[right]) for left, right in merges]
    next_id = itertools.count(len(strings))
    added = []
    for content in special_tokens:
        known = vocab.get(content)
        added.append(added_token(content, next(next_id) if known is None else known, special=True))
    present = {entry["content"] for entry in added}
    for content in custom_tokens:
        if content not in present:
            known = vocab.get(content)
            added.append(added_token(content, next(next_id) if known is None else known, special=False))
            present.add(content)
    size = len(vocab) + sum(entry["id"] >= len(strings) for entry in added)
    fill = _fillers(present | _texts(trained))
    missing = range(padded_size(size, pad_to) - size)
    # Normalized as in the KL3M tokenizers; that is also how `with_vocab_size` knows them.
    added.extend(added_token(next(fill), next(next_id), special=False, normalized=True) for _ in missing)
    # The format gives an added token its id by an entry of the vocabulary, or by its place behind it.
    added.sort(key=lambda entry: entry["id"])
    json = template.to_json(vocab, written, added, **model)
    return Tokenizer(Model.from_bytes(json.encode(), pattern=...))


def custom_ids(
    custom_tokens: Sequence[str], special_tokens: Sequence[str], template: Template, *, all_bytes: bool
) -> int:
    """Tell how many ids custom tokens need beside those of special tokens and of bytes.

    Args:
        custom_tokens: The custom tokens.
        special_tokens: The special tokens.
        template: How text is cut.
        all_bytes: Whether all bytes are symbols.

    Returns:
        The number.

    Raises:
        InvalidArgumentError: If a token is written like a single byte, such as é, by which the format means byte 0xE9.
    """
    needed = 0
    for content in custom_tokens:
        byte = next((token for token in template.tokens_like(content)[1:] if len(token) == 1), None)
        if byte is not None and byte != content.encode():
            raise InvalidArgumentError(
                f"custom token {content!r} cannot be told from byte 0x{byte[0]:02X}, which tokenizer.json writes so"
            )
        needed += content not in special_tokens and not (all_bytes and byte is not None)
    return needed


def _texts(trained: Trained) -> set[str]:
    """The learned tokens that are text."""
    texts = set()
    for token in trained.tokens:
        with contextlib.suppress(UnicodeDecodeError):
            texts.add(token.decode())
    return texts


def _fillers(present: set[str]) -> Iterator[str]:
    """Runs of spaces and of line feeds, the shortest first, as long as there are none of them."""
    for length in itertools.count(2):
        for character in " \n":
            if character * length not in present:
                yield character * length
