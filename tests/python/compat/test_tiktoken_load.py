"""Rank files: where they are looked for, checked, kept, read and written."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tokengrove.compat.tiktoken as tiktoken
from tokengrove import TokengroveError
from tokengrove.compat.tiktoken import load, openai_public
from tokengrove.compat.tiktoken.load import HashMismatchError, VocabularyNotFoundError

from .conftest import PUBLIC, gpt2_files, small_ranks

CONTENT = b"IQ== 0\nIg== 1\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ADDRESS = "https://example.org/some/place/made_up.tiktoken"
KEY = hashlib.sha1(ADDRESS.encode(), usedforsecurity=False).hexdigest()


class Server:
    """A web server on this machine that serves one content and counts requests."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.requests: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                self.send_response(404 if self.path == "/missing" else 200)
                self.end_headers()
                self.wfile.write(outer.content)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/made_up.tiktoken"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def key_of(address: str) -> str:
    return hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()


# --- local files ---------------------------------------------------------------------------------------------------


def test_a_local_path_is_read_as_it_is(tmp_path: Path, no_vocabularies: Path) -> None:
    path = tmp_path / "ranks.tiktoken"
    path.write_bytes(CONTENT)
    assert load.read_file(str(path)) == load.read_file_cached(str(path), DIGEST) == CONTENT
    assert load.load_tiktoken_bpe(str(path), DIGEST) == {b"!": 0, b'"': 1}
    path.write_bytes(b"IQ== 7\n")
    assert load.load_tiktoken_bpe(str(path)) == {b"!": 7}
    with pytest.raises(HashMismatchError, match=r"ranks.tiktoken: its SHA-256 is .* expected"):
        load.load_tiktoken_bpe(str(path), DIGEST)
    with pytest.raises(FileNotFoundError):
        load.load_tiktoken_bpe(str(tmp_path / "missing"))
    assert not no_vocabularies.exists()


