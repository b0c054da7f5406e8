"""Accelerated transformers tokenizers beside the unaccelerated ones, field by field."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from support.data import corpus, data_file

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

from tokengrove.integrations import transformers_tokenizer as integration  # noqa: E402

NAMES = ("gpt2", "llama-3.2", "llama-2-13b-chat", "qwen2", "roberta-base", "phi-3-mini")
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXTS = ["Hello there, world!", "", "  two  spaces\nand é 日本 <s> </s> ", "a" * 300, "tokens " * 40]


@pytest.fixture(scope="module", params=NAMES)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    file = data_file(f"vocabs/hf/{request.param}/tokenizer.json")
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(file), bos_token="<|b|>", eos_token="<|e|>", pad_token="<|p|>", chat_template=TEMPLATE
    )
    ours = integration.accelerate(theirs)
    assert integration.is_accelerated(ours)
    assert not integration.is_accelerated(theirs)
    assert type(ours) is type(theirs)
    return theirs, ours


CALLS: list[dict[str, Any]] = [
    {},
    {"add_special_tokens": False},
    {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True},
    {"return_token_type_ids": True, "return_attention_mask": True},
    {"padding": True},
    {"padding": "max_length", "max_length": 40, "truncation": True},
    {"padding": True, "padding_side": "left", "pad_to_multiple_of": 8},
    {
        "truncation": True,
        "max_length": 20,
        "stride": 4,
        "return_overflowing_tokens": True,
        "return_offsets_mapping": True,
    },
    {"split_special_tokens": True},
    {"padding": True, "return_tensors": "np"},
]


def plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("options", CALLS, ids=[str(number) for number in range(len(CALLS))])
def test_calls_give_the_same(both: tuple[Any, Any], options: dict[str, Any]) -> None:
    theirs, ours = both
    for given in (TEXTS, [[one, "pair " + one] for one in TEXTS], [(one, one) for one in TEXTS]):
        if options.get("split_special_tokens") and given is not TEXTS:
            continue
        expected, found = theirs(given, **options), ours(given, **options)
        assert {k: plain(v) for k, v in found.items()} == {k: plain(v) for k, v in expected.items()}
        for row in range(len(expected.encodings)):
            assert found.tokens(row) == expected.tokens(row)
            assert found.word_ids(row) == expected.word_ids(row)
            assert found.sequence_ids(row) == expected.sequence_ids(row)


def test_one_text_pairs_and_words(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    for args, options in (
        (("Hello  there",), {}),
        (("Hello", "there"), {"return_offsets_mapping": True}),
        ((["split", "into", " words "],), {"is_split_into_words": True}),
        (([["a", "b c"], ["d"]],), {"is_split_into_words": True, "padding": True}),
    ):
        expected, found = theirs(*args, **options), ours(*args, **options)
        assert dict(found) == dict(expected)
        for at in range(4):
            assert found.char_to_token(0, at) == expected.char_to_token(0, at)
            if at < len(expected.tokens(0)):
                assert found.token_to_chars(0, at) == expected.token_to_chars(0, at)
                assert found.token_to_word(0, at) == expected.token_to_word(0, at)
    assert ours.tokenize("Hello  there é") == theirs.tokenize("Hello  there é")
    assert ours.encode("Hello") == theirs.encode("Hello")
    assert ours.num_special_tokens_to_add(pair=True) == theirs.num_special_tokens_to_add(pair=True)


def test_decoding_and_converting(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    ids = theirs(corpus("multilingual.txt")[:1500])["input_ids"]
    for skip in (True, False):
        for clean in (True, False):
            options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
            assert ours.decode(ids, **options) == theirs.decode(ids, **options)
    assert ours.batch_decode([ids[:9], ids[9:20]]) == theirs.batch_decode([ids[:9], ids[9:20]])
    tokens = theirs.convert_ids_to_tokens(ids)
    assert ours.convert_ids_to_tokens(ids) == tokens
    assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)
    assert ours.get_vocab() == theirs.get_vocab()
    assert len(ours) == len(theirs)
    assert ours.vocab_size == theirs.vocab_size
    assert ours.added_tokens_decoder == theirs.added_tokens_decoder


MESSAGES = [
    {"role": "user", "content": "What is <s> 2 + 2?<|e|>"},
    {"role": "assistant", "content": "It is 4.\n\nReally."},
]


def test_chat_templates(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    for options in (
        {"tokenize": False},
        {"add_generation_prompt": True},
        {"return_dict": True, "return_assistant_tokens_mask": True},
    ):
        expected = theirs.apply_chat_template(MESSAGES, **options)
        found = ours.apply_chat_template(MESSAGES, **options)
        assert (dict(found) if hasattr(found, "keys") else found) == (
            dict(expected) if hasattr(expected, "keys") else expected
        )


def test_chat_templates_with_control_tokens_made_harmless(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    results = []
    for tokenizer in (theirs, ours):
        try:
            made: Any = tokenizer.apply_chat_template(MESSAGES, sanitize_control_tokens=True)
            results.append(dict(made) if hasattr(made, "keys") else made)
        except NotImplementedError as error:
            results.append(str(error))
    assert results[0] == results[1]


def test_tokens_can_be_added(both: tuple[Any, Any]) -> None:
    theirs, ours = copy.deepcopy(both[0]), copy.deepcopy(both[1])
    assert integration.is_accelerated(ours)
    results = []
    for tokenizer in (theirs, ours):
        counts = (
            tokenizer.add_tokens(["newword", transformers.AddedToken("<x>", lstrip=True)]),
            tokenizer.add_special_tokens({"sep_token": "<|sep|>"}),
        )
        ids = tokenizer("a newword <x> b<|sep|>", add_special_tokens=False)["input_ids"]
        results.append((counts, ids, tokenizer.decode(ids, skip_special_tokens=True), len(tokenizer)))
    assert results[0] == results[1]
    assert both[1].convert_tokens_to_ids("newword") == both[0].convert_tokens_to_ids("newword")


def test_saving_pickling_copying(both: tuple[Any, Any], tmp_path: Path) -> None:
    theirs, ours = both
    expected = theirs(TEXTS)["input_ids"]
    for again in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), copy.copy(ours)):
        assert integration.is_accelerated(again)
        assert again(TEXTS)["input_ids"] == expected
    for name, tokenizer in (("theirs", theirs), ("ours", ours)):
        tokenizer.save_pretrained(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == files
    for name in files:
        assert (tmp_path / "ours" / name).read_text("utf-8") == (tmp_path / "theirs" / name).read_text("utf-8")
    reloaded = integration.from_pretrained(tmp_path / "ours")
    assert integration.is_accelerated(reloaded)
    assert reloaded(TEXTS)["input_ids"] == expected


def test_patch_accelerates_what_is_loaded_within(both: tuple[Any, Any], tmp_path: Path) -> None:
    both[0].save_pretrained(tmp_path)
    with integration.patch(), integration.patch():
        inside = transformers.AutoTokenizer.from_pretrained(tmp_path)
        from tokenizers.decoders import DecodeStream

        stream = DecodeStream(skip_special_tokens=True)
        ids = inside("streams work", add_special_tokens=False)["input_ids"]
        text = "".join(stream.step(inside._tokenizer, id) or "" for id in ids)
        assert text == inside.decode(ids)
    outside = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert integration.is_accelerated(inside)
    assert not integration.is_accelerated(outside)
    assert inside(TEXTS)["input_ids"] == outside(TEXTS)["input_ids"]


def test_what_cannot_be_accelerated_is_given_back_with_one_warning() -> None:
    from tokenizers import Tokenizer, models

    made = transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, "a")))
    with pytest.warns(UserWarning, match="WordLevel"):
        assert integration.accelerate(made) is made
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert integration.accelerate(made) is made


def test_no_torch_is_needed() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import tokengrove.integrations.transformers_tokenizer as t\n"
        "print('transformers' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout.strip().lower()) is False
