"""Tiny random causal language models of many kinds, made on the spot. Needs torch and transformers.

They say nothing sensible, and they say it in float64: two ways to compute the same thing differ by 1e-12 and not by
1e-5. Networks of transformers do part of their work in float32 whatever the data type of their weights;
:class:`Float64Throughout` takes that back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
import transformers
from torch.overrides import TorchFunctionMode

__all__ = ["KINDS", "ROW_BY_ROW_KINDS", "WINDOW", "Float64Throughout", "tiny_model"]

WINDOW = 16
"""The sliding window of the kinds that have one, in tokens."""

_SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 1024,
    # Large enough that attention matters beside the residual stream.
    "initializer_range": 0.3,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_GPT2_SIZES = {
    "vocab_size": 64,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 1024,
    "initializer_range": 0.3,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_HYBRID = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}

_Configuration = tuple[str, Mapping[str, Any]]

KINDS: Mapping[str, _Configuration] = {
    "llama": ("Llama", {}),
    "llama-biased": ("Llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    "qwen2": ("Qwen2", {}),
    "qwen2-sliding": ("Qwen2", {"use_sliding_window": True, "num_hidden_layers": 3, **_HYBRID}),
    "qwen3": ("Qwen3", {}),
    "qwen3-sliding": ("Qwen3", {"use_sliding_window": True, "num_hidden_layers": 3, **_HYBRID}),
    "mistral": ("Mistral", {"sliding_window": None}),
    "mistral-sliding": ("Mistral", {"sliding_window": WINDOW}),
    "gemma": ("Gemma", {}),
    # Only with eager attention: the scores have a soft cap.
    "gemma2": ("Gemma2", {"num_hidden_layers": 3, "query_pre_attn_scalar": 8, **_HYBRID}),
    "gemma3": ("Gemma3Text", {"num_hidden_layers": 3, "query_pre_attn_scalar": 8, **_HYBRID}),
    "phi": ("Phi", {}),
    "phi3": ("Phi3", {"sliding_window": WINDOW}),
    "gpt2": ("GPT2", {}),
    "gpt_neox": ("GPTNeoX", {}),
    # A head with a scale, and experts.
    "cohere": ("Cohere", {"logit_scale": 0.25}),
    "granite": ("Granite", {"logits_scaling": 3.0}),
    "mixtral": ("Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None}),
}
"""Models that evaluate trees through a mask: name to class of transformers and what differs from the common sizes."""

ROW_BY_ROW_KINDS: Mapping[str, _Configuration] = {
    # Positions are distances in the sequence, not in the tree.
    "bloom": ("Bloom", {}),
    # A recurrent state has no mask.
    "mamba": ("Mamba", {"state_size": 4}),
}
"""Models that cannot."""


def tiny_model(
    kind: str, *, attention: str = "sdpa", dtype: torch.dtype = torch.float64, seed: int = 0, **changes: Any
) -> transformers.PreTrainedModel:
    """Makes a random model.

    Args:
        kind: A name of :data:`KINDS` or :data:`ROW_BY_ROW_KINDS`.
        attention: The attention implementation, "eager" or "sdpa".
        dtype: The data type of its weights.
        seed: The same seed gives the same weights; the global random state is left alone.
        changes: Settings of the configuration that differ from the tiny ones.

    Returns:
        The model on the CPU, in evaluation mode, with a vocabulary of 64 tokens.

    Raises:
        KeyError: If there is no such kind.
    """
    name, special = {**KINDS, **ROW_BY_ROW_KINDS}[kind]
    sizes = _GPT2_SIZES if name == "GPT2" else _SIZES
    configuration = getattr(transformers, f"{name}Config")(**copy.deepcopy({**sizes, **special, **changes}))
    configuration._attn_implementation = attention
    # The others have no float64.
    configuration._experts_implementation = "eager"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        make: Any = transformers.AutoModelForCausalLM.from_config
        model = make(configuration)
        # Norms and biases start as ones and zeros, which would hide that one of them is left out.
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 1:
                    parameter.add_(torch.randn(parameter.shape), alpha=0.2)
    made: transformers.PreTrainedModel = model.to(dtype).eval()
    return made


class Float64Throughout(TorchFunctionMode):
    """While entered, torch computes in float64 what it is asked to compute in float32.

    The networks of transformers convert to float32 for norms, softmax and rotary embeddings. In that precision, two
    orders of a sum differ by 1e-7, and tests that compare them could not be sharper than that. This mode is for such
    tests; the model under test and the reference have to run in it both.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Calls a function of torch, float64 put for float32."""
        if func is torch.Tensor.float:
            return args[0].double()
        given = {name: _wide(value) for name, value in (kwargs or {}).items()}
        return func(*map(_wide, args), **given)


def _wide(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value
