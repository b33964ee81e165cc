"""What gave a comparison's answers: dtype, batch, machine and versions, as ``scores.json`` notes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.files import JsonObject

_PLAIN = ("dtype", "cpu", "system", "device", "probe")  # whose values say by themselves what they are


def computed_facts(scores: JsonObject) -> list[tuple[str, str]]:
    """Names and values, to be read; an older comparison noted none or few of them."""
    computed = _object(scores.get("computed"))
    plain = [("dtype", scores.get("dtype"))]
    plain += [(name.replace("_", " "), computed.get(name)) for name in ("batch_size", "threads", "lanes")]
    plain += [(name.replace("_", " "), value) for name, value in _object(computed.get("machine")).items()]
    plain.append(("probe", _object(scores.get("probe")).get("words")))
    return [(name, str(value)) for name, value in plain if value not in (None, "")]


def computed_versions(scores: JsonObject) -> dict[str, str]:
    """The versions of the packages that computed the answers, by name."""
    return {name: str(version) for name, version in _object(_object(scores.get("computed")).get("versions")).items()}


def computed_words(scores: JsonObject) -> str:
    """``bfloat16 · batch size 16 · …`` in a line; empty where nothing was noted."""
    facts = computed_facts(scores)
    versions = [f"{name} {version}" for name, version in computed_versions(scores).items()]
    return " · ".join(
        [
            *(value if name in _PLAIN else f"{name} {value}" for name, value in facts),
            *versions,
        ]
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
