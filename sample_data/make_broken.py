"""Writes the files that are bad on purpose: broken.jsonl, its key broken.md, and windows.csv.

An editor would repair or refuse most of these bytes, so they are spelled out here:
``python sample_data/make_broken.py`` writes the same three files every time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Line(NamedTuple):
    """One line of broken.jsonl without its newline, what it is, and words that the studio's answer to it contains."""

    raw: bytes
    is_fault: bool
    what: str
    answer: str


def _pair(prompt: object, completion: object, **more: object) -> bytes:
    """A prompt/completion line in UTF-8."""
    row = {"prompt": prompt, "completion": completion, "task": "broken", **more}
    return json.dumps(row, ensure_ascii=False).encode("utf-8")


def _chat(*messages: object) -> bytes:
    """A chat-messages line in UTF-8; each message is a (role, content) pair or any other JSON value."""
    turns = [{"role": m[0], "content": m[1]} if isinstance(m, tuple) else m for m in messages]
    return json.dumps({"messages": turns, "task": "broken"}, ensure_ascii=False).encode("utf-8")


def _good(raw: bytes, what: str) -> Line:
    return Line(raw, False, what, "")


def _fault(raw: bytes, what: str, answer: str) -> Line:
    return Line(raw, True, what, answer)


def _not_json() -> list[Line]:
    """Lines on which a JSON reader stumbles."""
    return [
        _fault(b"Dear shop, my lamp is broken.", "plain text", "not JSON"),
        _fault(b'{"prompt": "Is it open?", "completion": "yes"', "the closing brace is missing", "not JSON"),
        _fault(b"{'prompt': 'Is it open?', 'completion': 'yes'}", "Python's quotes", "not JSON"),
        _fault(b'{"prompt": "Is it open?", "completion": "yes",}', "a comma too many", "not JSON"),
        _fault(
            b'{"prompt": "One?", "completion": "1"} {"prompt": "Two?", "completion": "2"}',
            "two objects on one line",
            "not JSON",
        ),
        _fault(b"[" * 3000, "3,000 opening brackets", "JSON"),
        _fault(
            b'{"prompt": "How many?", "completion": ' + b"9" * 5000 + b"}",
            "a number of 5,000 digits",
            "JSON",
        ),
        _fault(
            b'{"prompt": "Raw\x00zero", "completion": "yes"}',
            "a NUL byte in the middle",
            "NUL byte",
        ),
        _fault(b'{"prompt": "caf\xe9", "completion": "yes"}', "Latin-1 bytes", "invalid UTF-8"),
        _fault(b'{"prompt": "\xf0\x9f\x98", "completion": "cut smiley"}', "half of an emoji's bytes", "invalid UTF-8"),
    ]


def _wrong_shapes() -> list[Line]:
    """JSON, but no prompt and completion in it."""
    return [
        _fault(b'["Is it open?", "yes"]', "an array", "is a list; an object"),
        _fault(b'"Is it open?"', "a text alone", "is a text; an object"),
        _fault(b"null", "null", "is null; an object"),
        _fault(b'{"prompt": "Is it open?", "task": "broken"}', "no completion", "completion: is missing"),
        _fault(b'{"completion": "yes", "task": "broken"}', "no prompt", "prompt: is missing"),
        _fault(b"{}", "an empty object", "prompt: is missing"),
        _fault(_pair("Is it open?", None), "completion is null", "completion: is null; text is needed"),
        _fault(_pair("Is it open?", True), "completion is true", "completion: is true"),
        _fault(_pair("Is it open?", ["yes", "no"]), "completion is an array", "completion: is a list; text is needed"),
        _fault(
            _pair("Is it open?", {"answer": "yes"}),
            "completion is an object",
            "completion: is an object; text is needed",
        ),
        _fault(_pair(8812, "an order"), "prompt is a number", "prompt: is a number (8812); text is needed"),
        _fault(_pair({"text": "Is it open?"}, "yes"), "prompt is an object", "prompt: is an object; text is needed"),
        _fault(_pair("Is it open?", "yes", task=7), "task is a number", "task: is a number (7); text is needed"),
    ]


def _empty_texts() -> list[Line]:
    """Texts in which there is nothing to learn, or nothing that may be stored."""
    return [
        _fault(_pair("Is it open?", ""), "empty completion", "completion: is empty"),
        _fault(_pair("Is it open?", " \t  "), "only spaces", "completion: is empty"),
        _fault(_pair("Is it open?", "\u200b\u200b"), "only zero-width spaces", "completion: is empty"),
        _fault(_pair("", "yes"), "empty prompt", "prompt: is empty"),
        _fault(
            rb'{"prompt": "Escaped\u0000zero", "completion": "yes"}',
            r"an escaped NUL, \u0000",
            "prompt: has a NUL byte",
        ),
        _fault(
            rb'{"prompt": "Half a smiley", "completion": "\ud83d"}',
            "a lone surrogate",
            "completion: has half of a surrogate pair",
        ),
    ]


