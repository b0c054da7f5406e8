"""Reads safetensors files, so that a model in this format loads without another library.

Source: the format as its authors describe it: the length of a JSON header in 8 bytes, little-endian; the header, which
gives each tensor's type, shape and place; then the data.
"""

from __future__ import annotations

import json
import struct
from math import prod
from os import PathLike
from pathlib import Path

import torch

from tokengrove.errors import InvalidArgumentError

__all__ = ["read_safetensors"]

_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: str | PathLike[str]) -> dict[str, torch.Tensor]:
    """Reads all tensors of a file.

    Args:
        path: The file.

    Returns:
        Tensors on the CPU by name.

    Raises:
        InvalidArgumentError: If the file is not well-formed.
        OSError: If it cannot be read.
    """
    data = bytearray(Path(path).read_bytes())
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > len(data) - 8:
            raise ValueError(f"a header of {length} bytes in a file of {len(data)}")
        header = json.loads(data[8 : 8 + length].decode())
        header.pop("__metadata__", None)
        return {name: _tensor(data, 8 + length, **entry) for name, entry in header.items()}
    except (struct.error, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidArgumentError(f"{path} is not a safetensors file: {error}") from None


def _tensor(data: bytearray, start: int, dtype: str, shape: list[int], data_offsets: list[int]) -> torch.Tensor:
    if dtype not in _TYPES:
        raise ValueError(f"a tensor has type {dtype!r}; known are {', '.join(_TYPES)}")
    kind, (begin, end), count = _TYPES[dtype], data_offsets, prod(shape)
    if min(shape, default=0) < 0 or not 0 <= begin <= end <= len(data) - start or end - begin != count * kind.itemsize:
        raise ValueError(f"a tensor of type {dtype} and shape {shape} cannot be at {data_offsets}")
    if count == 0:
        return torch.empty(shape, dtype=kind)
    # A copy: what one tensor shares with the others would keep the whole file in memory.
    return torch.frombuffer(data, dtype=kind, count=count, offset=start + begin).clone().reshape(shape)
