"""The text that the default model is trained on: fetched copies of public repositories, checked and cleaned.

`default_model_sources.json` lists the sources: repository, commit, paths, and the SHA-256 of the files' bytes one after
another. Clone each repository to `FOLDER/OWNER/NAME` (a bare clone will do):

    python tools/default_model_text.py --clone FOLDER     # git clone --bare, one by one, from GitHub
    python tools/default_model_text.py FOLDER             # checks every file and counts what is left after cleaning

A document is a story or a chapter. Books become plain paragraphs: no headings, no illustrations, no licence texts, no
verse set apart, lines joined, typographic quotation marks and dashes as on a typewriter. The last documents of every
source are held out: they are never trained on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).with_name("default_model_sources.json")
HELD_OUT = 0.02
"""The part of each source, in characters, that is held out."""

TYPEWRITER = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "ʼ": "'",
        "—": "--",
        "–": "-",
        "…": "...",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{NO-BREAK SPACE}": " ",
        "\N{HAIR SPACE}": " ",
        "\N{WORD JOINER}": None,
        "\N{ZERO WIDTH NO-BREAK SPACE}": None,
        "\N{ZERO WIDTH SPACE}": None,
    }
)


class TextError(Exception):
    """A source is missing or is not the one that the list names."""


@dataclass(frozen=True)
class Source:
    """One entry of the list.

    Attributes:
        group: `stories` or `books`.
        title: What the text is.
        author: Who wrote it.
        licence: Under which terms it may be used.
        repository: `OWNER/NAME` on GitHub.
        commit: The commit that is read, 40 hexadecimal digits.
        format: A key of `READERS`.
        paths: The files, in reading order.
        bytes: Their size, all together.
        sha256: The digest of their bytes, one file after another.
    """

    group: str
    title: str
    author: str
    licence: str
    repository: str
    commit: str
    format: str
    paths: tuple[str, ...]
    bytes: int
    sha256: str


class Text(NamedTuple):
    """The documents of one source, cleaned.

    Attributes:
        source: Where they come from.
        train: The documents to train on.
        held_out: The documents kept back.
    """

    source: Source
    train: list[str]
    held_out: list[str]


def sources() -> list[Source]:
    """Read the list of sources."""
    entries = json.loads(SOURCES.read_text(encoding="utf-8"))
    return [Source(**{**entry, "paths": tuple(entry["paths"])}) for entry in entries]


# --- cleaning ---------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """One paragraph on one line, with the characters of a typewriter."""
    text = " ".join(text.translate(TYPEWRITER).split())
    text = re.sub(r"_([^_]*)_", r"\1", text)
    text = re.sub(r"\[(?:Illustration|Footnote|\d+|[A-Z])[^\]]*\]", "", text)
    return re.sub(r" {2,}", " ", text).strip()


def is_prose(paragraph: str) -> bool:
    """Whether a paragraph is a sentence or more, and neither a heading nor a note of the editor."""
    return (
        any(letter.islower() for letter in paragraph) and paragraph[-1] in ".!?'\":;,-" and paragraph[0] not in "[*<(+|"
    )


def stories_json(files: list[str]) -> Iterator[str]:
    """A JSON list of stories."""
    for file in files:
        for story in json.loads(file):
            yield "\n\n".join(filter(None, map(plain, story.split("\n"))))


def stories_marked(files: list[str]) -> Iterator[str]:
    """Stories with `<|endoftext|>` after each; the last one is cut off and left out."""
    for file in files:
        for story in file.split("<|endoftext|>")[:-1]:
            yield "\n\n".join(filter(None, map(plain, story.split("\n"))))


def stories_unmarked(files: list[str]) -> Iterator[str]:
    """Stories without a mark between them: one begins where a paragraph begins as most of them do."""
    opening = re.compile(
        r"Once upon a time|Once,? there|One day,? (?:a|there)|There (?:once )?was (?:once )?a |Long ago"
    )
    for file in files:
        story: list[str] = []
        for paragraph in filter(None, map(plain, file.split("\n"))):
            if opening.match(paragraph) and story:
                yield "\n\n".join(story)
                story = []
            story.append(paragraph)
        yield "\n\n".join(story)


def gutenberg(files: list[str]) -> Iterator[str]:
    """A plain text of Project Gutenberg: what lies between its header and its licence, cut at the headings."""
    for file in files:
        text = file.replace("\r\n", "\n")
        start = re.search(r"^\*(?:\*\* ?START OF TH|END THE SMALL PRINT)[^\n]*\*[^\n]*$", text, re.MULTILINE)
        end = re.search(r"^(?:End of (?:the |this )?Project Gutenberg|\*\*\* ?END OF TH)", text, re.MULTILINE | re.I)
        if start is None or end is None:
            raise TextError("a Project Gutenberg text without its start and end marks")
        document: list[str] = []
        for block in re.split(r"\n{2,}", text[start.end() : end.start()]):
            lines = block.strip("\n").split("\n")
            if all(line.startswith("  ") or not line.strip() for line in lines):
                continue  # contents, verse, captions
            paragraph = plain(block)
            if paragraph and is_prose(paragraph):
                document.append(paragraph)
            elif document and re.search(r"[A-Za-z]", paragraph) and not paragraph.startswith("["):
                yield "\n\n".join(document)
                document = []
        yield "\n\n".join(document)


class Chapter(HTMLParser):
    """Collects the paragraphs of a Standard Ebooks file; a heading ends a document."""

    SKIPPED = frozenset({"h1", "h2", "h3", "h4", "hgroup", "header", "figure", "title", "table"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.documents: list[list[str]] = [[]]
        self.paragraph: list[str] | None = None
        self.skipping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a paragraph, or skips headings, notes and pictures."""
        if tag in self.SKIPPED or "noteref" in (dict(attrs).get("epub:type") or ""):
            if not self.skipping and tag in {"h2", "h3", "hgroup"} and self.documents[-1]:
                self.documents.append([])
            self.skipping.append(tag)
        elif tag == "p" and not self.skipping:
            self.paragraph = []
        elif tag == "br" and self.paragraph is not None:
            self.paragraph.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """Closes what was opened."""
        if self.skipping and tag == self.skipping[-1]:
            self.skipping.pop()
        elif tag == "p" and self.paragraph is not None:
            paragraph = plain("".join(self.paragraph))
            if paragraph and is_prose(paragraph):
                self.documents[-1].append(paragraph)
            self.paragraph = None

    def handle_data(self, data: str) -> None:
        """Adds to the open paragraph."""
        if self.paragraph is not None and not self.skipping:
            self.paragraph.append(data)


