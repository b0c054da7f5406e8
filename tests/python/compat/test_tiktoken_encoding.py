"""The class Encoding, on a small vocabulary made by the test: results, arguments and errors."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokengrove.compat.tiktoken as tiktoken
from tokengrove.compat.tiktoken._checks import NotAnIntegerError, VocabularySizeError

from .conftest import PATTERN, SPECIAL, small_ranks

HELLO, WORLD, EOT, START, START_OF = 259, 264, 300, 301, 302


def make(**changes: Any) -> tiktoken.Encoding:
    arguments: dict[str, Any] = {
        "name": "made",
        "pat_str": PATTERN,
        "mergeable_ranks": small_ranks(),
        "special_tokens": SPECIAL,
    }
    return tiktoken.Encoding(**(arguments | changes))


# --- construction --------------------------------------------------------------------------------------------------


def test_attributes(small: tiktoken.Encoding) -> None:
    assert small.name == "small"
    assert repr(small) == "<Encoding 'small'>"
    assert small.max_token_value == 302
    assert small.n_vocab == 303
    assert small.eot_token == EOT
    assert small.special_tokens_set == set(SPECIAL)
    assert small._pat_str == PATTERN
    assert small._mergeable_ranks == small_ranks()
    assert small._special_tokens == SPECIAL
    assert small._special_token_values == {EOT, START, START_OF}
    assert small._core_bpe.encode_ordinary("hello") == [HELLO]


def test_the_size_can_be_checked() -> None:
    ranks = small_ranks()
    assert make(special_tokens={"<s>": len(ranks)}, explicit_n_vocab=len(ranks) + 1).n_vocab == 270
    with pytest.raises(VocabularySizeError, match="269 ranks and 3 special tokens of 'made' make 272, not 303"):
        make(explicit_n_vocab=303)
    with pytest.raises(AssertionError, match=r"the largest token of 'made' is 302; if there are 272, it must be 271"):
        make(explicit_n_vocab=272)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"pat_str": "("}, ValueError, "Opening parenthesis without closing parenthesis"),
        ({"pat_str": None}, TypeError, "is not an instance of 'str'"),
        ({"mergeable_ranks": {}}, ValueError, "empty"),
        ({"mergeable_ranks": {b"a": 0, b"b": 0}}, ValueError, "id 0 is given to more than one token"),
        ({"mergeable_ranks": {b"a": 0}}, ValueError, "byte 0x00 is not a token"),
        ({"mergeable_ranks": small_ranks() | {b"x": -1}}, OverflowError, "out of range"),
        ({"mergeable_ranks": small_ranks() | {b"x": 2**32}}, OverflowError, "out of range"),
        ({"mergeable_ranks": small_ranks() | {b"x": 1.5}}, TypeError, "float"),
        ({"mergeable_ranks": small_ranks() | {"x": 1}}, TypeError, "str"),
        ({"special_tokens": {"<s>": -1}}, OverflowError, "out of range"),
        ({"special_tokens": {b"<s>": 300}}, TypeError, "bytes"),
    ],
)
def test_what_is_no_vocabulary_is_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(**changes)


def test_ids_may_be_far_apart() -> None:
    encoding = make(mergeable_ranks=small_ranks() | {b"xyz": 2**32 - 1}, special_tokens={"<s>": 10**9})
    assert encoding.n_vocab == 2**32
    assert encoding.encode_single_token("xyz") == 2**32 - 1
    assert encoding.encode("xyz<s>", allowed_special="all") == [2**32 - 1, 10**9]
    assert encoding.decode([2**32 - 1, 10**9]) == "xyz<s>"


def test_keys_may_be_sequences_of_bytes() -> None:
    ranks: dict[Any, int] = {(token[0],) if token == b"a" else token: rank for token, rank in small_ranks().items()}
    assert make(mergeable_ranks=ranks).encode("a") == [97]


def test_text_that_the_pattern_does_not_match_is_dropped() -> None:
    encoding = make(pat_str=r"\p{L}+")
    assert encoding.encode("hello, 12 hell!") == [HELLO, 258]
    assert encoding._encode_only_native_bpe("hello, 12 hell!") == [HELLO, 258]
    assert encoding.encode("12") == []


def test_a_pattern_that_gives_up_is_an_error() -> None:
    encoding = make(pat_str=r"(a|a)*(?=b)|a+")
    calls: list[Callable[[str], object]] = [
        encoding.encode,
        encoding.encode_ordinary,
        encoding.encode_to_numpy,
        encoding.encode_with_unstable,
        encoding._encode_only_native_bpe,
        lambda text: encoding.encode_batch([text]),
        lambda text: encoding._encode_bytes(text.encode()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"Regex error while tokenizing: .* gave up on the text at byte 0"):
            call("a" * 10_000)


# --- special tokens ------------------------------------------------------------------------------------------------


def test_special_tokens_are_refused_by_default(small: tiktoken.Encoding) -> None:
    with pytest.raises(ValueError, match="disallowed") as caught:
        small.encode("hello <|endoftext|>")
    assert str(caught.value) == (
        "Encountered text corresponding to disallowed special token '<|endoftext|>'.\n"
        "If you want this text to be encoded as a special token, "
        "pass it to `allowed_special`, e.g. `allowed_special={'<|endoftext|>', ...}`.\n"
        "If you want this text to be encoded as normal text, disable the check for this token by passing "
        "`disallowed_special=(enc.special_tokens_set - {'<|endoftext|>'})`.\n"
        "To disable this check for all special tokens, pass `disallowed_special=()`.\n"
    )


@pytest.mark.parametrize(
    ("policy", "tokens"),
    [
        ({"allowed_special": "all"}, [HELLO, EOT]),
        ({"allowed_special": {"<|endoftext|>"}}, [HELLO, EOT]),
        ({"allowed_special": frozenset({"<|endoftext|>", "not a token"})}, [HELLO, EOT]),
        ({"allowed_special": {"<|endoftext|>"}, "disallowed_special": ()}, [HELLO, EOT]),
        ({"allowed_special": "all", "disallowed_special": "all"}, [HELLO, EOT]),
        ({"allowed_special": "all", "disallowed_special": []}, [HELLO, EOT]),
        ({"disallowed_special": ()}, [HELLO, *b"<|endoftext|>"]),
        ({"disallowed_special": {"<|start|>"}}, [HELLO, *b"<|endoftext|>"]),
        ({"allowed_special": {"<|start|>"}, "disallowed_special": ()}, [HELLO, *b"<|endoftext|>"]),
        ({"disallowed_special": iter([])}, [HELLO, *b"<|endoftext|>"]),
    ],
)
def test_special_tokens_by_policy(small: tiktoken.Encoding, policy: dict[str, Any], tokens: list[int]) -> None:
    assert small.encode("hello<|endoftext|>", **policy) == tokens
    assert small.encode_to_numpy("hello<|endoftext|>", **(policy | _again(policy))).tolist() == tokens
    assert small.encode_batch(["hello<|endoftext|>"], **(policy | _again(policy))) == [tokens]


def _again(policy: dict[str, Any]) -> dict[str, Any]:
    """An iterator can be used once."""
    return (
        {"disallowed_special": ()} if "disallowed_special" in policy and policy["disallowed_special"] != "all" else {}
    )


def test_any_text_can_be_refused(small: tiktoken.Encoding) -> None:
    with pytest.raises(ValueError, match="disallowed special token 'wor'"):
        small.encode("hello world", disallowed_special=["wor"])
    with pytest.raises(ValueError, match="disallowed special token ''"):
        small.encode("hello world", disallowed_special={""})


def test_of_special_tokens_at_one_place_the_longest_counts(small: tiktoken.Encoding) -> None:
    assert small.encode("<|start|>of<|start|>", allowed_special="all") == [START_OF, START]
    assert small.encode("<|start|>of", allowed_special={"<|start|>"}, disallowed_special=()) == [START, *b"of"]
    with pytest.raises(ValueError, match=r"token '<\|start\|>of'"):
        small.encode("<|start|>of")


@pytest.mark.parametrize("allowed", [["<|endoftext|>"], ("<|endoftext|>",), "<|endoftext|>", None, 0])
def test_allowed_special_must_be_a_set(small: tiktoken.Encoding, allowed: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand type"):
        small.encode("hello", allowed_special=allowed)
    for encode in (small.encode, small.encode_to_numpy, small.encode_with_unstable):
        with pytest.raises(TypeError, match="is not an instance of 'set'"):
            encode("hello", allowed_special=allowed, disallowed_special=())
    with pytest.raises(TypeError, match="is not an instance of 'set'"):
        small.encode_batch(["hello"], allowed_special=allowed, disallowed_special=())
    # A refused token is found before the argument is looked at.
    with pytest.raises(ValueError, match="'hello'"):
        small.encode("hello", allowed_special=allowed, disallowed_special=["hello"])


def test_is_special_token(small: tiktoken.Encoding) -> None:
    assert small.is_special_token(EOT)
    assert not small.is_special_token(HELLO)
    assert not small.is_special_token(-5)
    for kind in (AssertionError, TypeError, NotAnIntegerError):
        with pytest.raises(kind, match="must be an int, not str"):
            small.is_special_token("x")  # type: ignore[arg-type]


def test_an_encoding_may_have_no_special_tokens() -> None:
    encoding = make(special_tokens={})
    assert encoding.encode("hello<|endoftext|>") == [HELLO, *b"<|endoftext|>"]
    assert encoding.encode("hello", allowed_special="all") == [HELLO]
    assert encoding.special_tokens_set == set()
    with pytest.raises(KeyError, match="endoftext"):
        _ = encoding.eot_token


def test_an_empty_special_token_is_never_found() -> None:
    encoding = make(special_tokens={"": 300, "<s>": 301})
    assert encoding.encode("hello<s>", allowed_special="all") == [HELLO, 301]
    assert encoding.encode_single_token("") == 300
    assert encoding.decode_with_offsets([HELLO, 300, 301]) == ("hello<s>", [0, 5, 5])


# --- text to tokens ------------------------------------------------------------------------------------------------


def test_encode(small: tiktoken.Encoding) -> None:
    assert small.encode("hello world") == [HELLO, WORLD]
    assert small.encode("") == []
    assert small.encode_ordinary("hello<|endoftext|>") == [HELLO, *b"<|endoftext|>"]
    assert small.encode_ordinary_batch(["hello", "", " world"]) == [[HELLO], [], [WORLD]]
    assert small._encode_single_piece("hello world") == small._encode_single_piece(b"hello world") == [HELLO, WORLD]
    assert small._encode_single_piece("") == []
    assert small._encode_only_native_bpe("hello world") == [HELLO, WORLD]
    assert small.encode_single_token("hello") == small.encode_single_token(b"hello") == HELLO
    assert small.encode_single_token("<|endoftext|>") == EOT


def test_surrogates_are_repaired_in_lists(small: tiktoken.Encoding) -> None:
    thumb = "\N{THUMBS UP SIGN}"
    pair = thumb.encode("utf-16-le").decode("utf-16-le", "surrogatepass")
    halves = "\ud83d\udc4d"
    assert pair == thumb
    assert small.encode(halves) == small.encode_ordinary(halves) == small.encode(thumb)
    assert small.encode("a\ud83d b") == small.encode("a\N{REPLACEMENT CHARACTER} b")
    assert small.encode_batch([halves, "hello"]) == [small.encode(thumb), [HELLO]]
    assert small.encode_ordinary_batch([halves, "hello"]) == [small.encode(thumb), [HELLO]]
    assert small.encode(halves + "<|endoftext|>", allowed_special="all") == [*small.encode(thumb), EOT]
    with pytest.raises(ValueError, match="endoftext"):
        small.encode(halves + "<|endoftext|>")
    with pytest.raises(ValueError, match=r"'<\|start\|>of'"):
        small.encode(halves + "<|start|>of <|endoftext|>")


def test_surrogates_are_not_repaired_elsewhere(small: tiktoken.Encoding) -> None:
    calls: list[Callable[[str], object]] = [
        small.encode_to_numpy,
        small.encode_with_unstable,
        small.encode_single_token,
        small._encode_single_piece,
        small._encode_only_native_bpe,
    ]
    for call in calls:
        with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
            call("\ud83d")


@pytest.mark.parametrize("text", [None, b"hello", 5, ["hello"]])
def test_text_must_be_str(small: tiktoken.Encoding, text: Any) -> None:
    for call in (small.encode, small.encode_ordinary, small.encode_to_numpy, small.encode_with_unstable):
        with pytest.raises(TypeError):
            call(text)
    for batch in (small.encode_batch, small.encode_ordinary_batch):
        with pytest.raises(TypeError):
            batch(["hello", text])


def test_a_str_of_another_class_is_text(small: tiktoken.Encoding) -> None:
    assert small.encode(np.str_("hello")) == [HELLO]
    assert small.encode_batch(np.array(["hello", " world"])) == [[HELLO], [WORLD]]  # type: ignore[arg-type]


def test_arrays_are_read_only(small: tiktoken.Encoding) -> None:
    array = small.encode_to_numpy("hello world<|start|>", allowed_special="all")
    assert array.dtype == np.uint32
    assert array.tolist() == [HELLO, WORLD, START]
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True
    assert small.encode_to_numpy("").shape == (0,)
    buffer: Any = small._core_bpe.encode_to_tiktoken_buffer("hello world", set())
    view = memoryview(buffer)
    assert (view.format, view.shape, view.readonly) == ("I", (2,), True)


def test_batches_take_any_iterable(small: tiktoken.Encoding) -> None:
    expected = [[HELLO], [WORLD]]
    for texts in (["hello", " world"], ("hello", " world"), iter(["hello", " world"])):
        assert small.encode_batch(texts) == expected  # type: ignore[arg-type]
    assert small.encode_batch([]) == small.encode_ordinary_batch([]) == []
    assert small.encode_ordinary_batch("hi") == [[104], [105]]  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not iterable"):
        small.encode_batch(None)  # type: ignore[arg-type]


def test_the_first_bad_text_of_a_batch_decides(small: tiktoken.Encoding) -> None:
    with pytest.raises(ValueError, match="endoftext"):
        small.encode_batch(["a", "<|endoftext|>", None])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        small.encode_batch(["a", None, "<|endoftext|>"])  # type: ignore[list-item]


def test_number_of_threads(small: tiktoken.Encoding) -> None:
    texts = ["hello world"] * 50
    for threads in (1, 2, 64, None):
        assert small.encode_batch(texts, num_threads=threads) == [[HELLO, WORLD]] * 50  # type: ignore[arg-type]
    batches: list[Callable[..., object]] = [
        small.encode_batch,
        small.encode_ordinary_batch,
        small.decode_batch,
        small.decode_bytes_batch,
    ]
    for batch in batches:
        for threads in (0, -1):
            with pytest.raises(ValueError, match="max_workers must be greater than 0"):
                batch([], num_threads=threads)
        with pytest.raises(TypeError):
            batch([], num_threads="2")


@pytest.mark.parametrize("token", ["hello world", b"\xff\xfe", b"", ""])
def test_unknown_token_texts(small: tiktoken.Encoding, token: str | bytes) -> None:
    with pytest.raises(KeyError) as caught:
        small.encode_single_token(token)
    assert caught.value.args == (token.encode() if isinstance(token, str) else token,)


def test_a_token_must_be_text_or_bytes(small: tiktoken.Encoding) -> None:
    for token in (5, [104], bytearray(b"hello"), None):
        with pytest.raises(TypeError, match="is not an instance of 'bytes'"):
            small.encode_single_token(token)  # type: ignore[arg-type]


def test_bytes_may_end_inside_a_character(small: tiktoken.Encoding) -> None:
    assert small._encode_bytes(b"hello world") == [HELLO, WORLD]
    assert small._encode_bytes(b"hello \xf0\x9f") == [HELLO, 32, 268]
    assert small._encode_bytes(b"") == []
    for wrong in ("text", bytearray(b"x"), memoryview(b"x")):
        with pytest.raises(TypeError, match="is not an instance of 'bytes'"):
            small._encode_bytes(wrong)  # type: ignore[arg-type]


@given(st.binary())
@settings(deadline=None)
def test_all_bytes_survive(content: bytes) -> None:
    encoding = _shared()
    assert encoding.decode_bytes(encoding._encode_bytes(content)) == content
    assert encoding.decode_bytes(encoding._encode_single_piece(content)) == content


@given(st.text())
@settings(deadline=None)
def test_all_texts_survive(text: str) -> None:
    encoding = _shared()
    tokens = encoding.encode(text, disallowed_special=())
    assert encoding.decode(tokens) == text
    assert tokens == encoding.encode_ordinary(text) == encoding._encode_only_native_bpe(text)


_made: list[tiktoken.Encoding] = []


def _shared() -> tiktoken.Encoding:
    """One encoding for all examples of a property."""
    if not _made:
        _made.append(make())
    return _made[0]


def test_unstable_tokens(small: tiktoken.Encoding) -> None:
    stable, completions = small.encode_with_unstable("hello wor")
    assert stable == [HELLO]
    assert completions == [[262], [264]]
    assert small.encode_with_unstable("") == ([], [])
    assert small.encode_with_unstable("hello<|start|>", allowed_special="all") == ([HELLO, START], [])
    for text in ("hello\n", "hello \n ", "a  ", "\N{THUMBS UP SIGN}", "hell"):
        stable, completions = small.encode_with_unstable(text)
        assert text.encode().startswith(small.decode_bytes(stable))
        assert completions
        assert all(small.decode_bytes([*stable, *more]).startswith(text.encode()) for more in completions)
    with pytest.raises(ValueError, match="endoftext"):
        small.encode_with_unstable("<|endoftext|>")


# --- tokens to text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tokens",
    [
        [HELLO, WORLD, EOT],
        (HELLO, WORLD, EOT),
        np.array([HELLO, WORLD, EOT]),
        np.array([HELLO, WORLD, EOT], dtype=np.uint32),
        np.array([HELLO, WORLD, EOT], dtype=np.uint16),
        np.array([HELLO, WORLD, EOT], dtype=object),
        np.array([HELLO, 0, WORLD, 0, EOT, 0], dtype=np.uint32)[::2],
        [np.int64(HELLO), np.uint32(WORLD), EOT],
    ],
    ids=lambda tokens: f"{type(tokens).__name__}-{getattr(tokens, 'dtype', '')}",
)
def test_decode(small: tiktoken.Encoding, tokens: Any) -> None:
    assert small.decode(tokens) == "hello world<|endoftext|>"
    assert small.decode_bytes(tokens) == b"hello world<|endoftext|>"
    assert small.decode_tokens_bytes(tokens) == [b"hello", b" world", b"<|endoftext|>"]
    assert small.decode_with_offsets(tokens) == ("hello world<|endoftext|>", [0, 5, 11])
    assert small.decode_batch([tokens, []]) == ["hello world<|endoftext|>", ""]
    assert small.decode_bytes_batch([tokens, []]) == [b"hello world<|endoftext|>", b""]


def test_tokens_may_be_bytes_or_booleans(small: tiktoken.Encoding) -> None:
    for tokens in (b"hi", bytearray(b"hi"), memoryview(b"hi"), range(104, 106)):
        assert small.decode(tokens)[0] == "h"
    assert small.decode_bytes([True, False]) == b"\x01\x00"


def test_any_iterable_gives_the_bytes_of_tokens(small: tiktoken.Encoding) -> None:
    for tokens in ({HELLO}, iter([HELLO]), {HELLO: 1}):
        assert small.decode_tokens_bytes(tokens) == [b"hello"]
    assert small.decode_with_offsets(iter([HELLO])) == ("hello", [0])


@pytest.mark.parametrize("tokens", ["12", {1, 2}, iter([1]), None, 5, {1: 2}])
def test_tokens_must_be_a_sequence(small: tiktoken.Encoding, tokens: Any) -> None:
    for call in (small.decode, small.decode_bytes):
        with pytest.raises(TypeError):
            call(tokens)
    with pytest.raises(TypeError):
        small.decode_bytes_batch([tokens])


@pytest.mark.parametrize("wrong", [1.0, "1", None, np.float32(1), [1]], ids=["float", "str", "None", "float32", "list"])
def test_a_token_must_be_an_integer(small: tiktoken.Encoding, wrong: Any) -> None:
    for call in (small.decode, small.decode_bytes, small.decode_tokens_bytes, small.decode_with_offsets):
        with pytest.raises(TypeError):
            call([HELLO, wrong])
    with pytest.raises(TypeError):
        small.decode_single_token_bytes(wrong)


@pytest.mark.parametrize("array", [np.array([1.0]), np.array([True]), np.array([[1]]), np.array(1)])
def test_arrays_must_be_flat_and_of_integers(small: tiktoken.Encoding, array: Any) -> None:
    with pytest.raises(TypeError):
        small.decode(array)


@pytest.mark.parametrize("token", [-1, 2**32, 2**64, -(2**64)])
def test_a_token_must_fit_32_bits(small: tiktoken.Encoding, token: int) -> None:
    for call in (small.decode, small.decode_bytes, small.decode_tokens_bytes, small.decode_with_offsets):
        with pytest.raises(OverflowError):
            call([HELLO, token])
    with pytest.raises(OverflowError):
        small.decode_single_token_bytes(token)
    if abs(token) < 2**63:
        with pytest.raises(OverflowError):
            small.decode(np.array([HELLO, token]))


@pytest.mark.parametrize("token", [290, 303, 2**32 - 1])
def test_unknown_tokens(small: tiktoken.Encoding, token: int) -> None:
    for call in (small.decode, small.decode_bytes):
        with pytest.raises(KeyError) as caught:
            call([HELLO, token])
        assert caught.value.args == (f"Invalid token for decoding: {token}",)
    with pytest.raises(KeyError) as caught:
        small.decode_single_token_bytes(token)
    assert caught.value.args == (str(token),)
    for listing in (small.decode_tokens_bytes, small.decode_with_offsets):
        with pytest.raises(KeyError) as caught:
            listing([token, "never looked at"])  # type: ignore[list-item]
        assert caught.value.args == (str(token),)


def test_bytes_that_are_no_text(small: tiktoken.Encoding) -> None:
    assert small.decode([0xC3]) == "\N{REPLACEMENT CHARACTER}"
    assert small.decode([0xC3], errors="ignore") == ""
    assert small.decode([0xC3], "backslashreplace") == r"\xc3"
    assert small.decode_batch([[0xC3]], errors="ignore") == [""]
    with pytest.raises(UnicodeDecodeError):
        small.decode([0xC3], errors="strict")
    with pytest.raises(LookupError, match="unknown error handler"):
        small.decode([0xC3], errors="nonsense")
    with pytest.raises(UnicodeDecodeError):
        small.decode_with_offsets([0xC3])


def test_offsets_inside_characters(small: tiktoken.Encoding) -> None:
    text = "a\N{THUMBS UP SIGN}é"
    tokens = small.encode(text)
    assert small.decode_tokens_bytes(tokens) == [b"a", b"\xf0\x9f", b"\x91", b"\x8d", b"\xc3\xa9"]
    assert small.decode_with_offsets(tokens) == (text, [0, 1, 1, 1, 2])
    assert small.decode_with_offsets([]) == ("", [])


def test_an_ordinary_token_wins_an_id_that_two_have() -> None:
    encoding = make(special_tokens={"<s>": HELLO})
    assert encoding.encode("<s>", allowed_special="all") == [HELLO]
    assert encoding.decode([HELLO]) == "hello"
    assert encoding.encode_single_token("<s>") == HELLO


def test_token_byte_values(small: tiktoken.Encoding) -> None:
    assert small.token_byte_values() == sorted(small_ranks())


# --- the object ----------------------------------------------------------------------------------------------------


def test_pickle_and_copy_by_parts(small: tiktoken.Encoding) -> None:
    assert small.__getstate__() == {
        "name": "small",
        "pat_str": PATTERN,
        "mergeable_ranks": small_ranks(),
        "special_tokens": SPECIAL,
    }
    for other in (pickle.loads(pickle.dumps(small)), copy.copy(small), copy.deepcopy(small)):
        assert other is not small
        assert (other.name, other.n_vocab) == ("small", 303)
        assert other.encode("hello<|start|>", allowed_special="all") == [HELLO, START]


def test_threads_share_an_encoding(small: tiktoken.Encoding) -> None:
    texts = [f"hello world {n} <|start|>é" * 20 for n in range(40)]
    expected = [small.encode(text, allowed_special="all") for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(lambda text: small.encode(text, allowed_special="all"), texts)) == expected


def test_the_native_tokenizer(small: tiktoken.Encoding) -> None:
    tokenizer = small.tokenizer
    assert tokenizer is small.tokenizer
    assert tokenizer.encode("hello world").tolist() == [HELLO, WORLD]
    assert tokenizer.encode("<|start|>", allowed_special={"<|start|>"}).tolist() == [START]


def test_from_tiktoken_takes_any_encoding(small: tiktoken.Encoding) -> None:
    class Other:
        name = "other"
        _pat_str = PATTERN
        _mergeable_ranks = small_ranks()
        _special_tokens = SPECIAL

    made = tiktoken.Encoding.from_tiktoken(Other())
    assert (made.name, made.encode("hello world")) == ("other", [HELLO, WORLD])
    assert tiktoken.Encoding.from_tiktoken(small) is small
    with pytest.raises(TypeError, match="'str' object is not a tiktoken encoding"):
        tiktoken.Encoding.from_tiktoken("cl100k_base")  # type: ignore[arg-type]
