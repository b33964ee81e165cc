"""``python -m studio.worker.convert``: a GGUF file, quantised or not, as a float32 safetensors model folder.

Reading a GGUF takes twenty seconds each time, reading safetensors a fraction of one, so it is converted once.
Reads ``{"gguf", "folder"}``; says how far it is.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from studio.errors import AskedWrongly, StudioError
from studio.worker import asked
from studio.worker.asked import Request, Tell

# A fixed sentence whose next token any sane language model finds likelier than nearly all others.
SANE_PROMPT = "The capital of France is"
SANE_LOSS = 8.0
# What transformers reads of GGUF and is no decoder-only model of words.
NOT_DECODERS = {"general", "tokenizer", "t5", "umt5", "mamba"}


def convert(gguf: Path, destination: Path, tell: Tell = lambda part, message: None) -> None:
    """Fill ``destination`` (new, or an empty folder). Raises StudioError when the file is no usable GGUF model."""
    if not gguf.is_file():
        raise AskedWrongly(f"{gguf}: no such file.")
    if destination.exists() and any(destination.iterdir()):
        raise AskedWrongly(f"{destination} is not empty.", "Name a new folder.")
    tell(0.0, "loading torch")
    import gguf as gguf_package
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from studio.worker.compute.loading import be_quiet

    be_quiet()
    # The tokenizer, the configuration and the weights each have the whole file read, which takes seconds every time.
    setattr(gguf_package, "GGUFReader", functools.cache(gguf_package.GGUFReader))  # noqa: B010 - mypy forbids the other
    tell(0.05, "reading the file")
    try:
        _refuse_kind(gguf, gguf_package.GGUFReader(str(gguf)))
        tell(0.1, "reading the tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
        tell(0.35, "reading and de-quantising the weights")
        read = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
    except StudioError:
        raise
    except Exception as error:  # the GGUF reader raises its own kinds of every sort
        raise StudioError(f"{gguf.name} cannot be read as a GGUF model: {error}") from error
    tell(0.8, "checking the weights")
    _refuse_nonsense(gguf, tokenizer, read)
    tell(0.85, "writing safetensors")
    _write(read, destination)
    tokenizer.save_pretrained(destination)
    tell(1.0, "done")


def _refuse_nonsense(gguf: Path, tokenizer: Any, read: Any) -> None:
    import torch

    with torch.no_grad():
        ids = torch.tensor([tokenizer(SANE_PROMPT)["input_ids"]])
        loss = float(read(input_ids=ids, labels=ids).loss)
    if not loss < SANE_LOSS:
        raise StudioError(f"{gguf.name}: the converted weights make no sense (loss {loss:.1f} on a plain sentence).")


def _write(read: Any, destination: Path) -> None:
    """A de-quantised model refuses to be saved; its weights in a fresh model of the same shape do not."""
    import torch
    from transformers import AutoModelForCausalLM

    config = read.config
    del config.quantization_config
    with torch.device("meta"):
        fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    fresh.load_state_dict(read.state_dict(), assign=True)
    fresh.tie_weights()
    fresh.save_pretrained(destination)


def _refuse_kind(gguf: Path, reader: Any) -> None:
    """Raise StudioError, by name, for an architecture or a quantisation that cannot be read, and for part of a file."""
    import numpy
    from gguf.quants import dequantize
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    named = reader.get_field("general.architecture")
    architecture = str(named.contents()) if named else "unknown"
    known = sorted(set(GGUF_SUPPORTED_ARCHITECTURES) - NOT_DECODERS)
    if architecture not in known:
        raise StudioError(
            f"{gguf.name}: a GGUF of architecture {architecture} cannot be used here.", f"Known: {', '.join(known)}."
        )
    parts = reader.get_field("split.count")
    if parts and int(parts.contents()) > 1:
        raise StudioError(
            f"{gguf.name} is one of {int(parts.contents())} parts.", "Join them first: llama-gguf-split --merge"
        )
    for kind, tensor in {tensor.tensor_type: tensor for tensor in reader.tensors}.items():
        try:
            dequantize(numpy.array(tensor.data).reshape(-1, tensor.data.shape[-1])[:1], kind)
        except NotImplementedError as error:
            raise StudioError(
                f"{gguf.name}: {tensor.name} is quantised as {kind.name}, which cannot be read.",
                "Use a file of the same model in Q8_0, Q6_K, Q5_K, Q4_K or F16.",
            ) from error


def answer(request: Request, tell: Tell) -> Request:
    """``convert`` as it is asked."""
    convert(Path(request["gguf"]), Path(request["folder"]), tell)
    return {}


if __name__ == "__main__":
    sys.exit(asked.main(answer))
