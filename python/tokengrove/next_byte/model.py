"""A model of tokens as a model of bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from tokengrove._native import ByteVocab
from tokengrove.errors import InvalidArgumentError, UnknownTokenError
from tokengrove.next_byte.evaluate import evaluator_for
from tokengrove.next_byte.generation import Generating
from tokengrove.next_byte.state import ByteState
from tokengrove.next_byte.windows import longest_sequence, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tokengrove._native import ByteCovers
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
        history, text = self._segments(prompt)
        data = self._vocab.prefix + self._vocab.normalize(text)
        reader = self._vocab.prompt(data) if self._beam is None else None
        if reader is None:
            state = ByteState(self, history, self._vocab.start(), 0.0).advance(data[: len(self._vocab.prefix)])
            base = state.logprob
            return ByteState(self, history, state._covers, base).advance(data[len(self._vocab.prefix) :])
        tokens, parents = reader.tree
        base = 0.0
        rows, count = [], 0
        for block in self._evaluator.tree(list(history), tokens, parents):
            if count == 0 and self._vocab.prefix:
                base = self._prefix_logprob(block[0])
            rows.append(reader.read(count, block))
            count += len(block)
        covers = reader.finish(rows)
        if covers is None:
            raise InvalidArgumentError("the model gave fewer rows of logits than it was asked for")
        return ByteState(self, history, covers, base)

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
        if window is not None:
            return self._score_in_windows(_bytes(text), prompt, window)
        history, before = self._segments(prompt)
        start = self._vocab.prefix + self._vocab.normalize(before)
        whole = self._vocab.prefix + self._vocab.normalize(before + _bytes(text))
        if not whole.startswith(start):
            raise InvalidArgumentError(
                "the tokenizer's normalizer rewrites the end of the prompt together with the text"
            )
        scorer = self._vocab.scorer(whole)
        if scorer is None:
            return self._score_by_bytes(history, start, whole)
        tokens, parents = scorer.tree
        rows, count = [], 0
        for block in self._evaluator.tree(list(history), tokens, parents):
            rows.append(scorer.read(count, block))
            count += len(block)
        found = scorer.finish(rows)
        if found is None:
            raise InvalidArgumentError("the model gave fewer rows of logits than it was asked for")
        return ByteScores(found[0][len(start) :], found[1])

    def _score_in_windows(self, text: bytes, prompt: Prompt, window: int) -> ByteScores:
        if window < 2:
            raise InvalidArgumentError(f"window is a number of tokens, at least 2, not {window}")
        if not isinstance(prompt, (str, bytes, bytearray)) or prompt:
            raise InvalidArgumentError(
                "a text is scored in windows without a prompt, which would be in the first alone"
            )
        data = self._vocab.normalize(text)
        parts = [
            self.score(data[start:end], prompt=data[first:start])
            for first, start, end in windows(self._tokenizer, data, window)
        ]
        logprobs = np.concatenate([part.logprobs for part in parts])
        return ByteScores(logprobs, parts[-1].end_logprob, max(part.unresolved_mass for part in parts))

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

    def score_batch(self, texts: Iterable[str | bytes]) -> list[ByteScores]:
        """Score several texts.

        Args:
            texts: The texts.

        Returns:
            What :meth:`score` gives for each.

        Raises:
            TypeError: If `texts` is a single text.
        """
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts is a collection of texts; score() takes a single one")
        return [self.score(text) for text in texts]

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
        than the prompt, and decoding then goes on at the speed of tokens.

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
        left = self._beam if self._beam is not None else 1 << 62
        # A beam goes on until anything at all is resolved: an answer needs at least that.
        while (left > 0 or covers.unresolved_mass >= 1.0) and (bundles := covers.pending(self._eps, max(left, 1))):
            rows = self._evaluator.rows([[*history, *covers.path(bundle)] for bundle in bundles])
            covers = covers.resolve(bundles, rows)
            left -= len(bundles)
        return covers if self._beam is None else covers.forget(KEPT_PER_BEAM * self._beam)


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
