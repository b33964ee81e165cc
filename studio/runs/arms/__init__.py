"""The arms of a comparison: ways of letting a model answer the same rows. ``ARMS`` has every kind."""

from __future__ import annotations

from studio.errors import AskedWrongly
from studio.runs.arms.arm import Arm, ArmKind
from studio.runs.arms.endpoint import ENDPOINT
from studio.runs.arms.few_shot import FEW_SHOT, ONE_SHOT
from studio.runs.arms.model import MODEL
from studio.runs.arms.rag import RAG
from studio.runs.arms.tuned import TUNED
from studio.runs.arms.zero_shot import ZERO_SHOT

ARMS: tuple[ArmKind, ...] = (ZERO_SHOT, ONE_SHOT, FEW_SHOT, RAG, TUNED, MODEL, ENDPOINT)


def arm_from(text: str) -> Arm:
    """The arm that ``text`` names, such as ``few_shot:5`` or ``tuned+few_shot:5``.

    Raises AskedWrongly for what is none.
    """
    who, how = _parted(text)
    by, prompting = _kind_and_argument(who, text), _kind_and_argument(how, text)
    try:
        return Arm(text, by[0].answered_by(by[1]), prompting[0].prompting(prompting[1]))
    except ValueError as error:
        kind = by[0] if who == text else prompting[0]
        raise AskedWrongly(f"arm {text!r}: {error}.", f"It is written {kind.usage}: {kind.about}.") from error


def usage() -> str:
    """Every kind as it is written: ``zero_shot, one_shot, few_shot:k, …``."""
    return ", ".join(kind.usage for kind in ARMS)


def _parted(text: str) -> tuple[str, str]:
    """Who answers and how it is asked: ``tuned+few_shot:5`` says both, any other arm is the same kind for both.

    A plus in the name of a run or a folder is no joint: behind a joint stands the name of a kind.
    """
    for place in (place for place, letter in enumerate(text) if letter == "+"):
        who, how = _kind_of(text[:place]), _kind_of(text[place + 1 :])
        if who and how and who.says_who and not how.says_who:
            return text[:place], text[place + 1 :]
    return text, text


def _kind_of(part: str) -> ArmKind | None:
    return next((kind for kind in ARMS if kind.name == part.partition(":")[0]), None)


def _kind_and_argument(part: str, text: str) -> tuple[ArmKind, str]:
    kind, (_, colon, argument) = _kind_of(part), part.partition(":")
    if kind is None:
        raise AskedWrongly(f"unknown arm {text!r}.", f"Arms: {usage()}.")
    how = f"It is written {kind.usage}: {kind.about}."
    if colon and not kind.argument:
        raise AskedWrongly(f"arm {text!r}: nothing can follow {kind.name}.", how)
    if not argument and (colon or kind.argument.startswith(":")):
        raise AskedWrongly(f"arm {text!r}: what follows {kind.name} is missing.", how)
    return kind, argument