def _chats() -> list[Line]:
    """Conversations, of which two that look odd are none the worse for it."""
    ask, answer = ("user", "Is it open?"), ("assistant", "yes")
    return [
        _fault(_chat(("wizard", "Is it open?"), answer), "an unknown role", "the role 'wizard'"),
        _good(_chat(ask, answer, ("user", "Today?"), answer), "several turns"),
        _fault(_chat(ask), "no answer", "messages: ends with the user: there is no answer to learn"),
        _fault(_chat(answer), "no question", "has the roles assistant; needed: system?, user, assistant"),
        _fault(_chat(), "no messages at all", "needed: system?, user, assistant"),
        _fault(_chat("Is it open?", "yes"), "messages are texts", "message 1 is a text; an object is needed"),
        _fault(
            _chat({"role": "user"}, answer),
            "a message without content",
            "message 1 has as its content null; text is needed",
        ),
        _good(_chat(("user", [{"type": "text", "text": "Is it open?"}]), answer), "content in parts of text"),
        _fault(_chat(ask, ("assistant", "  ")), "an answer of spaces", "messages: message 2 (assistant) is empty"),
        _fault(
            b'{"messages": "Is it open?", "task": "broken"}',
            "messages is a text",
            "messages: is a text; a list of messages is needed",
        ),
    ]


def lines() -> list[Line]:
    """All lines of broken.jsonl in order; the last one has no newline, as after a full disk."""
    escapes = "[bold red]stay plain[/] \x1b[31mnot red\x1b[0m \x1b]0;no title\x07 \x1b[2J\r\b"
    bidi = "Order \u202e2188\u202c is for שלום and \u2067مرحبا\u2069, please"
    separators = "one\u2028two\u2029three\u0085four are still one line"
    clusters = "Tie\u0302\u0301ng Vie\u0323\u0302t, 👩\u200d🔧 and 🇻🇳 cut in the right places"
    system = _chat(("system", "Answer in one word."), ("user", "Is it open?"), ("assistant", "Yes"))
    smiley = rb'{"prompt": "A whole smiley?", "completion": "\ud83d\ude00", "task": "broken"}'
    return [
        _good(_pair("Is this line fine?", "yes"), "a good row"),
        *_not_json(),
        _good(_pair(escapes, "shown, not executed"), "escape sequences and markup"),
        *_wrong_shapes(),
        _good(_pair(bidi, "shown, not obeyed"), "right-to-left text and marks"),
        _good(smiley, "an emoji escaped as a pair of surrogates"),
        *_empty_texts(),
        _good(_pair(separators, "yes"), "U+2028, U+2029 and U+0085 inside a text"),
        *_chats(),
        _good(system, "a conversation with a system message"),
        _good(_pair(clusters, "yes"), "combining marks and joined emoji"),
        _good(_pair("A field nobody knows?", "let it pass", colour="green"), "a field that is not asked for"),
        _fault(b'{"prompt": "The disk was full when this', "cut off in the last line", "not JSON"),
    ]


def key(rows: list[Line]) -> str:
    """broken.md: every line of broken.jsonl with its verdict."""
    head = (
        "# What is wrong in broken.jsonl\n\n"
        "Written by `make_broken.py`, like the file itself. An import has to name every line marked `fault` with its\n"
        "number and the words of the last column, and read every line marked `good` exactly as it stands: shown, not\n"
        "executed.\n\n"
        "| line | verdict | what it is | what the studio says |\n|---:|---|---|---|\n"
    )
    verdicts = ("good", "fault")
    table = [f"| {n} | {verdicts[r.is_fault]} | {r.what} | {r.answer} |\n" for n, r in enumerate(rows, start=1)]
    return head + "".join(table)


def windows_csv() -> bytes:
    """A good CSV as a Windows spreadsheet saves it: byte-order mark, CRLF, quoted line break, doubled quotes."""
    rows = [
        "prompt,completion,task",
        '"Translate to Vietnamese: good morning","Chào buổi sáng",windows',
        '"Two lines:\r\nwhich is the second?","which is the second?",windows',
        '"Say ""hello"", please","hello",windows',
    ]
    return b"\xef\xbb\xbf" + "".join(row + "\r\n" for row in rows).encode("utf-8")


def files() -> dict[str, bytes]:
    """File name → its bytes."""
    rows = lines()
    return {
        "broken.jsonl": b"\n".join(row.raw for row in rows),
        "broken.md": key(rows).encode("utf-8"),
        "windows.csv": windows_csv(),
    }


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
