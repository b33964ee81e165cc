"""A server that speaks as OpenAI's does."""

from __future__ import annotations

from studio.runs.arms.arm import AnsweredBy, ArmKind

ENDPOINT = ArmKind(
    "endpoint",
    "a server that speaks as OpenAI's does: vLLM, Ollama, llama.cpp, hosted; [endpoints.NAME] in studio.toml",
    ":NAME",
    answered_by=lambda name: AnsweredBy("endpoint", name),
)
