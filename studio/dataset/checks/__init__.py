"""Checks of the data: each is a value in the tuple here, a family of them is a file."""

from __future__ import annotations

from studio.dataset.checks.check import Check
from studio.dataset.checks.completions import (
    CAPPED_COMPLETIONS,
    EDGE_SPACE,
    EMPTY_COMPLETION,
    INCONSISTENT_ENDING,
    TRUNCATED_COMPLETION,
)
from studio.dataset.checks.copies import ANSWER_IN_PROMPT, COMPLETION_IS_PROMPT, PROMPT_IN_COMPLETION
from studio.dataset.checks.duplicates import CONTRADICTORY_DUPLICATES, EXACT_DUPLICATES
from studio.dataset.checks.labels import CLASS_IMBALANCE, LABEL_DRIFT, ORDER_EFFECTS, TOO_FEW_ROWS
from studio.dataset.checks.leakage import LEAKAGE
from studio.dataset.checks.near import NEAR_CONTRADICTIONS, NEAR_DUPLICATES, NEAR_LEAKAGE
from studio.dataset.checks.origins import NO_SOURCE, PROBABLE_LABEL_ERROR, STALE_COUNTS, UNREVIEWED
from studio.dataset.checks.private import PERSONAL_DATA, SECRETS
from studio.dataset.checks.prompts import TRIVIAL_PROMPT
from studio.dataset.checks.residue import (
    HTML_RESIDUE,
    INVISIBLE_CHARACTERS,
    META_RESIDUE,
    MOJIBAKE,
    REFUSALS,
    TEMPLATE_TOKENS,
    UNFILLED_PLACEHOLDER,
)
from studio.dataset.checks.spread import (
    BOILERPLATE_COMPLETION,
    LENGTH_OUTLIERS,
    NOTHING_LEFT,
    OVER_LENGTH,
    SHARED_BEGINNING,
    TOKENS_PER_CHARACTER,
)
from studio.dataset.checks.structure import BROKEN_STRUCTURE, FORMAT_DRIFT, UNREAD_CHAT
from studio.dataset.checks.wording import LANGUAGE_MISMATCH, LOW_INFORMATION, REPETITION, UNGROUNDED_ANSWER

CHECKS: tuple[Check, ...] = (
    UNREAD_CHAT,
    EMPTY_COMPLETION,
    LEAKAGE,
    NEAR_LEAKAGE,
    SECRETS,
    TEMPLATE_TOKENS,
    TRIVIAL_PROMPT,
    COMPLETION_IS_PROMPT,
    PROMPT_IN_COMPLETION,
    ANSWER_IN_PROMPT,
    TRUNCATED_COMPLETION,
    CAPPED_COMPLETIONS,
    INCONSISTENT_ENDING,
    OVER_LENGTH,
    NOTHING_LEFT,
    EXACT_DUPLICATES,
    CONTRADICTORY_DUPLICATES,
    NEAR_DUPLICATES,
    NEAR_CONTRADICTIONS,
    BOILERPLATE_COMPLETION,
    LANGUAGE_MISMATCH,
    PERSONAL_DATA,
    MOJIBAKE,
    HTML_RESIDUE,
    UNFILLED_PLACEHOLDER,
    REFUSALS,
    META_RESIDUE,
    REPETITION,
    LOW_INFORMATION,
    BROKEN_STRUCTURE,
    LABEL_DRIFT,
    FORMAT_DRIFT,
    UNGROUNDED_ANSWER,
    PROBABLE_LABEL_ERROR,
    UNREVIEWED,
    STALE_COUNTS,
    LENGTH_OUTLIERS,
    TOKENS_PER_CHARACTER,
    INVISIBLE_CHARACTERS,
    EDGE_SPACE,
    SHARED_BEGINNING,
    CLASS_IMBALANCE,
    TOO_FEW_ROWS,
    ORDER_EFFECTS,
    NO_SOURCE,
)
