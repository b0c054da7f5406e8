"""Rank files: where they are, whether they are the right ones, reading and writing them.

A file is named by the address under which it is published. It is looked for, in this order,

1. in each folder of ``TOKENGROVE_VOCAB_DIR`` (folders separated by ``os.pathsep``), under the last part of the
   address (for example ``o200k_base.tiktoken``; only if a hash says whether it is the right one) or under the SHA-1
   of the address;
2. in tiktoken's cache, under the SHA-1 of the address: ``TIKTOKEN_CACHE_DIR``, else ``DATA_GYM_CACHE_DIR``, else the
   folder ``data-gym-cache`` in the folder for temporary files; a variable that is set but empty turns the cache off;
3. at the address itself, if ``TOKENGROVE_ALLOW_DOWNLOAD=1``; the file then goes into the cache.

An address without ``://`` is a local path and is read as it is.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tokengrove._native import read_rank_file
from tokengrove._replace import replace_file
from tokengrove.errors import TokengroveError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "HashMismatchError",
    "VocabularyNotFoundError",
    "check_hash",
    "data_gym_to_mergeable_bpe_ranks",
    "dump_tiktoken_bpe",
    "load_tiktoken_bpe",
    "read_file",
    "read_file_cached",
]

VOCAB_DIR_VARIABLE = "TOKENGROVE_VOCAB_DIR"
DOWNLOAD_VARIABLE = "TOKENGROVE_ALLOW_DOWNLOAD"
_DOWNLOAD_TIMEOUT_SECONDS = 60


class VocabularyNotFoundError(TokengroveError, FileNotFoundError):
    """A rank file is not on this machine, and it may not be downloaded."""


class HashMismatchError(TokengroveError, ValueError):
    """A file is not the one that was asked for."""


def check_hash(data: bytes, expected_hash: str) -> bool:
    """Say whether data has a SHA-256.

    Args:
        data: The content of a file.
        expected_hash: 64 lower-case hexadecimal digits.

    Returns:
        Whether they belong together.
    """
    return hashlib.sha256(data).hexdigest() == expected_hash


def read_file(blobpath: str) -> bytes:
    """Read a file without looking into any cache.

    Args:
        blobpath: A local path, or an address with ``://``, for which downloading must be allowed.

    Returns:
        The content.

    Raises:
        OSError: If the file cannot be read.
        VocabularyNotFoundError: If ``blobpath`` is an address and downloading is not allowed.
        ImportError: If the address is neither http nor https and the package ``blobfile`` is missing.
    """
    if "://" not in blobpath:
        return Path(blobpath).read_bytes()
    if os.environ.get(DOWNLOAD_VARIABLE) != "1":
        raise VocabularyNotFoundError(_how_to_get(blobpath))
    if blobpath.startswith(("http://", "https://")):
        with urllib.request.urlopen(blobpath, timeout=_DOWNLOAD_TIMEOUT_SECONDS) as response:
            content: bytes = response.read()
        return content
    try:
        import blobfile  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise ImportError(f"reading {blobpath} needs the package blobfile: pip install blobfile") from error
    data: bytes = blobfile.read_bytes(blobpath)
    return data


def read_file_cached(blobpath: str, expected_hash: str | None = None) -> bytes:
    """Read a file from where it lies on this machine, else (if allowed) from its address; see the module's description.

    Args:
        blobpath: A local path or an address with ``://``.
        expected_hash: The SHA-256 that the content must have, or None to take any.

    Returns:
        The content.

    Raises:
        VocabularyNotFoundError: If it is nowhere on this machine and downloading is not allowed.
        HashMismatchError: If the file at the path or address has another hash.
        OSError: If it cannot be read, or not be written to a cache folder that the user named.
    """
    if "://" not in blobpath:
        return _checked(read_file(blobpath), blobpath, expected_hash)
    found = _find_local(blobpath, expected_hash)
    if found is not None:
        return found
    contents = _checked(read_file(blobpath), blobpath, expected_hash)
    _store(blobpath, contents)
    return contents


def _checked(data: bytes, blobpath: str, expected_hash: str | None) -> bytes:
    if expected_hash and not check_hash(data, expected_hash):
        actual = hashlib.sha256(data).hexdigest()
        raise HashMismatchError(
            f"Hash mismatch for {blobpath}: its SHA-256 is {actual}, expected {expected_hash}. "
            "The file is damaged or is another one; if it was downloaded, try again."
        )
    return data


def _find_local(blobpath: str, expected_hash: str | None) -> bytes | None:
    """Look in the user's folders, then in the cache; a cached file with the wrong hash is removed."""
    for candidate in _vocabulary_files(blobpath, expected_hash):
        if candidate.is_file():
            data = candidate.read_bytes()
            if expected_hash is None or check_hash(data, expected_hash):
                return data
    cached = _cache_file(blobpath)
    if cached is not None and cached.exists():
        data = cached.read_bytes()
        if expected_hash is None or check_hash(data, expected_hash):
            return data
        with contextlib.suppress(OSError):
            cached.unlink()
    return None


