"""The command line as each shell has it: what was typed so far, in its quotes, and what is put there in return."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from studio.cli.offers import Answer, Offer

# What bash and a person who reads the line take as it stands; everything else is escaped.
_PLAIN = re.compile(r"[\w./,+%@=:-]", re.ASCII)
_UNQUOTED_BREAKS = " \t\n\"'"


@dataclass
class Typed:
    """``words`` are whole, without their quotes; ``begun`` is the last one, ``quote`` the one that is open in it.

    ``kept`` is how much of ``begun`` stands before the place from which bash puts in anew what it is given.
    """

    words: list[str] = field(default_factory=list)
    begun: str = ""
    quote: str = ""
    kept: int = 0


def typed_in(line: str, breaks: str = "") -> Typed:
    """A command line up to the cursor, its first word (the command) left out; ``breaks`` is COMP_WORDBREAKS."""
    typed = Typed()
    is_in_word = False
    characters = iter(line)
    for character in characters:
        if character == "\\" and typed.quote != "'":
            typed.begun += next(characters, "")
            is_in_word = True
        elif character == typed.quote:
            typed.quote = ""
        elif not typed.quote and character in "\"'":
            typed.quote, typed.kept, is_in_word = character, len(typed.begun), True
        elif not typed.quote and character.isspace():
            if is_in_word:
                typed.words.append(typed.begun)
            typed.begun, typed.kept, is_in_word = "", 0, False
        else:
            typed.begun += character
            is_in_word = True
            if not typed.quote and character in breaks and character not in _UNQUOTED_BREAKS:
                typed.kept = len(typed.begun)
    del typed.words[:1]
    return typed


def lines_for_bash(answer: Answer, typed: Typed) -> Iterable[str]:
    """First what to do, then a line a word, quoted as the line is at this place."""
    yield _what(answer)
    for offer in answer.offers:
        yield _quoted_for_bash(offer.word[typed.kept :], typed.quote)


def lines_with_words(answer: Answer) -> Iterable[str]:
    """First what to do, then a line a word: the word, a tab, what it is. zsh and fish quote by themselves."""
    yield _what(answer)
    for offer in answer.offers:
        yield f"{offer.word}\t{offer.about}"


def _what(answer: Answer) -> str:
    """``files``, ``folders``, ``words``, or ``open`` where a word is put in without a space behind it."""
    return answer.paths or ("open" if any(map(_goes_on, answer.offers)) else "words")


def _goes_on(offer: Offer) -> bool:
    return offer.word.endswith(("=", "("))


def _quoted_for_bash(word: str, quote: str) -> str:
    if quote == "'":
        return word.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r'([\\"$`])', r"\\\1", word).replace("!", "\"'!'\"")
    return "".join(one if _PLAIN.match(one) or not one.isascii() else f"\\{one}" for one in word)
