"""Every way of tuning on the same rows: the loss it reaches, its speed, its memory, its size on disk.

    python benchmarks/methods.py --model smollm2-135m-instruct --rows gsm8k_train.jsonl \
        --map prompt=question,completion=answer [--steps 30] [--only lora,dora] [--encoder-decoder FOLDER]

Each method trains one epoch over the first ``--steps`` batches at its usual learning rate, in a process of its own and
exactly as ``studio train`` would, and is measured on the rows behind them before and after. Printed as the table of
docs/measured.md: loss per learned token of those rows, tokens a second (all tokens of the rows, the first step left
out), the most memory that its process held, and what it leaves on disk. ``--encoder-decoder`` names a T5 or BART to
tune in full and with LoRA beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from studio.reports.numbers import loss
from studio.runs.directory import FrozenRow
from studio.runs.events import Step

HELD_OUT_BATCHES = 2
LORA: dict[str, Any] = {"method": "lora", "lora_rank": 16, "lora_alpha": 32}
DECODER_ONLY: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "LoRA": LORA,
    "rsLoRA": {**LORA, "use_rslora": True},
    "DoRA": {**LORA, "use_dora": True},
    "PiSSA": {**LORA, "lora_start": "pissa"},
    "OLoRA": {**LORA, "lora_start": "olora"},
    "IA³": {"method": "ia3"},
    "prompt tuning": {"method": "prompt_tuning"},
}
ENCODER_DECODER = {name: DECODER_ONLY[name] for name in ("full", "LoRA")}
HEADINGS = ("method", "loss before", "loss after", "tokens/s", "memory", "on disk")


@dataclass(frozen=True)
class Result:
    """Losses per learned token (``before`` where it was cheap to measure); ``disk_bytes`` of what is left."""

    before: float | None
    after: float | None
    tokens_per_second: float
    memory_bytes: int
    disk_bytes: int


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(vars(run(arguments, json.loads(arguments.child)))), flush=True)
        return
    only = {name.lower() for name in arguments.only.split(",") if name}
    kinds = [(name, arguments.model, settings) for name, settings in DECODER_ONLY.items()]
    if arguments.encoder_decoder:
        kinds += [(f"{name}, encoder-decoder", arguments.encoder_decoder, of) for name, of in ENCODER_DECODER.items()]
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)
    for name, model, settings in kinds:
        if not only or name.lower() in only:
            print(_line(name, _child(model, settings)), flush=True)


def _line(name: str, result: Result) -> str:
    sizes = f"{result.memory_bytes / 1e9:.1f} GB", f"{result.disk_bytes / 1e6:.1f} MB"
    cells = name, loss(result.before), loss(result.after), f"{result.tokens_per_second:.0f}", *sizes
    return f"| {' | '.join(cells)} |"


def _child(model: str, settings: dict[str, Any]) -> Result:
    """In a process of its own: memory that was once held is never given back by one."""
    command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--child", json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "STUDIO_BENCH_MODEL": model}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{settings} failed:\n{done.stderr[-3000:]}")
    return Result(**json.loads(done.stdout.strip().splitlines()[-1]))


def run(arguments: argparse.Namespace, settings: dict[str, Any]) -> Result:
    """One run of the studio's own worker with these settings. Raises StudioError where they do not fit the model."""
    from studio.models.finding import resolve_model
    from studio.runs.directory import RunDirectory, write_rows
    from studio.runs.events import Evaluation, EventWriter, read_events
    from studio.runs.specs import TrainSpec
    from studio.worker.session import Session
    from studio.worker.training.train import train

    rows = _rows(arguments)
    learned = arguments.steps * arguments.batch_size
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder))
        write_rows(directory.rows_path("train"), rows[:learned])
        write_rows(directory.rows_path("validation"), rows[learned:])
        model = resolve_model(os.environ["STUDIO_BENCH_MODEL"]).path
        spec = TrainSpec(
            base_model="bench",
            model_path=str(model),
            epochs=1,
            batch_size=arguments.batch_size,
            max_length=arguments.max_length,
            overlong="drop",
            eval_every=arguments.steps,
            save_every=arguments.steps,
            **settings,
        )
        directory.spec_path.write_text(spec.to_json())
        train(Session(directory, EventWriter(directory.events_path)), spec)
        events, _ = read_events(directory.events_path)
        result = directory.result_path(spec.how.leaves)
        disk_bytes = sum(file.stat().st_size for file in result.rglob("*") if file.is_file())
    steps = [event for event in events if isinstance(event, Step)]
    losses = {event.step: event.eval_loss for event in events if isinstance(event, Evaluation)}
    return Result(losses.get(0), losses.get(arguments.steps), _pace(steps), steps[-1].memory_bytes, disk_bytes)


def _pace(steps: list[Step]) -> float:
    """Tokens a second of all steps together but the first, which pays for memory and kernels."""
    spent = [(after.tokens - before.tokens, after.tokens_per_second or 0.0) for before, after in pairwise(steps)]
    return sum(tokens for tokens, _ in spent) / sum(tokens / rate for tokens, rate in spent)


def _rows(arguments: argparse.Namespace) -> list[FrozenRow]:
    names = dict(pair.split("=") for pair in arguments.map.split(","))
    count = (arguments.steps + HELD_OUT_BATCHES) * arguments.batch_size
    with arguments.rows.open(encoding="utf-8") as file:
        records = [json.loads(line) for line, _ in zip(file, range(count), strict=False)]
    return [
        FrozenRow(number, "", record[names["prompt"]], record[names["completion"]])
        for number, record in enumerate(records)
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a base model's name or folder, decoder-only")
    parser.add_argument("--encoder-decoder", default="", help="another model's name or folder")
    parser.add_argument("--rows", type=Path, required=True, help="JSONL file")
    parser.add_argument("--map", default="prompt=prompt,completion=completion", help="names of the file's columns")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--only", default="", help="some of the methods, by comma")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
