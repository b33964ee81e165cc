"""Watchdogs on curves made by hand: each barks at its own trouble, and none at a healthy run."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

import pytest

from studio.errors import AskedWrongly
from studio.runs.specs import TrainSpec
from studio.runs.watchdogs import WATCHDOGS, actions_from
from studio.runs.watchdogs.disk import Disk
from studio.runs.watchdogs.divergence import Divergence
from studio.runs.watchdogs.non_finite import NonFinite
from studio.runs.watchdogs.overfitting import Overfitting
from studio.runs.watchdogs.plateau import Plateau
from studio.runs.watchdogs.stall import Stall
from studio.runs.watchdogs.throughput import Throughput
from studio.runs.watchdogs.watchdog import Action, Alarm, SeenEvaluation, SeenStep, Watchdog

STEPS = 600


def step(number: int, loss: float = 1.0, **seen: float) -> SeenStep:
    usual: dict[str, float] = {"grad_norm": 1.0, "learning_rate": 1e-3, "tokens_per_second": 200.0, "seconds": 2.0}
    return SeenStep(number, STEPS, loss, **{**usual, **seen})  # type: ignore[arg-type]


def barks(dog: Watchdog, steps: Iterable[SeenStep]) -> list[tuple[int, Alarm]]:
    return [(seen.step, alarm) for seen in steps if (alarm := dog.on_step(seen))]


def falling(seed: int = 0, noise: float = 0.15) -> list[float]:
    """A healthy loss: it falls, and batches differ."""
    chance = random.Random(seed)
    return [0.4 + 2 * math.exp(-at / 150) * (1 + chance.gauss(0, noise)) for at in range(1, STEPS + 1)]


@pytest.mark.parametrize("seed", range(5))
def test_no_watchdog_barks_at_a_healthy_run(seed: int) -> None:
    chance = random.Random(seed)
    dogs = [kind() for kind in WATCHDOGS]
    for number, loss in enumerate(falling(seed), start=1):
        rate = 1e-3 * 0.5 * (1 + math.cos(math.pi * number / STEPS))
        speed = 200 * (1 + chance.gauss(0, 0.2))
        seen = step(number, loss, learning_rate=rate, tokens_per_second=speed, seconds=1600 / speed, free_bytes=10**10)
        assert [dog.NAME for dog in dogs if dog.on_step(seen)] == []
        if number % 100 == 0:
            evaluation = SeenEvaluation(number, loss + 0.05)
            assert [dog.NAME for dog in dogs if dog.on_evaluation(evaluation)] == []


def test_one_odd_batch_is_no_divergence_and_a_loss_that_stays_high_is() -> None:
    losses = falling()[:200]
    losses[150] = losses[149] * 1.8
    assert barks(Divergence(), [step(at, loss) for at, loss in enumerate(losses, 1)]) == []
    blown = [*losses[:160], 2.5, 2.9, 3.4, 4.0]
    (first, alarm), *_ = barks(Divergence(), [step(at, loss) for at, loss in enumerate(blown, 1)])
    assert (first, alarm.since) == (163, 161)
    assert "diverges since step 161" in alarm.reason


def test_a_single_step_far_outside_is_a_divergence_at_once() -> None:
    blown = [*falling()[:100], 60.0]
    ((first, alarm),) = barks(Divergence(), [step(at, loss) for at, loss in enumerate(blown, 1)])
    assert (first, alarm.since) == (101, 101)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_said_with_its_step(wrong: float) -> None:
    assert [at for at, _ in barks(NonFinite(), [step(1), step(2, wrong), step(3)])] == [2]
    assert [at for at, _ in barks(NonFinite(), [step(1, grad_norm=wrong)])] == [1]


def test_a_loss_that_stopped_falling_is_a_plateau_but_not_at_the_end_of_a_schedule() -> None:
    chance = random.Random(1)
    flat = [1.2 + chance.gauss(0, 0.1) for _ in range(300)]
    found = barks(Plateau(), [step(at, loss) for at, loss in enumerate(flat, 1)])
    assert found and found[0][0] >= 200
    ending = [step(at, loss, learning_rate=1e-3 if at == 1 else 1e-4) for at, loss in enumerate(flat, 1)]
    assert barks(Plateau(), ending) == []


def evaluations(dog: Watchdog, losses: Sequence[float], training: Sequence[float]) -> list[int]:
    found = []
    for number, (loss, of_steps) in enumerate(zip(losses, training, strict=True), start=1):
        for at in range(10):
            dog.on_step(step(10 * (number - 1) + at + 1, of_steps))
        if dog.on_evaluation(SeenEvaluation(10 * number, loss)):
            found.append(10 * number)
    return found


def test_evaluations_that_rise_while_training_falls_are_overfitting() -> None:
    assert evaluations(Overfitting(), [1.0, 0.8, 0.85, 0.9, 0.97], [1.0, 0.7, 0.5, 0.3, 0.2]) == [50]
    assert evaluations(Overfitting(), [1.0, 0.8, 0.85, 0.78, 0.8], [1.0, 0.7, 0.5, 0.3, 0.2]) == [], "they fall again"
    both = evaluations(Overfitting(), [1.0, 0.8, 0.85, 0.9, 0.97], [1.0, 0.7, 0.9, 1.1, 1.4])
    assert both == [], "where training rises too it diverges, which another watchdog says"


def test_a_step_of_minutes_is_a_stall_and_a_slow_machine_is_not() -> None:
    assert [at for at, _ in barks(Stall(), [step(at, seconds=300.0 if at == 20 else 2.0) for at in range(1, 30)])] == [
        20
    ]
    assert barks(Stall(), [step(at, seconds=90.0) for at in range(1, 30)]) == []


def test_a_speed_that_halves_for_long_is_said_and_a_slow_step_is_not() -> None:
    speeds = [200.0] * 40 + [60.0] * 20
    found = barks(Throughput(), [step(at, tokens_per_second=speed) for at, speed in enumerate(speeds, 1)])
    assert found[0][0] == 51
    assert "60 tokens/s" in found[-1][1].reason and "200 before" in found[-1][1].reason
    assert barks(Throughput(), [step(at, tokens_per_second=10.0 if at == 30 else 200.0) for at in range(1, 60)]) == []


def test_a_disk_without_room_for_two_checkpoints_is_said_before_it_is_full() -> None:
    checkpoint = 1_600_000_000
    seen = [
        step(at, free_bytes=free, checkpoint_bytes=checkpoint) for at, free in ((1, 4 * checkpoint), (2, checkpoint))
    ]
    ((at, alarm),) = barks(Disk(), seen)
    assert at == 2
    assert "1,600 MB are free" in alarm.reason


def test_a_spec_says_what_each_watchdog_does_and_refuses_what_none_can() -> None:
    assert actions_from(())["non_finite"] is Action.STOP
    actions = actions_from(TrainSpec(watchdogs=("divergence=rollback", "plateau=stop")).watchdogs)
    assert (actions["divergence"], actions["plateau"], actions["disk"]) == (Action.ROLLBACK, Action.STOP, Action.NOTIFY)
    for wrong, hint in (("divergence", "Actions: notify, stop, rollback"), ("mood=stop", "names: non_finite")):
        with pytest.raises(AskedWrongly) as refused:
            TrainSpec(watchdogs=(wrong,))
        assert hint in refused.value.hint
