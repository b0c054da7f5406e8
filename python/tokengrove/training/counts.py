"""Counted pieces: what training needs of a text, in a form that adds up."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokengrove._native import PieceCounts
from tokengrove._replace import replacing
from tokengrove.errors import InvalidArgumentError, VocabularyError
from tokengrove.training.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike

    from tokengrove.training.template import Component, Digits

__all__ = ["PretokenCounts", "count_pretokens"]


class PretokenCounts:
    """How often each piece of some text occurs, and how the text was cut.

    Objects do not change: :meth:`merge` and :meth:`prune` give new ones. Counts have 64 bits. Two objects are equal if
    they hold the same counts of text that was cut alike, whatever order the text was counted in.
    """

    __slots__ = ("_counts", "_path", "_template")

    def __init__(self, counts: PieceCounts, template: Template, path: Path | None = None) -> None:
        self._counts = counts
        self._template = template
        self._path = path

    @classmethod
    def from_items(
        cls,
        items: Iterable[tuple[bytes, int]],
        pattern: str | Component | None,
        normalizer: str | Sequence[str] | Component | None = None,
        digits: Digits | None = None,
        digit_group: int = 3,
    ) -> PretokenCounts:
        """Take counts that were made elsewhere.

        Args:
            items: Pieces, as bytes after normalization, and their counts; equal pieces add up.
            pattern: As for :func:`count_pretokens`: how the text was cut.
            normalizer: How it was normalized.
            digits: How numbers were cut.
            digit_group: The most digits in a group.

        Returns:
            The counts.

        Raises:
            InvalidArgumentError: As :func:`count_pretokens` does.
        """
        return cls(PieceCounts.from_items(items), Template.make(pattern, normalizer, digits, digit_group))

    @property
    def template(self) -> Template:
        """How the text was normalized and cut."""
        return self._template

    @property
    def native(self) -> PieceCounts:
        """The counts as the extension has them."""
        return self._counts

    @property
    def total(self) -> int:
        """The number of pieces of the text."""
        return self._counts.total

    @property
    def total_bytes(self) -> int:
        """The number of bytes in all pieces of the text, after normalization."""
        return self._counts.total_bytes

    def __len__(self) -> int:
        """Give the number of distinct pieces."""
        return len(self._counts)

    def most_common(self, n: int | None = None) -> list[tuple[bytes, int]]:
        """List pieces and counts, most frequent first, equally frequent ones in the order of their bytes.

        Args:
            n: How many at most; None lists all.

        Returns:
            Pairs of piece and count.
        """
        return self._counts.most_common(n)

    def merge(self, *others: PretokenCounts) -> PretokenCounts:
        """Add up counts: the result is that of counting all the texts together.

        Args:
            others: Counts of text that was cut alike.

        Returns:
            New counts.

        Raises:
            InvalidArgumentError: If text was cut in another way for one of them.
        """
        for other in others:
            difference = self._template.difference(other._template)
            if difference is not None:
                raise InvalidArgumentError(
                    f"counts of text that was cut differently do not add up: {self._name} and {other._name} "
                    f"have {difference}"
                )
        return PretokenCounts(PieceCounts.merged([self._counts, *(other._counts for other in others)]), self._template)

    @property
    def _name(self) -> str:
        """What messages call it."""
        return repr(self) if self._path is None else str(self._path)

    def prune(self, min_count: int) -> PretokenCounts:
        """Leave out pieces that occur less often.

        Args:
            min_count: The smallest count that stays.

        Returns:
            New counts. A tokenizer trained from them is not exactly the one of all counts.

        Raises:
            InvalidArgumentError: If ``min_count`` is negative.
        """
        return PretokenCounts(self._counts.pruned(at_least("min_count", min_count, 0)), self._template)

    def save(self, path: str | PathLike[str]) -> None:
        """Write a file; one that exists is replaced when the new one is complete.

        Equal counts give equal files.

        Args:
            path: The file.

        Raises:
            InvalidArgumentError: If there is something that is no file.
            OSError: If it cannot be written.
        """
        if Path(path).exists() and not Path(path).is_file():
            raise InvalidArgumentError(f"counts are written to a file; {Path(path)} is something else")
        with replacing(path) as part:
            self._counts.write(part, self._template.description)

    @classmethod
    def load(cls, path: str | PathLike[str], *, mmap: bool = True) -> PretokenCounts:
        """Read a file that :meth:`save` wrote.

        Args:
            path: The file.
            mmap: Whether the file is mapped into memory, which takes no memory of its own; it must then not be changed
                in place while the object is in use.

        Returns:
            The counts.

        Raises:
            OSError: If the file cannot be read.
            VocabularyError: If it is no such file, or cut short or damaged.
        """
        try:
            counts, description = PieceCounts.read(path, mmap)
            template = Template.from_description(description)
        except VocabularyError as error:
            raise VocabularyError(f"{Path(path)}: {error}") from error
        return cls(counts, template, Path(path))

    def __eq__(self, other: object) -> bool:
        """Compare counts and how the text was cut."""
        if not isinstance(other, PretokenCounts):
            return NotImplemented
        same = self._template.description == other._template.description and len(self) == len(other)
        return same and self.total == other.total and self.most_common() == other.most_common()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle pieces and counts, so that they travel between processes."""
        return _restore, (self.most_common(), self._template.description)

    def __repr__(self) -> str:
        """Show the sizes."""
        return f"<{type(self).__name__} of {len(self)} distinct pieces, {self.total} in all>"


