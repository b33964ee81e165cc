"""Answers per second of a comparison beside lm-evaluation-harness's hf backend; and streaming beside its bound.

    python benchmarks/compare_speed.py [--peer PYTHON] [--rows 30] [--new-tokens 48] [--dtypes float32,bfloat16]
    python benchmarks/compare_speed.py --stream [--dtypes float32,bfloat16]

Both get the same model, the same rows, the same rendered prompts (the harness by a task file written here) and decode
greedily with the same limit. Each works in a process of its own, in turns, so that a busy machine slows both; the best
of the rounds counts. Items per second are of answering alone, processes are timed whole. In float32 the answers have to
be equal, which is printed. PYTHON is an interpreter that has lm_eval.

``--stream`` answers one prompt as Try does. Every token reads all weights once; the bound is what that would take at
the speed at which memory is copied here.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.project import DEFAULT_MODEL

ARMS = ("zero_shot", "few_shot:5")
SAMPLES = Path(__file__).parents[1] / "sample_data"
PEER_CODE = """
import json, sys, time
import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

model, dtype, batch_size, folder, task = sys.argv[1:]
began = time.perf_counter()
language_model = HFLM(pretrained=model, dtype=dtype, batch_size=int(batch_size), device="cpu")
seconds = []
generate = language_model.generate_until

def timed(*given, **named):
    start = time.perf_counter()
    said = generate(*given, **named)
    seconds.append(time.perf_counter() - start)
    return said

language_model.generate_until = timed
found = lm_eval.simple_evaluate(
    model=language_model, tasks=[task], task_manager=TaskManager(include_path=folder), log_samples=True,
    bootstrap_iters=0, random_seed=0,
)
samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
print(json.dumps({"seconds": sum(seconds), "texts": [sample["resps"][0][0] for sample in samples]}))
"""
TASK = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
doc_to_text: "{{{{text}}}}"
doc_to_target: "{{{{target}}}}"
generation_kwargs:
  until: ["<|im_end|>"]
  do_sample: false
  max_gen_toks: {limit}
metric_list:
  - metric: exact_match
"""


