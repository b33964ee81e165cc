"""What a run is asked to do, written down before it starts.

Wrong combinations fail when the spec is made, with the value and the next step, not an hour into the run.
Each field's sentence is what ``studio train --settings`` and the new-run form show.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject, in_short, read_json_object, why_not, write_whole
from studio.runs import arms, methods, watchdogs
from studio.runs.arms import arm_from
from studio.runs.arms.arm import Arm
from studio.runs.directory import RunDirectory
from studio.runs.methods import METHODS, Method, method_named
from studio.runs.mixture import PROPORTIONAL, TaskShare, mixture_from
from studio.runs.settings import Spec, about, at_least, filled_in, share

DTYPES = ("auto", "float32", "bfloat16", "float16")
OVERLONG_POLICIES = ("refuse", "drop", "truncate_prompt", "truncate_completion", "split")
OBJECTIVES = ("completion", "sequence", "text")  # named as in tokens.encoding
LEARNED_TURNS = ("last", "all")
SCHEDULES = ("cosine", "linear", "constant", "wsd")
MEAN = "mean"
ALL_LINEAR = "all-linear"
LORA_STARTS = ("default", "pissa", "olora")
CHECKPOINTING = ("auto", "on", "off")


@dataclass(frozen=True)
class TrainSpec(Spec):
    """One fine-tune: which base model, how, on what, until when."""

    kind: ClassVar[str] = "train"

    method: str = about(
        f"{methods.described()}.", choices=tuple(method.name for method in METHODS), default=METHODS[0].name
    )
    epochs: float = about("Passes over the training rows.", default=2.0)
    batch_size: int = about("Examples per optimizer step.", default=8)
    micro_batch_size: int = about(
        "Examples per forward pass; the gradient is that of the whole batch whatever this is. 0 chooses.", default=0
    )
    learning_rate: float = about("Peak learning rate; 0 takes the method's usual one.", default=0.0)
    schedule: str = about(
        "Learning rate after the warm-up: falling from there on (cosine, linear), constant, or constant and falling in "
        "the last decay_ratio of the steps (wsd).",
        choices=SCHEDULES,
        default="cosine",
    )
    warmup_ratio: float = about("Share of the steps in which the learning rate rises from 0.", default=0.03)
    decay_ratio: float = about("Share of the steps, the last ones, in which schedule=wsd falls.", default=0.1)
    weight_decay: float = about("AdamW weight decay, of matrices only.", default=0.0)
    max_grad_norm: float = about("Gradients are scaled down to this norm; 0 leaves them.", default=1.0)
    continue_from: str = about(
        "Begin from what an earlier run has learned: RUN, or RUN:STEP for one of its checkpoints; empty begins anew.",
        default="",
    )
    objective: str = about(
        "What is learned: completion, the answers; sequence, prompts too; text, both as plain text without the chat "
        "template (continued pre-training).",
        choices=OBJECTIVES,
        default="completion",
    )
    learned_turns: str = about(
        "Which answers of a conversation are learned: the last, or all of the assistant's; the rest is only seen.",
        choices=LEARNED_TURNS,
        default="last",
    )
    label_smoothing: float = about(
        "Share of each target's probability spread over the vocabulary in training; evaluation is without it.",
        default=0.0,
    )
    neftune_alpha: float = about(
        "Noise on the embeddings of training rows, as NEFTune adds it (5 to 15 is usual); 0 adds none.", default=0.0
    )
    gradient_checkpointing: str = about(
        "on computes activations again in the backward pass, slower, with less memory; auto where there is too little.",
        choices=CHECKPOINTING,
        default="auto",
    )
    lora_rank: int = about("Rank r of the adapter's matrices.", default=16)
    lora_alpha: int = about("Adapter scale; updates are multiplied by alpha / r.", default=32)
    lora_dropout: float = about("Dropout before the adapter, 0 to 1.", default=0.0)
    quantize: str = about(
        "Hold the base model in 8 or 4 bits while an adapter learns. It needs an NVIDIA GPU and bitsandbytes, and was "
        "not tested on one.",
        choices=("none", "8bit", "4bit"),
        default="none",
    )
    lora_targets: tuple[str, ...] = about(
        f"Layers with an adapter, by the ends of their names; {ALL_LINEAR} is all but the LM head.",
        default=(ALL_LINEAR,),
    )
    use_rslora: bool = about("Multiply by alpha / sqrt(r), which suits high ranks (rsLoRA).", default=False)
    use_dora: bool = about("Learn the size of each output feature apart, at half the speed (DoRA).", default=False)
    lora_start: str = about(
        "Where the adapter starts: at no change (default), or at the weights' largest directions (pissa, olora).",
        choices=LORA_STARTS,
        default="default",
    )
    virtual_tokens: int = about("Virtual tokens of prompt_tuning; the context window has to hold them.", default=20)
    max_length: int = about("Tokens a training row may have, template included.", default=512)
    max_target_length: int = about(
        "Encoder-decoder models: tokens a completion may have, while max_length is the prompt's; 0 is as many.",
        default=0,
    )
    overlong: str = about(
        "Rows over max_length: refuse the run, drop them, truncate_prompt or truncate_completion; split plain text "
        "(objective=text) into sequences, each beginning with the token that ends the one before.",
        choices=OVERLONG_POLICIES,
        default="refuse",
    )
    seed: int = about("Seed of the shuffling, the adapter's start and dropout.", default=0)
    dtype: str = about(
        "auto measures float32 and bfloat16 on this machine and takes the faster.", choices=DTYPES, default="auto"
    )
    eval_every: int = about("Steps between evaluations on the validation split; 0 is four times an epoch.", default=0)
    save_every: int = about("Steps between checkpoints; 0 follows eval_every.", default=0)
    patience: int = about("Stop after this many evaluations without improvement; 0 never stops early.", default=0)
    watchdogs: tuple[str, ...] = about(f"{watchdogs.usage()}.", default=())
    samples: int = about(
        "Validation prompts that the model answers at each evaluation, so that one sees it change; 0 is none.",
        default=0,
    )
    tasks: tuple[str, ...] = about("Only these tasks; empty takes all.", default=())
    mixture: str = about(
        "How an epoch mixes tasks: proportional to their rows, equal, temperature:T in between, or weights.",
        default=PROPORTIONAL,
    )
    task_weights: tuple[str, ...] = about("With mixture=weights: TASK=WEIGHT of every task.", default=())
    task_cap: int = about("At most this many examples of a task an epoch, others in the next; 0 is no cap.", default=0)
    early_stopping_on: str = about(
        "The loss that decides which step is the best, and patience: a task's, mean (over the tasks), or empty for all "
        "validation rows'.",
        default="",
    )
    where: str = about("Only rows for which this SQL condition holds; empty takes all.", default="")
    labels: tuple[str, ...] = about(
        "Only rows with these labels; rejected rows never train.", default=("accept", "none")
    )
    version: str = filled_in("The version of the dataset that its rows were frozen from.", default="")
    waivers: tuple[str, ...] = filled_in(
        "Errors that checks found in the rows and somebody waived: the check, the reason, who.", default=()
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("batch_size", self.batch_size, 1)
        at_least("lora_rank", self.lora_rank, 1)
        at_least("virtual_tokens", self.virtual_tokens, 1)
        at_least("max_length", self.max_length, 8)
        for name in (
            "micro_batch_size",
            "max_target_length",
            "learning_rate",
            "weight_decay",
            "max_grad_norm",
            "neftune_alpha",
            "eval_every",
            "save_every",
            "patience",
            "samples",
            "task_cap",
        ):
            at_least(name, getattr(self, name), 0)
        watchdogs.actions_from(self.watchdogs)
        if not 0 < self.epochs < math.inf:
            what = "nothing would be learned" if self.epochs <= 0 else "there would be no end"
            raise AskedWrongly(f"epochs={self.epochs}: {what}.", "Use a number above 0.")
        for name in ("warmup_ratio", "decay_ratio", "lora_dropout", "label_smoothing"):
            share(name, getattr(self, name))
        mixture_from(self.mixture, self.task_weights, self.task_cap)
        for why, instead in self._contradictions():
            raise AskedWrongly(why, instead)

    def _contradictions(self) -> Iterator[tuple[str, str]]:
        """What does not go together: why, and the setting to change."""
        if self.learning_rate > 1:
            yield (
                f"learning_rate={self.learning_rate:g} would blow up any model.",
                f"Usual: {methods.usual_learning_rates()}.",
            )
        if self.use_dora and self.lora_start != "default":
            yield (
                f"use_dora with lora_start={self.lora_start} could not be saved as an ordinary adapter.",
                "Set lora_start=default, or use_dora=false.",
            )
        if self.quantize != "none" and (self.how.leaves == "model" or self.lora_start != "default"):
            what = f"method={self.method}" if self.how.leaves == "model" else f"lora_start={self.lora_start}"
            yield f"quantize={self.quantize} holds weights that {what} changes.", "Set quantize=none, or method=lora."
        if not self.lora_targets or (ALL_LINEAR in self.lora_targets and len(self.lora_targets) > 1):
            yield (
                f"lora_targets={','.join(self.lora_targets)} names no layers.",
                f"Either {ALL_LINEAR}, or names such as q_proj,v_proj.",
            )
        if self.overlong == "split" and self.objective != "text":
            yield (
                f"overlong=split with objective={self.objective} would part answers from their questions.",
                "Set objective=text, or overlong=drop.",
            )
        if self.learned_turns == "all" and self.objective != "completion":
            yield (
                f"learned_turns=all with objective={self.objective}, which learns all there is anyway.",
                "Set learned_turns=last.",
            )
        if self.schedule == "wsd" and not self.decay_ratio:
            yield "schedule=wsd with decay_ratio=0 never falls.", "Set decay_ratio, usually 0.1, or schedule=constant."
        if self.schedule == "wsd" and self.warmup_ratio + self.decay_ratio > 1:
            yield (
                f"warmup_ratio={self.warmup_ratio:g} and decay_ratio={self.decay_ratio:g} are more than all steps.",
                "Lower one of them.",
            )
        if "reject" in self.labels:
            yield "labels has 'reject': rejected rows never train.", "Clear the label of the rows you want."

    @property
    def how(self) -> Method:
        """What is known of its method."""
        return method_named(self.method)

    def shares(self, rows: Iterable[tuple[str, int]]) -> list[TaskShare]:
        """What an epoch has of each task, by name, of training rows given as (task, tokens).

        ``steps_of`` counts the sum of their examples. Raises AskedWrongly where the weights name other tasks.
        """
        counts, tokens = Counter[str](), Counter[str]()
        for task, of_row in rows:
            counts[task] += 1
            tokens[task] += of_row
        examples = mixture_from(self.mixture, self.task_weights, self.task_cap).examples(counts)
        return [
            TaskShare(task, counts[task], drawn, round(tokens[task] * drawn / counts[task]))
            for task, drawn in examples.items()
        ]

    def refusal_to_watch(self, tasks: Collection[str]) -> StudioError | None:
        """Why ``early_stopping_on`` cannot be had from validation rows of these tasks, or None."""
        if self.early_stopping_on in ("", MEAN) or self.early_stopping_on in tasks:
            return None
        return StudioError(
            f"early_stopping_on={self.early_stopping_on}: no validation row has this task.",
            f"Use one of: {', '.join(sorted(filter(None, tasks)) or ['none has a task'])}; or {MEAN}.",
        )

    @property
    def leading_tokens(self) -> int:
        """Virtual tokens before every row, beside those that max_length counts."""
        return self.virtual_tokens if self.how.has_virtual_tokens else 0

    @property
    def peak_learning_rate(self) -> float:
        return self.learning_rate or self.how.usual_learning_rate

    def refusal(
        self, rows: int, overlong_ids: Sequence[int], dropped_rows: int, budget: str = ""
    ) -> StudioError | None:
        """Why a run on these rows may not start, or None: the plan before a run and the run itself ask here.

        ``rows`` counts all that are chosen, ``overlong_ids`` names those over max_length, ``dropped_rows`` counts those
        that the policy would leave out; ``budget`` is what they are over, in words.
        """
        budget = budget or f"max_length={self.max_length}"
        if not rows:
            nothing = "no row would be trained: none is in the train split"
            if self.tasks or self.where:
                return StudioError(f"{nothing} for these tasks and this filter.", "Widen tasks or where.")
            return StudioError(f"{nothing}.", "Assign the splits first: studio split, or S on Data.")
        if overlong_ids and self.overlong == "refuse":
            some = ", ".join(map(str, overlong_ids[:5])) + (", …" if len(overlong_ids) > 5 else "")
            return StudioError(
                f"{len(overlong_ids)} of {rows} rows are over {budget}: examples {some}.",
                "Raise max_length, or say what becomes of them: overlong="
                + ("split or drop." if self.objective == "text" else "drop, truncate_prompt or truncate_completion."),
            )
        if dropped_rows == rows:
            return StudioError(
                f"overlong={self.overlong} would drop all {rows} rows at {budget}.",
                "Raise max_length.",
            )
        return None

    def steps_per_epoch(self, examples: int) -> int:
        """Optimizer steps of one epoch of so many examples; the last batch may be smaller."""
        return math.ceil(examples / self.batch_size)

    def steps_of(self, examples: int) -> int:
        """Optimizer steps of a run with so many examples an epoch, at least one; part of an epoch rounds up to a step.

        Rounded before that to six digits: 1.1 × 100 is 110.00000000000001 in binary and would be 111 steps.
        """
        return max(1, math.ceil(round(self.epochs * self.steps_per_epoch(examples), 6))) if examples else 0


@dataclass(frozen=True)
class CompareSpec(Spec):
    """One comparison: the same held-out rows answered by every arm."""

    kind: ClassVar[str] = "compare"

    run_id: str = about("The train run of the arm tuned, whose rows shots come from; empty for none.", default="")
    tuned_path: str = filled_in("In an older studio's comparison: the folder of what that run made.", default="")
    tuned_method: str = filled_in("In an older studio's comparison: the method of that run.", default="")
    after: str = filled_in("The train run whose end the comparison waits for; empty for none.", default="")
    arms: tuple[str, ...] = about(
        f"{arms.usage()}; two together: tuned+few_shot:3.", default=("zero_shot", "one_shot", "few_shot:5", "tuned")
    )
    split: str = about("Rows of this split are answered.", choices=("test", "validation"), default="test")
    tasks: tuple[str, ...] = about("Only these tasks; empty takes all.", default=())
    limit: int = about("At most this many rows, evenly over the tasks; 0 takes all.", default=0)
    max_new_tokens: int = about(
        "An answer is cut after this many tokens; 0 takes 1.5 × the longest reference.", default=0
    )
    batch_size: int = about("Prompts answered together.", default=16)
    latency_rows: int = about(
        "Rows that each arm answers one at a time, to measure its latency; 0 measures none.", default=4
    )
    probe_rows: int = about(
        "Rows that are answered again alone and in the other dtype, to see how many answers change; 0 is none.",
        default=4,
    )
    passage_words: int = about("Words of a passage of a document, for rag:k:FOLDER.", default=120)
    passage_overlap: int = about("Words that a passage shares with the one before it.", default=20)
    seed: int = about("Seed of the choice of shots.", default=0)
    primary: tuple[str, ...] = about(
        "The score that decides, named before the run: rouge_l for all tasks, tickets=exact_match for one; empty takes "
        "[scores] of studio.toml, then what suits the references.",
        default=(),
    )
    scorers: tuple[str, ...] = about("Further scores, which are not worked out else: rouge_l_stemmed.", default=())
    has_loss: bool = about(
        "Also measure the loss of the right answers under every model here: half a pass a row more.", default=False
    )
    is_forgetting: bool = about(
        "Rows of the tasks that the run did not learn, and a small general set, show what it forgot.", default=False
    )
    version: str = filled_in("The version of the dataset that its rows were frozen from.", default="")
    test_locks: tuple[str, ...] = filled_in(
        "When the test set was locked, and each time that it was unlocked, by whom and why.", default=()
    )
    own_scorers: tuple[str, ...] = filled_in("Functions of the project that score too, by studio.toml.", default=())
    dtype: str = about(
        "auto measures float32 and bfloat16 on this machine and takes the faster.", choices=DTYPES, default="auto"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("batch_size", self.batch_size, 1)
        at_least("limit", self.limit, 0)
        at_least("latency_rows", self.latency_rows, 0)
        at_least("max_new_tokens", self.max_new_tokens, 0)
        at_least("probe_rows", self.probe_rows, 0)
        at_least("passage_overlap", self.passage_overlap, 0)
        if self.passage_words <= self.passage_overlap:
            raise AskedWrongly(
                f"passage_words={self.passage_words} with passage_overlap={self.passage_overlap} never ends.",
                "A passage has more words than it shares with the one before.",
            )
        if not self.arms:
            raise AskedWrongly("arms is empty.", "For example: zero_shot,few_shot:5,tuned")
        if len(set(self.arms)) != len(self.arms):
            raise AskedWrongly(f"arms={','.join(self.arms)} names one twice.")
        for arm in self.parsed_arms:
            if arm.is_tuned and not (arm.by.name or self.run_id):
                raise AskedWrongly(
                    f"the arm {arm.text!r} needs a run.", "Add --run RUN (studio runs lists them), or leave it out."
                )

    @property
    def needs_base_model(self) -> bool:
        """Whether the base model answers, or what was made of it."""
        return any(arm.by.source in ("base", "tuned") for arm in self.parsed_arms)

    @property
    def parsed_arms(self) -> list[Arm]:
        """``arms`` in their order. Raises AskedWrongly for an unknown one."""
        return [arm_from(text) for text in self.arms]


SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in (TrainSpec, CompareSpec)}


def write_spec(directory: RunDirectory, spec: Spec) -> None:
    """Write ``spec.json``: from here on the directory is a run. Everything it reads must be there already."""
    write_whole(directory.spec_path, spec.to_json())


def read_spec(directory: RunDirectory) -> Spec:
    """The run's spec. Raises StudioError where the file cannot be read or is damaged, AskedWrongly for a bad value."""
    try:
        return spec_from(read_json_object(directory.spec_path))
    except FileNotFoundError as error:
        raise StudioError(f"{directory.spec_path}: cannot be read: {why_not(error)}.") from error
    except AskedWrongly as error:
        raise AskedWrongly(f"spec.json cannot be used: {error.message}", error.hint) from error


def spec_from(values: JsonObject) -> Spec:
    """The spec that a ``spec.json`` holds. Raises AskedWrongly when it is none."""
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in SPECS:
        raise AskedWrongly(f"it has kind={in_short(kind)}.", f"Known: {', '.join(SPECS)}. A newer studio may know it.")
    return SPECS[kind].from_dict(values)
