"""Each component of the tokenizers drop-in beside the original, with random settings on random strings."""

from __future__ import annotations

import json
import pickle
import random
from functools import partial
from typing import Any

import pytest
import tokenizers as reference

import tokengrove.compat.tokenizers as drop_in
from support.hf_cases import DECODERS, NORMALIZERS, PRE_TOKENIZERS, component, outcome, text
from tokengrove.compat.tokenizers import _load, decoders, normalizers, pre_tokenizers, processors
from tokengrove.errors import UnsupportedTokenizerError

EMPTY: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
    "model": {"type": "BPE", "vocab": {}, "merges": []},
}

KINDS = [
    *(("normalizer", name) for name in NORMALIZERS),
    *(("pre_tokenizer", name) for name in PRE_TOKENIZERS),
    *(("decoder", name) for name in DECODERS),
]
MAKERS = {"normalizer": NORMALIZERS, "pre_tokenizer": PRE_TOKENIZERS, "decoder": DECODERS}


def original(kind: str, value: dict[str, Any]) -> Any:
    """The component of the original library."""
    return getattr(reference.Tokenizer.from_str(json.dumps({**EMPTY, kind: value})), kind)


def run(kind: str, one: Any, given: Any) -> Any:
    if kind == "normalizer":
        return one.normalize_str(given)
    return one.pre_tokenize_str(given) if kind == "pre_tokenizer" else one.decode(given)


@pytest.mark.parametrize(("kind", "name"), KINDS, ids=[f"{kind}-{name}" for kind, name in KINDS])
def test_each_component_agrees(kind: str, name: str) -> None:
    rng = random.Random(f"{kind} {name}")
    compared = 0
    for _ in range(40):
        value = component(rng, MAKERS[kind], [name])
        theirs, ours = original(kind, value), _load.component(kind, value)
        assert repr(ours) == repr(theirs)
        assert str(ours) == str(theirs)
        assert ours.__getstate__() == theirs.__getstate__()
        assert repr(pickle.loads(pickle.dumps(ours))) == repr(theirs)
        for _ in range(25):
            given: Any = text(rng)
            if kind == "decoder":
                given = [text(rng, 4) for _ in range(rng.randint(1, 5))]
                given += rng.choices(["<0x41>", "<0xC3>", "<0xA9>", "<0xZZ>", "Ġ", "##a", "▁"], k=2)
            expected = outcome(partial(run, kind, given=given), theirs)
            if isinstance(expected, BaseException):
                continue
            assert run(kind, ours, given) == expected, (value, given)
            compared += 1
    assert compared > 500


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.normalizers.NFC(),
        lambda m: m.normalizers.NFD(),
        lambda m: m.normalizers.NFKC(),
        lambda m: m.normalizers.NFKD(),
        lambda m: m.normalizers.Lowercase(),
        lambda m: m.normalizers.StripAccents(),
        lambda m: m.normalizers.Nmt(),
        lambda m: m.normalizers.BertNormalizer(),
    ],
)
def test_normalizers_agree_on_every_character(make: Any) -> None:
    chars = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    # A letter between them, so that neither composes nor reorders with the next.
    blocks = ["z" + "z".join(chars[at : at + 512]) + "z" for at in range(0, len(chars), 512)]
    theirs, ours = make(reference), make(drop_in)
    for block in blocks:
        assert ours.normalize_str(block) == theirs.normalize_str(block)


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.pre_tokenizers.UnicodeScripts(),
        lambda m: m.pre_tokenizers.Punctuation(),
        lambda m: m.pre_tokenizers.Digits(individual_digits=True),
        lambda m: m.pre_tokenizers.Whitespace(),
    ],
)
def test_pre_tokenizers_agree_on_every_character(make: Any) -> None:
    chars = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    theirs, ours = make(reference), make(drop_in)
    for at in range(0, len(chars), 512):
        block = "a".join(chars[at : at + 512])
        assert ours.pre_tokenize_str(block) == theirs.pre_tokenize_str(block)


