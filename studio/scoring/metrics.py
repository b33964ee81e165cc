"""Scores of one prediction against its reference, each in 0..1 (None where a scorer does not apply).

exact_match   1 where the answers are the same. A reference that is a JSON object or array is compared as a parsed
              value (key order and spacing do not matter, 1 and 1.0 are equal, true and 1 are not) and the
              prediction must parse as a whole: JSON in a fence or with words around it is wrong. Any other
              reference is compared as text, after Unicode NFC and with runs of whitespace as one space; case and
              punctuation count.
token_f1      Overlap of the two bags of words, as in SQuAD, but without its English article stripping.
rouge_l       F-measure of the longest common subsequence of words, by rouge-score, without stemming.
valid_json    1 where the prediction parses, as a whole, as a JSON object or array; None where the reference is neither.

Words, for token_f1 and rouge_l: runs of letters, marks, digits and ``_`` after NFC and case folding; punctuation
falls away. Scripts written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) count by character.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import Any

SCORERS = ("exact_match", "token_f1", "rouge_l", "valid_json")

# Thai and Lao, Burmese, Khmer, kana, Han, half-width kana: scripts in which a word boundary cannot be seen.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)


@lru_cache(maxsize=16_384)  # the Compare screen asks again for what the summary has scored
def _scored(prediction: str, reference: str) -> tuple[float, float, float, float | None]:
    expected = parse_json(reference)
    if expected is None:
        exact, valid = float(folded(prediction) == folded(reference)), None
    else:
        parsed = parse_json(prediction)
        exact, valid = float(parsed is not None and _is_same(parsed, expected)), float(parsed is not None)
    return exact, token_f1(prediction, reference), rouge_l(prediction, reference), valid


def score_pair(prediction: str, reference: str) -> dict[str, float | None]:
    """Every scorer of ``SCORERS``, in that order; see the module for what each one means."""
    return dict(zip(SCORERS, _scored(prediction, reference), strict=True))


def parse_json(text: str) -> Any | None:
    """The JSON object or array that ``text`` is as a whole (spaces around it allowed), or None."""
    stripped = unicodedata.normalize("NFC", text).strip()
    if not stripped.startswith(("{", "[")):
        return None
    try:
        return json.loads(stripped, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def folded(text: str) -> str:
    """The text in NFC with runs of whitespace as one space and none around it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def words_of(text: str) -> list[str]:
    """The words that token_f1 and rouge_l compare."""
    return _word_pattern().findall(unicodedata.normalize("NFC", text.casefold()))


def token_f1(prediction: str, reference: str) -> float:
    """Harmonic mean of the precision and recall of words, counted with their multiplicity."""
    predicted, expected = words_of(prediction), words_of(reference)
    if not predicted or not expected:
        return float(folded(prediction) == folded(reference))
    shared = (Counter(predicted) & Counter(expected)).total()
    return 2 * shared / (len(predicted) + len(expected))


def rouge_l(prediction: str, reference: str) -> float:
    """ROUGE-L F-measure by rouge-score over ``words_of``, so that every script is counted."""
    if folded(prediction) == folded(reference):
        return 1.0
    return float(_rouge_scorer().score(reference, prediction)["rougeL"].fmeasure)


class _Words:
    """The tokenizer interface of rouge-score; its own one drops every letter that is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return words_of(text)


@cache
def _rouge_scorer() -> Any:
    from rouge_score import rouge_scorer  # 0.6 s: it brings nltk

    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=_Words())


@cache
def _word_pattern() -> re.Pattern[str]:
    # \w has no combining marks, which would break words of Hindi, Arabic and others apart.
    marks = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(f"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[\\w{marks}])+")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_same(a: Any, b: Any) -> bool:
    # Python holds True == 1, JSON does not.
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_is_same(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_is_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)
