"""Encoding with a normalizer or a pre-tokenizer written in Python: step by step, outside of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokengrove._native import Encoding, HfCore, PreTokenizedString

if TYPE_CHECKING:
    from tokengrove.compat.tokenizers._tokenizer import Tokenizer


def encode(
    tokenizer: Tokenizer, core: HfCore, sequence: Any, pair: Any, is_pretokenized: bool, add_special_tokens: bool
) -> Encoding:
    """Do what ``Tokenizer.encode`` does."""
    first = _sequence(tokenizer, core, sequence, 0, is_pretokenized)
    second = None if pair is None else _sequence(tokenizer, core, pair, 1, is_pretokenized)
    return core.post_process(first, second, add_special_tokens)


def encode_batch(
    tokenizer: Tokenizer, core: HfCore, batch: Any, is_pretokenized: bool, add_special_tokens: bool
) -> list[Encoding]:
    """Do what ``Tokenizer.encode_batch`` does."""
    encodings = []
    for item in batch:
        words = is_pretokenized and not all(isinstance(word, str) for word in item)
        is_pair = not isinstance(item, str) and len(item) == 2 and (words or not is_pretokenized)
        first, second = item if is_pair else (item, None)
        encodings.append(encode(tokenizer, core, first, second, is_pretokenized, add_special_tokens))
    padding = tokenizer.padding
    if padding is not None and padding["length"] is None and encodings:
        longest = max(map(len, encodings))
        names = ("direction", "pad_id", "pad_type_id", "pad_token")
        for encoding in encodings:
            encoding.pad(longest, **{name: padding[name] for name in names})
    return encodings


def _sequence(tokenizer: Tokenizer, core: HfCore, sequence: Any, type_id: int, is_pretokenized: bool) -> Encoding:
    if not is_pretokenized:
        if not isinstance(sequence, str):
            raise TypeError("TextInputSequence must be str")
        return _text(tokenizer, core, sequence, type_id, None)
    if isinstance(sequence, str) or not all(isinstance(word, str) for word in sequence):
        raise TypeError("PreTokenizedInputSequence must be Union[List[str], Tuple[str]]")
    parts = [_text(tokenizer, core, word, type_id, number) for number, word in enumerate(sequence)]
    return Encoding.merge(parts, growing_offsets=False)


def _text(tokenizer: Tokenizer, core: HfCore, text: str, type_id: int, word: int | None) -> Encoding:
    parts = PreTokenizedString(text)
    core.find_added(parts, False)
    normalizer, pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    if normalizer is not None:
        parts.normalize(normalizer.normalize)
    core.find_added(parts, True)
    if pre_tokenizer is not None:
        pre_tokenizer.pre_tokenize(parts)
    core.tokenize_parts(parts)
    return parts.to_encoding(type_id, word)