MADE = [
    lambda m: m.normalizers.Sequence([m.normalizers.NFC(), m.normalizers.Strip()]),
    lambda m: m.normalizers.Replace(m.Regex(r"\s+"), " "),
    lambda m: m.normalizers.Prepend(),
    lambda m: m.pre_tokenizers.Split(m.Regex(r"\d"), "merged_with_next", invert=True),
    lambda m: m.pre_tokenizers.Sequence([m.pre_tokenizers.Digits(True), m.pre_tokenizers.ByteLevel()]),
    lambda m: m.pre_tokenizers.Metaspace(),
    lambda m: m.pre_tokenizers.FixedLength(),
    lambda m: m.decoders.Strip(" ", 1, 0),
    lambda m: m.decoders.CTC(),
    lambda m: m.decoders.WordPiece(),
    lambda m: m.processors.BertProcessing(("[SEP]", 1), ("[CLS]", 2)),
    lambda m: m.processors.RobertaProcessing(("</s>", 1), ("<s>", 2)),
    lambda m: m.processors.ByteLevel(trim_offsets=False),
    lambda m: m.processors.TemplateProcessing(
        single="[CLS] $0 [SEP]", pair="[CLS]:0 $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), (2, "[SEP]")]
    ),
    lambda m: m.processors.Sequence([m.processors.ByteLevel(), m.processors.TemplateProcessing("$A", "$A $B")]),
    lambda m: m.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")], dropout=0.5, unk_token="a"),
]


@pytest.mark.parametrize("make", MADE)
def test_constructors_give_the_same_state(make: Any) -> None:
    theirs, ours = make(reference), make(drop_in)
    assert ours.__getstate__() == theirs.__getstate__()
    assert repr(ours) == repr(theirs)
    assert type(pickle.loads(pickle.dumps(ours))) is type(ours)


def test_setting_an_attribute_takes_effect_in_the_tokenizer() -> None:
    tokenizer = drop_in.Tokenizer(drop_in.models.BPE({"a": 0, "b": 1, "▁": 2}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="never")])
    assert tokenizer.encode("a b").tokens == ["a", "▁", "b"]
    tokenizer.pre_tokenizer[0].prepend_scheme = "always"
    assert tokenizer.encode("a b").tokens == ["▁", "a", "▁", "b"]
    tokenizer.pre_tokenizer[0] = pre_tokenizers.WhitespaceSplit()
    assert tokenizer.encode("a b").tokens == ["a", "b"]


def test_broken_components_say_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="bool"):
        pre_tokenizers.ByteLevel("yes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="SplitDelimiterBehavior"):
        pre_tokenizers.Split(" ", "keep")
    with pytest.raises(ValueError, match="length 1"):
        pre_tokenizers.Metaspace(replacement="")
    with pytest.raises(ValueError, match=r"Cannot build Piece from string"):
        processors.TemplateProcessing(single="$$")
    with pytest.raises(ValueError, match="Missing SpecialToken"):
        processors.TemplateProcessing(single=["[CLS]"])
    with pytest.raises(ValueError, match="both sequences"):
        processors.TemplateProcessing(single="$A", pair="$A")
    with pytest.raises(Exception, match="pattern"):
        drop_in.Regex("(")
    with pytest.raises(IndexError):
        normalizers.Sequence([])[0]
    with pytest.raises(TypeError, match="Normalizer"):
        normalizers.Sequence([decoders.Fuse()])
    with pytest.raises(UnsupportedTokenizerError, match="WordPiece"):
        drop_in.models.WordPiece()


def test_a_pattern_that_backtracks_without_end_is_stopped() -> None:
    split = pre_tokenizers.Split(drop_in.Regex(r"(?:(?=x)x|x)+y"), "isolated")
    with pytest.raises(Exception, match="gave up"):
        split.pre_tokenize_str("x" * 5000)


def test_dropout_leaves_out_merges() -> None:
    model = drop_in.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")], dropout=1.0)
    assert [token.value for token in model.tokenize("ab")] == ["a", "b"]
    model.dropout = 0.5
    whole = sum(len(model.tokenize("ab")) == 1 for _ in range(2000))
    # 2000 throws of a coin: 7 standard deviations to either side.
    assert 843 < whole < 1157
    model.dropout = 0.0
    assert [token.value for token in model.tokenize("ab")] == ["ab"]
