"""Tokens per second and peak memory of the studio's training loop beside transformers' Seq2SeqTrainer, on a T5.

    python benchmarks/encoder_decoder_speed.py [--method lora|full] [--steps 6] [--dropout 0]

The model has FLAN-T5-small's shape and random weights; the rows are random words, as long as DialogSum's are: 100 to
400 tokens of source, 15 to 60 of target. Both train the same batches in the same order, each in a process of its own,
in turns, so that a busy machine slows both; the Trainer in float32 and bfloat16, counted at its better one. Tokens are
those of source and target, padding excluded. The losses are equal only without dropout (FLAN-T5's own is 0.1).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

OURS, PEER = "studio", "Seq2SeqTrainer"
LORA_RANK, LORA_ALPHA = 16, 32
SOURCE_TOKENS, TARGET_TOKENS = (100, 400), (15, 60)
WORDS = 32_000


def main() -> int:
    arguments = _arguments()
    if arguments.child:
        (run_studio if arguments.child == OURS else run_peer)(arguments, Path(arguments.folder))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder) / "model", arguments.dropout)
        kinds = [(OURS, "auto"), *((PEER, dtype) for dtype in arguments.peer_dtypes.split(","))]
        results: dict[tuple[str, str], list[dict[str, Any]]] = {kind: [] for kind in kinds}
        for number in range(arguments.rounds):
            for kind in kinds:
                results[kind].append(latest := _child(arguments, folder, *kind))
                rate, size = latest["tokens_per_second"], latest["memory_bytes"] / 1e9
                name = f"{kind[0]} {latest['dtype']}"
                print(f"round {number + 1}  {name:<24} {rate:7.1f} tokens/s  {size:5.2f} GB", flush=True)
    _report(results, arguments)
    return 0


def make_model(folder: Path, dropout: float) -> None:
    """FLAN-T5-small's shape (google/flan-t5-small, config.json), random weights, one token a word."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import T5Config, T5ForConditionalGeneration

    facts: Any = {"tie_word_embeddings": False, "decoder_start_token_id": 0, "n_positions": 512}
    config = T5Config(
        vocab_size=32128,
        d_model=512,
        d_kv=64,
        d_ff=1024,
        num_layers=8,
        num_heads=6,
        dropout_rate=dropout,
        feed_forward_proj="gated-gelu",
        **facts,
    )
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(config)
    head = torch.randn(config.vocab_size, config.d_model) * config.d_model**-0.5  # of its own, as FLAN-T5's is
    model.lm_head.weight = torch.nn.Parameter(head)
    model.save_pretrained(folder)
    words = ["<pad>", "</s>", "<unk>", *(f"w{number}" for number in range(WORDS))]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "<unk>"))
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "pad_token": "<pad>"}))


def run_studio(arguments: argparse.Namespace, folder: Path) -> None:
    """One run of the studio's own worker, exactly as ``studio train`` would do it, without evaluation."""
    from studio.runs.directory import FrozenRow, RunDirectory, write_rows
    from studio.runs.events import EventWriter, Plan, Step, read_events
    from studio.runs.specs import TrainSpec
    from studio.worker.session import Session
    from studio.worker.training.train import train

    directory = RunDirectory(Path(os.environ["STUDIO_BENCH_SCRATCH"]))
    rows = [FrozenRow(number, "", *pair) for number, pair in enumerate(_rows(arguments))]
    write_rows(directory.rows_path("train"), rows)
    spec = TrainSpec(
        base_model="bench",
        model_path=str(folder / "model"),
        method=arguments.method,
        epochs=1,
        batch_size=arguments.batch_size,
        learning_rate=_rate(arguments),
        schedule="constant",
        warmup_ratio=0.0,
        max_length=512,
        lora_rank=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        save_every=10_000,
    )
    directory.spec_path.write_text(spec.to_json())
    train(Session(directory, EventWriter(directory.events_path)), spec)
    events, _ = read_events(directory.events_path)
    steps = [vars(event) for event in events if isinstance(event, Step)]
    plan = next(event for event in events if isinstance(event, Plan))
    _say(steps, f"{plan.dtype} {plan.lanes}x{plan.micro_batch_size}")


