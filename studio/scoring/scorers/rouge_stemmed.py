"""ROUGE-1, ROUGE-2 and ROUGE-L over English stems, as many papers report them."""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import Any

from studio.scoring.scorers.rouge_l import f_of_subsequence
from studio.scoring.scorers.rouge_n import f_of_runs
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import folded, parted_words

_LONGEST_WORD_KEPT = 3  # rouge-score stems longer words only


def _rouge_n_stemmed(prediction: str, reference: str, *, n: int) -> float:
    if folded(prediction) == folded(reference):
        return 1.0
    return f_of_runs(_stems(prediction), _stems(reference), n)


def _rouge_l_stemmed(prediction: str, reference: str) -> float:
    if folded(prediction) == folded(reference):
        return 1.0
    return f_of_subsequence(_stems(prediction), _stems(reference))


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in parted_words(text)]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    return str(_stemmer().stem(word)) if len(word) > _LONGEST_WORD_KEPT else word


@cache
def _stemmer() -> Any:
    from nltk.stem import porter  # a part of rouge-score's own needs

    return porter.PorterStemmer()


_ABOUT = (
    "{} with Porter's stemmer, English only; worked out where studio.toml names it (by the stemmer of rouge-score)."
)

ROUGE_1_STEMMED = Scorer(
    name="rouge_1_stemmed",
    title="R-1 stemmed",
    about=_ABOUT.format("ROUGE-1"),
    is_binary=False,
    score=partial(_rouge_n_stemmed, n=1),
    is_extra=True,
)

ROUGE_2_STEMMED = Scorer(
    name="rouge_2_stemmed",
    title="R-2 stemmed",
    about=_ABOUT.format("ROUGE-2"),
    is_binary=False,
    score=partial(_rouge_n_stemmed, n=2),
    is_extra=True,
)

ROUGE_L_STEMMED = Scorer(
    name="rouge_l_stemmed",
    title="R-L stemmed",
    about=_ABOUT.format("ROUGE-L"),
    is_binary=False,
    score=_rouge_l_stemmed,
    is_extra=True,
)
