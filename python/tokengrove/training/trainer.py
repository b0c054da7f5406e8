"""Training a tokenizer."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, cast

from tokengrove._native import PieceCounts, learn, learn_superwords
from tokengrove.errors import InvalidArgumentError
from tokengrove.training.assemble import PadTo, assemble, custom_ids, last_of_each, padded_size
from tokengrove.training.checkpoints import Checkpoints, Observer, Pairs, check_path
from tokengrove.training.counts import PretokenCounts, at_least
from tokengrove.training.presets import preset_options
from tokengrove.training.stages import Stage, check_stages
from tokengrove.training.template import Template

if TYPE_CHECKING:
    from os import PathLike

    from tokengrove._native import Trained
    from tokengrove.tokenizer import Tokenizer
    from tokengrove.training.template import Component, Digits

__all__ = ["TrainingProgress", "learn_options", "names", "train_bpe"]

Texts = Iterable[str | bytes]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training has come.

    Attributes:
        phase: ``"count"``, ``"layout"``, ``"replay"`` (merges of stages before, or of a checkpoint) or ``"learn"``.
        done: Bytes counted, or tokens.
        goal: Tokens wanted; 0 while counting, when nobody knows how much text comes.
        seconds: Since training began.
        remaining: Seconds that learning still takes, going by the tokens so far; None if nobody knows.
    """

    phase: str
    done: int
    goal: int
    seconds: float
    remaining: float | None


