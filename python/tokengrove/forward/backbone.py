"""A causal language model of transformers, cut in two: the network up to its last hidden states, and its head."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import Any

import torch

from tokengrove.errors import InvalidArgumentError

__all__ = ["Backbone", "Shape", "same"]

# How far apart two ways to compute the same logits may be, in units of the data type's precision.
_TOLERANCE = 64


@dataclass(frozen=True)
class Shape:
    """What has to be tried out about a model.

    Attributes:
        whole: Whether the whole model takes the place of the first half.
        width: The width of a hidden row.
        row_dtype: The data type of hidden rows.
    """

    whole: bool
    width: int
    row_dtype: torch.dtype


class Backbone:
    """The two halves of a model.

    Where the head of a model is more than a matrix, a bias, a scale and a soft cap, the halves do not give what the
    whole gives; then logits take the place of hidden states, and the head does nothing.

    Args:
        model: A causal language model of transformers.
        known: What was found when it was tried out before; left out, it is tried out.

    Raises:
        InvalidArgumentError: If the model is an encoder-decoder, has no embedding of tokens, or is in training mode.
    """

    def __init__(self, model: Any, known: Shape | None = None) -> None:
        self.model = model
        self.config = model.config.get_text_config(decoder=True)
        self._embedding = model.get_input_embeddings()
        if model.config.is_encoder_decoder or self._embedding is None:
            raise InvalidArgumentError(f"{type(model).__name__} is not a causal language model of tokens")
        self.check_mode()
        self._base = self.model.base_model
        self._projection = self.model.get_output_embeddings()
        self._cap = getattr(self.config, "final_logit_softcapping", None)
        self._factor = _factor(self.config)
        parameters = inspect.signature(self._base.forward).parameters
        self.arguments = frozenset(parameters)
        self.cache_argument = next((name for name in ("past_key_values", "cache_params") if name in parameters), None)
        self.vocab_size = int(self._embedding.num_embeddings)
        # A configuration may name a window that its model does not use.
        module = sys.modules[type(self._base).__module__]
        self.makes_sliding_masks = hasattr(module, "create_sliding_window_causal_mask")
        self.max_length = _longest(self._base, self.config)
        self.whole = self._projection is None or self._base is model
        self.shape = self._tried_out() if known is None else known
        self.whole, self.width, self.row_dtype = self.shape.whole, self.shape.width, self.shape.row_dtype

    @property
    def device(self) -> torch.device:
        """Where the tokens go in and the logits come out."""
        # Not `self.model.device`, which searches all modules for their first parameter; that takes longer than a mask.
        device: torch.device = self._embedding.weight.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The data type of the weights."""
        dtype: torch.dtype = self._embedding.weight.dtype
        return dtype

    @property
    def implementation(self) -> str:
        """The attention implementation in use, as transformers calls it."""
        return str(self.config._attn_implementation)

    def check_mode(self) -> None:
        """Checks that the model gives the same answer each time.

        Raises:
            InvalidArgumentError: If it is in training mode, in which dropout is random.
        """
        if self.model.training:
            raise InvalidArgumentError("the model is in training mode: call model.eval() first")

    def sample(self, length: int, first: int = 1) -> torch.Tensor:
        """Gives token ids to try the model with: int64[1, length]."""
        ids = torch.arange(first, first + length, device=self.device) % self.vocab_size
        return ids.unsqueeze(0)

    def output(self, ids: torch.Tensor, **arguments: Any) -> Any:
        """Runs the network.

        Args:
            ids: Token ids, int64[batch, length].
            arguments: Whatever else the network takes.

        Returns:
            Its output; with logits if the head is part of it.
        """
        network = self.model if self.whole else self._base
        with torch.no_grad():
            return network(input_ids=ids, return_dict=True, **arguments)

    def run(self, ids: torch.Tensor, **arguments: Any) -> torch.Tensor:
        """Gives the hidden states (or logits, see the class) for token ids: float[batch, length, width]."""
        output = self.output(ids, **arguments)
        states: torch.Tensor = output.logits if self.whole else output.last_hidden_state
        return states

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        """Makes logits of hidden rows: float[m, width] to float[m, vocab_size]."""
        if self.whole or self._projection is None:
            return rows
        with torch.no_grad():
            logits: torch.Tensor = self._projection(rows)
            if self._factor != 1:
                logits = logits * self._factor
            if self._cap is not None:
                logits = torch.tanh(logits / self._cap) * self._cap
        return logits

    def _tried_out(self) -> Shape:
        self.whole = self.whole or not self._halves_agree()
        states = self.run(self.sample(1))
        return Shape(self.whole, states.shape[-1], states.dtype)

    def _halves_agree(self) -> bool:
        ids = self.sample(3)
        with torch.no_grad():
            expected = self.model(input_ids=ids).logits
        found = self.head(self.run(ids))
        return same(found, expected, _TOLERANCE)


def same(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    """Whether two results differ by no more than rounding: `tolerance` times the precision of their data type."""
    if found.shape != expected.shape:
        return False
    scale = expected.abs().max()
    return bool((found - expected).abs().max() <= tolerance * torch.finfo(expected.dtype).eps * scale)


def _factor(config: Any) -> float:
    """What the logits are multiplied by: Cohere's scale multiplies, Granite's divides."""
    if (scale := getattr(config, "logit_scale", None)) is not None:
        return float(scale)
    return 1 / float(getattr(config, "logits_scaling", None) or 1)


def _longest(base: torch.nn.Module, config: Any) -> int | None:
    """The longest sequence of a model that learned one vector for each position; others have no hard limit."""
    learned = isinstance(getattr(base, "wpe", None), torch.nn.Embedding)
    return int(config.max_position_embeddings) if learned else None
