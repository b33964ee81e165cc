"""The scorers, in the order in which tables show them. A new one is a file here and a line in ``SCORERS``."""

from __future__ import annotations

from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.scorers.token_f1 import TOKEN_F1
from studio.scoring.scorers.valid_json import VALID_JSON

SCORERS: tuple[Scorer, ...] = (
    EXACT_MATCH,
    TOKEN_F1,
    ROUGE_L,
    VALID_JSON,
)
