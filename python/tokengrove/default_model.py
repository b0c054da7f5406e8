"""The files of the language model that comes with the package, read without torch.

A Llama of 2.4 million parameters that continues simple English, for trying things out and for tests without a download.
``docs/default_model.md`` of the repository says what it was trained on and how good it is;
:func:`tokengrove.forward.default_model` loads it.
"""

from __future__ import annotations

import functools
import json
import struct
from pathlib import Path
from typing import NamedTuple

from tokengrove.tokenizer import Tokenizer

__all__ = ["TensorInfo", "default_model_path", "default_model_tensors", "default_model_tokenizer"]


class TensorInfo(NamedTuple):
    """What a safetensors file says of one tensor.

    Attributes:
        dtype: The element type by the format's name: ``"F16"``, ``"BF16"``, ``"F32"``.
        shape: The size of each dimension.
    """

    dtype: str
    shape: tuple[int, ...]


def default_model_path() -> Path:
    """Give the folder of the default model.

    Returns:
        A folder with ``config.json``, ``model.safetensors``, ``tokenizer.json`` and two more small files, which
        ``transformers.AutoModelForCausalLM.from_pretrained`` and ``AutoTokenizer.from_pretrained`` load as it is.
    """
    return Path(__file__).with_name("data") / "default_model"


def default_model_tensors() -> dict[str, TensorInfo]:
    """List the weights of the default model without loading them, or torch.

    Returns:
        Type and shape by name, in the order of the names. The output projection is the embedding and has no entry.

    Source:
        The safetensors format: the length of a JSON header in 8 bytes, little-endian, then the header, then the data.
    """
    with (default_model_path() / "model.safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {name: TensorInfo(header[name]["dtype"], tuple(header[name]["shape"])) for name in sorted(header)}


@functools.cache
def default_model_tokenizer() -> Tokenizer:
    """Load the tokenizer of the default model.

    It is byte-level BPE with the GPT-2 pattern and 4,096 tokens: the 256 bytes, 3,839 merges, and ``<|endoftext|>``,
    which stands before and after every document in training.

    Returns:
        The tokenizer; the same object every time.
    """
    return Tokenizer.from_file(default_model_path() / "tokenizer.json")
