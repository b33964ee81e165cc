"""The palette: everything that a screen can do, found by its name or by what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import FuzzySearch

from studio.tui import actions, styles
from studio.tui.actions import Action
from studio.tui.shell import shell_of

# How good a hit is; of two that are as good the one with the shorter label is the likelier.
LABEL_BEGINS, LABEL_HAS, ABOUT_HAS, LABEL_HAS_LETTERS = 4.0, 3.0, 2.0, 1.0
FOUND = "underline"

Places = list[int]


class ActionsProvider(Provider):
    """The actions of the screen under the palette; a hit runs one there."""

    async def discover(self) -> Hits:
        for action in self._actions():
            yield DiscoveryHit(self._shown(action, [], []), partial(self._run, action), text=action.label)

    async def search(self, query: str) -> Hits:
        for action in self._actions():
            score, in_label, in_about = matched(query, action)
            if score:
                shown = self._shown(action, in_label, in_about)
                yield Hit(score, shown, partial(self._run, action), text=action.label)

    def _actions(self) -> Iterator[Action]:
        name = getattr(self.screen, "NAME", "")
        if name in actions.SCREENS:
            own = [action for action in actions.actions_for(name) if action.name not in ("palette", "command")]
            yield from sorted(own, key=lambda action: action.footer or len(own))  # the likeliest first, as in help

    def _shown(self, action: Action, in_label: Places, in_about: Places) -> Content:
        keys = actions.current_keys(action, shell_of(self.app).session.keys).split()[0]
        label, about = Content.styled(action.label, "bold"), Content.styled(action.about, styles.style_of("dim"))
        return Content.assemble(
            _underlined(label, in_label),
            "  ",
            (keys, styles.style_of("key")),
            "\n",
            _underlined(about, in_about),
        )

    def _run(self, action: Action) -> None:
        self.app.call_later(self.app.run_action, action.name, self.screen)


def matched(query: str, action: Action) -> tuple[float, Places, Places]:
    """How well the action answers the query, 0 for not at all; where in its label, and where in what is said of it.

    What is said has to have every word of the query, whole or its beginning; a label only the letters in their order,
    the first of them at the beginning of a word.
    """
    query, label = query.strip().lower(), action.label.lower()
    if not query:
        return 0.0, [], []
    shortness = 1 / (1 + len(label))
    in_about = _words_in(action.about.lower(), query.split())
    if query in label:
        at = label.index(query)
        begins = LABEL_HAS if at else LABEL_BEGINS
        return begins + shortness, list(range(at, at + len(query))), in_about
    if in_about:
        return ABOUT_HAS + shortness, [], in_about
    score, places = FuzzySearch().match(query, label)
    is_found = score > 0 and f" {label}"[places[0]] == " "
    return (LABEL_HAS_LETTERS + shortness if is_found else 0.0), list(places), []


def _words_in(text: str, words: list[str]) -> Places:
    """The places of the words in the text, each at the beginning of a word there; nothing where one is missing."""
    places: Places = []
    for word in words:
        at = 0 if text.startswith(word) else text.find(f" {word}") + 1
        if not at and not text.startswith(word):
            return []
        places += range(at, at + len(word))
    return places


def _underlined(content: Content, places: Places) -> Content:
    for place in places:
        content = content.stylize(FOUND, place, place + 1)
    return content