def train_bpe(
    texts: Texts | PretokenCounts | Sequence[PretokenCounts],
    vocab_size: int | None = None,
    pattern: str | Component | EllipsisType | None = ...,
    *,
    special_tokens: Sequence[str] | None = None,
    custom_tokens: Sequence[str] = (),
    normalizer: str | Sequence[str] | Component | None = None,
    digits: Digits | None = None,
    digit_group: int = 3,
    stages: Sequence[Stage] | None = None,
    superwords: Literal["exact", "aggregated"] = "exact",
    keep_inherited: bool = False,
    min_frequency: int | None = None,
    max_token_bytes: int | None = None,
    max_token_length: int | None = None,
    limit_alphabet: int | None = None,
    initial_alphabet: Collection[str] | Literal["bytes"] = "bytes",
    continuing_subword_prefix: str = "",
    end_of_word_suffix: str = "",
    ties: Literal["tokenizers", "rustbpe"] = "tokenizers",
    pad_to: PadTo = None,
    preset: str | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    progress: bool | Callable[[TrainingProgress], object] = False,
) -> Tokenizer:
    """Learn a byte-pair vocabulary: exact greedy merging of the most frequent pair.

    The merges are those of ``tokenizers.trainers.BpeTrainer`` 0.23.3, or of rustbpe. The result does not depend on the
    number of threads or the order of the texts.

    Args:
        texts: Texts, taken as they are needed (with ``stages`` they are read once for each), or their counts, or with
            ``stages`` one counts for each.
        vocab_size: The size of the vocabulary, special and custom tokens included. The result is smaller if no pair
            is left that is frequent enough, and larger by what ``pad_to`` adds.
        pattern: How text is cut, see :func:`tokengrove.training.count_pretokens`; required unless counts, ``stages``
            or a preset say it.
        special_tokens: Get the first ids, are never merged and count as text while training; the last ids with
            ``ties="rustbpe"``.
        custom_tokens: Appended once each, and found in text before anything else is done to it, normalization included.
            They are not learned, too: no merge spells one. A single character that is a symbol keeps its id.
        normalizer: What is done to text first.
        digits: How numbers are cut first.
        digit_group: The most digits in a group.
        stages: Learn in stages that cut text ever coarser; instead of ``vocab_size`` and ``pattern``.
        superwords: How stages after the first learn: ``"exact"``, or ``"aggregated"``, which is faster, needs little
            memory and is another algorithm: it counts runs of words of one token, so that a superword is made of whole
            words with letters, next to each other. It needs texts, not counts.
        keep_inherited: Whether a stage keeps tokens of the stage before that its own text has no use for, as rarely
            happens. The official SuperBPE code drops them.
        min_frequency: The smallest count of a pair that merges.
        max_token_bytes: The most bytes of a learned token.
        max_token_length: ``max_token_length`` as ``BpeTrainer`` reads it: tokens of two symbols are always allowed,
            others must have fewer symbols than this.
        limit_alphabet: The most symbols; the rarest are dropped from the text.
        initial_alphabet: Characters that are symbols though the text may not have them; ``"bytes"`` for all bytes,
            without which a tokenizer cannot encode every text.
        continuing_subword_prefix: Put before every symbol of a piece but the first.
        end_of_word_suffix: Put after the last symbol of a piece.
        ties: Which of equally frequent pairs merges first: ``"tokenizers"`` numbers bytes as their characters in the
            byte alphabet, ``"rustbpe"`` by value.
        pad_to: Fill the vocabulary up to a power of two (``"power-of-two"``) or a multiple, with runs of spaces and
            line feeds.
        preset: ``"domain"`` or ``"character"``: defaults for the other options, see
            :data:`tokengrove.training.presets.PRESETS`.
        checkpoint: A file that keeps the state, so that the same call goes on after an interruption; removed at the
            end. After a merge that spells a known token (rare in real text) training starts over instead. Aggregated
            superwords, which take seconds, are learned anew: the file then keeps the first stage.
        checkpoint_every: Seconds between two writings of it.
        progress: True for a line on stderr with the time left, or a function that is called a few times a second.

    Returns:
        The tokenizer. ``tokenizer.with_vocab_size(v)`` gives the one of any smaller size.

    Raises:
        InvalidArgumentError: If options contradict each other, there is no text, or the vocabulary is smaller than
            its symbols and its special and custom tokens.
        PatternError: If a pattern is not a valid regular expression.
        InvalidTextError: If a text has a lone surrogate, or a regular expression gives up on it.
        VocabularyError: If ``checkpoint`` is no checkpoint.
        OSError: If the checkpoint cannot be read or written.
        KeyboardInterrupt: On Ctrl-C.

    Source:
        Sennrich, Haddow and Birch (2016) for the algorithm; Liu, Hayase et al. (2025) for stages.
    """
    defaults = preset_options(preset)
    given: dict[str, Any] = {
        "special_tokens": special_tokens,
        "normalizer": normalizer,
        "min_frequency": min_frequency,
        "max_token_bytes": max_token_bytes,
        "pad_to": pad_to,
    }
    chosen = {name: defaults.get(name) if value is None else value for name, value in given.items()}
    specials = _unique("special_tokens", chosen["special_tokens"] or ())
    custom = _unique("custom_tokens", custom_tokens)
    padded_size(1, chosen["pad_to"])
    if isinstance(pattern, EllipsisType):
        if preset is None and stages is None and not _are_counts(texts):
            raise InvalidArgumentError("give a pattern: a name such as 'o200k_base', a regular expression, or None")
        pattern = defaults.get("pattern")
    if stages is None:
        if vocab_size is None:
            raise InvalidArgumentError("give a vocab_size")
        stages = [Stage(pattern, vocab_size)]
    elif vocab_size is not None:
        raise InvalidArgumentError("each stage has a vocab_size of its own: give stages or vocab_size, not both")
    check_stages(stages)
    tell = _Teller(progress)
    if superwords not in ("exact", "aggregated"):
        raise InvalidArgumentError(f"superwords must be 'exact' or 'aggregated'; found {superwords!r}")
    aggregated = superwords == "aggregated"
    if aggregated and len(stages) == 1:
        raise InvalidArgumentError(
            "superwords='aggregated' says how stages after the first learn: give two or more stages"
        )
    if aggregated and _are_counts(texts):
        raise InvalidArgumentError("superwords='aggregated' needs texts: counts do not say which words follow which")
    if checkpoint is not None:
        check_path(checkpoint)
    templates = [Template.make(stage.pattern, chosen["normalizer"], digits, digit_group) for stage in stages]
    sources = _sources(texts, templates, tell)
    at_end = specials if ties == "rustbpe" else ()
    shared = {
        "ties": ties,
        "special_tokens": [] if at_end else list(specials),
        "min_frequency": at_least("min_frequency", chosen["min_frequency"] or 0, 0),
        "max_token_bytes": chosen["max_token_bytes"],
        "max_token_length": max_token_length,
        "limit_alphabet": limit_alphabet,
        "initial_alphabet": initial_alphabet,
        "continuing_subword_prefix": continuing_subword_prefix,
        "end_of_word_suffix": end_of_word_suffix,
        "never": list(custom),
    }
    appended = len(at_end) + custom_ids(custom, specials, templates[-1], all_bytes=initial_alphabet == "bytes")
    runs = (templates, cast("Texts", texts)) if aggregated else None
    run = _Run(shared, keep_inherited, reserve=appended, tell=tell, runs=runs)
    trained, template = run(stages, sources, checkpoint, checkpoint_every)
    tell.finish()
    affixes = {
        "continuing_subword_prefix": continuing_subword_prefix or None,
        "end_of_word_suffix": end_of_word_suffix or None,
    }
    return assemble(trained, template, specials, custom, chosen["pad_to"], **affixes)