def standard_ebooks(files: list[str]) -> Iterator[str]:
    """The XHTML files of a Standard Ebooks edition."""
    for file in files:
        chapter = Chapter()
        chapter.feed(file)
        yield from ("\n\n".join(document) for document in chapter.documents)


READERS: dict[str, Callable[[list[str]], Iterator[str]]] = {
    "story-json": stories_json,
    "stories-marked": stories_marked,
    "stories-unmarked": stories_unmarked,
    "gutenberg": gutenberg,
    "standard-ebooks": standard_ebooks,
}


# --- reading ----------------------------------------------------------------------------------------------------------


def git(repository: Path, *arguments: str) -> bytes:
    """What a git command prints."""
    result = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=False)
    if result.returncode:
        raise TextError(f"git {' '.join(arguments)} in {repository}: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8, or Latin-1 for the old files of Project Gutenberg."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read(source: Source, folder: Path) -> Text:
    """Read, check, clean and split one source.

    Args:
        source: The entry of the list.
        folder: Where the clones are, as `OWNER/NAME`.

    Returns:
        Its documents. The same bytes give the same documents.

    Raises:
        TextError: If a file is missing or the digest is another one.
    """
    files = [git(folder / source.repository, "show", f"{source.commit}:{path}") for path in source.paths]
    digest = hashlib.sha256(b"".join(files)).hexdigest()
    if digest != source.sha256:
        raise TextError(f"{source.repository}: SHA-256 of the files is {digest}, not {source.sha256}")
    documents = [text for text in READERS[source.format](list(map(decoded, files))) if len(text) >= 200]
    left = int(sum(map(len, documents)) * HELD_OUT)
    first = len(documents)
    while left > 0:
        first -= 1
        left -= len(documents[first])
    # One document more than the quota would take a whole chapter of a short book, so the last one is cut in two.
    if left < 0 and -left > len(documents[first]) // 4:
        head, _, tail = documents[first].partition("\n\n")
        while len(head) < -left and tail:
            paragraph, _, tail = tail.partition("\n\n")
            head += "\n\n" + paragraph
        kept = [tail] if tail else []
        return Text(source, [*documents[:first], head], [*kept, *documents[first + 1 :]])
    return Text(source, documents[:first], documents[first:])


def read_all(folder: Path) -> list[Text]:
    """Read every source; a document that occurred before is left out.

    Args:
        folder: Where the clones are, as `OWNER/NAME`.

    Returns:
        The texts, in the order of the list.

    Raises:
        TextError: If a source is missing or another one.
    """
    texts = [read(source, folder) for source in sources()]
    seen = {document for text in texts for document in text.held_out}
    result = []
    for text in texts:
        train = []
        for document in text.train:
            if document not in seen:
                seen.add(document)
                train.append(document)
        result.append(Text(text.source, train, text.held_out))
    return result


def clone(folder: Path) -> None:
    """Clone every repository that is not there yet, without its large history where the server allows it."""
    for repository in dict.fromkeys(source.repository for source in sources()):
        target = folder / repository
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            url = f"https://github.com/{repository}"
            subprocess.run(["git", "clone", "--bare", "--quiet", url, str(target)], check=True)


def main(arguments: list[str] | None = None) -> int:
    """Check the sources and print how much text each gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the clones are, as OWNER/NAME")
    parser.add_argument("--clone", action="store_true", help="clone what is missing first")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/default_model.md")
    options = parser.parse_args(arguments)
    if options.clone:
        clone(options.folder)
    try:
        texts = read_all(options.folder)
    except TextError as error:
        print(error, file=sys.stderr)
        return 1
    for text in texts:
        train, held_out = (sum(len(document.encode()) for document in part) for part in (text.train, text.held_out))
        source = text.source
        if options.markdown:
            row = [
                f"*{source.title}*",
                source.author,
                f"`{source.repository}` at `{source.commit[:12]}`",
                f"{train + held_out:,}",
                source.licence,
            ]
            print("| " + " | ".join(row) + " |")
        else:
            print(f"{train:>10,} {held_out:>8,} {len(text.train):>6,}  {source.title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
