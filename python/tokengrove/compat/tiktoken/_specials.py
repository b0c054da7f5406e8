"""Which special tokens a call allows, and which it refuses."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NoReturn

from tokengrove._native import Specials

if TYPE_CHECKING:
    from collections.abc import Iterable


class DisallowedSpecialTokenError(ValueError):
    """A text has a special token that the call neither allows nor agrees to take as ordinary text."""


@functools.lru_cache(maxsize=128)
def searcher(tokens: frozenset[str]) -> Specials:
    """Freeze a set of texts for searching; the last sets used are kept."""
    return Specials(tokens)


def repair_surrogates(text: str) -> str:
    """Join surrogate pairs into their character and turn lone surrogates into U+FFFD, as a UTF-16 reader does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def refuse(text: str, disallowed: Specials) -> None:
    """Raise if the text has one of the tokens.

    The text is searched as it is given: what only becomes a token when surrogates are repaired is not refused.

    Args:
        text: The text.
        disallowed: The tokens.

    Raises:
        DisallowedSpecialTokenError: If a token is found; the first one is named.
        TypeError: If ``text`` is not a str.
    """
    try:
        found = disallowed.search(text)
    except UnicodeEncodeError:
        found = _search_unencodable(text, disallowed.tokens())
    if found is not None:
        raise_disallowed_special_token(found)


def _search_unencodable(text: str, tokens: Iterable[str]) -> str | None:
    """Find the leftmost token (the longest of several) in a text that has no UTF-8 form."""
    places = ((text.find(token), -len(token), token) for token in tokens)
    return min((place for place in places if place[0] >= 0), default=(0, 0, None))[2]


def raise_disallowed_special_token(token: str) -> NoReturn:
    """Raise the error for a special token in a text, which says how to go on."""
    raise DisallowedSpecialTokenError(
        f"Encountered text corresponding to disallowed special token {token!r}.\n"
        "If you want this text to be encoded as a special token, "
        f"pass it to `allowed_special`, e.g. `allowed_special={{{token!r}, ...}}`.\n"
        "If you want this text to be encoded as normal text, disable the check for this token "
        f"by passing `disallowed_special=(enc.special_tokens_set - {{{token!r}}})`.\n"
        "To disable this check for all special tokens, pass `disallowed_special=()`.\n"
    )
