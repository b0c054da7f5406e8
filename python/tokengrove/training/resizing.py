"""Larger and smaller vocabularies from one that exists, with maps of ids for resizing embeddings."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tokengrove._native import Model, PieceCounts, learn
from tokengrove.errors import InvalidArgumentError, UnsupportedTokenizerError
from tokengrove.tokenizer import Tokenizer
from tokengrove.training.counts import PretokenCounts, at_least
from tokengrove.training.template import Template, shown
from tokengrove.training.trainer import Texts, learn_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import EllipsisType

    from numpy.typing import NDArray

    from tokengrove.training.template import Component

__all__ = ["Resized", "extend", "prune"]


@dataclass(frozen=True, slots=True, eq=False)
class Resized:
    """A tokenizer made from another one.

    Attributes:
        tokenizer: The new tokenizer.
        id_map: int64[n], for each id of the new tokenizer the id of the same token in the old one, or -1 if it is new;
            n is one more than the largest new id. New embeddings are ``old[id_map]`` where that is not -1.
    """

    tokenizer: Tokenizer
    id_map: NDArray[np.int64]


def extend(
    tokenizer: Tokenizer,
    texts: Texts | PretokenCounts,
    vocab_size: int,
    pattern: str | Component | EllipsisType | None = ...,
    *,
    max_words: int | None = None,
    forbid: Sequence[str] = (),
    min_frequency: int = 0,
) -> Resized:
    """Train on: learn more tokens for other text, with all the merges there are applied first.

    Args:
        tokenizer: A byte-level tokenizer that has, or whose ranks imply, a list of merges.
        texts: Texts that it is to encode better, or their counts, which also say how text is cut from now on.
        vocab_size: Size of the new vocabulary, special tokens included.
        pattern: How text is cut from now on; left out, as it was. A coarser one gives superwords.
        max_words: The most words of a new token.
        forbid: Texts that no new token contains.
        min_frequency: The smallest count of a pair that merges.

    Returns:
        The new tokenizer. Ids of the old one stay, and new tokens come behind the largest.

    Raises:
        InvalidArgumentError: If the vocabulary would not grow, there is no text, or counts are of text that was
            normalized in another way.
        UnsupportedTokenizerError: If the tokenizer is not byte-level, or has no merges.

    Source:
        "Teaching Old Tokenizers New Words" (Purason et al., 2025): continued training.
    """
    template, parts = Template.of_tokenizer(tokenizer)
    if not template.byte_level:
        raise UnsupportedTokenizerError("only byte-level tokenizers can be extended; this one merges characters")
    if at_least("vocab_size", vocab_size, 1) <= tokenizer.vocab_size:
        raise InvalidArgumentError(
            f"vocab_size must be more than {tokenizer.vocab_size}, which there are; found {vocab_size}"
        )
    if isinstance(texts, PretokenCounts):
        counts = texts
        if pattern is not ...:
            raise InvalidArgumentError("counts say how their text was cut: leave out pattern")
        if Template(counts.template.normalizer, None).description != Template(template.normalizer, None).description:
            raise InvalidArgumentError(
                f"the counts are of text normalized by {shown(counts.template.normalizer)}, "
                f"but the tokenizer normalizes by {shown(template.normalizer)}"
            )
        template = Template(
            template.normalizer, counts.template.pre_tokenizer, template.decoder, template.post_processor
        )
    else:
        if pattern is not ...:
            cut = Template.make(pattern)
            template = Template(template.normalizer, cut.pre_tokenizer, template.decoder, template.post_processor)
        counts = PretokenCounts(PieceCounts.count(template.model, texts, None), template)
    merges = [(left, right) for left, right in tokenizer.merges if left and right]
    learned_before = {left + right for left, right in merges}
    # The trainer knows the bytes and what merges make; tokens that no merge makes are beside it.
    beside = tokenizer.vocab_size - 256 - len(learned_before)
    options = learn_options(
        counts.template,
        vocab_size=vocab_size - beside,
        min_frequency=min_frequency,
        max_words=max_words,
        forbid=forbid,
        never=[entry["content"] for entry in parts["added_tokens"]],
    )
    trained = learn(counts.native, options, inherited=merges, keep_inherited=True, resume=None, observer=None)
    return _with_new_tokens(tokenizer, template, parts, trained.strings, trained.merges[trained.inherited :])


def _with_new_tokens(
    tokenizer: Tokenizer,
    template: Template,
    parts: dict[str, Any],
    strings: list[str],
    new: list[tuple[int, int, int, int]],
) -> Resized:
    """Append what was learned to a tokenizer."""
    vocab: dict[str, int] = dict(parts["model"]["vocab"])
    merges: list[Any] = list(parts["model"]["merges"])
    next_id = tokenizer.max_token_id + 1
    first = next_id
    for left, right, token, _ in new:
        if strings[token] not in vocab:
            vocab[strings[token]] = next_id
            next_id += 1
        merges.append([strings[left], strings[right]])
    # Added tokens keep their ids if they are entries of the vocabulary.
    for entry in parts["added_tokens"]:
        vocab.setdefault(entry["content"], entry["id"])
    parts["model"].update(vocab=dict(sorted(vocab.items(), key=lambda item: item[1])), merges=merges)
    parts["pre_tokenizer"] = template.pre_tokenizer
    id_map = np.full(next_id, -1, np.int64)
    for token_id in range(first):
        if _has(tokenizer, token_id):
            id_map[token_id] = token_id
    return Resized(_load(parts), id_map)


def prune(
    tokenizer: Tokenizer,
    n: int,
    texts: Iterable[str | bytes] | None = None,
    *,
    keep: Iterable[str | bytes] = (),
) -> Resized:
    """Take tokens away, so that all that stay can still be reached.

    Only tokens that no merge of another token needs are taken, those first that occur least in the texts, and among
    those the last learned; so every token that stays is made by the same merges as before.

    Args:
        tokenizer: A tokenizer with a list of merges.
        n: How many tokens to take away.
        texts: What to count tokens in; without it, tokens go in the reverse order of their ids.
        keep: Tokens that stay whatever happens.

    Returns:
        The new tokenizer, with ids without gaps in the order of the old ones.

    Raises:
        InvalidArgumentError: If ``n`` is negative, or that many cannot be taken.
        TypeError: If ``n`` is no whole number, or ``texts`` or ``keep`` is one text.
        UnsupportedTokenizerError: If the tokenizer has no merges.

    Source:
        "Teaching Old Tokenizers New Words" (Purason et al., 2025): pruning of leaves.
    """
    n = at_least("n", n, 0)
    for name, given in (("texts", texts), ("keep", keep)):
        if isinstance(given, (str, bytes)):
            raise TypeError(f"{name} must be an iterable of str or bytes, not one {type(given).__name__}")
    _, parts = Template.of_tokenizer(tokenizer)
    vocab: dict[str, int] = parts["model"]["vocab"]
    pairs = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in parts["model"]["merges"]]
    prefix = parts["model"].get("continuing_subword_prefix") or ""
    made = [left + right.removeprefix(prefix) for left, right in pairs]
    counts: Counter[int] = Counter()
    if texts is not None:
        for ids in tokenizer.encode_batch(list(texts)):
            counts.update(ids.tolist())
    gone = _leaves(tokenizer, vocab, pairs, made, counts, n, keep, parts["added_tokens"])
    kept = sorted((token_id, string) for string, token_id in vocab.items() if string not in gone)
    others = {entry["id"] for entry in parts["added_tokens"]} - {token_id for token_id, _ in kept}
    old_ids = sorted([token_id for token_id, _ in kept] + list(others))
    new_ids = {old: new for new, old in enumerate(old_ids)}
    parts["model"]["vocab"] = {string: new_ids[token_id] for token_id, string in kept}
    parts["model"]["merges"] = [list(pair) for pair, string in zip(pairs, made, strict=True) if string not in gone]
    parts["added_tokens"] = [{**entry, "id": new_ids[entry["id"]]} for entry in parts["added_tokens"]]
    for entry in parts["added_tokens"]:
        # An added token behind a gap needs an entry to keep its id.
        parts["model"]["vocab"].setdefault(entry["content"], entry["id"])
    _rename(parts["post_processor"], new_ids)
    return Resized(_load(parts), np.array(old_ids, np.int64))


def _leaves(
    tokenizer: Tokenizer,
    vocab: Mapping[str, int],
    pairs: Sequence[tuple[str, ...]],
    made: Sequence[str],
    counts: Mapping[int, int],
    n: int,
    keep: Iterable[str | bytes],
    added: Sequence[Mapping[str, Any]],
) -> set[str]:
    """Choose the tokens to take: again and again the rarest that nothing needs."""
    import heapq

    needs: Counter[str] = Counter()
    parts_of: dict[str, list[tuple[str, ...]]] = {}
    for pair, string in zip(pairs, made, strict=True):
        needs.update(set(pair))
        parts_of.setdefault(string, []).append(pair)
    fixed = {entry["id"] for entry in added}
    for token in keep:
        token_id = tokenizer.token_to_id(token)
        if token_id is None:
            raise InvalidArgumentError(f"{token!r} is to be kept, but is no token")
        fixed.add(token_id)

    def rank(string: str) -> tuple[int, int, str]:
        token_id = vocab[string]
        return counts.get(token_id, 0), -token_id, string

    def is_free(string: str) -> bool:
        return needs[string] == 0 and string in parts_of and vocab[string] not in fixed

    heap = [rank(string) for string in vocab if is_free(string)]
    heapq.heapify(heap)
    gone: set[str] = set()
    while len(gone) < n:
        if not heap:
            raise InvalidArgumentError(f"only {len(gone)} tokens can be taken away; found n = {n}")
        string = heapq.heappop(heap)[2]
        gone.add(string)
        for pair in parts_of[string]:
            for part in set(pair):
                needs[part] -= 1
                if is_free(part) and part not in gone:
                    heapq.heappush(heap, rank(part))
    return gone


def _rename(component: Any, new_ids: Mapping[int, int]) -> None:
    """Give the ids in a post-processor their new values."""
    if isinstance(component, dict):
        if component.get("type") in ("BertProcessing", "RobertaProcessing"):
            for name in ("sep", "cls"):
                component[name] = [component[name][0], new_ids[component[name][1]]]
        for token in (component.get("special_tokens") or {}).values():
            token["ids"] = [new_ids[token_id] for token_id in token["ids"]]
        for inner in component.get("processors") or []:
            _rename(inner, new_ids)


def _has(tokenizer: Tokenizer, token_id: int) -> bool:
    """Whether an id is in use."""
    try:
        tokenizer.token_bytes(token_id)
    except KeyError:
        return False
    return True


def _load(parts: dict[str, Any]) -> Tokenizer:
    return Tokenizer(Model.from_bytes(json.dumps(parts, ensure_ascii=False).encode(), pattern=...))
