"""``python -m studio.worker.convert GGUF_FILE DEST_FOLDER``: a quantised GGUF as a float32 safetensors model folder.

Reading a GGUF takes twenty seconds each time, reading safetensors a fraction of one, so it is converted once.
Says how far it is as JSON lines on stdout.
"""

from __future__ import annotations

import functools
import json
import sys
import traceback
from pathlib import Path

from studio.errors import AskedWrongly, StudioError

# A fixed sentence whose next token any sane language model finds likelier than nearly all others.
SANE_PROMPT = "The capital of France is"
SANE_LOSS = 8.0


def convert(gguf: Path, destination: Path) -> None:
    """Fill ``destination`` (new, or an empty folder). Raises StudioError when the file is no usable GGUF model."""
    if not gguf.is_file():
        raise AskedWrongly(f"{gguf}: no such file.")
    if destination.exists() and any(destination.iterdir()):
        raise AskedWrongly(f"{destination} is not empty.", "Name a new folder.")
    _tell(0.0, "loading torch")
    import gguf as gguf_package
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from studio.worker.compute.loading import be_quiet

    be_quiet()
    # The tokenizer, the configuration and the weights each have the whole file read, which takes seconds every time.
    setattr(gguf_package, "GGUFReader", functools.cache(gguf_package.GGUFReader))  # noqa: B010 - mypy forbids the other
    try:
        _tell(0.1, "reading the tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
        _tell(0.35, "reading and de-quantising the weights")
        read = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32)
    except Exception as error:  # the GGUF reader raises its own kinds of every sort
        raise StudioError(f"{gguf.name} cannot be read as a GGUF model: {error}") from error
    _tell(0.8, "checking the weights")
    with torch.no_grad():
        ids = torch.tensor([tokenizer(SANE_PROMPT)["input_ids"]])
        loss = float(read(input_ids=ids, labels=ids).loss)
    if not loss < SANE_LOSS:
        raise StudioError(f"{gguf.name}: the converted weights make no sense (loss {loss:.1f} on a plain sentence).")
    _tell(0.85, "writing safetensors")
    # A de-quantised model refuses to be saved; its weights in a fresh model of the same shape do not.
    config = read.config
    del config.quantization_config
    with torch.device("meta"):
        fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    fresh.load_state_dict(read.state_dict(), assign=True)
    fresh.tie_weights()
    fresh.save_pretrained(destination)
    tokenizer.save_pretrained(destination)
    _tell(1.0, "done")


def _tell(progress: float, message: str) -> None:
    print(json.dumps({"progress": progress, "message": message}), flush=True)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m studio.worker.convert GGUF_FILE DEST_FOLDER", file=sys.stderr)
        return 2
    try:
        convert(Path(arguments[0]), Path(arguments[1]))
    except StudioError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return error.exit_code
    except OSError as error:
        traceback.print_exc()
        print(f"{arguments[1]}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
