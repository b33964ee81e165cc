"""What a family of models is to a run's process: loading one, learning with it, answering with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from studio.tokens.encoding import Encoded
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.prefix import KeysAndValues
from studio.worker.compute.products import Products, Siblings

TokenIds = list[int]
# Logits, float32 (rows, vocabulary) -> the next token of each row, int64 (rows,).
Choose = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Answer:
    """``ids`` without the end-of-turn; ``is_cut`` says that the limit ended it.

    ``latency_seconds`` is what it took, the whole prompt included, ``ttft_seconds`` what its first token took of that;
    None for one that was answered among others.
    """

    ids: TokenIds
    is_cut: bool
    latency_seconds: float | None = None
    ttft_seconds: float | None = None


class Learner(Protocol):
    """A model taken apart for training.

    ``can_share_prefix``: rows may be computed behind one shared prefix. ``pads``: rows of unlike length cost padding
    when they share a micro-batch.
    """

    @property
    def device(self) -> torch.device: ...

    @property
    def can_share_prefix(self) -> bool: ...

    @property
    def pads(self) -> bool: ...

    def smoothed(self, label_smoothing: float) -> Learner:
        """The same with label smoothing in training, 0 to 1."""

    def collate(self, rows: Sequence[Encoded], skip: int = 0) -> Any:
        """One micro-batch on the learner's device, without the first ``skip`` tokens of each row."""

    def keys_and_values(self, ids: Tensor) -> KeysAndValues:
        """What attention keeps of a prefix, ids int64 (1, n)."""

    def losses(self, micro_batch: Any, prefix: KeysAndValues | None = None) -> tuple[Tensor, Tensor]:
        """Summed cross entropy of the micro-batch's learned tokens, float32 scalar, behind ``prefix``.

        And each token's own, float32 (n,), row after row, never smoothed, without a gradient.
        """


class Decoder(Protocol):
    """A model ready to answer, greedily unless it is told how to choose."""

    def answers(
        self,
        prompts: Sequence[TokenIds],
        batch_size: int,
        is_cancelled: Callable[[], bool] = ...,
        lanes: Lanes | None = None,
    ) -> Iterator[tuple[int, Answer]]:
        """(number of the prompt, its answer) as they come; ends early when cancelled."""

    def alone(self, prompt: TokenIds, is_cancelled: Callable[[], bool] = ...) -> Answer | None:
        """The answer to one prompt of which nothing was computed before, with its latency; None when cancelled."""

    def pieces(self, prompt: TokenIds, choose: Choose = ..., limit: int = ...) -> Iterator[int]:
        """Token ids of one answer, one at a time, without the end-of-turn; at most ``limit``, 0 for the decoder's."""


@dataclass(frozen=True)
class FamilyWork:
    """``load`` reads a folder's weights in a dtype (its own code only where trusted), quantized where told how.

    ``siblings`` names the layers of a model, perhaps inside a peft model, that its learner multiplies at once; it may
    name none. ``embedding`` is the layer of it to whose output noise is added. ``learner`` takes such a model apart,
    given the method's products; it raises StudioError for one it cannot. ``decoder`` is made from a model, the tokens
    that end an answer and the most tokens one may have. ``peft_task`` is peft's name for the family.
    """

    load: Callable[[Path, torch.dtype, bool, Any], PreTrainedModel]
    siblings: Callable[[nn.Module], Siblings]
    embedding: Callable[[PreTrainedModel], nn.Module]
    learner: Callable[[nn.Module, Products], Learner]
    decoder: Callable[[PreTrainedModel, frozenset[int], int], Decoder]
    peft_task: str


def loader(auto_class: Any) -> Callable[[Path, torch.dtype, bool, Any], PreTrainedModel]:
    """``FamilyWork.load`` by one of transformers' classes; what is not trusted brings no pickle and no code."""

    def load(path: Path, dtype: torch.dtype, is_trusted: bool, quantization: Any = None) -> PreTrainedModel:
        model: Any = auto_class.from_pretrained(
            path,
            dtype=dtype,
            use_safetensors=None if is_trusted else True,
            local_files_only=True,
            trust_remote_code=is_trusted,
            quantization_config=quantization,
        )
        assert isinstance(model, PreTrainedModel)
        return model

    return load
