"""The drop-in against tiktoken itself, on OpenAI's vocabularies: the same results, the same errors.

Texts are drawn to hit what pretokenizers and special tokens find hard: white space in every mix, contractions, digits,
scripts, combining characters, halves of special tokens, surrogates.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tokengrove
import tokengrove.compat.tiktoken as drop_in
from tokengrove.compat.tiktoken import load, model, openai_public, registry

reference = pytest.importorskip("tiktoken", reason="tiktoken, the reference, is not installed")
if reference.__version__ != drop_in.__version__:
    pytest.skip(f"tiktoken {reference.__version__} is not the reference", allow_module_level=True)

NAMES = ["gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony"]
HARD = ["r50k_base", "p50k_edit", "cl100k_base", "o200k_base"]
EXAMPLES = 100

WORDS = [
    *[
        "hello",
        " world",
        "The",
        "'s",
        "'S",
        "'ll",
        "'LL",
        "'re",
        "'ſ",
        "don't",
        "I'M",
        "x",
        "HTTPServer",
        "iPhone",
        "ﬃ",
    ],
    *[
        " ",
        "  ",
        "   ",
        "\n",
        "\r\n",
        "\n\n",
        "\t",
        " \n",
        "\n ",
        "\u00a0",
        "\u2003",
        "\u3000",
        "\u0085",
        "\u200b",
        "\x00",
    ],
    *[
        "0",
        "12",
        "345",
        "6789",
        "1.5e-3",
        "٣",
        "²",
        "½",
        "!",
        "?!",
        "...",
        "//",
        "/\n",
        "#@$",
        "_",
        "-",
        "—",
        "“",
        "<|",
        "|>",
    ],
    *[
        "é",
        "e\u0301",
        "ü",
        "ß",
        "你好",
        "世界。",
        "こんにちは",
        "안녕",
        "Привет",
        "नमस्ते",
        "مرحبا",
        "שלום",
        "ไทย",
        "ᾼ",
        "ǅ",
        "ʰ",
    ],
    *["👍", "👨‍👩‍👧", "🇩🇪", "\ufe0f", "\U0001f3fd", "\ufffd", "\U0010ffff"],
    *[
        "<|endoftext|>",
        "<|endofprompt|>",
        "<|fim_prefix|>",
        "<|fim_middle|>",
        "<|start|>",
        "<|endoftext",
        "<|endoftext|>x",
    ],
]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(WORDS), max_size=25).map("".join),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=15).map("".join),
    st.text(alphabet=" \t\n\r\u00a0\u2003ab1.'", max_size=30),
    st.tuples(st.sampled_from(WORDS), st.integers(1, 300)).map(lambda pair: pair[0] * pair[1]),
)
BROKEN = st.lists(
    st.one_of(st.sampled_from([*WORDS, "\ud83d", "\udc4d", "\udc00\ud800"]), st.characters()), max_size=12
).map("".join)
# None begins with another: where two begin at the same place, tiktoken's choice is left to chance.
SPECIALS = st.sets(st.sampled_from(["<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>", "<|start|>", "hello", "é"]))


@pytest.fixture(scope="module")
def both(filled_cache: Path) -> Iterator[Callable[[str], tuple[Any, drop_in.Encoding]]]:
    """Gives an encoding by tiktoken and by the drop-in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(filled_cache))
        patch.delenv(load.VOCAB_DIR_VARIABLE, raising=False)
        patch.delenv(load.DOWNLOAD_VARIABLE, raising=False)
        yield lambda name: (reference.get_encoding(name), drop_in.get_encoding(name))


@pytest.fixture(scope="module", params=NAMES)
def each(request: pytest.FixtureRequest, both: Any) -> Any:
    """Every encoding."""
    return both(request.param)


@pytest.fixture(scope="module", params=HARD)
def pair(request: pytest.FixtureRequest, both: Any) -> Any:
    """The encodings that differ in vocabulary or pattern."""
    return both(request.param)


def outcome(call: Callable[[], Any]) -> tuple[str, Any]:
    """What a call gives: its result, or the built-in class and the message of its error."""
    try:
        result = call()
    except Exception as error:
        kind = next(cls.__name__ for cls in type(error).__mro__ if getattr(builtins, cls.__name__, None) is cls)
        return kind, "" if isinstance(error, TypeError) else str(error)
    return "result", result.tolist() if isinstance(result, np.ndarray) else result


