"""Several byte-level models as one, whatever their vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte.generation import Generating, Together

__all__ = ["ByteEnsemble", "EnsembleState"]

How = Literal["bayes", "mean", "product", "proxy"]


class ByteEnsemble(Generating):
    """A distribution over texts made of those of several models.

    - ``"bayes"``: the mixture of the distributions over texts. A member counts for as much as its weight times the
      probability it gave to the bytes so far, prompt included.
    - ``"mean"``: at every byte the weighted mean of the members' distributions (the paper's ensemble). Not a mixture: a
      member that predicted badly counts no less for it.
    - ``"product"``: at every byte the weighted geometric mean, normalized.
    - ``"proxy"``: three members: the first plus ``alpha`` times the difference of the second (an expert) and the third
      (an anti-expert), in logarithms, normalized.

    The end of a text is one outcome of each member, whatever their stop ids.

    Args:
        members: Byte-level models: :class:`ByteLM`, or ensembles themselves.
        weights: One for each member, in the proxy mode ``[alpha]``. By default equal, and an ``alpha`` of 1. For
            ``bayes`` and ``mean`` they are divided by their sum.
        how: How the members are joined.

    Raises:
        InvalidArgumentError: If there are no members, or not three for a proxy, or weights that do not fit.
    """

    def __init__(
        self, members: Sequence[Generating], weights: Sequence[float] | None = None, *, how: How = "bayes"
    ) -> None:
        if how not in ("bayes", "mean", "product", "proxy"):
            raise InvalidArgumentError(f'how is "bayes", "mean", "product" or "proxy", not {how!r}')
        self._members = tuple(members)
        self._how: How = how
        count = len(self._members)
        if count == 0 or (how == "proxy" and count != 3):
            wanted = "three members: base, expert and anti-expert" if how == "proxy" else "at least one member"
            raise InvalidArgumentError(f"found {count} members; {how} takes {wanted}")
        self._weights = _weights(weights, count, how)

    def __repr__(self) -> str:
        """Show how the members are joined."""
        return f"ByteEnsemble({len(self._members)} members, how={self._how!r}, weights={self._weights.tolist()})"

    def state(self, prompt: Any = b"") -> EnsembleState:
        """Give the state after a prompt.

        Args:
            prompt: A text, or segments as :meth:`ByteLM.state` takes them if all members have the same ids.

        Returns:
            The state.
        """
        return self._joined([member.state(prompt) for member in self._members])

    def _states(self, prompts: Sequence[Any]) -> list[EnsembleState]:
        of_members = [member._states(prompts) for member in self._members]
        return [self._joined(states) for states in zip(*of_members, strict=True)]

    def _joined(self, states: Sequence[Any]) -> EnsembleState:
        prior = np.array([state.logprob for state in states])
        return EnsembleState(self._how, self._weights, states, _joint(self._how, self._weights, prior))

    def _together(self, count: int) -> Together:
        return _MembersTogether([member._together(count) for member in self._members])


class _MembersTogether(Together):
    """Each member's states together."""

    def __init__(self, members: Sequence[Together]) -> None:
        self._members = members

    def resolve(self, states: Mapping[int, Any]) -> None:
        for place, member in enumerate(self._members):
            member.resolve({number: state._states[place] for number, state in states.items()})

    def keep(self, numbers: Sequence[int]) -> None:
        for member in self._members:
            member.keep(numbers)


def _weights(weights: Sequence[float] | None, count: int, how: How) -> NDArray[np.float64]:
    if how == "proxy":
        alpha = [1.0] if weights is None else list(weights)
        if len(alpha) != 1 or not np.isfinite(alpha[0]):
            raise InvalidArgumentError(f"weights of a proxy are [alpha], not {weights!r}")
        return np.array([1.0, alpha[0], -alpha[0]])
    given = np.full(count, 1.0 / count) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (count,) or not np.isfinite(given).all() or (given < 0).any() or given.sum() <= 0:
        raise InvalidArgumentError(f"weights are {count} numbers of at least 0, not all 0; found {weights!r}")
    return given / given.sum() if how != "product" else given


def _joint(how: How, weights: NDArray[np.float64], prior: NDArray[np.float64]) -> float:
    """Give the logarithm of the ensemble's probability of the prompt, where that is defined."""
    return (
        _logsum(np.log(weights, where=weights > 0, out=np.full(len(weights), -np.inf)) + prior)
        if how == "bayes"
        else 0.0
    )


def _logsum(values: NDArray[np.float64]) -> float:
    largest = values.max()
    return float(largest + np.log(np.exp(values - largest).sum())) if np.isfinite(largest) else -np.inf


class EnsembleState:
    """An ensemble after some bytes; immutable.

    Attributes:
        logprob: Logarithm, in nats, of the probability of the bytes: of all of them for ``bayes``, of those after the
            prompt for the others, which give a prompt no probability of its own.
    """

    __slots__ = ("_how", "_states", "_weights", "logprob")

    def __init__(self, how: How, weights: NDArray[np.float64], states: Sequence[Any], logprob: float) -> None:
        self._how = how
        self._weights = weights
        self._states = tuple(states)
        self.logprob = logprob

    def posterior(self) -> NDArray[np.float64]:
        """Give how much each member counts for the next byte.

        Returns:
            float64[members]: for ``bayes`` the weights given the bytes so far, which sum to 1; else those given.
        """
        if self._how != "bayes":
            return self._weights.copy()
        logs = np.log(self._weights, where=self._weights > 0, out=np.full(len(self._weights), -np.inf))
        logs = logs + [state.logprob for state in self._states]
        return np.exp(logs - _logsum(logs)) if np.isfinite(logs).any() else self._weights.copy()

    def logprobs(self) -> NDArray[np.float64]:
        """Give the distribution of what follows.

        Returns:
            float64[257]: logarithms in nats, the end of the text last.

        Raises:
            InvalidArgumentError: If no outcome is possible for the ensemble.
        """
        weights = self.posterior()
        counted = [(weight, state) for weight, state in zip(weights, self._states, strict=True) if weight != 0.0]
        with np.errstate(divide="ignore", invalid="ignore"):
            if self._how in ("bayes", "mean"):
                mixed: NDArray[np.float64] = sum(
                    (weight * np.exp(state.logprobs()) for weight, state in counted), np.zeros(257)
                )
                return np.log(mixed)
            logs: NDArray[np.float64] = sum((weight * state.logprobs() for weight, state in counted), np.zeros(257))
        # Impossible for a member that counts against it, and for one that counts for it: impossible.
        logs = np.where(np.isnan(logs) | np.isposinf(logs), -np.inf, logs)
        total = _logsum(logs)
        if not np.isfinite(total):
            raise InvalidArgumentError("the members agree on no outcome: each is impossible for one of them")
        return logs - total

    def advance(self, byte: int | bytes) -> EnsembleState:
        """Add bytes.

        Args:
            byte: One byte as a number, or several as `bytes`.

        Returns:
            The state behind them.
        """
        state = self
        for value in byte if isinstance(byte, bytes) else [byte]:
            states = [member.advance(value) for member in state._states]
            if self._how == "bayes":
                logprob = _joint("bayes", self._weights, np.array([one.logprob for one in states]))
            else:
                logprob = state.logprob + float(state.logprobs()[value])
            state = EnsembleState(self._how, self._weights, states, logprob)
        return state

    @property
    def unresolved_mass(self) -> float:
        """The largest of the members', see :attr:`ByteState.unresolved_mass`."""
        return float(max(state.unresolved_mass for state in self._states))
