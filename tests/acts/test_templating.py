"""Rows out of columns: at import, spread over several prompts, shown as problems where they fail, and changed later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studio.acts.importing import ImportPreview, parse_mapping, preview_import
from studio.acts.templating import apply_template
from studio.cli.app import app
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.templates import READY, Template, several, template_from, template_named

DIALOGUES = [{"id": number, "dialogue": f"A: {number}?\nB: No.", "summary": f"No {number}."} for number in range(30)]
SUMMARIZE = r"Summarize the following conversation.\n\n{{dialogue}}\n\nSummary:"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(Project.init(tmp_path / "desk").store_path, "anna")


def previewed(store: Store, tmp_path: Path, *asked: str, rows: object = DIALOGUES, name: str = "") -> ImportPreview:
    path = tmp_path / "rows.jsonl"
    assert isinstance(rows, list)
    path.write_text("\n".join(map(json.dumps, rows)))
    template = several([template_named(one, {}, name=name) for one in asked])
    return preview_import(store, [path], None, name, template=template)


def test_the_columns_of_a_file_become_prompts_and_the_usual_column_the_completion(tmp_path: Path, store: Store) -> None:
    preview = previewed(store, tmp_path, SUMMARIZE, name="dialogsum")
    first = preview.candidates[3]
    assert first.prompt == "Summarize the following conversation.\n\nA: 3?\nB: No.\n\nSummary:"
    assert (first.completion, first.task, first.template, first.line) == ("No 3.", "dialogsum", "dialogsum", 4)
    assert json.loads(first.raw) == DIALOGUES[3] and preview.shapes == {"a template": 30}


def test_several_templates_are_spread_over_the_rows_the_same_way_each_time(tmp_path: Path, store: Store) -> None:
    first, second = (previewed(store, tmp_path, "1 {{dialogue}}", "2 {{dialogue}}") for _ in range(2))
    starts = [one.prompt[0] for one in first.candidates]
    assert starts == [one.prompt[0] for one in second.candidates]
    assert 8 <= starts.count("1") <= 22, "as a coin falls"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{dialog}}", "the template failed: 'dialog' is undefined; this row has id, dialogue, summary"),
        ("{{ ''.__class__.__mro__ }}", "tried to leave its sandbox"),
        ("{% if false %}{{x}}{% endif %}", "is empty"),
        ("{{ 'x' * 10000000 }}", "the template makes 10,000,000 characters of"),
        ("{{ dialogue", "the template is not valid Jinja"),
    ],
)
def test_what_a_template_cannot_make_is_a_problem_of_its_row(
    tmp_path: Path, store: Store, template: str, why: str
) -> None:
    preview = previewed(store, tmp_path, template, rows=DIALOGUES[:2])
    assert len(preview.problems) == 2 and not preview.candidates
    assert why in str(preview.problems[0]) and preview.problems[1].line == 2


def test_a_template_that_does_not_end_is_stopped(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.tokens.render_process.ROW_SECONDS", 0.3)
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{{x}}"
    with pytest.raises(StudioError, match="the template took too long and was stopped"):
        previewed(store, tmp_path, endless, rows=DIALOGUES[:1])
    assert previewed(store, tmp_path, "{{dialogue}}", rows=DIALOGUES[:1]).candidates, "and the next one renders"


def test_a_changed_template_changes_all_its_rows_in_one_step_but_those_edited_by_hand(
    tmp_path: Path, store: Store
) -> None:
    with store:
        store.add(previewed(store, tmp_path, SUMMARIZE, name="talk", rows=DIALOGUES[:4]).candidates, "rows")
        before = store.rows_for()
        store.set_text(2, completion="By hand.")
        new = template_named("In short: {{dialogue}}", {}, name="talk")
        applied = apply_template(store, "talk", new)
        assert applied.words == "apply the template talk to 3 examples · 1 row edited by hand since, left as they are"
        assert [row.prompt for row in store.rows_for()] == [
            before[1].prompt if number == 1 else f"In short: {DIALOGUES[number]['dialogue']}" for number in range(4)
        ]
        assert [row.revision for row in store.rows_for()] == [2] * 4
        assert store.rows_for()[0].prompt_hash != before[0].prompt_hash
        again = apply_template(store, "talk", template_named(SUMMARIZE, {}))
        assert again.change.count == 3, "what a template was applied to can be changed again"
        assert [row.revision for row in store.rows_for()] == [3, 2, 3, 3]
        for _ in range(3):
            store.undo()
        assert store.rows_for() == before
        lacking = apply_template(store, "talk", template_named("{{nothing}}", {}))
        assert lacking.change.count == 0 and len(lacking.failed) == 4 and "'nothing' is undefined" in lacking.words
        with pytest.raises(AskedWrongly, match="No row was made by the template 'walk'"):
            apply_template(store, "walk", new)


@pytest.mark.parametrize(
    ("name", "row", "prompt", "completion"),
    [
        ("summarise", {"article": "Long.", "highlights": "L."}, "Long.", "L."),
        ("classify", {"text": "Bad!", "label": "negative"}, "Bad!", "negative"),
        ("extract", {"text": "A lamp, 3 €", "json": '{"price": 3}'}, "A lamp, 3 €", '{"price": 3}'),
        ("answer", {"question": "Who?", "context": "It was I.", "answer": "I"}, "It was I.", "I"),
        ("answer", {"question": "Who?", "answer": "I"}, "Who?", "I"),
        ("translate", {"source": "Hello", "language": "French", "target": "Salut"}, "Hello", "Salut"),
        ("rewrite", {"text": "gimme", "output": "Please give me"}, "gimme", "Please give me"),
    ],
)
def test_the_ready_ones_take_columns_by_their_usual_names(
    tmp_path: Path, store: Store, name: str, row: dict[str, str], prompt: str, completion: str
) -> None:
    (ready,) = (one for one in READY if one.name == name)
    for source in ready.prompts:
        one = Template(name, (source,), ready.completion)
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps(row))
        (found,) = preview_import(store, [path], template=one).candidates
        assert prompt in found.prompt and len(found.prompt) >= len(prompt)
        assert (found.completion, found.task) == (completion, name)


def test_templates_of_the_settings_are_named_and_what_is_wrong_in_them_is_said(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    table = '[templates.short]\nprompt = ["Short: {{d}}", "{{d}} Short:"]\ncompletion = "{{s}}"\n'
    project.settings_path.write_text(table)
    own = project.settings().templates
    assert own["short"] == Template("short", ("Short: {{d}}", "{{d}} Short:"), "{{s}}")
    assert template_named("short", own) is own["short"]
    with pytest.raises(AskedWrongly, match="'long' is no template") as refused:
        template_named("long", own)
    assert "summarise" in refused.value.hint and "short" in refused.value.hint
    with pytest.raises(AskedWrongly, match=r"'Summarize: {d}' is no template. Columns stand in two braces"):
        template_named("Summarize: {d}", own)
    wrong: list[object] = ["x", {"prompt": 3}, {"prompt": []}, {"prompt": "a", "completion": 1}, {"prompts": "a"}]
    for facts in wrong:
        with pytest.raises(AskedWrongly, match=r"templates\.short"):
            template_from("short", facts)


def test_a_text_with_columns_in_it_is_not_taken_for_the_name_of_a_column(tmp_path: Path, store: Store) -> None:
    with pytest.raises(AskedWrongly, match="a text with columns in it is a template") as refused:
        parse_mapping("prompt=Summarize: {dialogue},completion=summary")
    assert "--template 'Summarize: {{dialogue}}'" in refused.value.hint
    mapping = parse_mapping("""prompt=q, system="Be brief, please.",completion=a""")
    assert mapping == {"prompt": "q", "system": '"Be brief, please."', "completion": "a"}
    path = tmp_path / "rows.jsonl"
    path.write_text('{"q": "p", "a": "c"}\n{"q": "p", "a": "c", "system": "own"}')
    assert [one.system for one in preview_import(store, [path], mapping).candidates] == ["Be brief, please.", "own"]
    with pytest.raises(AskedWrongly, match="every row would have the same prompt"):
        preview_import(store, [path], {"prompt": "'x'"})


def test_the_verbs(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, DIALOGUES)))
    root = str(tmp_path / "desk")

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["-C", root, *words])
        assert result.exit_code == 0, result.output
        return result.output

    run("init", root)
    rows = str(tmp_path / "rows.jsonl")
    said = run("import", rows, "--template", SUMMARIZE, "--template", "{{dialogue}}", "--task", "talk")
    assert "added 30 examples" in said and "read as a template" in said
    assert "apply the template talk to 30 examples" in run("template", "apply", "talk", "--template", "answer: {{id}}")
    assert "answer: 7" in run("rows", "--where", "example_id = 8")
    assert "translate" in run("template", "list")
    assert "rename the task talk to speech of 30 examples" in run("task", "rename", "talk", "speech")
    run("import", rows, "--template", "{{summary}}", "--task", "other")
    run("task", "rename", "other", "speech")
    assert '"speech": 60' in run("stats", "--json")
    run("undo")
    assert '"other": 30' in run("stats", "--json")
    refused = CliRunner().invoke(app, ["-C", root, "task", "rename", "speach", "x"])
    assert refused.exit_code == 2 and "Tasks: speech, other" in refused.output