def _vocabulary_files(blobpath: str, expected_hash: str | None) -> Iterator[Path]:
    """Give the places in ``TOKENGROVE_VOCAB_DIR`` where the file may be.

    Different publishers use the same names (``encoder.json``), so a name counts only if a hash can tell them apart.
    """
    key = _cache_key(blobpath)
    for folder in filter(None, os.environ.get(VOCAB_DIR_VARIABLE, "").split(os.pathsep)):
        if expected_hash is not None:
            yield Path(folder, blobpath.rsplit("/", 1)[-1])
        yield Path(folder, key)


def _cache_key(blobpath: str) -> str:
    return hashlib.sha1(blobpath.encode(), usedforsecurity=False).hexdigest()


def _cache_folder() -> tuple[str, bool]:
    """Give the cache folder ("" if the cache is off) and whether the user named it."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            return os.environ[variable], True
    return str(Path(tempfile.gettempdir(), "data-gym-cache")), False


def _cache_file(blobpath: str) -> Path | None:
    folder, _ = _cache_folder()
    return Path(folder, _cache_key(blobpath)) if folder else None


def _store(blobpath: str, contents: bytes) -> None:
    """Put a file into the cache: written beside its place, then renamed, so that no reader sees half of it."""
    target = _cache_file(blobpath)
    if target is None:
        return
    _, named_by_user = _cache_folder()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, contents)
    except OSError:
        # The default folder is a courtesy; a folder that the user named has to work.
        if named_by_user:
            raise


def _how_to_get(blobpath: str) -> str:
    """Say which file is missing, where it was looked for, and what to do."""
    name, key = blobpath.rsplit("/", 1)[-1], _cache_key(blobpath)
    folders = os.environ.get(VOCAB_DIR_VARIABLE, "")
    cache, _ = _cache_folder()
    return (
        f"the file {name} ({blobpath}) is not on this machine. Looked for it in:\n"
        f"  {VOCAB_DIR_VARIABLE}: {folders or 'not set'}, as {name} or {key}\n"
        f"  tiktoken's cache: {f'{Path(cache, key)}' if cache else 'turned off'}\n"
        f"Download it there by hand, or set {DOWNLOAD_VARIABLE}=1 to let this package download it."
    )


def load_tiktoken_bpe(tiktoken_bpe_file: str, expected_hash: str | None = None) -> dict[bytes, int]:
    """Read a rank file: on each line a token in base64, a space, and its rank.

    Args:
        tiktoken_bpe_file: A local path or an address, see :func:`read_file_cached`.
        expected_hash: The SHA-256 that the content must have, or None to take any.

    Returns:
        Ranks by token, in the order of the file.

    Raises:
        ValueError: If a line is malformed; the message shows it.
        OSError: If the file cannot be read, see :func:`read_file_cached`.
    """
    contents = read_file_cached(tiktoken_bpe_file, expected_hash)
    ranks = read_rank_file(contents)
    return ranks if ranks is not None else _parse_ranks(contents, tiktoken_bpe_file)


def _parse_ranks(contents: bytes, origin: str) -> dict[bytes, int]:
    """Read a rank file that is out of the ordinary, as leniently as tiktoken does, or say which line is malformed."""
    ranks: dict[bytes, int] = {}
    decode = base64.b64decode
    for line in contents.splitlines():
        if not line:
            continue
        try:
            token, rank = line.split()
            ranks[decode(token)] = int(rank)
        except ValueError as error:
            raise ValueError(f"Error parsing line {line!r} in {origin}") from error
    return ranks


def dump_tiktoken_bpe(bpe_ranks: Mapping[bytes, int], tiktoken_bpe_file: str) -> None:
    """Write a rank file, in the order of the ranks.

    Args:
        bpe_ranks: Ranks by token.
        tiktoken_bpe_file: A local path; an existing file is replaced. An address with ``://`` needs the package
            ``blobfile``.

    Raises:
        OSError: If the file cannot be written.
        ImportError: If it is an address and ``blobfile`` is missing.
    """
    by_rank = sorted(bpe_ranks.items(), key=lambda item: item[1])
    contents = b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in by_rank)
    if "://" not in tiktoken_bpe_file:
        replace_file(tiktoken_bpe_file, contents)
        return
    try:
        import blobfile
    except ImportError as error:
        raise ImportError(f"writing {tiktoken_bpe_file} needs the package blobfile: pip install blobfile") from error
    with blobfile.BlobFile(tiktoken_bpe_file, "wb") as file:
        file.write(contents)


def data_gym_to_mergeable_bpe_ranks(
    vocab_bpe_file: str,
    encoder_json_file: str,
    vocab_bpe_hash: str | None = None,
    encoder_json_hash: str | None = None,
    clobber_one_byte_tokens: bool = False,
) -> dict[bytes, int]:
    """Read GPT-2's pair of files: merges in ``vocab.bpe``, ids in ``encoder.json``, both in its printable alphabet.

    Args:
        vocab_bpe_file: The merges; a local path or an address, see :func:`read_file_cached`.
        encoder_json_file: The ids.
        vocab_bpe_hash: The SHA-256 of the merges, or None to take any.
        encoder_json_hash: The SHA-256 of the ids, or None to take any.
        clobber_one_byte_tokens: Take the ids of the 256 single bytes from ``encoder.json`` instead of the order of
            the alphabet.

    Returns:
        Ranks by token, single bytes first, then the merges in their order.

    Raises:
        ValueError: If the two files contradict each other or have characters outside the alphabet.
        OSError: If a file cannot be read, see :func:`read_file_cached`.
    """
    alphabet = _data_gym_alphabet()
    ranks = {bytes([byte]): rank for rank, byte in enumerate(alphabet.values())}
    merges = read_file_cached(vocab_bpe_file, vocab_bpe_hash).decode().split("\n")[1:-1]
    for rank, merge in enumerate(merges, start=len(ranks)):
        left, right = merge.split()
        ranks[_from_data_gym(left + right, alphabet, vocab_bpe_file)] = rank
    encoder = json.loads(read_file_cached(encoder_json_file, encoder_json_hash))
    ids = {
        _from_data_gym(token, alphabet, encoder_json_file): rank
        for token, rank in encoder.items()
        if token not in ("<|endoftext|>", "<|startoftext|>")
    }
    if clobber_one_byte_tokens:
        ranks.update({token: rank for token, rank in ids.items() if len(token) == 1})
    if ranks != ids:
        raise DataGymError(_first_difference(ranks, ids, vocab_bpe_file, encoder_json_file))
    return ranks


class DataGymError(TokengroveError, ValueError, AssertionError):
    """Merges and ids of a GPT-2 vocabulary do not belong together (an AssertionError in tiktoken)."""


def _data_gym_alphabet() -> dict[str, int]:
    """Give GPT-2's printable stand-ins for the 256 bytes, in the order of their ranks.

    A byte whose Latin-1 character is printable and no space stands for itself; the others take U+0100 and up.
    """
    printable = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _from_data_gym(token: str, alphabet: dict[str, int], origin: str) -> bytes:
    try:
        return bytes(alphabet[character] for character in token)
    except KeyError as error:
        raise DataGymError(
            f"token {token!r} of {origin} has the character {error.args[0]!r}, which stands for no byte"
        ) from None


def _first_difference(ranks: dict[bytes, int], ids: dict[bytes, int], merges_file: str, ids_file: str) -> str:
    token = next(token for token in (*ranks, *ids) if ranks.get(token) != ids.get(token))
    return (
        f"{merges_file} and {ids_file} do not belong together: token {token!r} is "
        f"{ranks.get(token, 'missing')} by the merges and {ids.get(token, 'missing')} by the ids"
    )
