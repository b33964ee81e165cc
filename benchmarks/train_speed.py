"""Tokens per second and peak memory of the studio's training loop beside TRL's SFTTrainer.

    python benchmarks/train_speed.py --model FOLDER --rows gsm8k_train.jsonl --map prompt=question,completion=answer

Both train the same adapter on the same batches in the same order, each in a process of its own, in turns, so that a
busy machine slows both. TRL is run in float32 and in bfloat16 and counted at its better one. Tokens are all tokens of
the rows, prompts included, padding excluded. ``--peer-python`` names an interpreter in which TRL is installed.

The last line is the share of the matrix-multiply ceiling: the tokens a second that the step's matrix products alone
would allow at the rate of a bare product of the model's own shape, measured in a process of its own before and after.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

OURS, PEER, CEILING = "studio", "trl", "ceiling"
LORA_RANK, LORA_ALPHA = 16, 32


def main() -> int:
    arguments = _arguments()
    if arguments.child == CEILING:
        return run_products(arguments)
    if arguments.child == OURS:
        return run_studio(arguments)
    if arguments.child:
        return run_peer(arguments)
    dtypes = _peer_dtypes(arguments)
    kinds = [(OURS, "auto"), *((PEER, dtype) for dtype in dtypes)]
    results: dict[tuple[str, str], list[dict[str, Any]]] = {kind: [] for kind in kinds}
    ceilings = [_child(arguments, CEILING, "auto")]
    for number in range(arguments.rounds):
        for kind in kinds:
            results[kind].append(_child(arguments, *kind))
            latest = results[kind][-1]
            rate, size = latest["tokens_per_second"], latest["memory_bytes"] / 1e9
            name = f"{kind[0]} {latest['dtype']}"
            print(f"round {number + 1}  {name:<18} {rate:7.1f} tokens/s  {size:5.2f} GB", flush=True)
    ceilings.append(_child(arguments, CEILING, "auto"))
    _report(results, arguments)
    best = max(ceilings, key=lambda ceiling: ceiling["tokens_per_second"])
    ours = max(result["tokens_per_second"] for kind in kinds if kind[0] == OURS for result in results[kind])
    print(
        f"matrix-multiply ceiling: {best['tokens_per_second']:.0f} tokens/s ({best['gflops']:.0f} GFLOP/s in "
        f"{best['dtype']}, {best['gflop_per_token']:.3f} GFLOP a token); the studio reaches "
        f"{ours / best['tokens_per_second']:.2f} of it"
    )
    return 0


def _peer_dtypes(arguments: argparse.Namespace) -> list[str]:
    """Both dtypes, but not one whose bare matrix multiplies are hopeless here: a step of it could take an hour."""
    if arguments.peer_dtypes:
        return list(arguments.peer_dtypes.split(","))
    from studio.worker.compute.measure import USUAL_WIDTH, promising_dtypes

    both = ("float32", "bfloat16")
    kept = promising_dtypes(USUAL_WIDTH, both, with_backward=True)
    for dtype in set(both) - set(kept):
        print(f"TRL in {dtype} is left out: its matrix multiplies alone are slower than {kept[0]}'s by far")
    return kept


def _report(results: dict[tuple[str, str], list[dict[str, Any]]], arguments: argparse.Namespace) -> None:
    def rate(kind: tuple[str, str]) -> float:
        # The best round of each: what else the machine did only ever makes a round slower.
        best: float = max(result["tokens_per_second"] for result in results[kind])
        return best

    ours = next(kind for kind in results if kind[0] == OURS)
    peer = max((kind for kind in results if kind[0] == PEER), key=rate)
    method = f"LoRA of rank {LORA_RANK}, alpha {LORA_ALPHA}" if arguments.method == "lora" else "full"
    print(f"\nbatch {arguments.batch_size}, {arguments.steps} steps, {method}")
    print("step   loss studio   loss TRL")
    pairs = zip(results[ours][0]["losses"], results[peer][0]["losses"], strict=True)
    for step, (mine, other) in enumerate(pairs, start=1):
        print(f"{step:4d}   {mine:11.4f}   {other:8.4f}")
    print(f"\n{'':18} tokens/s   peak memory")
    for kind in results:
        memory = max(result["memory_bytes"] for result in results[kind]) / 1e9
        print(f"{kind[0]} {results[kind][0]['dtype']:<12} {rate(kind):9.1f}   {memory:8.2f} GB")
    print(f"ratio to TRL's better dtype ({peer[1]}): {rate(ours) / rate(peer):.2f}")


def _child(arguments: argparse.Namespace, kind: str, dtype: str) -> dict[str, Any]:
    python = arguments.peer_python if kind == PEER else sys.executable
    with tempfile.TemporaryDirectory() as scratch:
        command = [python, str(Path(__file__).resolve()), *sys.argv[1:], "--child", kind, "--dtype", dtype]
        environment = {**os.environ, "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1", "STUDIO_BENCH_SCRATCH": scratch}
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
        if kind == OURS:  # as the studio starts a run
            from studio.runs.places.local import run_environment

            environment = run_environment(environment)
        done = subprocess.run([*command], capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def run_studio(arguments: argparse.Namespace) -> int:
    """One run of the studio's own worker, exactly as ``studio train`` would do it, without evaluation."""
    from studio.runs.directory import FrozenRow, RunDirectory, write_rows
    from studio.runs.events import EventWriter, Plan, Step, read_events
    from studio.runs.specs import TrainSpec
    from studio.worker.session import Session
    from studio.worker.training.train import train

    directory = RunDirectory(Path(os.environ["STUDIO_BENCH_SCRATCH"]))
    rows = [FrozenRow(number, "", prompt, completion) for number, (prompt, completion) in enumerate(_rows(arguments))]
    write_rows(directory.rows_path("train"), rows)
    spec = TrainSpec(
        base_model="bench",
        model_path=str(arguments.model),
        method=arguments.method,
        epochs=1,
        batch_size=arguments.batch_size,
        learning_rate=_rate(arguments),
        schedule="constant",
        warmup_ratio=0.0,
        max_length=1024,
        lora_rank=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        save_every=10_000,
    )
    directory.spec_path.write_text(spec.to_json())
    train(Session(directory, EventWriter(directory.events_path)), spec)
    events, _ = read_events(directory.events_path)
    steps = [vars(event) for event in events if isinstance(event, Step)]
    plan = next(event for event in events if isinstance(event, Plan))
    _say(_result(steps, plan.dtype))
    return 0