def run_peer(arguments: argparse.Namespace, folder: Path) -> None:
    """The same rows in the same order through transformers' Seq2SeqTrainer."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForSeq2SeqLM,
        DataCollatorForSeq2Seq,
        PreTrainedTokenizerFast,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        TrainerCallback,
    )

    from studio.runs.batches import Batches
    from studio.tokens.encoding import Pair, encode_pairs
    from studio.tokens.tokenizer import ModelFolder

    pairs = _rows(arguments)
    batches = Batches(len(pairs), arguments.batch_size, seed=0)
    order = [row for step in range(1, arguments.steps + 1) for row in batches.rows_of(step)]
    encoded = encode_pairs(ModelFolder(folder / "model"), [Pair(*pairs[row]) for row in order])
    sizes = [row.total_tokens for row in encoded]
    dataset = [{"input_ids": row.prompt_ids, "labels": row.completion_ids} for row in encoded]
    is_bfloat16 = arguments.dtype == "bfloat16"
    weights = torch.bfloat16 if is_bfloat16 and arguments.method == "lora" else torch.float32
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder / "model", dtype=weights)
    if arguments.method == "lora":
        adapter = LoraConfig(
            r=LORA_RANK, lora_alpha=LORA_ALPHA, lora_dropout=0.0, target_modules="all-linear", task_type="SEQ_2_SEQ_LM"
        )
        torch.manual_seed(0)
        model = get_peft_model(model, adapter)
    config = Seq2SeqTrainingArguments(
        output_dir=os.environ["STUDIO_BENCH_SCRATCH"],
        num_train_epochs=1,
        per_device_train_batch_size=arguments.batch_size,
        learning_rate=_rate(arguments),
        lr_scheduler_type="constant",
        bf16=is_bfloat16,
        use_cpu=not torch.cuda.is_available(),
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        seed=0,
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

    class InOrder(Seq2SeqTrainer):
        def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler[int]:
            return torch.utils.data.SequentialSampler(dataset)

    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "model")
    collator = DataCollatorForSeq2Seq(tokenizer, model=model)
    InOrder(
        model=model,
        args=config,
        train_dataset=dataset,
        data_collator=collator,
        callbacks=[Clock()],
    ).train()
    _say(steps, arguments.dtype)


def _rows(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    dice = random.Random(0)

    def text(least: int, most: int) -> str:
        return " ".join(f"w{dice.randrange(WORDS)}" for _ in range(dice.randint(least, most)))

    return [(text(*SOURCE_TOKENS), text(*TARGET_TOKENS)) for _ in range(arguments.steps * arguments.batch_size)]


def _rate(arguments: argparse.Namespace) -> float:
    return 1e-3 if arguments.method == "lora" else 5e-5


def _say(steps: list[dict[str, Any]], dtype: str) -> None:
    # The first step pays for kernels and memory; it is left out of both.
    tokens = steps[-1]["tokens"] - steps[0]["tokens"]
    sizes = [after["tokens"] - before["tokens"] for before, after in pairwise(steps)]
    seconds = sum(size / step["tokens_per_second"] for size, step in zip(sizes, steps[1:], strict=True))
    result = {
        "tokens_per_second": tokens / seconds,
        "memory_bytes": steps[-1]["memory_bytes"],
        "losses": [step["loss"] for step in steps],
        "dtype": dtype,
    }
    print(json.dumps(result), flush=True)


def _child(arguments: argparse.Namespace, folder: str, kind: str, dtype: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "STUDIO_BENCH_SCRATCH": scratch, "STUDIO_CACHE": folder}
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
        if kind == OURS:  # as the studio starts a run
            from studio.runs.places.local import run_environment

            environment = run_environment(environment)
        command += ["--child", kind, "--dtype", dtype, "--folder", folder]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{kind} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _report(results: dict[tuple[str, str], list[dict[str, Any]]], arguments: argparse.Namespace) -> None:
    def rate(kind: tuple[str, str]) -> float:
        # The best round of each: what else the machine did only ever makes a round slower.
        best: float = max(result["tokens_per_second"] for result in results[kind])
        return best

    ours = next(kind for kind in results if kind[0] == OURS)
    peer = max((kind for kind in results if kind[0] == PEER), key=rate)
    print(f"\n{arguments.method}, batch {arguments.batch_size}, {arguments.steps} steps, dropout {arguments.dropout:g}")
    print(f"step   loss {OURS}   loss {PEER}")
    losses = zip(results[ours][0]["losses"], results[peer][0]["losses"], strict=True)
    for step, (mine, other) in enumerate(losses, start=1):
        print(f"{step:4d}   {mine:11.4f}   {other:{5 + len(PEER)}.4f}")
    for kind in results:
        memory = max(result["memory_bytes"] for result in results[kind]) / 1e9
        name = f"{kind[0]} {results[kind][0]['dtype']}"
        print(f"{name:<26} {rate(kind):9.1f} tokens/s   {memory:6.2f} GB")
    print(f"ratio to {PEER}'s better dtype ({peer[1]}): {rate(ours) / rate(peer):.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--peer-dtypes", default="float32,bfloat16")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="auto", help=argparse.SUPPRESS)
    parser.add_argument("--folder", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
