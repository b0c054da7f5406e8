"""Templates of post-processors: their written form and what they must hold."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import Any

Template = list[dict[str, dict[str, Any]]]
"""The pieces, in the form of ``tokenizer.json``."""


def read_template(template: str | Items[str]) -> Template:
    """Read a template.

    Args:
        template: Pieces with spaces between, or a list of pieces.

    Raises:
        ValueError: If a piece is not understood.
        TypeError: If it is neither.
    """
    pieces = template.split(" ") if isinstance(template, str) else list(template)
    return [_piece(piece) for piece in pieces]


def _piece(text: str) -> dict[str, dict[str, Any]]:
    def refuse() -> ValueError:
        return ValueError(f'Cannot build Piece from string "{text}"')

    if not isinstance(text, str):
        raise TypeError(f"'{type(text).__name__}' object is not an instance of 'str'")
    name, colon, number = text.rpartition(":")
    if not colon:
        name, type_id = text, None
    elif number.isascii() and number.isdigit():
        type_id = int(number)
    else:
        raise refuse()
    if ":" in name:
        raise refuse()
    if not name.startswith("$"):
        return {"SpecialToken": {"id": name, "type_id": type_id or 0}}
    sequence = name[1:]
    if sequence in ("", "A", "a"):
        return {"Sequence": {"id": "A", "type_id": type_id or 0}}
    if sequence in ("B", "b"):
        return {"Sequence": {"id": "B", "type_id": type_id or 0}}
    if sequence.isascii() and sequence.isdigit():
        return {"Sequence": {"id": "A", "type_id": int(sequence) if type_id is None else type_id}}
    raise refuse()


def read_special_tokens(tokens: Items[Any]) -> dict[str, dict[str, Any]]:
    """Read the tokens of a template, in order of their names.

    Raises:
        ValueError: If one is a dict without the fields, or with lists of different lengths.
        TypeError: If one is neither a tuple nor a dict.
    """
    found = {}
    for token in tokens:
        entry = _special_token(token)
        found[entry["id"]] = entry
    return dict(sorted(found.items()))


def _special_token(token: Any) -> dict[str, Any]:
    if isinstance(token, Mapping):
        missing = [name for name in ("id", "ids", "tokens") if name not in token]
        if missing:
            raise ValueError(f"`{missing[0]}` must be specified")
        ids, strings = [int(one) for one in token["ids"]], [str(one) for one in token["tokens"]]
        if len(ids) != len(strings):
            raise ValueError("SpecialToken: ids and tokens must be of the same length")
        return {"id": str(token["id"]), "ids": ids, "tokens": strings}
    if isinstance(token, tuple) and len(token) == 2:
        name, number = token if isinstance(token[0], str) else (token[1], token[0])
        if isinstance(name, str) and isinstance(number, int):
            return {"id": name, "ids": [number], "tokens": [name]}
    raise TypeError("Expected Union[Tuple[str, int], Tuple[int, str], dict]")


def check(templates: Mapping[str, Template], tokens: Mapping[str, Any], has_pair: bool) -> None:
    """Check that templates name what they must and only what there is.

    Raises:
        ValueError: If not.
    """
    named = [piece for template in templates.values() for piece in template]
    if has_pair:
        inputs = {piece["Sequence"]["id"] for piece in templates["pair"] if "Sequence" in piece}
        if inputs != {"A", "B"}:
            raise ValueError("Template for `pair` must use both sequences")
    missing = [piece["SpecialToken"]["id"] for piece in named if "SpecialToken" in piece]
    missing = sorted({name for name in missing if name not in tokens})
    if missing:
        raise ValueError(f"Missing SpecialToken(s) with id(s) `{', '.join(missing)}`")


def show(template: Template) -> str:
    """Show a template as the reference library does."""
    pieces = []
    for piece in template:
        if "Sequence" in piece:
            inner = piece["Sequence"]
            pieces.append(f"Sequence {{ id: {inner['id']}, type_id: {inner['type_id']} }}")
        else:
            inner = piece["SpecialToken"]
            name = inner["id"].replace("\\", "\\\\").replace('"', '\\"')
            pieces.append(f'SpecialToken {{ id: "{name}", type_id: {inner["type_id"]} }}')
    return f"Template([{', '.join(pieces)}])"
