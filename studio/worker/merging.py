"""``python -m studio.worker.merging``: a standalone model of base model and adapter, verified once it is written.

Reads ``{"answering", "dtype", "rows", "folder"}`` (``runs/leaving.py``) and fills the folder; says what it found.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel

from studio.errors import StudioError
from studio.runs.arms.answering import Answering
from studio.runs.directory import FrozenRow
from studio.runs.methods import method_named
from studio.tokens.tokenizer import ModelFolder
from studio.worker import asked
from studio.worker.answering import restored
from studio.worker.asked import Request, Tell
from studio.worker.compute.loading import DTYPES, load_model
from studio.worker.likeness import asked_of, shown_by, verified
from studio.worker.methods import adapters, full


def merge(request: Request, tell: Tell) -> Request:
    """Fill ``folder``, an empty one. Raises StudioError where what is in it then does not answer as the run does."""
    answering, dtype, folder = Answering(**request["answering"]), str(request["dtype"]), Path(request["folder"])
    base = ModelFolder(Path(answering.model_path))
    rows = asked_of(base, [FrozenRow(**row) for row in request["rows"]])
    with tempfile.TemporaryDirectory(prefix="studio-") as scratch:
        tell(0.05, "loading base model and adapter")
        tuned = _tuned(restored(answering, Path(scratch) / "result"))
        tell(0.25, "answering as the run does")
        before = shown_by(_plain(tuned), base, rows)
        tell(0.45, "merging")
        merged = _merged(tuned)
    parameters = sum(parameter.numel() for parameter in merged.parameters())
    tell(0.55, f"writing {dtype} safetensors")
    full.save(merged.to(DTYPES[dtype]), folder, base.path)  # type: ignore[arg-type]
    del tuned, merged
    gc.collect()
    tell(0.75, "loading what was written")
    written = load_model(folder, "float32", is_trusted=answering.is_trusted)
    tell(0.85, "comparing logits and answers")
    return asdict(verified(before, shown_by(written, ModelFolder(folder), rows), dtype, parameters))


def _tuned(answering: Answering) -> PreTrainedModel | PeftModel:
    """Float32: the adapter beside its base model, or the model that the run left."""
    tuned_path = Path(answering.tuned_path)
    if method_named(answering.tuned_method).leaves == "model":
        return load_model(tuned_path, "float32")
    base = load_model(Path(answering.model_path), "float32", is_trusted=answering.is_trusted)
    return adapters.load_adapter(base, tuned_path)


def _plain(tuned: PreTrainedModel | PeftModel) -> PreTrainedModel:
    plain = tuned.get_base_model() if isinstance(tuned, PeftModel) else tuned
    assert isinstance(plain, PreTrainedModel)
    return plain


def _merged(tuned: PreTrainedModel | PeftModel) -> PreTrainedModel:
    if not isinstance(tuned, PeftModel):
        return tuned
    try:
        merged = tuned.merge_and_unload(safe_merge=True)
    except ValueError as error:  # NaN in what would be added
        raise StudioError(
            f"the adapter cannot be merged: {error}", "Choose an earlier one: --checkpoint STEP"
        ) from error
    assert isinstance(merged, PreTrainedModel)
    return merged


if __name__ == "__main__":
    sys.exit(asked.main(merge))
