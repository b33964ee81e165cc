"""What ``[endpoints.NAME]`` in ``studio.toml`` says of a server that speaks as OpenAI's does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from studio.errors import AskedWrongly

STYLES = ("chat", "completion")
_EXAMPLE = 'url = "http://localhost:11434/v1" and model = "llama3.2"'


@dataclass(frozen=True)
class Endpoint:
    """``url`` is the part before ``/chat/completions``; ``model`` is how the server calls it.

    ``api_key_env`` names the environment variable with the key: the key itself is nowhere else. Prices are of a million
    tokens, in any currency. ``timeout_seconds`` is for one try of one answer; ``retries`` follow a failed one.
    ``context_window`` is in tokens, 0 where it is not known. ``extra`` are fields of every request's body, put over
    those that the studio sends; ``limit_field`` is what the server calls the most tokens of an answer.
    """

    url: str
    model: str
    api_key_env: str = ""
    style: str = "chat"
    price_per_million_input: float | None = None
    price_per_million_output: float | None = None
    concurrency: int = 4
    timeout_seconds: float = 120.0
    retries: int = 4
    context_window: int = 0
    limit_field: str = "max_tokens"
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AskedWrongly(f"url is {self.url!r}.", 'It must begin as "http://localhost:8080/v1" does.')
        if parts.username or parts.password or parts.query:
            raise AskedWrongly("url has a password or a query in it.", "Put the key into a variable: api_key_env.")
        if not self.model:
            raise AskedWrongly("model is empty.", "Name the model as the server does.")
        if self.style not in STYLES:
            raise AskedWrongly(f"style is {self.style!r}.", f"Choose one of: {', '.join(STYLES)}.")
        for name, least in (("concurrency", 1), ("timeout_seconds", 0.01), ("retries", 0), ("context_window", 0)):
            if not getattr(self, name) >= least:
                raise AskedWrongly(f"{name} is {getattr(self, name)}.", f"Use at least {least}.")
        for name in ("price_per_million_input", "price_per_million_output"):
            if (price := getattr(self, name)) is not None and not price >= 0:
                raise AskedWrongly(f"{name} is {price}.", "Use 0 or more, or leave it out.")

    def key(self) -> str:
        """The key, from the environment; empty where none is needed. Raises AskedWrongly where it is not set."""
        if not self.api_key_env:
            return ""
        if key := os.environ.get(self.api_key_env, "").strip():
            return key
        raise AskedWrongly(
            f"the environment variable {self.api_key_env} is not set.", f"export {self.api_key_env}=… and start again."
        )

    def cost(self, prompt_tokens: int, tokens: int) -> float | None:
        """What an answer cost, in the currency of the prices; None where neither has one."""
        prices = (self.price_per_million_input, self.price_per_million_output)
        if prices == (None, None):
            return None
        return (prompt_tokens * (prices[0] or 0.0) + tokens * (prices[1] or 0.0)) / 1_000_000


def endpoint_from(name: str, facts: object) -> Endpoint:
    """The endpoint of that name as TOML or JSON has it. Raises AskedWrongly that names what is wrong."""
    where = f"endpoints.{name}"
    if not isinstance(facts, dict):
        raise AskedWrongly(f"{where} is no table.", f"Write [{where}], and below it {_EXAMPLE}.")
    known = {of.name: of for of in fields(Endpoint)}
    for wrong in facts.keys() - known.keys():
        hint = " The key belongs into the environment: api_key_env names the variable." if "key" in str(wrong) else ""
        raise AskedWrongly(f"{where}.{wrong} is not known.", f"Known: {', '.join(known)}.{hint}")
    for one in ("url", "model"):
        if one not in facts:
            raise AskedWrongly(f"{where} has no {one}.", f"It needs {_EXAMPLE}.")
    for one, value in facts.items():
        if not isinstance(value, _TYPES[str(known[one].type)]) or isinstance(value, bool):
            raise AskedWrongly(f"{where}.{one} is {value!r:.40}.", f"It must be {_WORDS[str(known[one].type)]}.")
    try:
        return Endpoint(**facts)
    except AskedWrongly as error:
        raise AskedWrongly(f"{where}: {error.message}", error.hint) from error


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "Mapping[str, Any]": (dict,),
}
_WORDS = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "float | None": "a number",
    "Mapping[str, Any]": "a table, as { seed = 1 }",
}
