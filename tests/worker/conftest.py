from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def leave_no_trace(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs in this process get a cache of their own, and give back signal handlers and threads.

    They tell of a CPU, also where there is a GPU; those of ``test_gpu.py`` do not.
    """
    import torch
    from accelerate.state import AcceleratorState

    if not request.path.name.startswith("test_gpu"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # of processes that a test starts
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    # Two threads on a two-layer model mostly wait for each other; one also adds in the same order everywhere.
    monkeypatch.setattr("studio.worker.compute.measure.thread_counts", lambda: [1])
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    torch.set_num_threads(threads)
    AcceleratorState._reset_state(reset_partial_state=True)
