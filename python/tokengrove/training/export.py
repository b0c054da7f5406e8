"""Writing rank files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tokengrove._replace import replace_file
from tokengrove.errors import UnsupportedTokenizerError

if TYPE_CHECKING:
    from os import PathLike

    from tokengrove.tokenizer import Tokenizer

__all__ = ["write_tiktoken"]


def write_tiktoken(tokenizer: Tokenizer, path: str | PathLike[str]) -> None:
    """Write the tokens other than special ones as a ``.tiktoken`` file: base64 token, space, rank on each line.

    Ranks are the ids. A reader of ranks merges any two neighbours that spell a token, where the tokenizer itself merges
    the pairs it learned; so a text may, rarely, have other tokens.

    Args:
        tokenizer: A byte-level tokenizer.
        path: The file; one that exists is replaced.

    Raises:
        UnsupportedTokenizerError: If one of the 256 bytes is no token: then ranks cannot encode every text.
        OSError: If the file cannot be written.
    """
    special = set(tokenizer.special_tokens.values())
    ranks: dict[bytes, int] = {}
    for token_id in range(tokenizer.max_token_id + 1):
        if token_id in special:
            continue
        try:
            ranks.setdefault(tokenizer.token_bytes(token_id), token_id)
        except KeyError:
            continue
    missing = next((byte for byte in range(256) if bytes([byte]) not in ranks), None)
    if missing is not None:
        raise UnsupportedTokenizerError(f"byte 0x{missing:02X} is no token: ranks could not encode every text")
    lines = (base64.b64encode(token).decode() + f" {rank}\n" for token, rank in ranks.items())
    replace_file(path, "".join(lines).encode("ascii"))
