"""The environment that a run's process gets on this machine."""

from studio.runs.places.local import _environment


def test_two_trainings_at_once_do_not_wait_for_each_others_threads_at_full_speed() -> None:
    assert _environment({"HOME": "/home/anna"})["GOMP_SPINCOUNT"] == "1000"


def test_whoever_chose_how_threads_wait_keeps_the_choice() -> None:
    assert "GOMP_SPINCOUNT" not in _environment({"OMP_WAIT_POLICY": "ACTIVE"})
    assert _environment({"GOMP_SPINCOUNT": "7"})["GOMP_SPINCOUNT"] == "7"
