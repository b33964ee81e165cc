"""Settings: the fields of a spec that a person sets. One schema for ``--set``, ``--config``, forms and ``spec.json``.

Text is read by one path wherever it comes from, and what ``typed`` gives is read back as the same spec.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import typing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from studio.errors import AskedWrongly
from studio.files import in_short
from studio.runs.places import PLACES


def about(sentence: str, choices: tuple[str, ...] = (), **default: Any) -> Any:
    """A field with its sentence; ``choices`` are all the values it can have, empty where it is free."""
    return field(metadata={"about": sentence, "choices": choices}, **default)


def filled_in(sentence: str, **default: Any) -> Any:
    """A field that the start of a run fills in, whatever a person says."""
    return field(metadata={"about": sentence, "is_filled_in": True}, **default)


@dataclass(frozen=True)
class Spec:
    """Common to every kind of run; ``write_spec`` and ``read_spec`` are the ``spec.json`` format.

    Raises AskedWrongly when made with values that do not go together.
    """

    kind: ClassVar[str]

    base_model: str = about("Base model: a cached name, a local folder or a Hugging Face id.", default="")
    model_path: str = filled_in("Folder of the base model.", default="")
    is_trusted: bool = filled_in(
        "Pickle weights and the model's own code may be used; set by trusted_models.", default=False
    )
    place: str = about(
        f"Where its process lives: {', '.join(f'{place.name} ({place.about})' for place in PLACES)}.",
        choices=tuple(place.name for place in PLACES),
        default=PLACES[0].name,
    )

    def __post_init__(self) -> None:
        for name in self.fields():
            if choices := self.choices(name):
                one_of(name, getattr(self, name), choices)

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, **dataclasses.asdict(self)}, indent=2, ensure_ascii=False)

    @classmethod
    def fields(cls) -> dict[str, str]:
        """Field name → its one-sentence meaning, in order."""
        return {f.name: f.metadata["about"] for f in dataclasses.fields(cls)}

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """All values that the field ``name`` can have; empty where it is free."""
        metadata = next(f.metadata for f in dataclasses.fields(cls) if f.name == name)
        return tuple(metadata.get("choices", ()))

    @classmethod
    def settings(cls) -> dict[str, tuple[str, str]]:
        """Name → (default as it is typed, sentence) of the fields that a person sets, in order."""
        return {f.name: (_typed(f.default), f.metadata["about"]) for f in _settable(cls)}

    def replaced(self, settings: list[str]) -> Self:
        """A copy with each ``key=value`` applied. Raises AskedWrongly for an unknown key or an unreadable value."""
        changes = dict(self._parsed(setting) for setting in settings)
        return dataclasses.replace(self, **changes)

    def typed(self) -> dict[str, str]:
        """Name → value as ``--set`` takes it, of the fields that a person sets."""
        return {f.name: _typed(getattr(self, f.name)) for f in _settable(type(self))}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        known = {f.name for f in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise AskedWrongly(f"unknown setting {in_short(name)!r}.", f"Known: {', '.join(sorted(known))}.")
        hints = typing.get_type_hints(cls)
        return cls(**{name: _coerced(name, value, hints[name]) for name, value in values.items()})

    @classmethod
    def _parsed(cls, setting: str) -> tuple[str, Any]:
        name, equals, text = setting.partition("=")
        name = name.strip()
        hints = typing.get_type_hints(cls)
        known = {f.name for f in _settable(cls)}
        if not equals or name not in known:
            raise AskedWrongly(f"--set {setting}: no such setting.", f"Known: {', '.join(sorted(known))}.")
        return name, _coerced(name, text.strip(), hints[name])


def _settable(kind: type[Spec]) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(kind) if "is_filled_in" not in f.metadata]


def _typed(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, tuple):
        return ",".join(map(_quoted, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def _quoted(item: str) -> str:
    """One item of a list as CSV writes it: a name may have a comma in it."""
    return '"{}"'.format(item.replace('"', '""')) if "," in item or '"' in item else item


# Said here, for csv's own limit is one for the whole process, and reading a CSV file lifts it.
LONGEST_LIST = 100_000


def items_of(name: str, text: str) -> list[str]:
    """The words of a list as it is typed: parted by commas, in double quotes where one has a comma.

    Raises AskedWrongly, naming the setting.
    """
    if len(text) > LONGEST_LIST:
        raise AskedWrongly(f"{name}={in_short(text)}: a list of at most {LONGEST_LIST:,} characters is needed.")
    try:
        return next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:  # a line break, or a word without end
        raise AskedWrongly(
            f"{name}={in_short(text)}: a list on one line is needed.",
            "Part the words by commas; one that has a comma stands in double quotes.",
        ) from None


def _coerced(name: str, value: Any, wanted: Any) -> Any:
    """``value`` as the field's type; text is read, so that command line, TOML and JSON share one path."""
    if typing.get_origin(wanted) is tuple:
        items = items_of(name, value) if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise AskedWrongly(f"{name}={in_short(value)}: a list of words is needed.")
        return tuple(item.strip() for item in items if item.strip())
    if wanted is bool:
        if value in (True, "true", "yes", "1"):
            return True
        if value in (False, "false", "no", "0"):
            return False
        raise AskedWrongly(f"{name}={in_short(value)}: true or false is needed.")
    try:
        if wanted is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise TypeError
        return wanted(value)
    except (TypeError, ValueError, OverflowError):
        word = {"int": "a whole number", "float": "a number", "str": "text"}[wanted.__name__]
        raise AskedWrongly(f"{name}={in_short(value)}: {word} is needed.") from None


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise AskedWrongly(f"{name}={in_short(value)} is not known.", f"Choose one of: {', '.join(allowed)}.")


def at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise AskedWrongly(f"{name}={value} is too small.", f"Use at least {least}.")


def share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise AskedWrongly(f"{name}={value} is not a share.", "Use 0 up to, not including, 1.")