def main() -> int:
    arguments = _arguments()
    if arguments.child:
        run_stream(arguments)
    elif arguments.stream:
        for dtype in arguments.dtypes.split(","):
            print(_child([sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--child", dtype])[1])
    else:
        for dtype in arguments.dtypes.split(","):
            compare(arguments, dtype)
    return 0


def compare(arguments: argparse.Namespace, dtype: str) -> None:
    """Both, in turns; what each took and how far they agree."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        best: dict[str, dict[str, float]] = {}
        for number in range(arguments.rounds):
            ours = run_studio(arguments, folder / f"run-{number}", dtype)
            peers = {arm: run_peer(arguments, folder, arm, dtype) for arm in ARMS} if arguments.peer else {}
            for arm in ARMS:
                known = best.setdefault(arm, {"ours": 0.0, "peer": 0.0, "equal": 0})
                known["ours"] = max(known["ours"], arguments.rows / ours["arms"][arm]["seconds"])
                if peers:
                    known["peer"] = max(known["peer"], arguments.rows / peers[arm]["seconds"])
                    pairs = zip(ours["arms"][arm]["texts"], peers[arm]["texts"], strict=True)
                    known["equal"] = sum(one.strip() == other.strip() for one, other in pairs)
            whole = best.setdefault("whole process", {"ours": 0.0, "peer": 0.0})
            whole["ours"] = max(whole["ours"], len(ARMS) * arguments.rows / ours["whole"])
            if peers:
                peer_seconds = sum(peer["whole"] for peer in peers.values())
                whole["peer"] = max(whole["peer"], len(ARMS) * arguments.rows / peer_seconds)
    print(f"\n{dtype}, {arguments.rows} rows, {arguments.new_tokens} new tokens, batch {arguments.batch_size}")
    for name, rates in best.items():
        line = f"{name:<14} studio {rates['ours']:7.2f} items/s"
        if rates["peer"]:
            line += f"   lm-eval {rates['peer']:7.2f} items/s   ratio {rates['ours'] / rates['peer']:5.2f}"
            line += f"   equal {rates['equal']:.0f} of {arguments.rows}" if "equal" in rates else ""
        print(line, flush=True)


def run_studio(arguments: argparse.Namespace, folder: Path, dtype: str) -> dict[str, Any]:
    """One comparison in a process of its own, as ``studio compare`` starts it."""
    from studio.files import read_json_lines
    from studio.runs.directory import RunDirectory, write_rows
    from studio.runs.specs import CompareSpec, write_spec

    folder.mkdir()
    directory, (pool, test) = RunDirectory(folder), _rows(arguments)
    write_rows(directory.rows_path("train"), pool)
    write_rows(directory.rows_path("test"), test)
    spec = CompareSpec(
        arms=ARMS,
        model_path=str(_model(arguments)),
        dtype=dtype,
        batch_size=arguments.batch_size,
        max_new_tokens=arguments.new_tokens,
        latency_rows=0,
        probe_rows=0,
    )
    write_spec(directory, spec)
    seconds, _ = _child([sys.executable, "-m", "studio.worker", str(folder)])
    events = read_json_lines(directory.events_path)[0]
    lines = read_json_lines(directory.predictions_path)[0]
    found: dict[str, Any] = {"whole": seconds, "arms": {}}
    for arm in ARMS:
        times = [event["time"] for event in events if event["event"] == "progress" and event["arm"] == arm]
        loaded = [event["time"] for event in events if event["event"] == "preparing" and event["time"] > times[0]]
        began = max([times[0], *(time for time in loaded if time < times[1])])
        of_arm = {line["example_id"]: line["text"] for line in lines if line["arm"] == arm}
        found["arms"][arm] = {"seconds": times[-1] - began, "texts": [of_arm[row.example_id] for row in test]}
    return found


def run_peer(arguments: argparse.Namespace, folder: Path, arm: str, dtype: str) -> dict[str, Any]:
    """The same prompts through the harness."""
    from studio.runs.arms import arm_from
    from studio.tokens.encoding import prompt_texts
    from studio.tokens.pairs import pair_of
    from studio.tokens.template import messages_of
    from studio.tokens.tokenizer import ModelFolder

    pool, test = _rows(arguments)
    prompting = arm_from(arm).prompting
    shots = {task: prompting.examples(pool, task, 0) for task in {row.task for row in test}}
    asked = [messages_of(row.prompt, row.system, list(map(pair_of, shots[row.task](row)))) for row in test]
    name = f"studio_{arm.replace(':', '_')}"
    data = folder / f"{name}.jsonl"
    texts = prompt_texts(ModelFolder(_model(arguments)), asked)
    lines = [json.dumps({"text": text, "target": row.completion}) for text, row in zip(texts, test, strict=True)]
    data.write_text("\n".join(lines), encoding="utf-8")
    (folder / f"{name}.yaml").write_text(TASK.format(name=name, data=data, limit=arguments.new_tokens))
    command = [arguments.peer, "-c", PEER_CODE, str(_model(arguments)), dtype, str(arguments.batch_size)]
    seconds, said = _child([*command, str(folder), name])
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return {**result, "whole": seconds}


def run_stream(arguments: argparse.Namespace) -> None:
    """One answer as Try streams it, and the bound of this machine's memory."""
    import torch

    from studio.runs.arms.answering import Answering
    from studio.runs.directory import FrozenRow
    from studio.tokens.template import messages_of
    from studio.worker.trying.arms import Arms

    dtype, model = arguments.child, _model(arguments)
    prompt: FrozenRow = _rows(arguments)[1][0]
    asked = messages_of(prompt.prompt)
    request: dict[str, Any] = {
        "dtype": dtype, "max_new_tokens": arguments.new_tokens, "temperature": 0, "top_p": 1, "seed": 0,
        "arms": [{"arm": "zero_shot", "answering": vars(Answering(str(model))), "messages": asked}],
    }  # fmt: skip
    arms = Arms()
    done = [reply for _ in range(arguments.rounds + 1) for reply in arms.answer(request) if reply.get("done")][1:]
    # Without the first token, which pays for the prompt.
    rates = [
        (of["tokens"] - 1) / (of["tokens"] / of["tokens_per_second"] - of["ttft_seconds"]) for of in done
    ]  # seconds of the tokens behind the first
    size = _parameters(model) * getattr(torch, dtype).itemsize
    bandwidth = _bandwidth()
    bound = bandwidth / size
    print(
        f"{dtype}: {max(rates):.1f} tokens/s at batch 1, first after {min(of['ttft_seconds'] for of in done):.2f} s; "
        f"bound {bound:.1f} tokens/s ({bandwidth / 1e9:.1f} GB/s copied, {size / 1e6:.0f} MB a token): "
        f"{max(rates) / bound:.0%} of it"
    )


def _parameters(model: Path) -> int:
    """Weights that a token is multiplied by; an LM head that is the embeddings' matrix is one of them."""
    from safetensors import safe_open

    count = 0
    for path in model.glob("*.safetensors"):
        with safe_open(path, "pt") as weights:
            count += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return count


def _bandwidth() -> float:
    """Bytes a second that a copy reads and writes, all cores, the best of a few."""
    import torch

    source = torch.ones(1 << 27)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        target.copy_(source)
        seconds.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(seconds)


def _child(command: list[str]) -> tuple[float, str]:
    """Seconds of a whole process, and what it said."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[1]) if command[0] == sys.executable else ""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{command[:3]} failed:\n{done.stderr[-3000:]}")
    return time.perf_counter() - start, done.stdout.strip()


def _rows(arguments: argparse.Namespace) -> Any:
    """(rows that shots come from, rows that are asked), each a FrozenRow: the sample data's tickets."""
    from studio.runs.directory import FrozenRow

    def read(name: str) -> list[FrozenRow]:
        lines = [json.loads(line) for line in (SAMPLES / name).read_text(encoding="utf-8").splitlines()]
        return [FrozenRow(number, "tickets", line["prompt"], line["completion"]) for number, line in enumerate(lines)]

    test = read("tickets_test.jsonl")[: arguments.rows]
    return read("tickets.jsonl"), [replace(row, example_id=100_000 + row.example_id) for row in test]


def _model(arguments: argparse.Namespace) -> Path:
    from studio.models.finding import resolve_model

    return resolve_model(arguments.model).path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--peer", default="", help="an interpreter that has lm_eval")
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--dtypes", default="float32,bfloat16")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