def learn_options(
    template: Template,
    *,
    vocab_size: int,
    reserved: int = 0,
    ties: str = "tokenizers",
    special_tokens: Sequence[str] = (),
    min_frequency: int = 0,
    max_token_bytes: int | None = None,
    max_token_length: int | None = None,
    limit_alphabet: int | None = None,
    initial_alphabet: Collection[str] | Literal["bytes"] = "bytes",
    continuing_subword_prefix: str = "",
    end_of_word_suffix: str = "",
    max_words: int | None = None,
    forbid: Sequence[str] = (),
    never: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the options as the extension takes them.

    Args:
        template: How text is cut, which decides what symbols are.
        vocab_size: As for :func:`train_bpe`, like the others.
        reserved: How many of these tokens are appended later.
        ties: Which pair merges first.
        special_tokens: Special tokens.
        min_frequency: The smallest count.
        max_token_bytes: A limit.
        max_token_length: Another.
        limit_alphabet: The most symbols.
        initial_alphabet: Symbols to have.
        continuing_subword_prefix: Put before symbols.
        end_of_word_suffix: Put after symbols.
        max_words: The most words of a token.
        forbid: What no token contains.
        never: What no token is.

    Returns:
        The options.

    Raises:
        InvalidArgumentError: If one of them is out of range, or not for these symbols.
    """
    for name, value, least in (
        ("vocab_size", vocab_size, 1),
        ("max_token_bytes", max_token_bytes, 1),
        ("max_token_length", max_token_length, 0),
        ("limit_alphabet", limit_alphabet, 0),
    ):
        if value is not None:
            at_least(name, value, least)
    if vocab_size <= reserved:
        raise InvalidArgumentError(
            f"a vocabulary of {vocab_size} tokens is too small: the appended tokens alone are {reserved}"
        )
    if max_token_bytes is not None and max_token_length is not None:
        raise InvalidArgumentError("give max_token_bytes or max_token_length, not both")
    affixed = bool(continuing_subword_prefix or end_of_word_suffix)
    units = ("byte-chars" if affixed else "bytes") if template.byte_level else "chars"
    return {
        "units": units,
        "ties": ties,
        "vocab_size": vocab_size - reserved,
        "reserved": reserved,
        "special_tokens": list(special_tokens),
        "min_frequency": min_frequency,
        "max_token_bytes": max_token_bytes,
        "max_token_length": max_token_length,
        "limit_alphabet": limit_alphabet,
        # As in tokenizers, of each string its first character.
        "initial_alphabet": [] if initial_alphabet == "bytes" else sorted({text[0] for text in initial_alphabet}),
        "all_bytes": initial_alphabet == "bytes" and template.byte_level,
        "continuing_subword_prefix": continuing_subword_prefix,
        "end_of_word_suffix": end_of_word_suffix,
        "max_words": max_words,
        "forbid": [text.encode() for text in forbid],
        "never": [_in_units(token, template, units) for text in never for token in template.tokens_like(text)],
    }


def _in_units(token: bytes, template: Template, units: str) -> bytes:
    """A token as the extension writes it for these units."""
    return template.written(token).encode() if units == "byte-chars" else token


def names(trained: Trained) -> Pairs:
    """List the merges by the tokens that they join.

    Args:
        trained: What was learned.

    Returns:
        The merges in order, each once.
    """
    tokens = trained.tokens
    merges = last_of_each([(merge[0], merge[1]) for merge in trained.merges])
    return [(tokens[left], tokens[right]) for left, right in merges]


class _Run:
    """The stages of one training."""

    def __init__(
        self,
        shared: dict[str, Any],
        keep_inherited: bool,
        reserve: int,
        tell: _Teller,
        runs: tuple[list[Template], Texts] | None,
    ) -> None:
        self.shared = shared
        self.keep_inherited = keep_inherited
        self.reserve = reserve
        self.tell = tell
        self.runs = runs

    def __call__(
        self,
        stages: Sequence[Stage],
        sources: Sequence[Callable[[], PretokenCounts]],
        path: str | PathLike[str] | None,
        every: float,
    ) -> tuple[Trained, Template]:
        """Learn stage by stage, and go on where a checkpoint says."""
        checkpoints: Checkpoints | None = None
        begun = 0
        inherited: Pairs = []
        resume: tuple[Pairs, int] | None = None
        counts = sources[0]()
        if path is not None:
            checkpoints = Checkpoints(path, self._settings(stages, counts))
            if state := checkpoints.load():
                begun, merges, known = state
                resume = (merges, known)
                if begun > 0:
                    counts = sources[begun]()
        last = 1 if self.runs is not None else len(stages)
        for number in range(begun, last):
            if number > begun:
                counts = sources[number]()
            options = self._options(stages, number, counts.template)
            observer = Observer(self.tell, checkpoints, every, number, len(inherited))
            trained = learn(
                counts.native,
                options,
                inherited=inherited,
                keep_inherited=self.keep_inherited,
                resume=resume,
                observer=observer,
            )
            resume = None
            inherited = names(trained)
        template = counts.template
        if self.runs is not None:
            templates, texts = self.runs
            for number in range(1, len(stages)):
                options = self._options(stages, number, templates[number])
                observer = Observer(self.tell, None, every, number, 0)
                # Words are always those of the first stage.
                model = templates[0].model
                trained = learn_superwords(trained, model, texts, options, observer=observer)
            template = templates[-1]
        if checkpoints is not None:
            checkpoints.remove()
        return trained, template

    def _options(self, stages: Sequence[Stage], number: int, template: Template) -> dict[str, Any]:
        """The options of one stage; the last one leaves room for the tokens that are appended."""
        stage = stages[number]
        reserved = self.reserve if number == len(stages) - 1 else 0
        limits: dict[str, Any] = {"max_words": stage.max_words, "forbid": stage.forbid}
        return learn_options(template, vocab_size=stage.vocab_size, reserved=reserved, **limits, **self.shared)

    def _settings(self, stages: Sequence[Stage], counts: PretokenCounts) -> dict[str, Any]:
        """What the result depends on."""
        content = (len(counts), counts.total, counts.total_bytes, counts.template.description)
        return {
            **self.shared,
            "keep_inherited": self.keep_inherited,
            "reserve": self.reserve,
            "stages": [repr(stage) for stage in stages],
            "content": content,
        }


def _are_counts(texts: object) -> bool:
    """Whether an argument is counts, or a list of them."""
    if isinstance(texts, PretokenCounts):
        return True
    return isinstance(texts, (list, tuple)) and bool(texts) and all(isinstance(t, PretokenCounts) for t in texts)


def _sources(
    texts: Texts | PretokenCounts | Sequence[PretokenCounts],
    templates: Sequence[Template],
    tell: _Teller,
) -> list[Callable[[], PretokenCounts]]:
    """What gives the counts of each stage, when it is its turn."""
    if _are_counts(texts):
        listed: list[Any] = [texts] if isinstance(texts, PretokenCounts) else list(texts)
        if len(listed) != len(templates):
            raise InvalidArgumentError(
                f"{len(templates)} stages need counts of text cut in {len(templates)} ways; found {len(listed)}"
            )
        return [functools.partial(_same, counts) for counts in listed]
    if len(templates) > 1 and isinstance(texts, Iterator):
        raise InvalidArgumentError("stages read the texts several times: give a list, or something to iterate anew")

    def count(template: Template) -> PretokenCounts:
        return PretokenCounts(PieceCounts.count(template.model, cast("Texts", texts), tell.counted), template)

    return [functools.partial(count, template) for template in templates]


def _same(counts: PretokenCounts) -> PretokenCounts:
    """Give the argument back."""
    return counts


def _unique(name: str, tokens: Sequence[str]) -> tuple[str, ...]:
    """Check a list of tokens, and leave out repetitions."""
    if isinstance(tokens, str):
        raise InvalidArgumentError(f"{name} must be a list of texts, not one text: {tokens!r}")
    if not all(tokens):
        raise InvalidArgumentError(f"{name} has an empty text")
    return tuple(dict.fromkeys(tokens))


class _Teller:
    """Tells how far training has come: a function, a line on stderr, or nobody."""

    def __init__(self, progress: bool | Callable[[TrainingProgress], object]) -> None:
        self._call = progress if callable(progress) else self._draw if progress else None
        self._begun = time.monotonic()
        self._bytes = 0
        self._learning: tuple[float, int] | None = None
        self._width = 0

    def counted(self, _texts: int, size: int) -> None:
        """Take how much more text was counted."""
        self._bytes += size
        if self._call is not None:
            self._call(TrainingProgress("count", self._bytes, 0, time.monotonic() - self._begun, None))

    def __call__(self, phase: str, tokens: int, goal: int) -> None:
        """Take how far learning is."""
        if self._call is None:
            return
        now = time.monotonic()
        remaining = None
        if phase != "learn":
            self._learning = None
        elif self._learning is None:
            self._learning = (now, tokens)
        elif tokens > self._learning[1]:
            remaining = (goal - tokens) * (now - self._learning[0]) / (tokens - self._learning[1])
        self._call(TrainingProgress(phase, tokens, goal, now - self._begun, remaining))

    def _draw(self, state: TrainingProgress) -> None:
        """Draw the line."""
        if state.phase == "count":
            line = f"count {state.done / 1e6:,.0f} MB"
        else:
            part = state.done / max(state.goal, 1)
            line = f"{state.phase} [{'#' * int(24 * part):24}] {state.done:,}/{state.goal:,} tokens"
        line += f", {state.seconds:.0f} s"
        if state.remaining is not None:
            line += f", {state.remaining:.0f} s left"
        sys.stderr.write(f"\r{line:{self._width}}")
        sys.stderr.flush()
        self._width = len(line)

    def finish(self) -> None:
        """End the line."""
        if self._width:
            sys.stderr.write("\n")
