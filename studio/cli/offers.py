"""What can stand at a place of a command line: the verbs, their options, and what exists of what an option takes.

What an argument or an option takes is told by its ``metavar``; ``VALUES`` has what exists of it. Only tasks open the
store, and only where nobody else has it open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from studio.dataset.filters import COLUMNS, FUNCTIONS
from studio.dataset.labels import LABELS, SPLITS
from studio.errors import StudioError
from studio.project import Project
from studio.reports.visible import visible
from studio.runs.arms import ARMS
from studio.runs.directory import naming_of, runs_in
from studio.runs.leaving import ALLOWED
from studio.runs.settings import Spec
from studio.runs.specs import LEARNED_TURNS, OBJECTIVES, SPECS
from studio.templates import READY

SHELLS = ("bash", "zsh", "fish")
SEVERITIES = ("error", "warning", "info")


class Offer(NamedTuple):
    """A word that can stand there, and what it is in a few words."""

    word: str
    about: str = ""


@dataclass(frozen=True)
class Answer:
    """What can stand there: ``offers``, or the ``paths`` that the shell itself knows to complete."""

    offers: tuple[Offer, ...] = ()
    paths: Literal["", "files", "folders"] = ""


@dataclass(frozen=True)
class Place:
    """A value to complete: how it begins, in which project, for which verb."""

    begun: str
    project: Project
    verb: str


Values = Callable[[Place], Iterable[Offer]]


def answer_for(root: Any, words: list[str], begun: str, folder: Path) -> Answer:
    """What can follow ``words`` and goes on from ``begun``; ``root`` is Typer's command, ``folder`` the usual project.

    Words that would steer a terminal, as a task may be called, are not offered.
    """
    answer = _place_of(root, words, folder).answer(begun)
    kept = (offer for offer in answer.offers if offer.word.startswith(begun) and _is_harmless(offer.word))
    return Answer(tuple(Offer(word, visible(about, single_line=True)) for word, about in kept), answer.paths)


def _is_harmless(word: str) -> bool:
    return bool(word) and visible(word, single_line=True) == word


@dataclass
class _Reached:
    """Where the words so far lead: to a verb, behind so many arguments, to an option that waits for its value."""

    command: Any
    folder: Path
    verb: str = ""
    arguments: int = 0
    option: Any = None
    has_ended_options: bool = False
    is_unknown: bool = False

    def take(self, word: str) -> None:
        """Go on by one word."""
        if self.option is not None:
            self._take_value(word)
        elif word == "--" and not self.has_ended_options:
            self.has_ended_options = True
        elif word.startswith("-") and word != "-" and not self.has_ended_options:
            name, equals, value = word.partition("=")
            self.option = _option_named(self.command, name)
            if self.option is None or self.option.is_flag:
                self.option = None
            elif equals:
                self._take_value(value)
        elif hasattr(self.command, "commands"):
            self.command = self.command.commands.get(word)
            self.verb, self.is_unknown = f"{self.verb} {word}".strip(), self.command is None
        else:
            self.arguments += 1

    def _take_value(self, value: str) -> None:
        if "--project" in self.option.opts:
            self.folder = Path(value).expanduser()
        self.option = None

    def answer(self, begun: str) -> Answer:
        """What can stand here."""
        if self.is_unknown:
            return Answer()
        if self.option is not None:
            return self._values(self.option, begun)
        if begun.startswith("-") and begun != "-" and "=" in begun:
            name, _, value = begun.partition("=")
            option = _option_named(self.command, name)
            found = self._values(option, value) if option is not None and not option.is_flag else Answer()
            return Answer(tuple(Offer(f"{name}={word}", about) for word, about in found.offers))
        if begun.startswith("-") and not self.has_ended_options:
            return Answer(tuple(_options(self.command)))
        if hasattr(self.command, "commands"):
            verbs = self.command.commands
            names = self.command.list_commands(None)
            return Answer(tuple(Offer(name, _first_line(verbs[name].help)) for name in names))
        arguments = [one for one in self.command.params if one.param_type_name == "argument"]
        place = min(self.arguments, len(arguments) - 1)
        if place < 0 or (self.arguments > place and arguments[place].nargs == 1):
            return Answer(tuple(_options(self.command)))
        return self._values(arguments[place], begun)

    def _values(self, param: Any, begun: str) -> Answer:
        what = param.metavar or ""
        if what == "FOLDER":
            return Answer(paths="folders")
        if what == "FILE":
            return Answer(paths="files")
        if what == "MODEL" and begun.startswith((".", "/", "~")):
            return Answer(paths="folders")
        try:
            return Answer(tuple(VALUES[what](Place(begun, Project(self.folder), self.verb))) if what in VALUES else ())
        except (StudioError, OSError):  # said by the verb itself, when it is run
            return Answer()


def _place_of(root: Any, words: list[str], folder: Path) -> _Reached:
    reached = _Reached(root, folder)
    for word in words:
        if not reached.is_unknown:
            reached.take(word)
    return reached


def _options(command: Any) -> Iterable[Offer]:
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            yield Offer(max(param.opts, key=len), param.help or "")
    yield Offer("--help", "Show what it does and leave.")


def _option_named(command: Any, name: str) -> Any:
    return next((one for one in command.params if one.param_type_name == "option" and name in one.opts), None)


def _first_line(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


def _of(words: Iterable[str]) -> Values:
    known = tuple(map(Offer, words))
    return lambda place: known


def _list_of(values: Values, key: Callable[[str], str] = lambda word: word.partition(":")[0]) -> Values:
    """Words separated by commas: what stands before the last comma stays, and none with the key of one is offered."""

    def listed(place: Place) -> Iterable[Offer]:
        before, comma, last = place.begun.rpartition(",")
        taken = set(map(key, before.split(",")))
        for word, about in values(Place(last, place.project, place.verb)):
            if key(word) not in taken:
                yield Offer(before + comma + word, about)

    return listed


def _runs(place: Place) -> Iterable[Offer]:
    for directory in runs_in(place.project.runs_path):
        name = naming_of(directory).name
        yield Offer(directory.run_id, name)
        if name:
            yield Offer(name, directory.run_id)


def _models(place: Place) -> Iterable[Offer]:
    from studio.models.catalogue import PACKAGED, models_path

    for path in sorted(models_path().glob("[!.]*")):
        yield Offer(path.name.replace("--", "/"), "here")
    for model in PACKAGED:
        if not (models_path() / model.name).exists():
            yield Offer(model.name, model.about)


def _tasks(place: Place) -> Iterable[Offer]:
    from studio.dataset.peek import tasks_in

    return map(Offer, tasks_in(place.project.store_path))


def _versions(place: Place) -> Iterable[Offer]:
    from studio.dataset.peek import versions_in

    return map(Offer, versions_in(place.project.store_path))


def _or_now(place: Place) -> Iterable[Offer]:
    return [*_versions(place), Offer("now", "the dataset as it is")]


def _checks(place: Place) -> Iterable[Offer]:
    from studio.dataset.checks import CHECKS

    return [Offer(check.name, str(check.severity)) for check in CHECKS]


def _shapes(place: Place) -> Iterable[Offer]:
    from studio.dataset.formats import SHAPES

    return [Offer(shape.word, shape.name) for shape in SHAPES if shape.write]


def _templates(place: Place) -> Iterable[Offer]:

    return [Offer(one.name, one.about) for one in (*place.project.settings().templates.values(), *READY)]


def _row_lists(place: Place) -> Iterable[Offer]:
    from studio.acts.sending_back import WHICH

    return map(Offer, WHICH)


def _arms(place: Place) -> Iterable[Offer]:
    begun = place.begun
    if begun.startswith("tuned:"):
        return [Offer(f"tuned:{offer.word}", offer.about) for offer in _runs(place)]
    if begun.startswith("model:"):
        return [Offer(f"model:{offer.word}", offer.about) for offer in _models(place)]
    if begun.startswith("endpoint:"):
        return [Offer(f"endpoint:{name}") for name in place.project.settings().endpoints]
    return [Offer(f"{kind.name}{_begun_argument(kind.argument)}", kind.about) for kind in ARMS]


def _begun_argument(usage: str) -> str:
    """What of an arm's argument can be written before one knows it: a usual count, or the colon of a name."""
    return ":5" if usage.startswith(":k") else ":" if usage.startswith(":") else ""