def _result(steps: list[dict[str, Any]], dtype: str) -> dict[str, Any]:
    # The first step pays for kernels and memory; the same is left out of TRL's.
    tokens = steps[-1]["tokens"] - steps[0]["tokens"]
    sizes = [after["tokens"] - before["tokens"] for before, after in pairwise(steps)]
    seconds = sum(size / step["tokens_per_second"] for size, step in zip(sizes, steps[1:], strict=True))
    return {
        "tokens_per_second": tokens / seconds,
        "memory_bytes": steps[-1]["memory_bytes"],
        "losses": [step["loss"] for step in steps],
        "dtype": dtype,
    }


def run_peer(arguments: argparse.Namespace) -> int:
    """The same rows in the same order through TRL's SFTTrainer."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from studio.runs.batches import Batches
    from studio.tokens.encoding import Pair, encode_pairs
    from studio.tokens.tokenizer import ModelFolder

    pairs = _rows(arguments)
    batches = Batches(len(pairs), arguments.batch_size, seed=0)
    steps_per_epoch = math.ceil(len(pairs) / arguments.batch_size)
    order = [row for step in range(1, steps_per_epoch + 1) for row in batches.rows_of(step)]
    encoded = encode_pairs(ModelFolder(arguments.model), [Pair(*pairs[row]) for row in order])
    sizes = [row.total_tokens for row in encoded]
    dataset = Dataset.from_list(
        [{"input_ids": row.ids, "completion_mask": [int(mark) for mark in row.completion_mask]} for row in encoded]
    )
    is_bfloat16 = arguments.dtype == "bfloat16"
    config = SFTConfig(
        output_dir=os.environ["STUDIO_BENCH_SCRATCH"],
        num_train_epochs=1,
        per_device_train_batch_size=arguments.batch_size,
        learning_rate=_rate(arguments),
        lr_scheduler_type="constant",
        bf16=is_bfloat16,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=False,  # it would save memory and cost a third of the speed
        completion_only_loss=True,
        max_length=1024,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        seed=0,
        model_init_kwargs={"dtype": "bfloat16" if is_bfloat16 and arguments.method == "lora" else "float32"},
    )
    steps: list[dict[str, Any]] = []

    class Clock(TrainerCallback):
        started = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.started = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            tokens = sum(sizes[len(steps) * arguments.batch_size : (len(steps) + 1) * arguments.batch_size])
            before = steps[-1]["tokens"] if steps else 0
            seconds = time.perf_counter() - self.started
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            steps.append({"tokens": before + tokens, "tokens_per_second": tokens / seconds, "memory_bytes": memory})

        def on_log(self, *_: Any, **facts: Any) -> None:
            if "loss" in facts["logs"]:
                steps[-1]["loss"] = float(facts["logs"]["loss"])

    class InOrder(SFTTrainer):  # type: ignore[misc]
        def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler[int]:
            return torch.utils.data.SequentialSampler(dataset)

    adapter = LoraConfig(
        r=LORA_RANK, lora_alpha=LORA_ALPHA, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    torch.manual_seed(0)
    peft_config = adapter if arguments.method == "lora" else None
    InOrder(
        model=str(arguments.model), args=config, train_dataset=dataset, peft_config=peft_config, callbacks=[Clock()]
    ).train()
    _say(_result(steps, arguments.dtype))
    return 0


def run_products(arguments: argparse.Namespace) -> int:
    """What the products of a step would allow: bare ``F.linear`` calls of the model's own shape, a thread a core each.

    A token costs 2 operations per weight of its layers forward and as many for the gradient of the activations; full
    fine-tuning as many again for the gradient of the weights. The head is only paid for learned tokens. Adapters,
    attention and everything elementwise are left out, so the ceiling is a little too high and the share too low.
    """
    from studio.tokens.encoding import Pair, encode_pairs
    from studio.tokens.tokenizer import ModelFolder
    from studio.worker.compute.measure import USUAL_WIDTH, promising_dtypes

    folder = ModelFolder(arguments.model)
    encoded = encode_pairs(folder, [Pair(prompt, completion) for prompt, completion in _rows(arguments)])
    learned = sum(sum(row.completion_mask) for row in encoded) / sum(row.total_tokens for row in encoded)
    hidden, wide = int(folder.config["hidden_size"]), int(folder.config["intermediate_size"])
    heads, shared = int(folder.config["num_attention_heads"]), int(folder.config["num_key_value_heads"])
    layer = hidden * hidden * 2 + 2 * hidden * hidden * shared // heads + 3 * hidden * wide
    weights = layer * int(folder.config["num_hidden_layers"]) + learned * hidden * int(folder.config["vocab_size"])
    passes = 4 if arguments.method == "lora" else 6
    dtype = promising_dtypes(USUAL_WIDTH, ("float32", "bfloat16"), with_backward=True)[0]
    gflops = _bare_gflops(hidden, wide, dtype)
    gflop = passes * weights / 1e9
    _say({"tokens_per_second": gflops / gflop, "gflops": gflops, "gflop_per_token": gflop, "dtype": dtype})
    return 0


def _bare_gflops(hidden: int, wide: int, dtype: str) -> float:
    """The best of several sizes and tries: all cores together, GFLOP/s."""
    import torch

    from studio.worker.compute.lanes import Lanes

    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(1)
    lanes, best, repeats = Lanes(cores, cores), 0.0, 20
    weight = torch.randn(wide, hidden, dtype=getattr(torch, dtype))
    for tokens in (256, 512, 1024):
        inputs = [torch.randn(tokens, hidden, dtype=weight.dtype) for _ in range(cores)]

        def products(rows: torch.Tensor) -> None:
            for _ in range(repeats):
                torch.nn.functional.linear(rows, weight)

        for _ in range(4):
            started = time.perf_counter()
            list(lanes.map(products, inputs))
            seconds = time.perf_counter() - started
            best = max(best, cores * repeats * 2 * tokens * hidden * wide / seconds / 1e9)
    return best


def _rows(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    names = dict(pair.split("=") for pair in arguments.map.split(","))
    with arguments.rows.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(arguments.steps * arguments.batch_size), strict=False)]
    return [(row[names["prompt"]], row[names["completion"]]) for row in rows]


def _rate(arguments: argparse.Namespace) -> float:
    return 1e-3 if arguments.method == "lora" else 5e-5


def _say(result: dict[str, Any]) -> None:
    print(json.dumps(result), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--rows", type=Path, required=True, help="JSONL file")
    parser.add_argument("--map", default="prompt=prompt,completion=completion", help="names of the file's columns")
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has TRL")
    parser.add_argument("--peer-dtypes", default="", help="float32,bfloat16; default: those that this CPU can do")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="auto", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
