"""A model of tokens as a model of bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from tokengrove._native import ByteVocab
from tokengrove.errors import InvalidArgumentError, UnknownTokenError
from tokengrove.next_byte.batches import Request
from tokengrove.next_byte.evaluate import evaluator_for
from tokengrove.next_byte.generation import Generating, Together
from tokengrove.next_byte.state import ByteState
from tokengrove.next_byte.windows import longest_sequence, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tokengrove._native import ByteCovers, PromptReader, TextScorer
    from tokengrove.next_byte.batches import Rows
    from tokengrove.tokenizer import Tokenizer

__all__ = ["END", "ByteLM", "ByteScores", "Prompt"]

END = 256
"""The place of the end of the text behind the 256 bytes."""

Prompt: TypeAlias = str | bytes | Sequence[str | bytes | int | Sequence[int]]
"""A text, or segments of text and of ids; only the last text is open at its end."""

KEPT_PER_BEAM = 16
"""With a beam, so many times as many histories are kept to be evaluated later; of the others only the mass is kept."""

ENDS = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|im_end|>",
    "<|eot_id|>",
    "<｜end▁of▁sentence｜>",
)
"""Special tokens that end a text, by name: for models that do not say."""


@dataclass(frozen=True, slots=True)
class ByteScores:
    """What a text scores.

    Attributes:
        logprobs: float64[n], in nats: logarithm of the probability of each byte given those before it.
        end_logprob: Logarithm of the probability that the text ends after the last byte.
        unresolved_mass: Of all bytes the largest share of the mass that the model was not asked about; 0, and the
            scores exact, unless a ``beam`` was used.
    """

    logprobs: NDArray[np.float64]
    end_logprob: float
    unresolved_mass: float = 0.0

    @property
    def total(self) -> float:
        """The sum over the bytes, in nats; without the end."""
        return float(self.logprobs.sum())

    @property
    def bits_per_byte(self) -> float:
        """Mean over the bytes, in bits; NaN for an empty text."""
        return -self.total / math.log(2) / len(self.logprobs) if len(self.logprobs) else math.nan


class ByteLM(Generating):
    """The byte-level distribution of a token model.

    The probability that a text begins with some bytes is the sum over the token sequences that cover them. Which
    sequences count is the ``mode``:

    - ``"canonical"``: those that the tokenizer gives for some text; others are left out after each token and the rest
      renormalized. A proper distribution, and the default.
    - ``"canonical-raw"``: the same sequences with the model's own probabilities, normalized for each byte (the exact
      method of the paper). Mass is lost from token to token, so the product of the bytes' probabilities is not the
      probability of a text.
    - ``"all"``: every sequence that spells the text. The number of histories grows exponentially: exact with
      ``beam=None`` for small vocabularies and short texts, bounded by ``unresolved_mass`` with a beam.

    Text is what the tokenizer's normalizer makes of it; the space that some tokenizers put before a text is no part of
    it. Ids that end a text are one outcome, :data:`END`; other special tokens are left out after each token.

    Args:
        model: A causal model of transformers, a ``TreeModel``, or a function from a list of ids (which may be empty) to
            the logits of what follows, by id.
        tokenizer: The model's tokenizer.
        mode: Which token sequences count.
        eos: The ids that end a text. By default those of the model's configuration, else the special tokens of usual
            names.
        context: The ids before the first byte. By default what the tokenizer puts before a text, such as a
            beginning-of-text token, else that of the model's configuration; a function may do without.
        eps: Histories are not evaluated as long as all of them together are at most this share of the mass; 0 is exact.
        beam: At most so many histories are evaluated for each byte; None is all of them.

    Raises:
        TypeError: If the model is of no such kind.
        InvalidArgumentError: If an argument is out of range.
        UnknownTokenError: If an id of the context is not in the vocabulary.
        UnsupportedTokenizerError: If valid encodings cannot be followed for this tokenizer; the mode ``"all"`` works.

    Source:
        Phan et al. 2024, "Exact Byte-Level Probabilities from Tokenized Language Models for FIM-Tasks and Model
        Ensembles", Lemma 1; for ``"canonical"`` besides Vieira et al. 2025, "Language Models over Canonical Byte-Pair
        Encodings" (local canonicalization). For pretokenizers that look ahead see the note in docs/next_byte.md.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        *,
        mode: Literal["canonical", "canonical-raw", "all"] = "canonical",
        eos: int | Iterable[int] | None = None,
        context: Sequence[int] | None = None,
        eps: float = 0.0,
        beam: int | None = None,
    ) -> None:
        if not 0.0 <= eps < 1.0:
            raise InvalidArgumentError(f"eps is a share of the mass, at least 0 and less than 1, not {eps}")
        if beam is not None and beam < 1:
            raise InvalidArgumentError(f"beam is the number of histories to evaluate for each byte, not {beam}")
        self._evaluator = evaluator_for(model)
        self._tokenizer = tokenizer
        self._mode = mode
        self._eps = eps
        self._beam = beam
        self._eos = _ends(model, tokenizer, eos)
        self._vocab = ByteVocab(tokenizer, mode, self._eos)
        self._special = frozenset(self._vocab.special_ids)
        self._context = _context(model, tokenizer) if context is None else tuple(context)
        self._check_ids(self._context)
        self._max_tokens = longest_sequence(model)

    def __repr__(self) -> str:
        """Show how it works."""
        return f"ByteLM(mode={self._mode!r}, eos={self._eos}, context={list(self._context)}, eps={self._eps})"

    @property
    def mode(self) -> str:
        """Which token sequences count."""
        return self._mode

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer."""
        return self._tokenizer

    @property
    def eos(self) -> list[int]:
        """The ids that end a text."""
        return list(self._eos)

    @property
    def max_tokens(self) -> int | None:
        """The longest sequence, in tokens, that the model was made for; None if its configuration does not say."""
        return self._max_tokens

    def logits(self, ids: Sequence[int]) -> NDArray[Any]:
        """Give what the model itself says after some ids.

        Args:
            ids: The ids, those of the context included.

        Returns:
            float32 or float64[vocabulary]: the logits of what follows, by id.

        Raises:
            UnknownTokenError: If an id is not in the vocabulary.
        """
        self._check_ids(ids)
        return self._evaluator.rows([list(ids)])[0]

    def token_text(self, id: int) -> bytes:
        """Give the bytes that an id adds to a text: none for special tokens and for columns without a token."""
        if id >= self._vocab.width or id in self._eos or id in self._special:
            return b""
        try:
            return self._tokenizer.token_bytes(id)
        except UnknownTokenError:
            return b""

    @property
    def evaluations(self) -> int:
        """How many tokens the model has evaluated so far; for a function, how often it was called."""
        return self._evaluator.evaluations

    @property
    def passes(self) -> int:
        """How many forward passes there have been so far."""
        return self._evaluator.passes

    def state(self, prompt: Prompt = b"") -> ByteState:
        """Give the state after a prompt.

        Args:
            prompt: A text, which may end anywhere, also inside a character (as `bytes`); or a list of segments, each a
                text or a sequence of ids (for special tokens, which are never read from text). Texts before the last
                segment are encoded as they are and closed; only the last text may be continued.

        Returns:
            The state. The model evaluates about as many tokens as the prompt has.

        Raises:
            TypeError: If the prompt is of no such kind.
            UnknownTokenError: If an id is not in the vocabulary.
            InvalidArgumentError: If a model that needs a token before the first byte has none.
            LogitsError: If the model gives logits that cannot be used.
        """
        return self._states([prompt])[0]

    def _states(self, prompts: Sequence[Prompt]) -> list[ByteState]:
        """Give the state after each of several prompts, all in few passes."""
        split = [self._segments(prompt) for prompt in prompts]
        texts = [(history, self._vocab.normalize(text)) for history, text in split]
        readers = [self._vocab.prompt(self._vocab.prefix + text) if self._beam is None else None for _, text in texts]
        bases: dict[int, float] = {}

        def first_row(number: int, row: NDArray[Any]) -> None:
            bases[number] = self._prefix_logprob(row) if self._vocab.prefix else 0.0

        covers = self._read([history for history, _ in texts], readers, first_row)
        return [
            self._state_by_bytes(history, text)
            if number not in covers
            else ByteState(self, history, covers[number], bases[number])
            for number, (history, text) in enumerate(texts)
        ]

    def _state_by_bytes(self, history: tuple[int, ...], text: bytes) -> ByteState:
        state = ByteState(self, history, self._vocab.start(), 0.0).advance(self._vocab.prefix)
        return ByteState(self, history, state._covers, state.logprob).advance(text)

    def _read(
        self,
        histories: Sequence[tuple[int, ...]],
        readers: Sequence[PromptReader | TextScorer | None],
        first_row: Callable[[int, NDArray[Any]], None] = lambda number, row: None,
    ) -> dict[int, Any]:
        """Evaluate the trees of readers behind histories, and give what each of them finds, by number."""
        some = {number: reader for number, reader in enumerate(readers) if reader is not None}
        numbers = list(some)
        requests = [Request(list(histories[number]), *reader.tree) for number, reader in some.items()]
        rows: dict[int, list[Any]] = {number: [] for number in some}
        counts = dict.fromkeys(some, 0)
        for place, block in self._evaluator.trees(requests):
            number = numbers[place]
            if counts[number] == 0:
                first_row(number, block[0])
            rows[number].append(some[number].read(counts[number], block))
            counts[number] += len(block)
        found = {number: reader.finish(rows.pop(number)) for number, reader in some.items()}
        if any(result is None for result in found.values()):
            raise InvalidArgumentError("the model gave fewer rows of logits than it was asked for")
        return found

    def _prefix_logprob(self, logits: NDArray[Any]) -> float:
        """Give the logarithm of the probability of what the tokenizer puts before every text."""
        covers = self._vocab.start().resolve([0], [logits])
        for byte in self._vocab.prefix:
            covers = covers.advance(byte)
        return covers.logprob

    def score(self, text: str | bytes, *, prompt: Prompt = b"", window: int | None = None) -> ByteScores:
        """Score a text: one forward pass (a few for a long text) gives the probability of every byte.

        Args:
            text: The text.
            prompt: What it follows, see :meth:`state`.
            window: Texts of more tokens are scored in parts of half as many, each given the half before it instead of
                all that precedes it: for texts longer than a model was made for (:attr:`max_tokens`). None scores the
                text as a whole, however long it is. Not together with a prompt.

        Returns:
            The scores of the bytes of `text`.

        Raises:
            InvalidArgumentError: As :meth:`state`; if the normalizer rewrites text across the end of the prompt; if the
                window is of less than two tokens, or a prompt is given with it.
            LogitsError: If the model gives logits that cannot be used.
        """
        return self.score_batch([text], prompts=[prompt], window=window)[0]

    def score_batch(
        self,
        texts: Iterable[str | bytes],
        *,
        prompts: Iterable[Prompt] | None = None,
        window: int | None = None,
    ) -> list[ByteScores]:
        """Score several texts, the trees of several of them in one forward pass where the model can do that.

        Args:
            texts: The texts.
            prompts: What each of them follows; None is nothing.
            window: See :meth:`score`.

        Returns:
            What :meth:`score` gives for each, to the precision of the model: a batch adds numbers in another order.

        Raises:
            TypeError: If `texts` is a single text.
            InvalidArgumentError: As :meth:`score`, or if there are not as many prompts as texts.
            LogitsError: As :meth:`score`.
        """
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts is a collection of texts; score() takes a single one")
        data = [_bytes(text) for text in texts]
        given: list[Prompt] = [b""] * len(data) if prompts is None else list(prompts)
        if len(given) != len(data):
            raise InvalidArgumentError(f"found {len(given)} prompts for {len(data)} texts")
        if window is None:
            return self._score_all(list(zip(given, data, strict=True)))
        parts: list[tuple[Prompt, bytes]] = []
        ends = []
        for prompt, text in zip(given, data, strict=True):
            parts += self._parts(text, prompt, window)
            ends.append(len(parts))
        scores = self._score_all(parts)
        return [_chained(scores[start:end]) for start, end in zip([0, *ends], ends, strict=False)]

    def _parts(self, text: bytes, prompt: Prompt, window: int) -> Iterator[tuple[Prompt, bytes]]:
        """Cut a text into windows: each part, and what is given before it."""
        if window < 2:
            raise InvalidArgumentError(f"window is a number of tokens, at least 2, not {window}")
        if not isinstance(prompt, (str, bytes, bytearray)) or prompt:
            raise InvalidArgumentError(
                "a text is scored in windows without a prompt, which would be in the first alone"
            )
        data = self._vocab.normalize(text)
        return ((data[first:start], data[start:end]) for first, start, end in windows(self._tokenizer, data, window))

    def _score_all(self, pairs: Sequence[tuple[Prompt, bytes]]) -> list[ByteScores]:
        """Score texts behind prompts."""
        histories, starts, wholes = [], [], []
        for prompt, text in pairs:
            history, before = self._segments(prompt)
            start = self._vocab.prefix + self._vocab.normalize(before)
            whole = self._vocab.prefix + self._vocab.normalize(before + text)
            if not whole.startswith(start):
                raise InvalidArgumentError(
                    "the tokenizer's normalizer rewrites the end of the prompt together with the text"
                )
            histories.append(history)
            starts.append(start)
            wholes.append(whole)
        found = self._read(histories, [self._vocab.scorer(whole) for whole in wholes])
        return [
            ByteScores(found[number][0][len(start) :], found[number][1])
            if number in found
            else self._score_by_bytes(histories[number], start, wholes[number])
            for number, start in enumerate(starts)
        ]

    def _score_by_bytes(self, history: tuple[int, ...], start: bytes, whole: bytes) -> ByteScores:
        state = ByteState(self, history, self._vocab.start(), 0.0).advance(start)
        logprobs = np.full(len(whole) - len(start), -np.inf)
        unresolved = 0.0
        for index, byte in enumerate(whole[len(start) :]):
            logprobs[index] = state._resolve().logprobs()[byte]
            unresolved = max(unresolved, state.unresolved_mass)
            state = state.advance(byte)
        end = float(state._resolve().logprobs()[END])
        return ByteScores(logprobs, end, max(unresolved, state.unresolved_mass))

    def loglikelihood(self, context: Prompt, continuation: str | bytes) -> float:
        """Give the logarithm, in nats, of the probability that a text goes on so.

        Args:
            context: What is given, see :meth:`state`.
            continuation: How it goes on.

        Returns:
            The logarithm. It does not depend on where a token of the whole text would begin.
        """
        return self.score(continuation, prompt=context).total

    def heal(
        self, prompt: Prompt, *, sample: bool = True, seed: int | np.random.Generator | None = None
    ) -> tuple[list[int], float]:
        """Give ids from which ordinary decoding goes on, for a prompt that may end inside a token.

        Drawn so, the ids continue to texts as the byte-level distribution does: the prompt's last token may be longer
        than the prompt, and decoding then goes on at the speed of tokens: with ``generate`` of transformers, or with
        drafts, with :func:`tokengrove.speculative.generate`. :meth:`continuation` gives the text behind the prompt. In
        the mode ``canonical`` the distribution stays the byte-level one if a :class:`CanonicalLogitsProcessor` is given
        to either.

        Args:
            prompt: The prompt, see :meth:`state`.
            sample: Whether to draw a cover; otherwise the most probable one is taken.
            seed: For drawing.

        Returns:
            The ids, those of the context included, and the logarithm of the share that the cover has among all covers
            of the prompt.

        Raises:
            InvalidArgumentError: If the prompt has probability 0; and as :meth:`state`.
        """
        state = self.state(prompt)
        if sample:
            cover = state.cover_at(np.random.default_rng(seed).random())
        else:
            best = state.covers(1)
            if not best:
                raise InvalidArgumentError("no token sequence spells the prompt: it has probability 0")
            cover = best[0]
        return [*state.context, *cover.ids], cover.logprob

    def continuation(self, prompt: Prompt, ids: Iterable[int]) -> bytes:
        """Give what ids spell behind a prompt: those of :meth:`heal` and what decoding has put behind them.

        Args:
            prompt: The prompt, see :meth:`state`.
            ids: All ids, those of the context included, as :meth:`heal` begins them.

        Returns:
            The bytes behind the prompt, up to the first id that ends a text; special tokens have none.

        Raises:
            InvalidArgumentError: If the ids do not begin with the prompt.
        """
        history, text = self._segments(prompt)
        behind = [int(id) for id in ids]
        given = self._vocab.prefix + self._vocab.normalize(text)
        found = behind[len(history) :]
        end = next((at for at, id in enumerate(found) if id in self._eos), len(found))
        data = b"".join(map(self.token_text, found[:end]))
        if tuple(behind[: len(history)]) != history or not data.startswith(given):
            raise InvalidArgumentError("the ids do not begin with the prompt")
        return data[len(given) :]

    def _segments(self, prompt: Prompt) -> tuple[tuple[int, ...], bytes]:
        """Split a prompt into the ids before the last text, and that text."""
        if isinstance(prompt, (str, bytes, bytearray)):
            return self._context, _bytes(prompt)
        history = list(self._context)
        segments: list[Any] = list(prompt)
        if segments and all(isinstance(segment, (int, np.integer)) for segment in segments):
            segments = [segments]
        last = b""
        for number, segment in enumerate(segments):
            if isinstance(segment, (str, bytes, bytearray)):
                if number == len(segments) - 1:
                    last = _bytes(segment)
                else:
                    history += self._tokenizer.encode_list(_bytes(segment))
            elif isinstance(segment, (int, np.integer)):
                raise TypeError("a segment is a text or a sequence of ids; put single ids into a list")
            else:
                ids = [int(id) for id in segment]
                self._check_ids(ids)
                history += ids
        return tuple(history), last

    def _check_ids(self, ids: Iterable[int]) -> None:
        for id in ids:
            self._tokenizer.token_bytes(id)

    def _resolve(self, history: tuple[int, ...], covers: ByteCovers) -> ByteCovers:
        """Ask the model about what covers need."""
        rows = self._evaluator.rows
        return self._settle({0: (history, covers)}, lambda asked: {0: rows(asked[0])})[0]

    def _settle(
        self,
        known: Mapping[int, tuple[tuple[int, ...], ByteCovers]],
        ask: Callable[[dict[int, list[list[int]]]], Mapping[int, list[NDArray[Any]]]],
    ) -> dict[int, ByteCovers]:
        """Ask the model about what the covers of some sequences need, of all of them at once."""
        found = {number: covers for number, (_, covers) in known.items()}
        most = 1 << 62 if self._beam is None else self._beam
        left = dict.fromkeys(known, most)
        open_ones = list(known)
        while open_ones:
            # A beam goes on until anything at all is resolved: an answer needs at least that.
            bundles = {
                number: found[number].pending(self._eps, left[number] if left[number] > 0 else most)
                for number in open_ones
                if left[number] > 0 or found[number].unresolved_mass >= 1.0
            }
            open_ones = [number for number, some in bundles.items() if some]
            if not open_ones:
                break
            asked = {
                number: [[*known[number][0], *found[number].path(bundle)] for bundle in bundles[number]]
                for number in open_ones
            }
            rows = ask(asked)
            for number in open_ones:
                found[number] = found[number].resolve(bundles[number], rows[number])
                left[number] -= len(bundles[number])
        if self._beam is None:
            return found
        return {number: covers.forget(KEPT_PER_BEAM * self._beam) for number, covers in found.items()}

    def _together(self, count: int) -> Together:
        return _StatesTogether(self, self._evaluator.batch(count))


class _StatesTogether(Together):
    """States whose distributions are asked for in one pass."""

    def __init__(self, lm: ByteLM, rows: Rows) -> None:
        self._lm = lm
        self._rows = rows

    def resolve(self, states: Mapping[int, Any]) -> None:
        open_ones: dict[int, ByteState] = {number: state for number, state in states.items() if not state._resolved}
        known = {number: (state._history, state._covers) for number, state in open_ones.items()}
        for number, covers in self._lm._settle(known, self._rows.rows).items():
            open_ones[number]._covers = covers
            open_ones[number]._resolved = True

    def keep(self, numbers: Sequence[int]) -> None:
        self._rows.keep(numbers)


def _chained(parts: Sequence[ByteScores]) -> ByteScores:
    """Join the scores of the parts of a text."""
    logprobs = np.concatenate([part.logprobs for part in parts])
    return ByteScores(logprobs, parts[-1].end_logprob, max(part.unresolved_mass for part in parts))


def _bytes(text: str | bytes | bytearray) -> bytes:
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    raise TypeError(f"a text is str or bytes, not {type(text).__name__}")


def _ids(found: Any) -> list[int]:
    """Read one id, several, or none from a configuration."""
    if found is None:
        return []
    return [int(id) for id in found] if isinstance(found, (list, tuple)) else [int(found)]


def _configured(model: Any, name: str) -> list[int]:
    for holder in ("generation_config", "config"):
        if found := _ids(getattr(getattr(model, holder, None), name, None)):
            return found
    return []


def _ends(model: Any, tokenizer: Tokenizer, eos: int | Iterable[int] | None) -> list[int]:
    if isinstance(eos, (int, np.integer)):
        return [int(eos)]
    if eos is not None:
        return [int(id) for id in eos]
    named = [id for name, id in tokenizer.special_tokens.items() if name in ENDS]
    return _configured(model, "eos_token_id") or named


def _context(model: Any, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Give what the tokenizer puts before a text, else the beginning-of-text token of the configuration."""
    plain = tokenizer.encode_list("a")
    dressed = tokenizer.encode_list("a", add_special_tokens=True)
    for at in range(len(dressed) - len(plain) + 1):
        if dressed[at : at + len(plain)] == plain and at > 0:
            return tuple(dressed[:at])
    return tuple(_configured(model, "bos_token_id")[:1])
