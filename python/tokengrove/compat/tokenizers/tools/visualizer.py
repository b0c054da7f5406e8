"""``EncodingVisualizer``: a text as HTML in which tokens and annotations can be told apart."""

from __future__ import annotations

import colorsys
import html
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tokengrove._native import Encoding
    from tokengrove.compat.tokenizers._tokenizer import Tokenizer

__all__ = ["Annotation", "EncodingVisualizer"]

_STYLE = """
.tokenized-text { font: 1.4rem/2 serif; margin: 1.5rem; white-space: pre-wrap; overflow-wrap: break-word }
.token { border-bottom: .2rem solid transparent; color: #222 }
.even-token { background: #dde7f3 }
.odd-token { background: #f6e7cf }
.unk { background: #f2b8b5; border-color: #b3261e }
.multi-token { border-color: #7a4fbf }
.special-token { background: #444; color: #fff; border-radius: .3rem; font-size: 1rem; padding: .1rem .3rem }
.special-token::before { content: attr(data-stok) }
.non-token { color: #999 }
.annotation { border: .15rem solid; border-radius: .3rem; padding: .1rem }
.annotation::after { content: attr(data-label); color: #fff; background: #000; font: bold .7rem sans-serif;
  padding: .1rem .3rem; margin-left: .2rem; border-radius: .2rem; vertical-align: super }
"""


@dataclass
class Annotation:
    """A name for a part of a text.

    Attributes:
        start: The first character.
        end: The character after the last.
        label: The name.
    """

    start: int
    end: int
    label: str


class EncodingVisualizer:
    """Shows how a tokenizer encodes a text, with annotations of the text.

    Args:
        tokenizer: The tokenizer.
        default_to_notebook: Whether calls show the HTML in the notebook unless they say otherwise.
        annotation_converter: Makes an ``Annotation`` of whatever calls give as annotations.

    Raises:
        ImportError: If HTML shall be shown and IPython is not there.
    """

    unk_token_regex = re.compile(r"(.{1}\b)?(unk|oov)(\b.{1})?", flags=re.IGNORECASE)

    def __init__(
        self,
        tokenizer: Tokenizer,
        default_to_notebook: bool = True,
        annotation_converter: Callable[[Any], Annotation] | None = None,
    ) -> None:
        if default_to_notebook:
            _notebook()
        self.tokenizer = tokenizer
        self.default_to_notebook = default_to_notebook
        self.annotation_coverter = annotation_converter
        """As the reference library spells it."""

    def __call__(
        self, text: str, annotations: list[Any] | None = None, default_to_notebook: bool | None = None
    ) -> str | None:
        """Show a text.

        Args:
            text: The text.
            annotations: ``Annotation`` objects, or what ``annotation_converter`` makes into such.
            default_to_notebook: Whether to show the HTML in the notebook; None for what the constructor was told.

        Returns:
            The HTML of a page, or None if it is shown in the notebook.

        Raises:
            ImportError: If HTML shall be shown and IPython is not there.
            ValueError: If an annotation does not lie in the text.
        """
        shown = self.default_to_notebook if default_to_notebook is None else default_to_notebook
        display = _notebook() if shown else None
        convert = self.annotation_coverter
        marks = [convert(one) for one in annotations or ()] if convert is not None else list(annotations or ())
        for mark in marks:
            if not 0 <= mark.start <= mark.end <= len(text):
                raise ValueError(
                    f"annotation {mark.label!r} covers characters {mark.start} to {mark.end}; "
                    f"they must be in order and between 0 and {len(text)}, the length of the text"
                )
        page = self._page(text, self.tokenizer.encode(text), marks)
        if display is None:
            return page
        display(page)
        return None

    @staticmethod
    def calculate_label_colors(annotations: list[Annotation]) -> dict[str, str]:
        """Give every label a colour of its own, as a CSS value.

        Args:
            annotations: The annotations.

        Returns:
            Colours by label, in the order in which the labels first occur.
        """
        labels = list(dict.fromkeys(annotation.label for annotation in annotations))
        colors = {}
        for number, label in enumerate(labels):
            red, green, blue = colorsys.hls_to_rgb(number / len(labels), 0.5, 0.6)
            colors[label] = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
        return colors

    def _page(self, text: str, encoding: Encoding, annotations: list[Annotation]) -> str:
        colors = self.calculate_label_colors(annotations)
        spans = "".join(self._spans(text, encoding, annotations, colors))
        return (
            f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<style>{_STYLE}</style>\n</head>\n'
            f'<body>\n<div class="tokenized-text" dir="auto">{spans}</div>\n</body>\n</html>\n'
        )

    def _spans(
        self, text: str, encoding: Encoding, annotations: list[Annotation], colors: dict[str, str]
    ) -> Iterator[str]:
        """The text, stretch by stretch: those of one annotation inside a span of its own, cut at tokens."""
        covered, mark_of = (
            _tokens_of_characters(len(text), encoding),
            _annotations_of_characters(len(text), annotations),
        )
        pieces = list(zip(encoding.tokens, encoding.ids, strict=True))
        special = {id for id, token in self.tokenizer.get_added_tokens_decoder().items() if token.special}
        for mark, marked in groupby(range(len(text)), key=mark_of.__getitem__):
            label = None if mark is None else annotations[mark].label
            if label is not None:
                name = html.escape(label)
                yield f'<span class="annotation" style="border-color:{colors[label]}" data-label="{name}">'
            for covering, characters in groupby(marked, key=covered.__getitem__):
                part = list(characters)
                yield self._span(text[part[0] : part[-1] + 1], covering, pieces, special)
            if label is not None:
                yield "</span>"

    def _span(self, text: str, covering: tuple[int, ...], tokens: list[tuple[str, int]], special: set[int]) -> str:
        """A stretch of text that the same tokens cover."""
        shown = html.escape(text)
        if not covering:
            return f'<span class="non-token">{shown}</span>'
        first = covering[0]
        names = [tokens[token][0] for token in covering]
        title = html.escape(" ".join("{} ({})".format(*tokens[token]) for token in covering))
        if tokens[first][1] in special:
            stok = html.escape(names[0])
            return f'<span class="token special-token" data-stok="{stok}" title="{title}"></span>'
        kinds = ["token", "odd-token" if first % 2 else "even-token"]
        if len(covering) > 1:
            kinds.append("multi-token")
        if any(self.unk_token_regex.search(name) for name in names if name.startswith(("<", "["))):
            kinds.append("unk")
        return f'<span class="{" ".join(kinds)}" title="{title}">{shown}</span>'


def _tokens_of_characters(length: int, encoding: Encoding) -> list[tuple[int, ...]]:
    """For each character, the tokens that cover it: several where a character is more than one token."""
    covering: list[tuple[int, ...]] = [()] * length
    for token, (start, end) in enumerate(encoding.offsets):
        for at in range(start, min(end, length)):
            covering[at] = (*covering[at], token)
    return covering


def _annotations_of_characters(length: int, annotations: list[Annotation]) -> list[int | None]:
    """For each character, its annotation; of several the last."""
    marks: list[int | None] = [None] * length
    for number, annotation in enumerate(annotations):
        marks[annotation.start : annotation.end] = [number] * (annotation.end - annotation.start)
    return marks


def _notebook() -> Callable[[str], None]:
    """What shows HTML in a notebook."""
    try:
        from IPython.display import HTML, display
    except ImportError as error:
        raise ImportError(
            "HTML is shown by IPython, which is not installed; pass default_to_notebook=False to get the HTML as a str"
        ) from error

    def show(page: str) -> None:
        display(HTML(page))

    return show
