"""A text cut into pieces and tokens, ready to be shown: in a terminal, as HTML, as JSON."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tokengrove.cli.terminal import dim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokengrove import Tokenizer

__all__ = ["InspectedText", "InspectedToken", "colored", "plain", "rows", "to_html", "to_json", "visible"]

SHADES = ((24, 31), (58, 94), (53, 90), (22, 28), (88, 124), (60, 61))
"""Background colours of the 256-colour palette: a hue for a piece, its two shades for the tokens in it."""


@dataclass(frozen=True, slots=True)
class InspectedToken:
    """One token of a text.

    Attributes:
        id: Its id.
        data: The bytes of the text that it covers; what it stands for, if it covers none.
        piece: The index of the piece it lies in.
        byte_span: Where it lies, in bytes.
        char_span: Where it lies, in characters.
    """

    id: int
    data: bytes
    piece: int
    byte_span: tuple[int, int]
    char_span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class InspectedText:
    """A text, its pieces and its tokens.

    Attributes:
        data: The text.
        pieces: Where the pieces lie, in bytes.
        tokens: The tokens, in order.
    """

    data: bytes
    pieces: tuple[tuple[int, int], ...]
    tokens: tuple[InspectedToken, ...]

    @classmethod
    def of(cls, tokenizer: Tokenizer, data: bytes, *, special: bool = False) -> InspectedText:
        """Encode a text and note what lies where.

        Args:
            tokenizer: The tokenizer.
            data: The text.
            special: Whether special tokens in the text are those tokens.

        Returns:
            The text with its pieces and tokens.
        """
        allowed: Literal["all"] | tuple[()] = "all" if special else ()
        encoding = tokenizer.encode_with_offsets(data, allowed_special=allowed)
        pieces = tuple((start, end) for start, end in tokenizer.pieces(data, allowed_special=allowed).tolist())
        tokens = []
        piece = 0
        for id, (start, end), chars in zip(
            encoding.ids.tolist(), encoding.byte_spans.tolist(), encoding.char_spans.tolist(), strict=True
        ):
            while piece + 1 < len(pieces) and start >= pieces[piece][1]:
                piece += 1
            covered = data[start:end] or tokenizer.token_bytes(id)
            tokens.append(InspectedToken(id, covered, piece, (start, end), (chars[0], chars[1])))
        return cls(data, pieces, tuple(tokens))

    def stretches(self) -> Iterator[tuple[bytes, InspectedToken | None, int]]:
        """Walk over the text.

        Yields:
            What to show, the token it is of, and the token's number within its piece; for text that no token stands
            for, because a normalizer removed it, None and 0.
        """
        end = number = 0
        piece = -1
        for token in self.tokens:
            if token.byte_span[0] > end:
                yield self.data[end : token.byte_span[0]], None, 0
            number = number + 1 if token.piece == piece else 0
            piece = token.piece
            yield token.data, token, number
            end = max(end, token.byte_span[1])
        if end < len(self.data):
            yield self.data[end:], None, 0

    def summary(self) -> str:
        """Say how many pieces, tokens, bytes and characters there are."""
        characters = len(self.data.decode("utf-8", "replace"))
        per_token = len(self.data) / max(len(self.tokens), 1)
        counts = {
            "piece": len(self.pieces),
            "token": len(self.tokens),
            "byte": len(self.data),
            "character": characters,
        }
        parts = [f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts.items()]
        return ", ".join([*parts, f"{per_token:.2f} bytes per token"])


def visible(data: bytes, *, spaces: bool = True) -> str:
    r"""Give bytes as text in which nothing is invisible.

    Args:
        data: The bytes; those that are not whole UTF-8 characters are shown as ``\xe2``.
        spaces: Whether a space becomes ``·``.

    Returns:
        The text: ``↵`` for a line feed, ``→`` for a tab, ``␀`` and the like for controls, ``⟨U+200B⟩`` for other
        invisible characters.
    """
    return "".join(_visible(character, spaces) for character in data.decode("utf-8", "backslashreplace"))


def _visible(character: str, spaces: bool) -> str:
    """Give one character, or a sign for it."""
    if character == " ":
        return "·" if spaces else " "
    if character in "\n\t":
        return "↵" if character == "\n" else "→"
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return character if character.isprintable() else f"⟨U+{code:04X}⟩"


def colored(text: InspectedText) -> str:
    """Give the text with a background for each token; a piece has one hue, its tokens alternate in shade."""
    parts = []
    for data, token, number in text.stretches():
        if token is None:
            parts.append(dim(visible(data), True))
        else:
            shade = SHADES[token.piece % len(SHADES)][number % 2]
            parts.append(f"\x1b[48;5;{shade}m\x1b[97m{visible(data)}\x1b[0m")
        parts.append("\n" if data.endswith(b"\n") else "")
    return "".join(parts).removesuffix("\n")


def plain(text: InspectedText) -> str:
    """Give the text with brackets around each piece and bars between the tokens in it."""
    parts = []
    ended = ""
    for data, token, number in text.stretches():
        if token is None:
            parts.append(f"{ended}{{{visible(data)}}}")
        else:
            inside = number > 0 and ended.startswith("]")
            parts.append(("|" if inside else f"{ended}[") + visible(data))
        ended = ("]" if token is not None else "") + ("\n" if data.endswith(b"\n") else "")
    return "".join(parts) + ended.removesuffix("\n")


def rows(text: InspectedText, color: bool) -> Iterator[str]:
    """Give a table of the tokens, a line each."""
    yield dim(f"{'piece':>6} {'token':>6} {'id':>8} {'bytes':>13} {'chars':>13}  text", color)
    last = -1
    for index, token in enumerate(text.tokens):
        piece = str(token.piece) if token.piece != last else ""
        last = token.piece
        (byte_start, byte_end), (char_start, char_end) = token.byte_span, token.char_span
        spans = f"{f'{byte_start}-{byte_end}':>13} {f'{char_start}-{char_end}':>13}"
        yield f"{piece:>6} {index:>6} {token.id:>8} {spans}  {visible(token.data)}"


def to_json(text: InspectedText, name: str) -> str:
    """Give everything as one JSON object.

    Args:
        text: The text.
        name: The tokenizer's name.

    Returns:
        JSON with ``tokenizer``, ``bytes``, ``pieces`` (byte spans) and ``tokens``; a token that is not whole
        characters has ``hex`` only.
    """
    tokens = []
    for token in text.tokens:
        record: dict[str, object] = {
            "id": token.id,
            "piece": token.piece,
            "byte_span": token.byte_span,
            "char_span": token.char_span,
        }
        try:
            record["text"] = token.data.decode()
        except UnicodeDecodeError:
            record["hex"] = token.data.hex()
        tokens.append(record)
    return json.dumps(
        {"tokenizer": name, "bytes": len(text.data), "pieces": text.pieces, "tokens": tokens}, ensure_ascii=False
    )


HTML_COLORS = (
    "#cfe8ff #a9d2f7",
    "#ffe9b8 #f9d68a",
    "#f3d4f7 #e2b4ea",
    "#cdeecd #a8dba8",
    "#ffd3cc #f7b2a8",
    "#dcdcf7 #bfbfea",
)
"""The two shades of each piece's hue."""