def _order(place: Place) -> Iterable[Offer]:
    return [Offer(f"{column}{direction}") for column in COLUMNS for direction in ("", ":desc")]


def _condition(place: Place) -> Iterable[Offer]:
    """The condition with its last word completed to a column or a function."""
    start = len(place.begun)
    while start and (place.begun[start - 1].isalnum() or place.begun[start - 1] == "_"):
        start -= 1
    before, is_in_text = place.begun[:start], place.begun[:start].count("'") % 2 == 1
    if is_in_text:
        return []
    columns = [Offer(before + column, "column") for column in COLUMNS]
    functions = [Offer(f"{before}{name}(", "function") for name in FUNCTIONS]
    return [*columns, *functions] if place.begun[start:] else columns


def _settings(place: Place) -> Iterable[Offer]:
    spec = SPECS[place.verb]
    name, equals, value = place.begun.partition("=")
    if not equals:
        return [Offer(f"{each}=", about) for each, (_, about) in spec.settings().items()]
    if name not in spec.settings():
        return []
    found = _values_of_setting(spec, name)(Place(value, place.project, place.verb))
    return [Offer(f"{name}={word}", about) for word, about in found]


def _values_of_setting(spec: type[Spec], name: str) -> Values:
    if choices := spec.choices(name):
        return _of(choices)
    named = {"base_model": "MODEL", "tasks": "TASKS", "arms": "ARMS", "run_id": "RUN", "where": "SQL"}
    if name in named:
        return VALUES[named[name]]
    if name == "labels":
        return _list_of(_of(one for one in LABELS if one != "reject"))
    return _of([spec.settings()[name][0]])  # its default shows how it is written


VALUES: dict[str, Values] = {
    "ARMS": _list_of(_arms, key=str),
    "DTYPE": _of(ALLOWED),
    "FROM": _of(("base", "continue")),
    "KEY=VALUE": _settings,
    "LABEL": _of(LABELS),
    "LIST": _row_lists,
    "MODEL": _models,
    "NAMES": _list_of(_checks),
    "NEW": _tasks,  # and OLD: names of a task
    "OBJECTIVE": _of(OBJECTIVES),
    "OLD": _tasks,
    "ORDER": _list_of(_order),
    "OTHER": _or_now,
    "RUN": _runs,
    "SEVERITY": _of(SEVERITIES),
    "SHAPE": _shapes,
    "SHELL": _of(SHELLS),
    "SPLIT": _of(name for name in SPLITS if name in ("test", "validation")),
    "SQL": _condition,
    "TASK": _tasks,
    "TURNS": _of(LEARNED_TURNS),
    "TASKS": _list_of(_tasks),
    "TEMPLATE": _templates,
    "VERSION": _versions,
    "WHAT": _of(("prompt", "near", "source")),
    "WHICH": _of(("train", "validation")),
}
