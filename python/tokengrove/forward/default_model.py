"""The language model that comes with the package, loaded with transformers."""

from __future__ import annotations

from typing import Any

import torch

from tokengrove.default_model import default_model_path

__all__ = ["default_model"]


def default_model(
    *, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu", attn_implementation: str = "sdpa"
) -> Any:
    """Load the small language model that comes with the package; it needs no network.

    Its tokenizer is :func:`tokengrove.default_model.default_model_tokenizer`, and ``docs/default_model.md`` of the
    repository says what it can do.

    Args:
        dtype: The type of the weights; the file has float16, which float32 and float64 hold exactly.
        device: Where the weights go.
        attn_implementation: ``"sdpa"`` or ``"eager"``.

    Returns:
        A ``transformers.LlamaForCausalLM`` in evaluation mode, a new one every time, whose parameters want no gradient.
        :func:`tokengrove.forward.adapt` makes a tree model of it.

    Raises:
        ImportError: If transformers is not installed.
    """
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(
        default_model_path(), dtype=dtype, attn_implementation=attn_implementation, local_files_only=True
    )
    return model.to(device).eval().requires_grad_(False)
