"""Written reports: what stands in them, that nothing in them is run, and how a browser shows them."""

from __future__ import annotations

import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from studio.acts.exporting import FileExists
from studio.acts.reporting import report_of, write_report
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.reports.document.html import as_html
from studio.runs.directory import RunDirectory
from studio.runs.events import Finished
from studio.runs.votes import LEFT, CastVote, cast_vote
from tests.browser import CHROMIUM, browser
from tests.tui.run_story import comparison, recorded_runs, train_run

HOSTILE = "</pre></style><script>document.title='owned'</script><img src=x onerror=alert(1)> \x1b[2J\u202e`````"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.init(tmp_path / "desk")
    recorded_runs(project)
    return project


def hostile_comparison(project: Project) -> RunDirectory:
    """A comparison whose prompts, references, answers, arms and tasks are all meant to break a page."""
    directory = comparison(project, "compare-1")
    for path in (directory.rows_path("test"), directory.predictions_path):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        for line in lines:
            line |= {name: HOSTILE for name in ("prompt", "task", "completion", "text") if name in line}
            if line.get("arm", "tuned") != "tuned":
                line["text"] = "<script>no</script>"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return directory


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attributes


def test_a_report_has_the_verdict_the_figures_and_all_that_decides_them(project: Project) -> None:
    page = as_html(report_of(project, "compare"))
    digest = hashlib.sha256((project.runs_path / "compare-1125-043826-df" / "test.jsonl").read_bytes()).hexdigest()
    for words in (
        "tuned answers 20 of 40 exactly",
        "40 points better",
        "<svg",
        "median seconds an answer",
        "From few_shot:5 to tuned: 18 fixed, 2 broken",
        "<del>",
        "fields of the JSON that are right",
        "latency_rows",
        digest,
        "studio compare --set base_model=smollm2-135m-instruct --run train-1125-043614-d3",
        "bfloat16",
        "studio version",
    ):
        assert words in page, words


def test_nothing_in_a_report_is_markup_but_its_own(project: Project) -> None:
    hostile_comparison(project)
    page = as_html(report_of(project, "compare-1"))
    found = Elements(page)
    assert not {"script", "img", "iframe", "object", "a", "form"} & set(found.names)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "style")]
    assert [value for name, value in found.attributes if name == "href"] == ["data:,"]
    assert "\x1b" not in page and "\u202e" not in page and "&lt;script&gt;" in page


def test_the_report_of_a_fine_tune_has_its_curves_warnings_and_command(project: Project) -> None:
    document = report_of(project, "train")
    assert document.lead == "Finished after 84 of 84 steps; best loss on validation 0.045 at step 84."
    page = as_html(document)
    for words in ("Learning rate.", "polyline", "studio train --set base_model=smollm2-135m-instruct", "2.1 GB"):
        assert words in page, words
    assert document.data["evaluations"][-1]["step"] == 84


def test_a_run_without_a_step_and_one_without_answers(project: Project) -> None:
    train_run(project, "train-9", steps=0, ends=Finished(seconds=1.0))
    assert "<h1>Fine-tune train-9</h1>" in as_html(report_of(project, "train-9"))
    directory = comparison(project, "compare-9")
    directory.predictions_path.write_text("")
    with pytest.raises(StudioError, match="no answers of every arm yet"):
        report_of(project, "compare-9")


def test_votes_stand_in_the_report(project: Project) -> None:
    directory = comparison(project, "compare-1")
    cast_vote(directory, CastVote(1, "tuned", "zero_shot", LEFT, "anna", "now"))
    document = report_of(project, "compare-1")
    assert "Blind votes" in [section.title for section in document.sections]
    assert document.data["votes"]["n"] == 1


def test_markdown_and_json_hold_the_same_and_no_text_closes_its_fence(project: Project, tmp_path: Path) -> None:
    hostile_comparison(project)
    document = report_of(project, "compare-1")
    write_report(document, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert "``````text" in text, "longer than any fence in the texts"
    assert "\\<script\\>" in text and "| score | zero\\_shot" in text
    write_report(document, tmp_path / "report.json")
    facts = json.loads((tmp_path / "report.json").read_text())
    assert facts["scores"]["arms"].keys() == {"zero_shot", "few_shot:5", "tuned"}
    assert facts["provenance"]["hashes"].keys() >= {"spec.json", "test.jsonl", "predictions.jsonl"}
    assert facts["commands"][1] == "studio compare --show compare-1"


def test_a_report_is_written_whole_and_replaces_nothing_unasked(project: Project, tmp_path: Path) -> None:
    document, path = report_of(project, "compare"), tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(FileExists):
        write_report(document, path)
    assert path.read_text() == "mine"
    write_report(document, path, may_replace=True)
    assert path.read_text().endswith("</html>\n")
    for wrong in (tmp_path / "report.pdf", tmp_path / "report"):
        with pytest.raises(AskedWrongly, match="unknown ending"):
            write_report(document, wrong)
    with pytest.raises(StudioError, match="cannot be written"):
        write_report(document, tmp_path / "none" / "report.html")
    assert not [one for one in tmp_path.iterdir() if one.name.endswith(".part")]


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: apt-get install chromium")
def test_a_browser_shows_reports_light_and_dark_narrow_and_wide_without_a_word(
    project: Project, tmp_path: Path
) -> None:
    hostile_comparison(project)
    looks = {
        "compare-1125": ((390, "light"), (1280, "dark")),
        "compare-1": ((390, "dark"), (1280, "light")),
        "train": ((390, "dark"), (1280, "light")),
    }
    with browser(tmp_path / "browser") as chromium:
        for run, sizes in looks.items():
            page = tmp_path / f"{run}.html"
            write_report(report_of(project, run), page)
            for width, scheme in sizes:
                seen = chromium.look(page, width, scheme)
                assert seen.complaints == [], page.name
                assert seen.requests == [page.as_uri()], "nothing is fetched"
                assert seen.page_width == width and seen.content_width <= width, f"{page.name} at {width}"
                assert seen.background == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}[scheme]