def _restore(items: list[tuple[bytes, int]], description: str) -> PretokenCounts:
    """Unpickle counts."""
    return PretokenCounts(PieceCounts.from_items(items), Template.from_description(description))


def count_pretokens(
    texts: Iterable[str | bytes],
    pattern: str | Component | None,
    normalizer: str | Sequence[str] | Component | None = None,
    *,
    digits: Digits | None = None,
    digit_group: int = 3,
    advance: Callable[[int, int], object] | None = None,
) -> PretokenCounts:
    """Count the pieces of texts, on all threads that :func:`tokengrove.set_num_threads` allows.

    Texts are taken from the iterable as they are needed: memory holds some megabytes of text and the distinct pieces.

    Args:
        texts: The texts; each is cut by itself.
        pattern: How text is cut: a name (``"gpt2"``, ``"o200k_base"``, ...), a regular expression in the syntax of
            Hugging Face tokenizers whose matches, and the text between them, are pieces, a pre-tokenizer as
            ``tokenizer.json`` writes it, or None to not cut at all.
        normalizer: What is done before: ``"nfc"``, ``"nfd"``, ``"nfkc"``, ``"nfkd"``, ``"lowercase"``, several of
            them in order, or a component; None leaves text as it is.
        digits: How numbers are cut before the pattern is applied: ``"l2r"`` and ``"r2l"`` in groups from the left or
            the right, ``"single"`` into digits, ``"run"`` not at all; None leaves them to the pattern.
        digit_group: The most digits in a group.
        advance: Called every some megabytes with the number of texts and of bytes done since the call before.

    Returns:
        The counts. The order of the texts, and how they are spread over calls and added up, make no difference.

    Raises:
        InvalidArgumentError: If an option is not one of those named.
        PatternError: If ``pattern`` is not a valid regular expression.
        InvalidTextError: If a text has a lone surrogate, or a regular expression gives up on it.
        TypeError: If ``texts`` is one text, or an item is neither ``str`` nor ``bytes``.
        KeyboardInterrupt: On Ctrl-C.
    """
    template = Template.make(pattern, normalizer, digits, digit_group)
    return PretokenCounts(PieceCounts.count(template.model, texts, advance), template)


def at_least(name: str, value: int, least: int) -> int:
    """Check a whole number.

    Args:
        name: What it is called in messages.
        value: The number.
        least: The smallest allowed.

    Returns:
        The number.

    Raises:
        InvalidArgumentError: If it is smaller.
        TypeError: If it is no whole number.
    """
    number = operator.index(value)
    if number < least:
        raise InvalidArgumentError(f"{name} must be at least {least}; found {number}")
    return number
