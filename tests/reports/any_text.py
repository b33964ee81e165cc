"""Text at its worst, for what must hold of any text."""

from __future__ import annotations

from hypothesis import strategies as st

# Any code point at all, lone surrogates too, and more of what breaks columns than chance would bring.
ANY_TEXT = st.text(
    st.one_of(st.characters(exclude_categories=[]), st.sampled_from("漢字e\u0301\u200d\u202e\ufe0f❤👨👍🏽\t\n\x1b["))
)
