"""``tokenizers.tools``: encodings as HTML."""

from __future__ import annotations

import inspect
import re
import sys
from html.parser import HTMLParser

import pytest
import tokenizers.tools as reference

from support.data import data_file
from tokengrove.compat.tokenizers import Tokenizer, tools
from tokengrove.compat.tokenizers.tools import Annotation, EncodingVisualizer


class Reader(HTMLParser):
    """The text of a page's body, and the classes of each span with its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.spans: list[tuple[list[str], dict[str, str | None], str]] = []
        self.open: list[tuple[list[str], dict[str, str | None], list[str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "span":
            found = dict(attrs)
            self.open.append(((found.get("class") or "").split(), found, []))

    def handle_endtag(self, tag: str) -> None:
        if tag == "span":
            classes, attributes, parts = self.open.pop()
            self.spans.append((classes, attributes, "".join(parts)))

    def handle_data(self, data: str) -> None:
        for _, _, parts in self.open:
            parts.append(data)

    def of(self, kind: str) -> list[str]:
        return [text for classes, _, text in self.spans if kind in classes]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(data_file("vocabs/hf/gpt2/tokenizer.json"))


def read(tokenizer: Tokenizer, text: str, annotations: list[Annotation] | None = None) -> Reader:
    page = EncodingVisualizer(tokenizer, default_to_notebook=False)(text, annotations)
    assert page is not None
    return Reader(page)


def test_signatures_are_the_originals() -> None:
    for name in ("__init__", "__call__"):
        ours, theirs = (inspect.signature(getattr(one.EncodingVisualizer, name)) for one in (tools, reference))
        assert list(ours.parameters) == list(theirs.parameters)
        assert [p.default for p in ours.parameters.values()] == [p.default for p in theirs.parameters.values()]
    assert list(inspect.signature(Annotation).parameters) == list(
        inspect.signature(reference.visualizer.Annotation).parameters
    )


def test_every_token_is_a_span_of_its_text(tokenizer: Tokenizer) -> None:
    text = "Hello <b>wörld</b> & more"
    found = read(tokenizer, text)
    assert found.of("token") == [text[start:end] for start, end in tokenizer.encode(text).offsets]
    assert found.of("non-token") == []


def test_a_character_of_several_tokens_is_one_span(tokenizer: Tokenizer) -> None:
    found = read(tokenizer, "a\U00010400")
    assert found.of("multi-token") == ["\U00010400"]
    (attributes,) = [attributes for classes, attributes, _ in found.spans if "multi-token" in classes]
    assert len(re.findall(r"\(\d+\)", attributes["title"] or "")) == len(tokenizer.encode("\U00010400"))


def test_annotations_surround_tokens_and_have_colours(tokenizer: Tokenizer) -> None:
    marks = [Annotation(0, 5, "greeting"), Annotation(6, 11, '"who"')]
    found = read(tokenizer, "Hello world!", marks)
    annotated = [
        (attributes["data-label"], text) for classes, attributes, text in found.spans if "annotation" in classes
    ]
    assert annotated == [("greeting", "Hello"), ('"who"', "world")]
    colors = EncodingVisualizer.calculate_label_colors(marks)
    assert len(set(colors.values())) == 2
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors.values())


def test_special_tokens_are_shown_by_name(tokenizer: Tokenizer) -> None:
    found = read(tokenizer, "a<|endoftext|>b")
    (attributes,) = [attributes for classes, attributes, _ in found.spans if "special-token" in classes]
    assert attributes["data-stok"] == "<|endoftext|>"


def test_annotations_are_converted(tokenizer: Tokenizer) -> None:
    show = EncodingVisualizer(
        tokenizer, default_to_notebook=False, annotation_converter=lambda one: Annotation(one[0], one[1], "x")
    )
    page = show("Hello", [(0, 2)])
    assert page is not None
    assert Reader(page).of("annotation") == ["He"]


def test_an_annotation_outside_the_text_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"covers characters 2 to 9.*between 0 and 5"):
        read(tokenizer, "Hello", [Annotation(2, 9, "x")])


def test_without_ipython_a_notebook_is_refused(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ImportError, match="default_to_notebook=False"):
        EncodingVisualizer(tokenizer)


def test_an_empty_text_has_no_spans(tokenizer: Tokenizer) -> None:
    assert read(tokenizer, "").spans == []