def same(pair: tuple[Any, drop_in.Encoding], call: Callable[[Any], Any]) -> None:
    """Check that both give the same for a call."""
    theirs, ours = pair
    assert outcome(lambda: call(ours)) == outcome(lambda: call(theirs))


property_test = settings(deadline=None, max_examples=EXAMPLES, derandomize=True)


def test_attributes(each: tuple[Any, drop_in.Encoding]) -> None:
    theirs, ours = each
    for name in ("name", "max_token_value", "n_vocab", "eot_token", "special_tokens_set"):
        assert getattr(ours, name) == getattr(theirs, name)
    for name in ("_pat_str", "_mergeable_ranks", "_special_tokens", "_special_token_values"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert repr(ours) == repr(theirs)
    assert ours.token_byte_values() == theirs.token_byte_values()


def test_every_token(each: tuple[Any, drop_in.Encoding]) -> None:
    theirs, ours = each
    for token in range(ours.n_vocab + 2):
        expected = outcome(functools.partial(theirs.decode_single_token_bytes, token))
        assert outcome(functools.partial(ours.decode_single_token_bytes, token)) == expected
        if expected[0] == "result":
            assert ours.encode_single_token(expected[1]) == theirs.encode_single_token(expected[1])
            assert ours.is_special_token(token) == theirs.is_special_token(token)


@property_test
@given(text=TEXTS)
@example(text="today\n \n  \n")
@example(text="a \u0085 b \u200d c")
def test_text_to_tokens(pair: tuple[Any, drop_in.Encoding], text: str) -> None:
    same(pair, lambda encoding: encoding.encode_ordinary(text))
    same(pair, lambda encoding: encoding.encode(text))
    same(pair, lambda encoding: encoding.encode(text, allowed_special="all"))
    same(pair, lambda encoding: encoding.encode(text, disallowed_special=()))
    same(pair, lambda encoding: encoding.encode_to_numpy(text, allowed_special="all"))
    same(pair, lambda encoding: encoding._encode_single_piece(text or "x"))
    same(pair, lambda encoding: encoding.encode_single_token(text))


@property_test
@given(text=TEXTS, allowed=SPECIALS, disallowed=st.one_of(st.just("all"), SPECIALS))
def test_special_token_policies(
    pair: tuple[Any, drop_in.Encoding], text: str, allowed: set[str], disallowed: Any
) -> None:
    policy = {"allowed_special": allowed, "disallowed_special": disallowed}
    same(pair, lambda encoding: encoding.encode(text, **policy))
    same(pair, lambda encoding: encoding.encode_to_numpy(text, **policy))
    same(pair, lambda encoding: encoding.encode_batch([text, ""], **policy))


def same_unstable(pair: tuple[Any, drop_in.Encoding], text: str, **policy: Any) -> None:
    """Check that both give the same settled tokens and the same set of completions."""
    theirs, ours = (outcome(functools.partial(e.encode_with_unstable, text, **policy)) for e in pair)
    assert _as_sets(ours) == _as_sets(theirs)


def _as_sets(found: tuple[str, Any]) -> tuple[str, Any]:
    """Completions come in any order."""
    if found[0] != "result":
        return found
    stable, completions = found[1]
    assert len({tuple(more) for more in completions}) == len(completions)
    return "result", (stable, {tuple(more) for more in completions})


@settings(property_test, max_examples=40)
@given(text=TEXTS.map(lambda text: text[-60:]))
@example(text="hello fanta")
@example(text="a \n")
@example(text=" \u3000")
@example(text="\N{THUMBS UP SIGN}"[:1])
def test_unstable_tokens(pair: tuple[Any, drop_in.Encoding], text: str) -> None:
    same_unstable(pair, text, disallowed_special=())
    same_unstable(pair, text, allowed_special="all")


@property_test
@given(text=BROKEN)
def test_surrogates(pair: tuple[Any, drop_in.Encoding], text: str) -> None:
    same(pair, lambda encoding: encoding.encode_ordinary(text))
    same(pair, lambda encoding: encoding.encode(text))
    same(pair, lambda encoding: encoding.encode(text, allowed_special="all"))
    same(pair, lambda encoding: encoding.encode_batch([text, "x"], disallowed_special=()))
    same(pair, lambda encoding: encoding.encode_to_numpy(text, disallowed_special=()))
    same(pair, lambda encoding: encoding.encode_single_token(text))


@property_test
@given(content=st.one_of(st.binary(max_size=60), TEXTS.map(lambda text: text.encode()[:-1])))
def test_bytes(pair: tuple[Any, drop_in.Encoding], content: bytes) -> None:
    same(pair, lambda encoding: encoding._encode_bytes(content))
    same(pair, lambda encoding: encoding._encode_single_piece(content or b"x"))
    same(pair, lambda encoding: encoding.encode_single_token(content))


@property_test
@given(batch=st.lists(st.one_of(TEXTS, BROKEN), max_size=8))
def test_batches(pair: tuple[Any, drop_in.Encoding], batch: list[str]) -> None:
    same(pair, lambda encoding: encoding.encode_batch(batch))
    same(pair, lambda encoding: encoding.encode_batch(batch, allowed_special="all", num_threads=2))
    same(pair, lambda encoding: encoding.encode_ordinary_batch(batch, num_threads=1))
    same(pair, lambda encoding: encoding.decode_batch(encoding.encode_ordinary_batch(batch)))


@property_test
@given(tokens=st.lists(st.one_of(st.integers(0, 300), st.integers(0, 201_100), st.integers(-2, 2**33)), max_size=12))
def test_tokens_to_text(pair: tuple[Any, drop_in.Encoding], tokens: list[int]) -> None:
    same(pair, lambda encoding: encoding.decode(tokens))
    same(pair, lambda encoding: encoding.decode(tokens, errors="strict"))
    same(pair, lambda encoding: encoding.decode_bytes(np.array(tokens, dtype=np.int64)))
    same(pair, lambda encoding: encoding.decode_tokens_bytes(tokens))
    same(pair, lambda encoding: encoding.decode_with_offsets(tokens))
    same(pair, lambda encoding: encoding.decode_batch([tokens, []], errors="ignore"))
    same(pair, lambda encoding: encoding.decode_bytes_batch([tokens, []]))


@property_test
@given(text=TEXTS)
def test_offsets(pair: tuple[Any, drop_in.Encoding], text: str) -> None:
    same(pair, lambda encoding: encoding.decode_with_offsets(encoding.encode(text, allowed_special="all")))


def test_real_texts(pair: tuple[Any, drop_in.Encoding], test_data: Path) -> None:
    theirs, ours = pair
    for path in sorted((test_data / "corpora").glob("*.txt")):
        text = path.read_text(encoding="utf-8")[:150_000]
        assert ours.encode_ordinary(text) == theirs.encode_ordinary(text), path.name


def test_long_texts_over_threads(pair: tuple[Any, drop_in.Encoding], test_data: Path) -> None:
    theirs, ours = pair
    text = (test_data / "corpora/chat_md.txt").read_text(encoding="utf-8")[:400_000]
    text = text[:300_000] + "<|endoftext|>" + text[300_000:] + "<|endoftext|><|endoftext|>"
    expected = theirs.encode(text, allowed_special="all")
    before = tokengrove.get_num_threads()
    try:
        for threads in (1, 2, 3):
            tokengrove.set_num_threads(threads)
            assert ours.encode(text, allowed_special="all") == expected
            assert ours.encode_batch([text, "", text], allowed_special="all") == [expected, [], expected]
            assert ours.encode_to_numpy(text, allowed_special="all").tolist() == expected
    finally:
        tokengrove.set_num_threads(before)


def test_long_runs(pair: tuple[Any, drop_in.Encoding]) -> None:
    for unit in ("^", "0", "a", "'s", " ", "\n", "é", "世", "👍", "\u0301"):
        for text in (unit * 10_000, " " + unit * 9_999 + "\n"):
            same(pair, operator.methodcaller("encode_ordinary", text))


def test_what_stops_tiktoken_encodes_here(filled_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(filled_cache))
    encoding = drop_in.get_encoding("o200k_base")
    spaces = " " * 1_000_000
    tokens = encoding.encode(spaces)
    assert encoding.decode(tokens) == spaces
    assert len(set(tokens)) <= 3


def test_the_native_tokenizer(each: tuple[Any, drop_in.Encoding]) -> None:
    theirs, ours = each
    text = "Hello world, it's 12345 <|endoftext|>\n\n 世界"
    found = ours.tokenizer.encode(text, allowed_special={"<|endoftext|>"})
    assert found.tolist() == theirs.encode(text, allowed_special="all")


def test_from_tiktoken(each: tuple[Any, drop_in.Encoding]) -> None:
    theirs, _ = each
    made = drop_in.Encoding.from_tiktoken(theirs)
    assert made.encode("hello world<|endoftext|>", allowed_special="all") == theirs.encode(
        "hello world<|endoftext|>", allowed_special="all"
    )


CUSTOM_PATTERNS = [
    r"\w+|[^\w\s]+|\s+",
    r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i)[a-z]+|.|\n",
    r"(?<=a)b|.|\s",
    r"(?s).+",
    r".",
    r"\p{L}+",
    r"\d(?=a)| +|a",
]


