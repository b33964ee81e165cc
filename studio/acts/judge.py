"""A model as judge: an endpoint reads two answers in both orders, and its word is held against the person's votes."""

from __future__ import annotations

import queue
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass

from studio.acts.answering import endpoint_named
from studio.acts.comparing import LoadedComparison
from studio.endpoints.client import Client, EndpointError
from studio.endpoints.settings import Endpoint
from studio.errors import AskedWrongly
from studio.files import JsonLinesWriter, read_json_lines
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.votes import CastVote
from studio.scoring.statistics import wilson
from studio.scoring.votes import Agreement, Vote

FIRST, SECOND, TIE, UNCLEAR = "A", "B", "TIE", ""
ANSWER_TOKENS = 512  # some models think aloud; the last word of theirs counts
_WORD = re.compile(r"\b(A|B|TIE)\b")

QUESTION = """\
You compare two answers to one request. Judge which is better: right, complete, in the form that was asked for.
Length and the order of the answers do not matter.

[Request]
{prompt}

[A reference answer, which is right]
{reference}

[Answer A]
{first}

[Answer B]
{second}

Which answer is better? Your last line is one word: A, B or TIE."""


@dataclass(frozen=True)
class Judgement:
    """What the judge said of one row: the better arm with ``a`` first, and with ``b`` first; empty for a tie.

    ``error`` says why there is no judgement; ``is_unclear`` that an answer of the judge ended in none of the words.
    """

    judge: str
    example_id: int
    a: str
    b: str
    with_a_first: str = ""
    with_b_first: str = ""
    is_unclear: bool = False
    error: str = ""

    @property
    def winner(self) -> str:
        """The better arm where both orders agree, else empty: a judge that the order turns has no opinion."""
        return self.with_a_first if self.with_a_first == self.with_b_first else ""

    @property
    def is_turned(self) -> bool:
        """Whether the order of the answers decided."""
        return self.with_a_first != self.with_b_first

    @property
    def counts(self) -> bool:
        return not self.error and not self.is_unclear


def judge_rows(
    project: Project,
    comparison: LoadedComparison,
    directory: RunDirectory,
    judge: str,
    arms: tuple[str, str],
    limit: int = 0,
    on_judged: Callable[[int, int], None] = lambda done, total: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Judgement]:
    """Let the endpoint ``judge`` compare two arms' answers to every row; what it judged before is not asked again.

    A row that fails is named and the others go on; it is asked again the next time. Answers in the same words are left
    out. Judgements are on disk as they come. Raises AskedWrongly for an unknown endpoint or arm.
    """
    endpoint = endpoint_named(project, judge)
    for arm in arms:
        if not any(line["arm"] == arm for line in comparison.predictions):
            raise AskedWrongly(f"{comparison.run_id} has no arm {arm!r}.", f"Arms: {', '.join(comparison.spec.arms)}.")
    known = {one.example_id: one for one in judgements_in(directory) if one.judge == judge and (one.a, one.b) == arms}
    texts = {(str(line["arm"]), line["example_id"]): str(line["text"]) for line in comparison.predictions}
    rows = [row for row in comparison.rows if _differ(texts, arms, row)]
    rows = rows[:limit] if limit else rows
    waiting = [row for row in rows if row.example_id not in known]
    found = [known[row.example_id] for row in rows if row.example_id in known]
    on_judged(len(found), len(rows))
    for one in _judged(endpoint, judge, arms, waiting, texts, is_cancelled):
        if not one.error:
            _keep(directory, one)
        found.append(one)
        on_judged(len(found), len(rows))
    return found


def judgements_in(directory: RunDirectory) -> list[Judgement]:
    """What was judged so far, damaged lines passed over: they are judged again."""
    lines, _ = read_json_lines(directory.judgements_path)
    names = set(Judgement.__dataclass_fields__)
    return [Judgement(**line) for line in lines if set(line) == names]


def as_votes(judgements: Iterable[Judgement]) -> list[Vote]:
    """The judgements as votes: a tie where the order decided."""
    return [Vote(one.a, one.b, one.winner, one.example_id) for one in judgements if one.counts]


def agreement(judgements: Iterable[Judgement], votes: Iterable[CastVote]) -> Agreement:
    """On how many of the rows that people voted on the judge says what the newest vote says, ties included."""
    said = {one.example_id: one for one in judgements if one.counts}
    newest = {vote.example_id: vote for vote in votes if not vote.is_repeat}
    both = [
        said[at].winner == vote.winner
        for at, vote in newest.items()
        if at in said and vote.arms == {said[at].a, said[at].b}
    ]
    low, high = wilson(sum(both), len(both))
    return Agreement(sum(both) / len(both) if both else 0.0, low, high, len(both))


def _judged(
    endpoint: Endpoint,
    judge: str,
    arms: tuple[str, str],
    rows: Sequence[FrozenRow],
    texts: dict[tuple[str, int], str],
    is_cancelled: Callable[[], bool],
) -> Iterable[Judgement]:
    free: queue.SimpleQueue[Client] = queue.SimpleQueue()  # a client is of one thread at a time
    clients = [Client(endpoint, is_cancelled) for _ in range(endpoint.concurrency)]
    for client in clients:
        free.put(client)

    def judged(row: FrozenRow) -> Judgement:
        client = free.get()
        try:
            return _of_row(client, judge, arms, row, texts)
        finally:
            free.put(client)

    with ThreadPoolExecutor(endpoint.concurrency, "judging") as pool:
        waiting: set[Future[Judgement]] = {pool.submit(judged, row) for row in rows}
        try:
            while waiting and not is_cancelled():
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for client in clients:
                client.close()


def _of_row(
    client: Client, judge: str, arms: tuple[str, str], row: FrozenRow, texts: dict[tuple[str, int], str]
) -> Judgement:
    words = []
    try:
        for first, second in (arms, arms[::-1]):
            question = QUESTION.format(
                prompt=row.prompt,
                reference=row.completion,
                first=texts[first, row.example_id],
                second=texts[second, row.example_id],
            )
            words.append(word_in(client.answer([{"role": "user", "content": question}], ANSWER_TOKENS).text))
    except EndpointError as error:
        return Judgement(judge, row.example_id, *arms, error=error.message)
    a_first = {FIRST: arms[0], SECOND: arms[1]}.get(words[0], "")
    b_first = {FIRST: arms[1], SECOND: arms[0]}.get(words[1], "")
    return Judgement(judge, row.example_id, *arms, a_first, b_first, is_unclear=UNCLEAR in words)


def word_in(text: str) -> str:
    """The judge's word: the last of A, B and TIE that it says in capitals; empty where it says none."""
    said = _WORD.findall(text)
    return said[-1] if said else UNCLEAR


def _differ(texts: dict[tuple[str, int], str], arms: tuple[str, str], row: FrozenRow) -> bool:
    given = [texts.get((arm, row.example_id)) for arm in arms]
    return None not in given and given[0] != given[1]


def _keep(directory: RunDirectory, judgement: Judgement) -> None:
    writer = JsonLinesWriter(directory.judgements_path)
    try:
        writer.write(asdict(judgement))
    finally:
        writer.close()