HTML_STYLE = """\
body { font: 16px/1.9 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: #1a1a1a; background: #fff;
  margin: 2em auto; max-width: 60em; padding: 0 1em; }
p { font-family: system-ui, sans-serif; color: #555; }
main { white-space: pre-wrap; overflow-wrap: anywhere; }
span { border-radius: 3px; padding: 2px 0; }
span:hover { outline: 2px solid #333; }
i { font-style: normal; opacity: .45; }
"""


def to_html(text: InspectedText, name: str) -> str:
    """Give a page that needs nothing else: coloured tokens, with id and spans where the pointer rests.

    Args:
        text: The text.
        name: The tokenizer's name.

    Returns:
        The page.
    """
    colors = "".join(
        f".p{hue}{shade} {{ background: {color}; }}\n"
        for hue, pair in enumerate(HTML_COLORS)
        for shade, color in enumerate(pair.split())
    )
    spans = [_html_span(*stretch) for stretch in text.stretches()]
    title = html.escape(f"Tokens of {name}")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{HTML_STYLE}{colors}</style>\n"
        f"<p>{title}: {text.summary()}</p>\n<main>{''.join(spans)}</main>\n</html>\n"
    )


def _html_span(data: bytes, token: InspectedToken | None, number: int) -> str:
    """Give one token as HTML; signs for what is invisible are pale and a line feed still breaks the line."""
    shown = html.escape(visible(data))
    for sign, after in (("·", ""), ("→", "\t"), ("↵", "\n")):
        shown = shown.replace(sign, f"<i>{sign}</i>{after}")
    if token is None:
        return f'<span title="no token">{shown}</span>'
    (byte_start, byte_end), (char_start, char_end) = token.byte_span, token.char_span
    tip = f"id {token.id} · bytes {byte_start}-{byte_end} · characters {char_start}-{char_end}"
    return f'<span class="p{token.piece % len(HTML_COLORS)}{number % 2}" title="{tip}">{shown}</span>'
