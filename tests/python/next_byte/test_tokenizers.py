"""Real vocabularies: the encoding of every prefix is among the sequences followed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.byte_oracle import gaussian_model, merge_loop
from support.data import corpus, data_file, rank_file
from tokengrove import Tokenizer
from tokengrove._native import ByteVocab
from tokengrove.errors import UnknownTokenError, UnsupportedTokenizerError
from tokengrove.next_byte import ByteLM
from tokengrove.training import train_bpe

HF = (
    "deepseek-v3",
    "gpt-neox-20b",
    "gpt2",
    "llama-2-13b-chat",
    "llama-3.2",
    "mistral-7b-instruct-v0.1",
    "mistral-nemo-tekken",
    "phi-2",
    "qwen2",
    "yi-1.5-34b-chat",
)
RANKS = ("cl100k_base", "o200k_base", "r50k_base", "llama3", "qwen", "deepseek_v3", "mistral_tekken")


def paths(vocab: ByteVocab, text: bytes) -> set[tuple[int, ...]]:
    """Every sequence in the cover tree of a text."""
    scorer = vocab.scorer(vocab.prefix + text)
    assert scorer is not None
    tokens, parents = (array.tolist() for array in scorer.tree)
    found: list[tuple[int, ...]] = []
    for token, parent in zip(tokens, parents, strict=True):
        found.append((*(found[parent] if parent >= 0 else ()), token))
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize("name", HF)
@pytest.mark.parametrize("source", ["english.txt", "multilingual.txt", "json_log.txt"])
def test_the_encoding_of_every_prefix_is_followed(name: str, source: str) -> None:
    tokenizer = Tokenizer.from_file(data_file(f"vocabs/hf/{name}/tokenizer.json"))
    vocab = ByteVocab(tokenizer, "canonical", [])
    text = corpus(source)
    for start in (1000, 50_000, 200_000):
        # A metaspace is not doubled before a text that begins with a space; the byte model has it before every text.
        part = vocab.normalize(text[start : start + 150].lstrip().encode()).decode()
        found = paths(vocab, part.encode())
        assert len(found) <= 2 * len(part.encode()) + 1
        for end in range(1, len(part) + 1):
            assert tuple(tokenizer.encode_list(part[:end])) in found, part[:end]


@pytest.mark.parametrize("name", RANKS)
def test_pairs_are_valid_if_they_are_their_own_encoding(name: str) -> None:
    check_pairs(Tokenizer.from_tiktoken(rank_file(name), None))


@pytest.mark.parametrize("name", [*HF, "falcon-180b-chat", "kl3m-001-32k", "phi-3-mini", "qwen3"])
def test_pairs_of_a_file_are_valid_if_they_are_their_own_encoding(name: str, tmp_path: Path) -> None:
    spec = json.loads(data_file(f"vocabs/hf/{name}/tokenizer.json").read_bytes())
    # Merges alone: nothing that rewrites or cuts the text, but for the two ways of writing bytes and spaces.
    spec |= {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "truncation": None, "padding": None}
    spec["added_tokens"] = [token for token in spec["added_tokens"] if token["special"]]
    if spec["model"].get("byte_fallback"):
        spec["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    else:
        spec["pre_tokenizer"] = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": False,
        }
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    check_pairs(Tokenizer.from_file(tmp_path / "tokenizer.json"))


def check_pairs(tokenizer: Tokenizer) -> None:
    """Compare which tokens may follow others with the encoding of the two, for pairs of every kind."""
    vocab = ByteVocab(tokenizer, "canonical", [])
    rng = np.random.default_rng(0)
    ids = {tokenizer.token_bytes(id): id for id in range(tokenizer.max_token_id + 1) if _is_token(tokenizer, id)}
    # Runs repeat one merge again and again, which is where ties between equal merges decide.
    runs = [id for text, id in ids.items() if len(set(text)) <= 2 and len(text) > 1]
    repeats = [id for text, id in ids.items() if len(text) > 3 and text[: len(text) // 2] in text[len(text) // 2 :]]
    lefts = rng.choice(list(ids.values()), size=25).tolist() + rng.choice(runs, size=10).tolist()
    lefts += rng.choice(repeats, size=5).tolist()
    valid_and_not = [0, 0]
    for left in lefts:
        first = tokenizer.token_bytes(left)
        follows = vocab.valid_next([left])
        if follows is None:
            # Merges do not make it, and nothing can follow; or it is not the first token of those bytes.
            assert not _is_text(first) or tokenizer.encode_list(first) != [left]
            continue
        candidates = rng.integers(0, len(follows), size=150).tolist() + rng.choice(runs, size=50).tolist()
        candidates += rng.permutation(np.flatnonzero(~follows))[:100].tolist()
        for right in candidates:
            if not _is_token(tokenizer, right):
                continue
            joined = first + tokenizer.token_bytes(right)
            if not _is_text(joined) or joined in ids or ids[tokenizer.token_bytes(right)] != right:
                continue
            expected = tokenizer.encode_list(joined) == [left, right]
            assert bool(follows[right]) == expected, (first, tokenizer.token_bytes(right))
            valid_and_not[expected] += 1
    assert min(valid_and_not) > 20


def test_all_pairs_of_a_small_vocabulary() -> None:
    # Trained on text with runs, so that ties between equal merges occur; and two tokens that merges do not make.
    text = corpus("english.txt")[:40_000] + "aaaaaaaaaaaaaaaaaaaabababababab" * 40
    trained = train_bpe([text], vocab_size=500, pattern=None)
    ranks = {trained.token_bytes(id): id for id in range(500)}
    ranks |= {b"zqzq": 500, b"qqzz": 501}
    tokenizer = Tokenizer.from_tiktoken(ranks, None, {"<|end|>": 502})
    vocab = ByteVocab(tokenizer, "canonical", [502])
    tokens = {id: token for token, id in ranks.items()}
    rng = np.random.default_rng(1)
    invalid = 0
    for left in tokens:
        follows = vocab.valid_next([left])
        # The two are whole texts or nothing.
        expected = [
            left < 500 and right < 500 and ids.tolist() == [left, right]
            for right, ids in zip(
                tokens,
                tokenizer.encode_batch([tokens[left] + tokens[right] for right in tokens]),
                strict=True,
            )
        ]
        found = np.zeros(502, dtype=np.bool_) if follows is None else follows[:502]
        joined_is_token = np.array([tokens[left] + tokens[right] in ranks for right in tokens])
        # A pair that is a token as a whole piece is encoded as that; in a longer text merges decide.
        assert (found == np.array(expected))[~joined_is_token].all(), tokens[left]
        for right in [*rng.choice(502, size=4).tolist(), *np.flatnonzero(joined_is_token).tolist()]:
            alone = merge_loop(ranks, tokens[left] + tokens[right]) == [left, right]
            assert found[right] == (alone and max(left, right) < 500), (tokens[left], tokens[right])
        invalid += int((~found).sum())
    assert 5_000 < invalid < 250_000


def _is_token(tokenizer: Tokenizer, id: int) -> bool:
    try:
        tokenizer.token_bytes(id)
    except UnknownTokenError:
        return False
    return True


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def llama2() -> Tokenizer:
    return Tokenizer.from_file(data_file("vocabs/hf/llama-2-13b-chat/tokenizer.json"))


def test_sentencepiece_bytes_are_those_of_the_text() -> None:
    tokenizer = llama2()
    model = gaussian_model(32_000, 1)
    lm = ByteLM(model, tokenizer, eos=2)
    text = "Héllo ☃ 中x"
    state = lm.state()
    total = 0.0
    for byte in text.encode():
        total += float(state.logprobs()[byte])
        state = state.advance(byte)
    assert lm.score(text).total == pytest.approx(total, abs=1e-9)
    assert lm.state(text).logprob == pytest.approx(total, abs=1e-9)
    assert any(list(cover.ids) == tokenizer.encode_list(text) for cover in lm.state(text).covers(10_000))
    # No mass on the bytes of the mark that stands for spaces: text does not have it.
    assert np.isneginf(lm.state(b"a\xe2\x96").logprobs()[0x81])


def test_byte_tokens_are_valid_for_unknown_characters_alone() -> None:
    tokenizer = llama2()
    vocab = ByteVocab(tokenizer, "canonical", [2])
    space = tokenizer.encode_list("")
    assert space == []
    mark = tokenizer.encode_list("a")  # `▁a`
    follows = vocab.valid_next(mark)
    assert follows is not None
    byte_token = {byte: 3 + byte for byte in range(256)}
    assert tokenizer.token_bytes(byte_token[0x61]) == b"a"
    assert not follows[byte_token[0x61]]
    assert follows[byte_token[0x0A]]
    assert follows[byte_token[0xE2]]
    inside = vocab.valid_next([*mark, byte_token[0xE2]])
    assert inside is not None
    assert set(np.flatnonzero(inside).tolist()) <= {byte_token[byte] for byte in range(0x80, 0xC0)}


def test_two_ids_of_one_surface_both_count_in_the_mode_all() -> None:
    tokenizer = llama2()
    plain = tokenizer.token_to_id(b"a")
    assert plain is not None
    fallback = 3 + 0x61
    assert tokenizer.token_bytes(plain) == tokenizer.token_bytes(fallback) == b"a"

    def model(ids: list[int]) -> np.ndarray[Any, Any]:
        logits = np.full(32_000, -np.inf)
        logits[[plain, fallback, 2]] = np.log([0.5, 0.3, 0.2])
        if not ids:
            logits = np.full(32_000, -np.inf)
            logits[tokenizer.token_to_id(b" ")] = 0.0
        return logits

    state = ByteLM(model, tokenizer, mode="all", eos=2, context=[]).state()
    assert math.exp(state.logprobs()[0x61]) == pytest.approx(0.8)
    assert len(state.advance(b"a").covers()) == 2


def test_what_cannot_be_followed_is_refused_with_a_reason() -> None:
    for name, reason in (("superbpe-200k-t80k", "pre-tokenizers"), ("clip", "affixes")):
        tokenizer = Tokenizer.from_file(data_file(f"vocabs/hf/{name}/tokenizer.json"))
        with pytest.raises(UnsupportedTokenizerError, match=reason):
            ByteVocab(tokenizer, "canonical", [])
        assert ByteVocab(tokenizer, "all", []).width > 0
