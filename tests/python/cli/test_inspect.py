"""``inspect``: everything of the text is shown, with the right ids and places."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path

import pytest

import tokengrove
from support.cli import call, error, run

TEXT = "Tokenizers don't see words.\n\tnaïve 日本 🙂"


def test_plain_text_has_brackets_and_bars() -> None:
    shown = call("inspect", "--text", "Hello, world's", "--brief").stdout.decode()
    assert shown.splitlines()[0] == "[Hello][,][·world|'s]"
    assert "3 pieces, 4 tokens, 14 bytes, 14 characters, 3.50 bytes per token" in shown


def test_the_table_has_ids_and_spans() -> None:
    shown = call("inspect", "--text", TEXT).stdout.decode()
    encoding = tokengrove.default_tokenizer().encode_with_offsets(TEXT)
    rows = re.findall(r"^ +(?:\d+ +)?(\d+) +(\d+) +(\d+)-(\d+) +(\d+)-(\d+)  \S", shown, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(range(len(encoding)))
    assert [int(row[1]) for row in rows] == encoding.ids.tolist()
    assert [[int(row[2]), int(row[3])] for row in rows] == encoding.byte_spans.tolist()
    assert [[int(row[4]), int(row[5])] for row in rows] == encoding.char_spans.tolist()


def test_json(text_file: Path) -> None:
    data = text_file.read_bytes()
    record = json.loads(run("inspect", text_file, "--json").stdout)
    assert record["bytes"] == len(data)
    assert [token["id"] for token in record["tokens"]] == tokengrove.default_tokenizer().encode_list(data)
    parts = [token["text"].encode() if "text" in token else bytes.fromhex(token["hex"]) for token in record["tokens"]]
    assert b"".join(parts) == data
    assert record["pieces"] == tokengrove.default_tokenizer().pieces(data).tolist()
    for token in record["tokens"]:
        start, end = record["pieces"][token["piece"]]
        assert start <= token["byte_span"][0] <= token["byte_span"][1] <= end


def test_colours_follow_the_options() -> None:
    shown = call("inspect", "--text", TEXT, "--brief", "--color", "always").stdout.decode()
    assert "\x1b[48;5;" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain.startswith("Tokenizers·don't·see·words.↵\n→naïve·")
    assert "\x1b" not in call("inspect", "--text", TEXT, "--no-color").stdout.decode()
    assert "\x1b" not in call("inspect", "--text", TEXT).stdout.decode()


class Page(html.parser.HTMLParser):
    """Collects the text and the titles of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.titles: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"html", "meta", "title", "style", "p", "main", "span", "i"}
        self.inside |= tag == "main"
        if tag == "span":
            self.titles.append(dict(attrs).get("title") or "")

    def handle_data(self, data: str) -> None:
        self.text += data if self.inside else ""


def test_html_is_one_page_and_escapes(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    call("inspect", "--text", '<b a="1">&amp;</b>\nnext', "--html", path)
    content = path.read_text(encoding="utf-8")
    assert "http" not in content
    page = Page()
    page.feed(content)
    assert page.text.strip() == '<b·a="1">&amp;</b>↵\nnext'
    ids = tokengrove.default_tokenizer().encode_list('<b a="1">&amp;</b>\nnext')
    assert [int(title.split()[1]) for title in page.titles] == ids
    assert call("inspect", "--text", "x", "--html", "-").stdout.startswith(b"<!doctype html>")
    assert "one text" in error("inspect", "--text", "x", "--text", "y", "--html", path)


def test_special_tokens() -> None:
    record = json.loads(call("inspect", "--text", "a<|endoftext|>", "--special", "--json").stdout)
    assert [token.get("text") for token in record["tokens"]] == ["a", "<|endoftext|>"]
    assert len(record["pieces"]) == 2


@pytest.mark.parametrize("name", ["llama-2-13b-chat", "qwen2", "roberta-base", "clip", "phi-3-mini"])
def test_nothing_of_the_text_is_hidden(name: str, data: Path) -> None:
    """Also where a normalizer rewrites the text, or tokens leave white space out of their spans."""
    text = "  Some text,  e\u0301t Ünïcode 日本 🙂\n\nand more. "
    path = data / "vocabs" / "hf" / name / "tokenizer.json"
    shown = call("inspect", "-t", path, "--text", text, "--brief").stdout.decode()
    body = shown.rpartition("\n\n")[0]
    for word in ("Some", "text", "more"):
        assert word in re.sub(r"[\[\]|{}]", "", body)
    assert body.count("[") == body.count("]") > 0
