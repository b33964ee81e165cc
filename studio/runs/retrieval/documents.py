"""A folder of documents in passages: text, Markdown, HTML, and JSON objects a line. What cannot be read is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import in_short, open_private, open_regular, read_json_lines, why_not
from studio.runs.retrieval.words import stretches

MOST_FILE_BYTES = 20 << 20
MOST_BYTES = 200 << 20
MOST_FILES = 20_000
_LOOKED_AT_BYTES = 8192  # a zero byte among them is no text's
_TEXT_FIELDS = ("text", "content", "body", "passage")


@dataclass(frozen=True)
class Passage:
    """A stretch of a document; ``source`` is the file, below the folder, and the number of the passage in it."""

    source: str
    text: str


@dataclass
class Documents:
    """Passages in the order of their files; ``skipped`` says of each file that was not read why."""

    passages: list[Passage] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_documents(folder: Path, words: int, overlap: int) -> Documents:
    """Every document below ``folder`` in passages of ``words`` words that overlap by ``overlap``.

    Raises AskedWrongly where there is no such folder, or nothing in it can be read, with the reasons.
    """
    if not folder.is_dir():
        raise AskedWrongly(f"{folder}: there is no such folder.", "Name a folder of .txt, .md, .html or .jsonl files.")
    found, bytes_read = Documents(), 0
    for number, path in enumerate(_files_below(folder)):
        name = path.relative_to(folder).as_posix()
        if number >= MOST_FILES:
            found.skipped.append(f"all behind {name}: more than {MOST_FILES:,} files")
            break
        try:
            texts = _texts_of(path, folder, MOST_BYTES - bytes_read)
        except (OSError, ValueError) as error:
            found.skipped.append(f"{name}: {why_not(error) if isinstance(error, OSError) else error}")
            continue
        bytes_read += sum(map(len, texts))
        parts = [part for text in texts for part in stretches(text, words, overlap)]
        found.passages += [Passage(f"{name}:{place}", part) for place, part in enumerate(parts, start=1)]
    if not found.passages:
        why = f"{'; '.join(found.skipped[:5])}." if found.skipped else "It is empty."
        raise AskedWrongly(f"{folder}: no document in it can be read.", why)
    return found


def write_documents(path: Path, documents: Documents) -> None:
    """Freeze what was read: a passage or a skipped file a line. Raises OSError."""
    with open(path, "w", encoding="utf-8", errors="replace", opener=open_private) as file:
        for passage in documents.passages:
            file.write(json.dumps({"source": passage.source, "text": passage.text}, ensure_ascii=False) + "\n")
        for reason in documents.skipped:
            file.write(json.dumps({"skipped": reason}, ensure_ascii=False) + "\n")


def read_frozen_documents(path: Path) -> Documents:
    """What ``write_documents`` wrote. Raises StudioError where it is not there or damaged."""
    lines, _ = read_json_lines(path)
    try:
        return Documents(
            [Passage(str(line["source"]), str(line["text"])) for line in lines if "skipped" not in line],
            [str(line["skipped"]) for line in lines if "skipped" in line],
        )
    except KeyError as error:
        raise StudioError(f"{path} is damaged: a passage lacks {error}.", "Start the comparison anew.") from error


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file and every link, also one to a folder; what is hidden is passed over."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [name for name in folders if Path(root, name).is_symlink()]  # into which the walk does not go
        yield from (Path(root, name) for name in sorted([*names, *linked]) if not name.startswith("."))


def _texts_of(path: Path, folder: Path, room: int) -> list[str]:
    """The document, or each record of it. Raises OSError or ValueError with the reason why it is not taken."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError("a link that leads out of the folder")
    if path.is_dir():
        raise ValueError("a link to a folder")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"not one of {' '.join(_READERS)}")
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_FILE_BYTES:
            raise ValueError(f"{size >> 20} MB, more than {MOST_FILE_BYTES >> 20}")
        if size > room:
            raise ValueError(f"the folder has more than {MOST_BYTES >> 20} MB")
        content = file.read(MOST_FILE_BYTES)
    if b"\0" in content[:_LOOKED_AT_BYTES]:
        raise ValueError("no text")
    try:
        return read(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


class _Text(HTMLParser):
    """The text of a page, without scripts and styles; what stands on lines of its own does so here."""

    _OF_NO_TEXT = ("script", "style", "template", "noscript")
    _LINES = ("p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "pre")

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += tag in self._OF_NO_TEXT
        if tag in self._LINES:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._depth = max(0, self._depth - (tag in self._OF_NO_TEXT))

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.parts.append(data)


def _of_html(text: str) -> list[str]:
    page = _Text()
    page.feed(text)
    page.close()
    return ["".join(page.parts)]


def _of_jsonl(text: str) -> list[str]:
    """A record a line: its text, or else all its texts. Raises ValueError, naming the line, for what is no object."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"line {number} is not JSON") from None
        if not isinstance(record, dict):
            raise ValueError(f"line {number} holds no object but {in_short(record)}")
        named = [record[name] for name in _TEXT_FIELDS if isinstance(record.get(name), str)][:1]
        found.append("\n".join(named or [value for value in record.values() if isinstance(value, str)]))
    return found


_READERS: dict[str, Callable[[str], list[str]]] = {
    ".txt": lambda text: [text],
    ".md": lambda text: [text],
    ".html": _of_html,
    ".htm": _of_html,
    ".jsonl": _of_jsonl,
}
