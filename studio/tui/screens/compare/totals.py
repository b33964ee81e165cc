"""Above the rows: the verdict, then the arms as a table; or, in place of all else, quality against what it costs."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import Vertical
from textual.widget import Widget

from studio.reports.compare import scores_of
from studio.reports.locks import locks_sentence
from studio.reports.tradeoff import PRICES, prices_known, trade_points
from studio.reports.visible import visible
from studio.runs.specs import CompareSpec
from studio.runs.state import RunState
from studio.scoring.comparison import Comparison
from studio.scoring.intervals import Interval
from studio.scoring.scorers import SCORERS
from studio.tui import styles
from studio.tui.screens.compare.arms import arm_lines
from studio.tui.screens.compare.loaded import Loaded
from studio.tui.screens.compare.plot_view import PlotView
from studio.tui.widgets.lines import Line, LinesView
from studio.tui.widgets.run_lines import status_segment

WIDE = 110


class Totals(Vertical):
    """Gets data by ``show``. ``price`` is the name of the plot that is shown, empty for the table of arms."""

    DEFAULT_CSS = """
    Totals { height: auto; }
    Totals.-plot { height: 1fr; }
    Totals #plot { display: none; }
    Totals.-plot #plot { display: block; }
    Totals.-plot #arms { display: none; }
    Totals #verdict { padding: 0 2; max-height: 3; }
    Totals #arms, Totals #plot {
        border-top: solid $studio-faint; border-title-color: $text-primary; border-subtitle-color: $studio-dim;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.price = ""

    def compose(self) -> Iterable[Widget]:
        yield LinesView(id="verdict")
        yield LinesView(id="arms")
        yield PlotView(id="plot")

    def show(self, loaded: Loaded, state: RunState | None, place: str, task: str, width: int) -> None:
        """``place`` says which of the comparisons it is; ``task`` is empty for all tasks together."""
        comparison = loaded.view.comparison
        self.query_one("#verdict", LinesView).show(verdict_lines(comparison, state))
        arms, plot = self.query_one("#arms", LinesView), self.query_one("#plot", PlotView)
        arms.show(arm_lines(comparison, task, loaded.context_window, width - 2))
        notes = [place, *score_notes(comparison, task, width)]
        arms.border_title = styles.title(visible(" · ".join(notes)))
        self.set_class(bool(self.price), "-plot")
        if self.price:
            price = next(price for price in PRICES if price.name == self.price)
            plot.show(trade_points(comparison, price, headline_scores(comparison, task)), price)
            titled = next(scorer.title for scorer in SCORERS if scorer.name == comparison.headline_scorer)
            words = [place, f"{titled} against {price.title}", task or "all tasks", "95 % intervals"]
            plot.border_title = styles.title(visible(" · ".join(words)))

    def next_plot(self, comparison: Comparison) -> str:
        """The next of the plots that can be drawn, and after the last the table; what is shown, in words."""
        names = ["", *(price.name for price in prices_known(comparison))]
        at = names.index(self.price) + 1 if self.price in names else 0
        self.price = names[at % len(names)]
        if len(names) == 1:
            return "nothing to plot: what an answer takes is known of no two arms"
        return f"quality against {self.price}" if self.price else "the arms"


def headline_scores(comparison: Comparison, task: str) -> dict[str, Interval]:
    """By arm, the headline score over ``task`` or over all that it is fair for; without arms that have none."""
    found = {arm.arm: scores_of(comparison, arm, task) for arm in comparison.arms.values()}
    name = comparison.headline_scorer
    return {arm: scores[name] for arm, scores in found.items() if name in scores}


def verdict_lines(comparison: Comparison, state: RunState | None) -> list[Line]:
    """The verdict, and that it is not the last word while the comparison has not finished."""
    lines: list[Line] = [[(comparison.verdict, "bold")]]
    if state is not None and state.status != "finished":
        words, style = status_segment(state.status)
        lines.append([(f"{words}: these are the answers so far · F4 Runs resumes it", style)])
    if state is not None and isinstance(state.spec, CompareSpec) and (said := locks_sentence(state.spec.test_locks)):
        lines.append([(said, "warn" if "unlocked" in said or "not locked" in said else "dim")])
    return lines


def score_notes(comparison: Comparison, task: str, width: int) -> list[str]:
    """What the scores are over, what intervals are, the answers' dtype, latency where there is room to say it."""
    is_part = not task and comparison.headline_tasks != comparison.tasks
    starred = [f"* over {', '.join(comparison.headline_tasks)}"] if is_part else []
    is_timed = width >= WIDE and any(arm.latency_n for arm in comparison.arms.values())
    timed = ["latency: the median answer, asked alone"] if is_timed else []
    answered_in = [comparison.dtype] if comparison.dtype else []  # an older comparison did not say
    return [task or "all tasks", *starred, *answered_in, "95 % intervals from 0 to 100", *timed]
