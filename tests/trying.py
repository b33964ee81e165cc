"""Asking the arms of Try in this process: a base model, and beside it what a run made of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.runs.arms.answering import Answering


def request(
    folder: Path, prompt: str = "sky", tuned: Path | None = None, method: str = "", **facts: Any
) -> dict[str, Any]:
    """What the answering process is sent."""
    who = {"base": Answering(str(folder))}
    if tuned is not None:
        who["tuned"] = Answering(str(folder), tuned_path=str(tuned), tuned_method=method)
    messages = [{"role": "user", "content": prompt}]
    fixed = {"id": 1, "dtype": "float32", "max_new_tokens": 6, "temperature": 0, "top_p": 1, "seed": 0}
    arms = [{"arm": arm, "answering": asdict(of), "messages": messages} for arm, of in who.items()]
    return {**fixed, "arms": arms, **facts}
