"""The scorers, in the order in which tables show them. A new one is a file here and a line in ``SCORERS``."""

from __future__ import annotations

from studio.scoring.scorers.bleu import BLEU
from studio.scoring.scorers.chrf import CHRF
from studio.scoring.scorers.closed_set import ACCURACY, MACRO_F1
from studio.scoring.scorers.contains import CONTAINS
from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.exact_match_normalised import EXACT_MATCH_NORMALISED
from studio.scoring.scorers.json_fields import JSON_FIELDS
from studio.scoring.scorers.length_ratio import LENGTH_RATIO
from studio.scoring.scorers.loss import LOSS, PERPLEXITY
from studio.scoring.scorers.number import NUMBER_LAST, NUMBER_MARKED
from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.rouge_lsum import ROUGE_LSUM
from studio.scoring.scorers.rouge_n import ROUGE_1, ROUGE_2
from studio.scoring.scorers.rouge_stemmed import ROUGE_1_STEMMED, ROUGE_2_STEMMED, ROUGE_L_STEMMED
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.scorers.token_f1 import TOKEN_F1
from studio.scoring.scorers.valid_json import VALID_JSON

SCORERS: tuple[Scorer, ...] = (
    EXACT_MATCH,
    EXACT_MATCH_NORMALISED,
    CONTAINS,
    ACCURACY,
    MACRO_F1,
    NUMBER_LAST,
    NUMBER_MARKED,
    TOKEN_F1,
    ROUGE_L,
    ROUGE_1,
    ROUGE_2,
    ROUGE_LSUM,
    ROUGE_1_STEMMED,
    ROUGE_2_STEMMED,
    ROUGE_L_STEMMED,
    BLEU,
    CHRF,
    VALID_JSON,
    JSON_FIELDS,
    LENGTH_RATIO,
    LOSS,
    PERPLEXITY,
)
