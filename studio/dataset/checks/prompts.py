"""Prompts that ask nothing."""

from __future__ import annotations

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import RowCheck, Severity

# What people and programs leave where a text should be. Not "no", "hi" or "7": those can be prompts.
_PLACEHOLDERS = (
    *(
        "n/?a",
        "nan",
        "null",
        "none",
        "nil",
        "undefined",
        "empty",
        "blank",
        "unknown",
        "missing",
        "no (prompt|text|input)",
    ),
    *("test(ing)?( ?[0-9]+)?", "todo", "tbd", "fixme", "x+", "asdf+", "qwerty", "foo", "bar", "foo ?bar"),
    *("lorem ipsum.*", "placeholder", "(prompt|question|instruction|input|text)( here)?", "insert .* here"),
    *("#(n/a|ref|value|name)[!?]?", "[a-z]"),
)
_IS_PLACEHOLDER = rf"(?is)[\s\[\]<>(){{}}\x22'`_*.:-]*({'|'.join(_PLACEHOLDERS)})[\s\[\]<>(){{}}\x22'`_*.:;!?-]*"
# No letter, mark, digit or symbol such as an emoji: only punctuation, signs and spaces, or what cannot be seen.
_HAS_CONTENT = r"[\p{L}\p{N}\p{So}]"
_LONGEST_PLACEHOLDER = 60


_QUOTED = _IS_PLACEHOLDER.replace("'", "''")

TRIVIAL_PROMPT = RowCheck(
    name="trivial_prompt",
    about="Prompts that are a placeholder (n/a, test, TODO) or have no letter, digit or symbol.",
    harms="The completion does not follow from the prompt, so the model learns to say it whatever it is asked.",
    severity=Severity.WARNING,
    version=1,
    # A plain text has no prompt, and needs none.
    where=f"""(length(prompt) <= {_LONGEST_PLACEHOLDER} AND regexp_full_match(prompt, '{_QUOTED}'))
        OR (prompt <> '' AND NOT regexp_matches(prompt, '{_HAS_CONTENT}'))""",
    said="[has|have] a prompt that asks nothing: a placeholder, or only punctuation.",
    bad=(
        *(Candidate(text, "Your parcel is on its way.") for text in ("n/a", "N/A.", "null", "TODO", "test 2", "?")),
        *(
            Candidate(text, "Your parcel is on its way.")
            for text in ("…", "- - -", "<prompt>", "[insert question here]")
        ),
        *(Candidate(text, "Your parcel is on its way.") for text in ("Lorem ipsum dolor sit amet", "xxx", "#N/A", "k")),
    ),
    good=(
        Candidate("Hi", "Hello! How can I help?"),
        Candidate("2+2", "4"),
        Candidate("7", "seven"),
        Candidate("灯坏了", "neutral"),
        Candidate("好", "good"),
        Candidate("👍", "glad"),
        Candidate("How do I test a lamp?", "Plug it in."),
        Candidate("What does null mean?", "No value."),
        Candidate("Does this text ask for a refund? Text: none", "no"),
    ),
)
