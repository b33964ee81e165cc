"""What the plan of a comparison says before anything is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.acts.compare_plan_words import compare_facts, plan_as_json
from studio.acts.comparing import ComparePlan
from studio.acts.forgetting import general_rows, refuse_without_a_run, with_general_score
from studio.acts.scoring import task_plans, with_scoring
from studio.errors import AskedWrongly
from studio.project import Project
from studio.runs.directory import FrozenRow
from studio.runs.specs import CompareSpec

LONG = "The customer asks for a refund because the parcel never came to the door"


def plan_of(project: Project, rows: list[FrozenRow], **asked: tuple[str, ...]) -> ComparePlan:
    spec = with_scoring(project, CompareSpec(arms=("zero_shot", "few_shot:2"), **asked))  # type: ignore[arg-type]
    return ComparePlan(spec, rows, [], {}, task_plans(spec, rows), None)


def test_it_says_what_decides_and_the_smallest_difference_that_the_rows_can_show(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    rows = [FrozenRow(at, "tickets", "q", f"yes {at}") for at in range(50)]
    plan = plan_of(project, rows + [FrozenRow(at, "mail", "q", LONG) for at in range(50, 60)])
    facts = {name: words for name, words, _ in compare_facts(plan)}
    assert facts == {
        "answers": "60 rows of the test split × 2 arms = 120 answers",
        "time": "not known before a first comparison on this model",
        "decides": "exact match on tickets (by its references, 50 rows), ROUGE-L on mail (by its references, 10 rows)",
        "can show": "a difference of 17.7 points or more with 50 rows (80 % power, arms differing on 20 % of rows); "
        "5 points need about 628",
        "shots": "from the train split only",
    }
    assert plan_as_json(plan)["detectable_difference"] == pytest.approx(0.177, abs=5e-4)
    few = plan_of(project, rows[:5])
    assert ("can show", "no difference at all: 5 rows is too few", "warn") in compare_facts(few)


def test_what_decides_and_the_code_of_the_project_come_from_studio_toml(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    (tmp_path / "my_scorers.py").write_text("def politeness(prediction, reference): return 1.0\n")
    with project.settings_path.open("a") as file:
        file.write('[scores]\nmail = "politeness"\n"*" = "token_f1"\n')
        file.write('[scorers]\npoliteness = "my_scorers.py:politeness"\n')
    rows = [FrozenRow(1, "mail", "q", LONG), FrozenRow(2, "tickets", "q", "yes"), FrozenRow(3, "tone", "q", "calm")]
    plan = plan_of(project, rows, primary=("tone=rouge_l_stemmed",))
    facts = {name: words for name, words, _ in compare_facts(plan)}
    assert facts["decides"] == (
        "politeness on mail (as named, 1 row), token F1 on tickets (as named, 1 row), "
        "R-L stemmed on tone (as named, 1 row)"
    )
    assert facts["own code"] == (
        "my_scorers.py:politeness of this project is run on every answer, with your rights, as studio.toml asks"
    )
    assert plan.spec.scorers == ("rouge_l_stemmed",)
    assert plan.spec.own_scorers == (f"politeness={tmp_path}/my_scorers.py:politeness",)
    with pytest.raises(AskedWrongly, match="valid_json is asked of no row of task 'tone'"):
        plan_of(project, rows, primary=("tone=valid_json",))
    with pytest.raises(AskedWrongly, match="scorers=rogue is no score"):
        plan_of(project, rows, scorers=("rogue",))


def test_the_general_set_has_one_right_answer_each_and_no_row_of_the_store(tmp_path: Path) -> None:
    rows = general_rows()
    assert len(rows) == 48 and len({row.prompt_hash for row in rows}) == 48
    assert all(row.example_id < 0 and row.task == "general" and row.completion for row in rows)
    spec = with_scoring(Project.init(tmp_path), with_general_score(CompareSpec(arms=("zero_shot",))))
    assert [(plan.scorer.name, plan.rows) for plan in task_plans(spec, rows)] == [("contains", 48)]
    for arms in (("zero_shot",), ("zero_shot", "few_shot:2", "tuned"), ("tuned",)):
        with pytest.raises(AskedWrongly, match="before and after"):
            refuse_without_a_run(CompareSpec(run_id="r", arms=arms))
    refuse_without_a_run(CompareSpec(run_id="r", arms=("zero_shot", "tuned")))
