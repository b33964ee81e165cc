"""What counts as the same text. The only place where texts are normalised and hashed.

Letters are compared composed: Unicode Normalization Form C (Unicode Standard Annex #15), so that a Vietnamese letter
is the same whether it was written as one character or as a letter with marks.

- A *pair* is the same when prompt, completion, system and earlier turns are equal after that, with CRLF read as LF,
  and without white space around them. Case and inner spaces matter: a pair may be code or JSON. Its task is no part of
  it: a model never sees the task, so the same texts under two tasks teach the same thing twice.
- A *prompt* is the same when it is equal after that, in lower case, with every run of white space folded into one
  space and none around it. Rows whose prompts differ in less than that must not stand on both sides of a split. The
  earlier turns are part of a prompt: "Yes, please." asks something else in another conversation. Plain texts, which
  nothing asks for, are told apart by themselves.

Lower case is ``str.lower``, not ``str.casefold``: folding would also make "Maße" and "Masse" one prompt, which are two
questions. And hashes are stored, and splits are drawn from them: another rule would move rows between train and test.

Hashes are MD5 as 32 hex digits: for telling apart, not for secrecy.
"""

from __future__ import annotations

import hashlib
import unicodedata

from studio.turns import turns_in


def pair_hash(prompt: str, completion: str, system: str, context: str = "") -> str:
    """32 hex digits, equal for pairs that count as duplicates; ``context`` as ``studio.turns`` keeps it."""
    # NUL, which no stored text has, keeps ("ab", "c") apart from ("a", "bc"). Who said a turn follows from its place.
    return _md5("\0".join(map(_exact, (prompt, completion, system, *_said(context)))))


def prompt_hash(prompt: str, context: str = "", completion: str = "") -> str:
    """32 hex digits, equal for prompts that must lie in one split; ``context`` as ``studio.turns`` keeps it.

    A plain text has no prompt: then ``completion``, the text, stands for it.
    """
    return _md5("\0".join(map(folded, (prompt or completion, *_said(context)))))


def folded_hash(text: str) -> str:
    """32 hex digits, equal for texts that are equal by the rule for prompts."""
    return _md5(folded(text))


def writings(text: str) -> list[str]:
    """The ways in which a stored text may have written the letters of ``text``: as given, composed, decomposed."""
    return sorted({unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {text})


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _said(context: str) -> list[str]:
    return [turn.text for turn in turns_in(context)] if context else []


def folded(text: str) -> str:
    """The text by the rule for prompts: composed, in lower case, every run of white space one space."""
    return " ".join(_composed(text).lower().split())


def _exact(text: str) -> str:
    return _composed(text).replace("\r\n", "\n").strip()


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def storable(name: str) -> str:
    """A name of a file or an account as the store can hold it: what in it is no UTF-8 becomes ``�``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
