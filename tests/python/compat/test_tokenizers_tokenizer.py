"""The tokenizers drop-in on its own: the handle, encodings, components in Python, threads, pickles, errors."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
import weakref
from typing import Any, cast

import numpy as np
import pytest
import tokenizers as reference

import tokengrove.compat.tokenizers as drop_in
from tokengrove.compat.tokenizers import AddedToken, Encoding, Tokenizer, decoders, models, normalizers, processors
from tokengrove.compat.tokenizers import pre_tokenizers as pre
from tokengrove.errors import UnsupportedTokenizerError

VOCAB = {"<unk>": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "Ġ": 5, "Ġa": 6}
MERGES = [("a", "b"), ("Ġ", "a")]


def small(module: Any = drop_in) -> Any:
    tokenizer = module.Tokenizer(module.models.BPE(dict(VOCAB), list(MERGES), unk_token="<unk>"))
    tokenizer.pre_tokenizer = module.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


def test_arrays_hold_what_lists_hold() -> None:
    tokenizer = small()
    tokenizer.enable_padding(length=8)
    encoding = tokenizer.encode("ab a<s> xé")
    for name in ("ids", "type_ids", "special_tokens_mask", "attention_mask", "offsets"):
        array = getattr(encoding, f"{name}_array")
        assert isinstance(array, np.ndarray)
        assert array.tolist() == [list(x) if isinstance(x, tuple) else x for x in getattr(encoding, name)]
    assert [None if word < 0 else word for word in encoding.word_ids_array.tolist()] == encoding.word_ids
    assert len(encoding) == len(encoding.ids) == 8


def test_lists_are_new_each_time() -> None:
    encoding = small().encode("ab")
    encoding.ids.append(9)
    assert encoding.ids == [4]


@pytest.mark.parametrize("pair", [None, "b c"])
def test_encodings_pickle_and_edit_as_the_original(pair: str | None) -> None:
    theirs, ours = small(reference), small()
    for method, args in (("truncate", (3, 1)), ("truncate", (2, 0, "left")), ("pad", (9,)), ("set_sequence_id", (1,))):
        one, other = theirs.encode("ab a c ab", pair), ours.encode("ab a c ab", pair)
        getattr(one, method)(*args)
        getattr(other, method)(*args)
        assert json.loads(other.__getstate__()) == json.loads(one.__getstate__())
        again = pickle.loads(pickle.dumps(other))
        assert json.loads(again.__getstate__()) == json.loads(one.__getstate__())
    merged = [
        m.Encoding.merge([t.encode("ab"), t.encode("a b")], True) for m, t in ((reference, theirs), (drop_in, ours))
    ]
    assert json.loads(merged[1].__getstate__()) == json.loads(merged[0].__getstate__())


def test_queries_as_the_original() -> None:
    theirs, ours = small(reference), small()
    for tokenizer, module in ((theirs, reference), (ours, drop_in)):
        tokenizer.post_processor = module.processors.TemplateProcessing(
            "<s> $A", "<s> $A </s> $B:1", [("<s>", 7), ("</s>", 8)]
        )
    one, other = theirs.encode("ab aé c", "b ab"), ours.encode("ab aé c", "b ab")
    for at in range(14):
        for name in ("token_to_sequence", "token_to_chars", "token_to_word"):
            assert getattr(other, name)(at) == getattr(one, name)(at), (name, at)
        for name in ("char_to_token", "char_to_word", "word_to_tokens", "word_to_chars"):
            for sequence in (0, 1, 2):
                assert getattr(other, name)(at, sequence) == getattr(one, name)(at, sequence), (name, at)


def test_truncate_refuses_what_cannot_be() -> None:
    encoding = small().encode("a b c a b c")
    with pytest.raises(ValueError, match="Invalid truncation direction value : up"):
        encoding.truncate(2, 0, "up")
    with pytest.raises(ValueError, match="stride"):
        encoding.truncate(2, 2)
    with pytest.raises(TypeError, match="paddle"):
        encoding.pad(9, paddle=1)


class Shout:
    """A normalizer, a pre-tokenizer and a decoder in Python."""

    def normalize(self, normalized: Any) -> None:
        normalized.replace("ß", "ab")
        normalized.lowercase()

    def pre_tokenize(self, pretok: Any) -> None:
        pretok.split(lambda _, part: part.split("-", "removed"))

    def decode_chain(self, tokens: list[str]) -> list[str]:
        return [f"{token}+" for token in tokens]


def test_components_in_python_as_in_the_original() -> None:
    made = []
    for module in (reference, drop_in):
        tokenizer = module.Tokenizer(module.models.BPE(dict(VOCAB), list(MERGES), unk_token="<unk>"))
        tokenizer.add_tokens(["<s>", module.AddedToken("ßc", normalized=True)])
        tokenizer.normalizer = module.normalizers.Sequence(
            [module.normalizers.NFC(), module.normalizers.Normalizer.custom(Shout())]
        )
        tokenizer.pre_tokenizer = module.pre_tokenizers.PreTokenizer.custom(Shout())
        tokenizer.decoder = module.decoders.Decoder.custom(Shout())
        tokenizer.post_processor = module.processors.TemplateProcessing("<s> $A", "<s> $A $B:1", [("<s>", 7)])
        tokenizer.enable_truncation(6)
        tokenizer.enable_padding(length=7)
        made.append(tokenizer)
    theirs, ours = made
    for given in ("AB-C", "é-ß<s>B", "ßc-ab", "", "a-b-c-a-b-c-a-b"):
        for pair in (None, "ß"):
            one, other = theirs.encode(given, pair), ours.encode(given, pair)
            assert json.loads(other.__getstate__()) == json.loads(one.__getstate__()), (given, pair)
            assert ours.decode(one.ids) == theirs.decode(one.ids)
    batch = ["AB-C", ("a", "ß"), "c"]
    for one, other in zip(theirs.encode_batch(batch), ours.encode_batch(batch), strict=True):
        assert json.loads(other.__getstate__()) == json.loads(one.__getstate__())
    with pytest.raises(Exception, match=r"[Cc]ustom"):
        ours.to_str()


def test_a_string_lent_to_a_component_is_taken_back() -> None:
    kept = []
    custom = normalizers.Normalizer.custom(type("Keeper", (), {"normalize": lambda _, text: kept.append(text)})())
    assert custom.normalize_str("a") == "a"
    with pytest.raises(Exception, match="outside"):
        kept[0].lowercase()


def test_threads_may_change_and_use_one_tokenizer() -> None:
    tokenizer = small()
    expected = tokenizer.encode("ab a b").ids
    errors: list[BaseException] = []
    stop = threading.Event()

    def use() -> None:
        try:
            while not stop.is_set():
                found = tokenizer.encode("ab a b").ids
                assert found[: len(expected)] == expected
                tokenizer.encode_batch(["ab a b"] * 4)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=use) for _ in range(4)]
    for worker in workers:
        worker.start()
    for number in range(200):
        tokenizer.enable_padding(length=number % 9)
        tokenizer.enable_truncation(50 + number)
        tokenizer.add_tokens([f"[{number}]"])
        tokenizer.decoder = decoders.ByteLevel() if number % 2 else None
    stop.set()
    for worker in workers:
        worker.join()
    assert errors == []


def test_adding_tokens_one_by_one_compiles_nothing() -> None:
    tokenizer = small()
    for number in range(20_000):
        assert tokenizer.add_tokens([f"<{number}>"]) == 1
    assert tokenizer.get_vocab_size() == len(VOCAB) + 2 + 20_000
    assert tokenizer.encode("<19999>").ids == [tokenizer.token_to_id("<19999>")]


def test_ids_of_added_tokens_as_the_original() -> None:
    results = []
    for module in (reference, drop_in):
        tokenizer = small(module)
        counts = [
            tokenizer.add_tokens(["a", "x", module.AddedToken("x"), "x"]),
            tokenizer.add_tokens([module.AddedToken("x", lstrip=True), "", "y"]),
            tokenizer.add_special_tokens(["y", module.AddedToken("z", normalized=True)]),
        ]
        tokens = {number: repr(token) for number, token in tokenizer.get_added_tokens_decoder().items()}
        results.append((counts, tokens, tokenizer.get_vocab(), tokenizer.get_vocab_size(), tokenizer.get_vocab(False)))
    assert results[0] == results[1]


def test_a_copy_is_independent() -> None:
    tokenizer = small()
    other = copy.deepcopy(tokenizer)
    other.add_tokens(["new"])
    other.pre_tokenizer.add_prefix_space = True
    other.model.unk_token = None
    assert tokenizer.token_to_id("new") is None
    assert tokenizer.pre_tokenizer.add_prefix_space is False
    assert tokenizer.encode("x").ids == [0]
    assert pickle.loads(pickle.dumps(other)).to_str() == other.to_str()


def test_a_tokenizer_can_be_weakly_referenced_and_is_itself() -> None:
    tokenizer = small()
    assert weakref.ref(tokenizer)() is tokenizer
    assert tokenizer != small()
    assert len({tokenizer, tokenizer}) == 1


def test_asyncio() -> None:
    tokenizer = small()

    async def both() -> tuple[Encoding, list[Encoding], list[str]]:
        one = await tokenizer.async_encode("ab")
        many = await tokenizer.async_encode_batch(["ab", "a"])
        fast = await tokenizer.async_encode_batch_fast(["ab"])
        assert fast[0].ids == one.ids
        return one, many, await tokenizer.async_decode_batch([[4]])

    one, many, texts = asyncio.run(both())
    assert (one.ids, [e.ids for e in many], texts) == ([4], [[4], [1]], ["ab"])


WRONG: list[Any] = [
    lambda t: t.encode(1),
    lambda t: t.encode(b"ab"),
    lambda t: t.encode("\ud800"),
    lambda t: t.encode("a", ["b"]),
    lambda t: t.encode("a", is_pretokenized=True),
    lambda t: t.encode_batch("ab"),
    lambda t: t.encode_batch(x for x in ["a"]),
    lambda t: t.encode_batch([1]),
    lambda t: t.add_tokens("ab"),
    lambda t: t.add_tokens([1]),
    lambda t: t.decode([-1]),
    lambda t: t.decode([1 << 40]),
    lambda t: t.decode("ab"),
    lambda t: t.id_to_token(-1),
    lambda t: t.enable_truncation(2, stride=3),
    lambda t: t.enable_truncation(2, strategy="none"),
    lambda t: t.enable_truncation(2, direction="up"),
    lambda t: t.enable_padding(direction="up"),
    lambda t: setattr(t, "normalizer", 3),
]


@pytest.mark.parametrize("call", WRONG)
def test_wrong_arguments_raise_what_the_original_raises(call: Any) -> None:
    with pytest.raises(Exception) as expected:  # noqa: PT011
        call(small(reference))
    with pytest.raises(expected.type):
        call(small())


def test_files_of_other_models_are_refused_by_name() -> None:
    for kind in ("WordLevel", "WordPiece", "Unigram"):
        vocab: Any = [["a", 0.0]] if kind == "Unigram" else {"a": 0}
        file = json.dumps({"version": "1.0", "added_tokens": [], "model": {"type": kind, "vocab": vocab, "unk_id": 0}})
        with pytest.raises(UnsupportedTokenizerError, match=kind):
            Tokenizer.from_str(file)


def test_the_module_stands_in_for_the_original() -> None:
    import sys

    import tokenizers

    assert tokenizers is reference
    drop_in.install()
    try:
        import tokenizers as installed
        from tokenizers.models import BPE

        assert installed is drop_in
        assert BPE is cast("Any", models.BPE)
        assert sys.modules["tokenizers.normalizers"] is normalizers
    finally:
        drop_in.uninstall()
    assert sys.modules["tokenizers"] is reference


def test_added_tokens_are_values() -> None:
    token = AddedToken("a", lstrip=True)
    assert token == AddedToken("a", lstrip=True)
    assert token != AddedToken("a")
    assert hash(token) == hash(AddedToken("a", lstrip=True))
    assert pickle.loads(pickle.dumps(token)) == token
    token.special = True
    assert not token.normalized
    assert repr(token) == repr(reference.AddedToken("a", lstrip=True, special=True))


def test_components_of_the_original_are_taken() -> None:
    tokenizer = small()
    tokenizer.post_processor = reference.processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 7)])
    tokenizer.pre_tokenizer = reference.pre_tokenizers.Sequence([reference.pre_tokenizers.WhitespaceSplit()])
    assert isinstance(tokenizer.post_processor, processors.TemplateProcessing)
    assert isinstance(tokenizer.pre_tokenizer, pre.Sequence)
    assert tokenizer.encode("ab c").ids == [7, 4, 3]
    assert tokenizer.add_tokens([reference.AddedToken("x", lstrip=True)]) == 1
