from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from os import PathLike
from types import EllipsisType
from typing import Any, Literal, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from tokengrove.tokenizer import OffsetEncoding, TokenBatch

__all__ = [
    "CoreBPE",
    "DecodeStream",
    "Model",
    "Specials",
    "Splitter",
    "TokenizerCore",
    "get_num_threads",
    "list_twins",
    "pattern_names",
    "read_rank_file",
    "set_num_threads",
    "version",
]

_Ids: TypeAlias = Sequence[int] | NDArray[np.integer[Any]]

def version() -> str: ...
def pattern_names() -> list[str]: ...
def set_num_threads(n: int | None) -> None: ...
def get_num_threads() -> int: ...

@final
class Model:
    @staticmethod
    def from_file(
        path: str | PathLike[str],
        *,
        pattern: str | EllipsisType | None,
        special_tokens: Mapping[str, int] | None = None,
    ) -> Model: ...
    @staticmethod
    def from_bytes(
        data: bytes,
        *,
        pattern: str | EllipsisType | None,
        special_tokens: Mapping[str, int] | None = None,
    ) -> Model: ...
    @staticmethod
    def from_ranks(
        ranks: Mapping[bytes, int],
        *,
        pattern: str | None,
        special_tokens: Mapping[str, int] | None = None,
    ) -> Model: ...

@disjoint_base
class TokenizerCore:
    def __new__(cls, model: Model, /) -> Self: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def max_token_id(self) -> int: ...
    @property
    def special_tokens(self) -> dict[str, int]: ...
    @property
    def merges(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def fingerprint(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def to_json(self) -> str: ...
    def _with_vocab_size(self, size: int) -> Model: ...
    def _arguments(self) -> tuple[bytes, str | EllipsisType | None, dict[str, int] | None]: ...
    def encode(
        self,
        text: str | bytes,
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> NDArray[np.uint32]: ...
    def encode_list(
        self,
        text: str | bytes,
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> list[int]: ...
    def encode_batch(
        self,
        texts: Iterable[str | bytes],
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> TokenBatch: ...
    def encode_with_offsets(
        self,
        text: str | bytes,
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> OffsetEncoding: ...
    def count(
        self,
        text: str | bytes,
        limit: int | None = None,
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> int: ...
    def count_batch(
        self,
        texts: Iterable[str | bytes],
        *,
        add_special_tokens: bool = False,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> NDArray[np.int64]: ...
    def _truncate(
        self,
        text: str,
        max_tokens: int,
        side: str,
        add_special_tokens: bool,
        allowed_special: Literal["all"] | Collection[str],
    ) -> str: ...
    def _chunk(
        self,
        text: str,
        max_tokens: int,
        overlap: int,
        add_special_tokens: bool,
        allowed_special: Literal["all"] | Collection[str],
    ) -> list[tuple[str, int, int, int]]: ...
    def decode(
        self,
        ids: _Ids,
        *,
        errors: str = "replace",
        skip_special_tokens: bool = False,
    ) -> str: ...
    def decode_bytes(self, ids: _Ids, *, skip_special_tokens: bool = False) -> bytes: ...
    def decode_batch(
        self,
        batch: TokenBatch | Iterable[_Ids],
        *,
        errors: str = "replace",
        skip_special_tokens: bool = False,
    ) -> list[str]: ...
    def decode_stream(self, *, skip_special_tokens: bool = False) -> DecodeStream: ...
    def pieces(
        self,
        text: str | bytes,
        *,
        allowed_special: Literal["all"] | Collection[str] = (),
    ) -> NDArray[np.int64]: ...
    def token_bytes(self, id: int) -> bytes: ...
    def token_to_id(self, token: str | bytes) -> int | None: ...

@final
class DecodeStream:
    def push(self, ids: int | _Ids) -> str: ...
    def finish(self) -> str: ...

@final
class Specials:
    def __new__(cls, tokens: Iterable[str]) -> Self: ...
    def search(self, text: str) -> str | None: ...
    def tokens(self) -> list[str]: ...

@final
class CoreBPE:
    def __new__(cls, encoder: dict[bytes, int], special_tokens_encoder: dict[str, int], pattern: str) -> Self: ...
    @staticmethod
    def from_rank_file(contents: bytes, special_tokens_encoder: dict[str, int], pattern: str) -> CoreBPE | None: ...
    def mergeable_ranks(self) -> dict[bytes, int]: ...
    def rank_count(self) -> int: ...
    def max_token_value(self) -> int: ...
    def allow(self, names: AbstractSet[str]) -> Specials: ...
    def encode_ordinary(self, text: str) -> list[int]: ...
    def encode(self, text: str, allowed_special: Specials | AbstractSet[str]) -> list[int]: ...
    def encode_unless(
        self, text: str, allowed_special: Specials | AbstractSet[str], disallowed_special: Specials
    ) -> list[int] | str: ...
    def encode_to_tiktoken_buffer(
        self, text: str, allowed_special: Specials | AbstractSet[str]
    ) -> NDArray[np.uint32]: ...
    def encode_batch(
        self,
        texts: list[str],
        allowed_special: Specials | AbstractSet[str],
        disallowed_special: Specials | None,
        parallel: bool,
    ) -> list[list[int]] | None: ...
    def encode_with_unstable(
        self, text: str, allowed_special: Specials | AbstractSet[str]
    ) -> tuple[list[int], list[list[int]]]: ...
    def encode_single_token(self, piece: bytes) -> int: ...
    def encode_single_piece(self, piece: bytes) -> list[int]: ...
    def _encode_bytes(self, bytes: bytes) -> list[int]: ...
    def split(self, text: str) -> list[str]: ...
    def decode_bytes(self, tokens: _Ids) -> bytes: ...
    def decode_single_token_bytes(self, token: int) -> bytes: ...
    def decode_tokens_bytes(self, tokens: Iterable[int]) -> list[bytes]: ...
    def decode_with_offsets(self, tokens: Iterable[int]) -> tuple[bytes, list[int]]: ...
    def token_byte_values(self) -> list[bytes]: ...

@final
class Splitter:
    def __new__(cls, pattern: str) -> Self: ...
    def split(self, text: str) -> list[str]: ...

def list_twins(ids: Sequence[int]) -> tuple[list[int], list[int]]: ...
def read_rank_file(contents: bytes) -> dict[bytes, int] | None: ...