@pytest.mark.parametrize("line", [b"IQ==", b"IQ== 0 1", b"IQ== x", b"I 0", b"IQ== 1.5"])
def test_a_malformed_line_is_shown(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "ranks.tiktoken"
    path.write_bytes(b"IQ== 0\n" + line + b"\n")
    with pytest.raises(ValueError, match="Error parsing line") as caught:
        load.load_tiktoken_bpe(str(path))
    assert str(caught.value) == f"Error parsing line {line!r} in {path}"


def test_empty_lines_and_line_ends_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "ranks.tiktoken"
    path.write_bytes(b"\nIQ== 0\r\n\n  Ig==\t1  \n")
    assert load.load_tiktoken_bpe(str(path)) == {b"!": 0, b'"': 1}
    path.write_bytes(b"")
    assert load.load_tiktoken_bpe(str(path)) == {}


def test_what_is_dumped_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "ranks.tiktoken"
    ranks = dict(reversed(small_ranks().items())) | {b"far": 2**32 - 1}
    load.dump_tiktoken_bpe(ranks, str(path))
    assert load.load_tiktoken_bpe(str(path)) == ranks
    assert path.read_bytes().startswith(b"AA== 0\nAQ== 1\n")
    load.dump_tiktoken_bpe({b"a": 3}, str(path))
    assert path.read_bytes() == b"YQ== 3\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_dump_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        load.dump_tiktoken_bpe({b"a": 3}, str(tmp_path / "missing" / "ranks.tiktoken"))
    assert list(tmp_path.iterdir()) == []


def test_addresses_of_stores_need_blobfile(no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "blobfile", None)
    monkeypatch.setenv(load.DOWNLOAD_VARIABLE, "1")
    with pytest.raises(ImportError, match="pip install blobfile"):
        load.read_file("gs://bucket/ranks.tiktoken")
    with pytest.raises(ImportError, match="pip install blobfile"):
        load.dump_tiktoken_bpe({b"a": 3}, "gs://bucket/ranks.tiktoken")


# --- where files are looked for ------------------------------------------------------------------------------------


def test_a_missing_file_is_explained(no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(load.VOCAB_DIR_VARIABLE, "/somewhere")
    with pytest.raises(VocabularyNotFoundError) as caught:
        load.load_tiktoken_bpe(ADDRESS, DIGEST)
    message = str(caught.value)
    for part in ("made_up.tiktoken", ADDRESS, "/somewhere", str(no_vocabularies / KEY), "TOKENGROVE_ALLOW_DOWNLOAD=1"):
        assert part in message
    assert isinstance(caught.value, (FileNotFoundError, TokengroveError))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    with pytest.raises(OSError, match="turned off"):
        load.read_file_cached(ADDRESS)


@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", None])
def test_the_cache_is_found(variable: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", load.VOCAB_DIR_VARIABLE, load.DOWNLOAD_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    cache = tmp_path / ("data-gym-cache" if variable is None else "cache")
    cache.mkdir()
    (cache / KEY).write_bytes(CONTENT)
    if variable == "TIKTOKEN_CACHE_DIR":
        monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path / "not this one"))
    if variable:
        monkeypatch.setenv(variable, str(cache))
    assert load.read_file_cached(ADDRESS, DIGEST) == CONTENT
    assert load.read_file_cached(ADDRESS) == CONTENT


def test_a_damaged_file_in_the_cache_is_removed(no_vocabularies: Path) -> None:
    no_vocabularies.mkdir()
    (no_vocabularies / KEY).write_bytes(b"damaged")
    assert load.read_file_cached(ADDRESS) == b"damaged"
    with pytest.raises(VocabularyNotFoundError):
        load.read_file_cached(ADDRESS, DIGEST)
    assert list(no_vocabularies.iterdir()) == []


def test_folders_of_the_user(no_vocabularies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setenv(load.VOCAB_DIR_VARIABLE, f"{first}{__import__('os').pathsep}{second}")
    (first / "made_up.tiktoken").write_bytes(b"another file of that name")
    (second / "made_up.tiktoken").write_bytes(CONTENT)
    assert load.read_file_cached(ADDRESS, DIGEST) == CONTENT
    # Without a hash a name proves nothing; the SHA-1 of the address does.
    with pytest.raises(VocabularyNotFoundError):
        load.read_file_cached(ADDRESS)
    (second / KEY).write_bytes(CONTENT)
    assert load.read_file_cached(ADDRESS) == CONTENT
    assert not no_vocabularies.exists()


# --- downloading ---------------------------------------------------------------------------------------------------


def test_nothing_is_downloaded_unless_allowed(
    server: Server, no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (None, "", "0", "yes"):
        if value is not None:
            monkeypatch.setenv(load.DOWNLOAD_VARIABLE, value)
        with pytest.raises(VocabularyNotFoundError):
            load.read_file_cached(server.address, DIGEST)
        with pytest.raises(VocabularyNotFoundError):
            load.read_file(server.address)
    assert server.requests == []


def test_a_download_is_kept(server: Server, no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(load.DOWNLOAD_VARIABLE, "1")
    for _ in range(3):
        assert load.read_file_cached(server.address, DIGEST) == CONTENT
    assert server.requests == ["/made_up.tiktoken"]
    assert {path.name: path.read_bytes() for path in no_vocabularies.iterdir()} == {key_of(server.address): CONTENT}
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    assert load.read_file_cached(server.address, DIGEST) == CONTENT
    assert len(server.requests) == 2


def test_a_wrong_download_is_not_kept(server: Server, no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(load.DOWNLOAD_VARIABLE, "1")
    server.content = b"something else"
    with pytest.raises(HashMismatchError, match="Hash mismatch"):
        load.read_file_cached(server.address, DIGEST)
    assert not no_vocabularies.exists()
    # A damaged file of the cache is fetched again.
    no_vocabularies.mkdir()
    (no_vocabularies / key_of(server.address)).write_bytes(b"damaged")
    server.content = CONTENT
    assert load.read_file_cached(server.address, DIGEST) == CONTENT
    assert (no_vocabularies / key_of(server.address)).read_bytes() == CONTENT


def test_a_failed_download_is_an_os_error(
    server: Server, no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(load.DOWNLOAD_VARIABLE, "1")
    with pytest.raises(OSError, match="404"):
        load.read_file_cached(server.address.replace("made_up.tiktoken", "missing"))


@pytest.mark.parametrize("named_by_user", [True, False])
def test_a_cache_that_cannot_be_written(
    named_by_user: bool, server: Server, no_vocabularies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(load.DOWNLOAD_VARIABLE, "1")
    blocked = tmp_path / "a file, no folder"
    blocked.write_bytes(b"")
    if named_by_user:
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(blocked / "cache"))
        with pytest.raises(OSError, match="folder"):
            load.read_file_cached(server.address, DIGEST)
    else:
        monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(blocked))
        assert load.read_file_cached(server.address, DIGEST) == CONTENT


# --- GPT-2's own files ---------------------------------------------------------------------------------------------


def write_data_gym(folder: Path, merges: list[str], encoder: dict[str, int]) -> tuple[str, str]:
    (folder / "vocab.bpe").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    (folder / "encoder.json").write_text(json.dumps(encoder), encoding="utf-8")
    return str(folder / "vocab.bpe"), str(folder / "encoder.json")


def data_gym_bytes() -> dict[str, int]:
    return {character: rank for rank, character in enumerate(load._data_gym_alphabet())}


def test_data_gym_files(tmp_path: Path) -> None:
    encoder = data_gym_bytes() | {"ab": 256, "Ġab": 257, "<|endoftext|>": 258}
    files = write_data_gym(tmp_path, ["a b", "Ġ ab"], encoder)
    ranks = load.data_gym_to_mergeable_bpe_ranks(*files)
    assert (len(ranks), ranks[b"!"], ranks[b"ab"], ranks[b" ab"]) == (258, 0, 256, 257)
    shifted = {token: rank + 1000 if rank < 256 else rank for token, rank in encoder.items()}
    files = write_data_gym(tmp_path, ["a b", "Ġ ab"], shifted)
    assert load.data_gym_to_mergeable_bpe_ranks(*files, clobber_one_byte_tokens=True)[b"!"] == 1000
    for kind in (AssertionError, ValueError):
        with pytest.raises(kind, match=r"do not belong together: token b'!' is 0 by the merges and 1000 by the ids"):
            load.data_gym_to_mergeable_bpe_ranks(*files)
    files = write_data_gym(tmp_path, ["a 世"], encoder)
    with pytest.raises(ValueError, match=r"'世', which stands for no byte"):
        load.data_gym_to_mergeable_bpe_ranks(*files)


def test_gpt2_from_its_own_files_or_from_r50k(
    test_data: Path, rank_files: Path, no_vocabularies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in gpt2_files(test_data).items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv(load.VOCAB_DIR_VARIABLE, str(tmp_path))
    from_own = openai_public.gpt2()
    monkeypatch.setenv(load.VOCAB_DIR_VARIABLE, str(rank_files))
    assert openai_public.gpt2() == from_own
    monkeypatch.delenv(load.VOCAB_DIR_VARIABLE)
    with pytest.raises(VocabularyNotFoundError, match=r"vocab.bpe"):
        openai_public.gpt2()


@pytest.mark.usefixtures("fresh_registry")
def test_encodings_from_a_folder_of_the_user(
    rank_files: Path, no_vocabularies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VocabularyNotFoundError, match=f"{PUBLIC}encodings/cl100k_base.tiktoken"):
        tiktoken.get_encoding("cl100k_base")
    monkeypatch.setenv(load.VOCAB_DIR_VARIABLE, str(rank_files))
    assert tiktoken.get_encoding("cl100k_base").encode("hello world") == [15339, 1917]
    assert tiktoken.encoding_for_model("gpt-4o").encode("hello world") == [24912, 2375]
    assert tiktoken.get_encoding("gpt2").encode("hello world") == [31373, 995]
