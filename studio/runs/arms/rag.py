"""The model with what a search finds for each question: rows of the train split, or passages of documents."""

from __future__ import annotations

from collections.abc import Sequence

from studio.runs.arms.arm import ArmKind, Prompting, count_from

# What a model is told, before its question: the passages, the best first, and then the prompt as it is.
BEFORE = "These passages may help. Use what is relevant and ignore the rest.\n\n"
BETWEEN = "\n\n"


def with_passages(prompt: str, passages: Sequence[str]) -> str:
    """The prompt behind its passages, each with its number; the prompt alone where there are none."""
    if not passages:
        return prompt
    numbered = [f"[{number}] {passage}" for number, passage in enumerate(passages, start=1)]
    return f"{BEFORE}{BETWEEN.join(numbered)}{BETWEEN}{prompt}"


def _read(argument: str) -> Prompting:
    count, _, folder = argument.partition(":")
    return Prompting(passages=count_from(count), documents=folder)


RAG = ArmKind(
    "rag",
    "the model with the k passages that BM25 finds: rows of the train split, or, with k:FOLDER, parts of the documents "
    "there (txt, md, html, jsonl)",
    ":k[:FOLDER]",
    prompting=_read,
)
