"""A byte-level model from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokengrove.errors import InvalidArgumentError
from tokengrove.next_byte.model import ByteLM
from tokengrove.tokenizer import Tokenizer

__all__ = ["load_byte_lm"]


def load_byte_lm(name: str, *, dtype: str = "float32", **options: Any) -> ByteLM:
    """Load a causal language model with its tokenizer.

    Args:
        name: A folder with ``config.json``, weights and ``tokenizer.json``, as transformers saves them.
        dtype: The element type of the weights: a name of torch.
        **options: As :class:`ByteLM`.

    Returns:
        The model, on the CPU.

    Raises:
        InvalidArgumentError: If the folder lacks a tokenizer, `dtype` is none of torch's, or a package needed is not
            installed.
        OSError: If the files cannot be read.
    """
    try:
        import torch
    except ImportError as error:
        raise InvalidArgumentError("a model needs torch: pip install 'tokengrove[transformers]'") from error
    kind = getattr(torch, dtype, None)
    if not isinstance(kind, torch.dtype):
        raise InvalidArgumentError(f"dtype is an element type of torch, such as float32, not {dtype!r}")
    folder = Path(name)
    if not (folder / "tokenizer.json").exists():
        raise InvalidArgumentError(f"{name} has no tokenizer.json; a model is a folder of transformers")
    try:
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise InvalidArgumentError("a model needs transformers: pip install 'tokengrove[transformers]'") from error
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=kind, local_files_only=True)
    model.eval()
    return ByteLM(model, Tokenizer.from_file(folder / "tokenizer.json"), **options)