@pytest.mark.parametrize("pattern", CUSTOM_PATTERNS)
@settings(property_test, max_examples=60)
@given(text=TEXTS)
def test_custom_patterns(pattern: str, text: str) -> None:
    arguments: dict[str, Any] = {
        "pat_str": pattern,
        "mergeable_ranks": {bytes([byte]): byte for byte in range(256)}
        | {b"ab": 256, b"\n\n": 257, b"  ": 258, b"ll": 259},
        "special_tokens": {"<|endoftext|>": 300},
    }
    pair = reference.Encoding("custom", **arguments), drop_in.Encoding("custom", **arguments)
    same(pair, lambda encoding: encoding.encode_ordinary(text))
    same(pair, lambda encoding: encoding.encode(text, allowed_special="all"))
    same_unstable(pair, text[:40], disallowed_special=())


@pytest.mark.parametrize("pattern", [r"a*", r"\b", r"(?=a)", r""])
def test_empty_matches_give_no_tokens(pattern: str) -> None:
    # tiktoken panics on them.
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = drop_in.Encoding("empty", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    assert set(encoding.encode("aab")) <= {97, 98}


# --- modules -------------------------------------------------------------------------------------------------------


def test_model_tables() -> None:
    theirs = pytest.importorskip("tiktoken.model")
    assert model.MODEL_TO_ENCODING == theirs.MODEL_TO_ENCODING
    assert model.MODEL_PREFIX_TO_ENCODING == theirs.MODEL_PREFIX_TO_ENCODING
    names = [
        *theirs.MODEL_TO_ENCODING,
        *(f"{prefix}x" for prefix in theirs.MODEL_PREFIX_TO_ENCODING),
        "ft:gpt-4o:x",
        "no",
        "",
    ]
    for name in names:
        ours = outcome(functools.partial(drop_in.encoding_name_for_model, name))
        assert ours == outcome(functools.partial(reference.encoding_name_for_model, name))


def test_names_and_constructors(filled_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = pytest.importorskip("tiktoken_ext.openai_public")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(filled_cache))
    assert list(openai_public.ENCODING_CONSTRUCTORS) == list(theirs.ENCODING_CONSTRUCTORS) == NAMES
    for name in NAMES:
        assert openai_public.ENCODING_CONSTRUCTORS[name]() == theirs.ENCODING_CONSTRUCTORS[name]()


def test_the_public_names_are_there() -> None:
    for theirs, ours in [
        (reference, drop_in),
        (pytest.importorskip("tiktoken.registry"), registry),
        (pytest.importorskip("tiktoken.load"), load),
        (pytest.importorskip("tiktoken.model"), model),
        (reference.Encoding, drop_in.Encoding),
    ]:
        # Modules imported, typing names and methods of the object are no interface.
        names = {name for name in dir(theirs) if not name.startswith("__")} - _NOT_INTERFACE
        assert {name for name in names if not hasattr(ours, name)} == set()


_NOT_INTERFACE = {
    *(
        "annotations",
        "functools",
        "importlib",
        "pkgutil",
        "threading",
        "tiktoken",
        "tiktoken_ext",
        "base64",
        "hashlib",
        "os",
    ),
    *("Any", "Callable", "Sequence", "core", "model", "registry", "load", "_educational", "_tiktoken"),
}


def test_rank_files_and_hashes(rank_files: Path) -> None:
    theirs = pytest.importorskip("tiktoken.load")
    path = str(rank_files / "r50k_base.tiktoken")
    assert load.load_tiktoken_bpe(path) == theirs.load_tiktoken_bpe(path)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert (
        load.check_hash(Path(path).read_bytes(), digest) is theirs.check_hash(Path(path).read_bytes(), digest) is True
    )
