"""Who answers for each arm, as it was found when the comparison started: ``arms.json`` of its directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from studio.endpoints.settings import Endpoint
from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject, read_json_object, write_whole
from studio.runs.arms.arm import Arm
from studio.runs.directory import RunDirectory
from studio.runs.specs import CompareSpec


@dataclass(frozen=True)
class Answering:
    """An ``endpoint``, or a model folder; where what a run made answers, the folder of that and the run's method too.

    ``is_checkpoint``: ``tuned_path`` is not what the run left but one of its checkpoints.
    """

    model_path: str = ""
    is_trusted: bool = False
    tuned_path: str = ""
    tuned_method: str = ""
    is_checkpoint: bool = False
    endpoint: Endpoint | None = None


def write_answering(directory: RunDirectory, found: Mapping[str, Answering]) -> None:
    """Write ``arms.json``: by the text of each arm who answers. Raises OSError."""
    facts = {text: asdict(answering) for text, answering in found.items()}
    write_whole(directory.arms_path, json.dumps(facts, indent=1, ensure_ascii=False))


def read_answering(directory: RunDirectory, spec: CompareSpec) -> dict[str, Answering]:
    """Who answers for each arm of the spec, by its text; an older studio's comparison says it in its spec.

    Raises StudioError where the file is damaged.
    """
    try:
        facts = read_json_object(directory.arms_path)
    except FileNotFoundError:
        return {arm.text: _by_spec(arm, spec) for arm in spec.parsed_arms}
    try:
        return {text: _from(facts[text]) for text in spec.arms}
    except (KeyError, TypeError, AskedWrongly) as error:
        raise StudioError(f"{directory.arms_path} is damaged: {error}.", "Start the comparison anew.") from error


def _from(facts: JsonObject) -> Answering:
    endpoint = facts.get("endpoint")
    return Answering(**{**facts, "endpoint": Endpoint(**endpoint) if endpoint else None})


def _by_spec(arm: Arm, spec: CompareSpec) -> Answering:
    tuned = (spec.tuned_path, spec.tuned_method) if arm.is_tuned else ("", "")
    return Answering(spec.model_path, spec.is_trusted, *tuned)
