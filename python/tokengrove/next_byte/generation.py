"""Drawing bytes, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

import numpy as np

from tokengrove.errors import InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Generated", "Generating", "Together", "filtered", "next_bytes"]

END = 256


class StateLike(Protocol):
    """What generation and ensembles ask of a state."""

    @property
    def logprob(self) -> float:
        """Logarithm of the probability of the bytes so far, in nats."""
        ...

    def logprobs(self) -> NDArray[np.float64]:
        """float64[257]."""
        ...

    def advance(self, byte: int) -> Any:
        """Give the state after a byte."""
        ...


@dataclass(frozen=True, slots=True)
class Generated:
    """Bytes that were drawn.

    Attributes:
        data: The bytes, without the prompt, and without the stop string if one ended them.
        logprob: Logarithm of their probability in nats, under the model itself, whatever filters they were drawn with;
            with the end, or the bytes of the stop string, that ended them.
        reason: Why they end: the end of the text, a stop string, or the limit.
    """

    data: bytes
    logprob: float
    reason: Literal["end", "stop", "length"]

    @property
    def text(self) -> str:
        """The bytes as text; what is not UTF-8 is replaced."""
        return self.data.decode("utf-8", errors="replace")


def next_bytes(tail: bytes) -> tuple[NDArray[np.bool_], int]:
    """Tell which bytes may follow in UTF-8.

    Args:
        tail: Bytes that begin between characters and may end inside one; only the last four count.

    Returns:
        bool[257], the end of the text last; and how many bytes the character at the end still lacks.
    """
    allowed = np.zeros(257, dtype=np.bool_)
    start = len(tail)
    while start > max(0, len(tail) - 3) and 0x80 <= tail[start - 1] < 0xC0:
        start -= 1
    lead = tail[start - 1] if start > 0 else 0
    size = 2 if 0xC2 <= lead < 0xE0 else 3 if 0xE0 <= lead < 0xF0 else 4 if 0xF0 <= lead < 0xF5 else 1
    have = len(tail) - start + 1
    if have >= size:
        allowed[0:0x80] = True
        allowed[0xC2:0xF5] = True
        allowed[END] = True
        return allowed, 0
    low, high = 0x80, 0xC0
    if have == 1:
        low = {0xE0: 0xA0, 0xF0: 0x90}.get(lead, low)
        high = {0xED: 0xA0, 0xF4: 0x90}.get(lead, high)
    allowed[low:high] = True
    return allowed, size - have


def filtered(
    logprobs: NDArray[np.float64], temperature: float, top_k: int | None, top_p: float | None, min_p: float | None
) -> NDArray[np.float64]:
    """Give the probabilities to draw from.

    Args:
        logprobs: float64[257]; -inf for what is not allowed.
        temperature: Logarithms are divided by it; 0 leaves the most probable outcome alone.
        top_k: How many of the most probable outcomes to keep.
        top_p: Keeps the most probable outcomes until their sum reaches this.
        min_p: Keeps outcomes at least this many times as probable as the most probable one.

    Returns:
        float64[257]: probabilities; outcomes as probable as the last one kept are in the order of bytes.
    """
    if temperature == 0.0:
        chosen = np.zeros_like(logprobs)
        chosen[int(np.argmax(logprobs))] = 1.0
        return chosen
    scaled = logprobs / temperature
    probabilities = np.exp(scaled - scaled.max())
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities, kind="stable")
    keep = len(order)
    if top_k is not None:
        keep = min(keep, top_k)
    if top_p is not None:
        reached = np.cumsum(probabilities[order])
        keep = min(keep, int(np.searchsorted(reached, top_p)) + 1)
    probabilities[order[keep:]] = 0.0
    if min_p is not None:
        probabilities[probabilities < min_p * probabilities.max()] = 0.0
    normalised: NDArray[np.float64] = probabilities / probabilities.sum()
    return normalised


@dataclass(frozen=True, slots=True)
class _Options:
    max_new_bytes: int = 256
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    utf8_safe: bool = True

    def __post_init__(self) -> None:
        if self.max_new_bytes < 0:
            raise InvalidArgumentError(f"max_new_bytes is a number of bytes, not {self.max_new_bytes}")
        if not self.temperature >= 0.0 or np.isinf(self.temperature):
            raise InvalidArgumentError(f"temperature is at least 0 and finite, not {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise InvalidArgumentError(f"top_k keeps at least 1 outcome, not {self.top_k}")
        for name, value in (("top_p", self.top_p), ("min_p", self.min_p)):
            if value is not None and not 0.0 < value <= 1.0:
                raise InvalidArgumentError(f"{name} is above 0 and at most 1, not {value}")


@dataclass
class _Drawing:
    """Bytes being drawn after one prompt."""

    state: Any
    tail: bytes
    options: _Options
    rng: np.random.Generator
    drawn: int = 0
    over: bool = False

    def draw(self) -> tuple[int, float] | None:
        """Draw one outcome; it and the logarithm of its probability, or None if there is nothing more to draw."""
        options = self.options
        room = options.max_new_bytes - self.drawn
        if self.over or room == 0:
            return None
        logprobs = self.state.logprobs()
        masked = logprobs
        if options.utf8_safe:
            masked = np.where(_fitting(self.tail, room), logprobs, -np.inf)
            if np.isneginf(masked).all():
                self.over = True
                return None
        chances = filtered(masked, options.temperature, options.top_k, options.top_p, options.min_p)
        # One uniform number for each byte, so that the same seed gives the same bytes on every platform.
        drawn = int(np.searchsorted(np.cumsum(chances), self.rng.random() * chances.sum(), side="right"))
        drawn = min(drawn, int(np.flatnonzero(chances)[-1]))
        self.drawn += 1
        self.over = drawn == END or self.drawn == options.max_new_bytes
        if not self.over:
            self.state = self.state.advance(drawn)
            self.tail = (self.tail + bytes([drawn]))[-4:]
        return drawn, float(logprobs[drawn])


@dataclass
class _Output:
    """What was drawn so far, until a stop string is in it."""

    stops: list[bytes]
    data: bytearray = field(default_factory=bytearray)
    logprob: float = 0.0

    def add(self, drawn: tuple[int, float] | None) -> Generated | None:
        """Add what was drawn; give the whole if that ends it."""
        if drawn is None:
            return Generated(bytes(self.data), self.logprob, "length")
        outcome, logprob = drawn
        self.logprob += logprob
        if outcome == END:
            return Generated(bytes(self.data), self.logprob, "end")
        self.data.append(outcome)
        for ending in self.stops:
            if self.data.endswith(ending):
                return Generated(bytes(self.data[: -len(ending)]), self.logprob, "stop")
        return None


class Together:
    """States of several sequences, by number, that learn their distributions together; here, one after the other."""

    def resolve(self, states: Mapping[int, Any]) -> None:
        """Ask for what the distributions of some states need.

        Args:
            states: By the number of the sequence.
        """

    def keep(self, numbers: Sequence[int]) -> None:
        """Forget all sequences but some.

        Args:
            numbers: Those that go on.
        """


class Generating:
    """Generation for whatever gives states."""

    def state(self, prompt: Any = b"") -> StateLike:
        """Give the state after a prompt."""
        raise NotImplementedError

    def stream(
        self,
        prompt: Any = b"",
        *,
        max_new_bytes: int = 256,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int | np.random.Generator | None = None,
        utf8_safe: bool = True,
    ) -> Iterator[tuple[int, float]]:
        """Draw bytes as an iterator.

        Args:
            prompt: The prompt.
            max_new_bytes: How many bytes to draw at most.
            temperature: See :func:`filtered`; it and the filters act on the distribution of the next byte.
            top_k: See :func:`filtered`.
            top_p: See :func:`filtered`.
            min_p: See :func:`filtered`.
            seed: For drawing; the same seed gives the same bytes.
            utf8_safe: Whether only bytes that go on in UTF-8 are drawn, and no character begun that does not fit.

        Yields:
            Each byte, or 256 for the end of the text, with the logarithm of its probability under the model, in nats.

        Raises:
            InvalidArgumentError: If an argument is out of range, or nothing may follow.
        """
        options = _Options(max_new_bytes, temperature, top_k, top_p, min_p, utf8_safe)
        drawing = _Drawing(self.state(prompt), _last_text(prompt), options, np.random.default_rng(seed))
        return iter(drawing.draw, None)

    def _states(self, prompts: Sequence[Any]) -> Sequence[Any]:
        """Give the state after each of several prompts."""
        return [self.state(prompt) for prompt in prompts]

    def _together(self, count: int) -> Together:
        """Begin sequences that are asked about together."""
        return Together()

    @overload
    def generate(self, prompt: str | bytes = b"", **options: Any) -> Generated: ...
    @overload
    def generate(self, prompt: Any, **options: Any) -> Generated | list[Generated]: ...
    def generate(self, prompt: Any = b"", *, stop: str | bytes | Sequence[str | bytes] = (), **options: Any) -> Any:
        """Draw bytes after a prompt.

        Args:
            prompt: The prompt, see :meth:`ByteLM.state`. For several prompts use :meth:`generate_batch`.
            stop: Strings that end the output when they appear in it.
            **options: As :meth:`stream`.

        Returns:
            What was drawn.

        Raises:
            InvalidArgumentError: If an argument is out of range.
        """
        output = _Output(_stops(stop))
        for drawn in self.stream(prompt, **options):
            if made := output.add(drawn):
                return made
        return output.add(None)

    def generate_batch(
        self,
        prompts: Sequence[Any],
        *,
        stop: str | bytes | Sequence[str | bytes] = (),
        seed: int | np.random.Generator | None = None,
        batch_size: int = 32,
        **options: Any,
    ) -> list[Generated]:
        """Draw bytes after each of several prompts, a byte of each in one forward pass where the model can do that.

        Args:
            prompts: The prompts.
            stop: See :meth:`generate`.
            seed: Each prompt starts from the same seed, so that its output does not depend on what else is in the batch
                but for the last digits of the model's answers. Of a generator, each prompt gets a child of its own.
            batch_size: How many prompts are worked on at a time.
            **options: As :meth:`stream`.

        Returns:
            What was drawn, in the order of the prompts.

        Raises:
            TypeError: If `prompts` is a single text, or an option is unknown.
            InvalidArgumentError: As :meth:`generate`, or if `batch_size` is less than 1.
        """
        if isinstance(prompts, (str, bytes)):
            raise TypeError("prompts is a collection of prompts; generate() takes a single one")
        if batch_size < 1:
            raise InvalidArgumentError(f"batch_size is at least 1, not {batch_size}")
        stops, common = _stops(stop), _Options(**options)
        given = list(prompts)
        children = seed.spawn(len(given)) if isinstance(seed, np.random.Generator) else [seed] * len(given)
        found: list[Generated] = []
        for start in range(0, len(given), batch_size):
            some = given[start : start + batch_size]
            states = self._states(some)
            drawings = [
                _Drawing(state, _last_text(prompt), common, np.random.default_rng(child))
                for state, prompt, child in zip(states, some, children[start : start + batch_size], strict=True)
            ]
            found += self._drawn_together(drawings, stops)
        return found

    def _drawn_together(self, drawings: Sequence[_Drawing], stops: list[bytes]) -> list[Generated]:
        """Draw a byte of each, again and again, until all have ended."""
        together = self._together(len(drawings))
        outputs = [_Output(stops) for _ in drawings]
        made: dict[int, Generated] = {}
        while going := [number for number in range(len(drawings)) if number not in made]:
            together.keep(going)
            together.resolve({number: drawings[number].state for number in going if not drawings[number].over})
            for number in going:
                if whole := outputs[number].add(drawings[number].draw()):
                    made[number] = whole
        return [made[number] for number in range(len(drawings))]


def _stops(stop: str | bytes | Sequence[str | bytes]) -> list[bytes]:
    stops = [_encoded(one) for one in ([stop] if isinstance(stop, (str, bytes)) else stop)]
    if not all(stops):
        raise InvalidArgumentError("a stop string is not empty")
    return stops


def _encoded(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def _last_text(prompt: Any) -> bytes:
    """Give the end of the last text of a prompt."""
    if isinstance(prompt, (str, bytes, bytearray)):
        return (prompt.encode() if isinstance(prompt, str) else bytes(prompt))[-4:]
    last = list(prompt)[-1:]
    return _last_text(last[0]) if last and isinstance(last[0], (str, bytes, bytearray)) else b""


def _fitting(tail: bytes, room: int) -> NDArray[np.bool_]:
    """Tell which bytes go on in UTF-8 and begin no character of more than ``room`` bytes."""
    allowed, lacking = next_bytes(tail)
    if lacking == 0:
        for first, end, size in ((0xC2, 0xE0, 2), (0xE0, 0xF0, 3), (0xF0, 0xF5, 4)):
            if size > room:
                allowed[first:end] = False
    return allowed
