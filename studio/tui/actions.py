# ruff: noqa: E501 - the table has one line for each action
"""The one key table. Bindings, footer, palette, help and README's key table are made from it; a key not here is none.

A screen named ``"Data"`` takes ``bindings_for("Data")``: the rows for it and those for everywhere. An action ``accept``
calls ``action_accept`` of the screen. Keys are written as typed (``"?"``, ``"ctrl+d"``); several are parted by blanks.
An action without a key is run by its name, ``:welcome``, until somebody gives it one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from studio.errors import AskedWrongly

EVERYWHERE = "everywhere"
SCREENS = ("Data", "Window", "Runs", "Compare", "Try", "Checks")
DIALOGS = (
    "Edit",
    "Import",
    "Welcome",
    "Help",
    "Reader",
    "Rows",
    "Since",
    "Fix",
    "Bench",
    "Vote",
    "History",
    "New run",
    "New comparison",
    "Try settings",
    "Confirm",
    "Columns",
    "Values",
    "Line",
)

NO_KEY = "none"  # no terminal sends it; where it stands, ``[keys]`` can put another

# Keys that a terminal or multiplexer eats or cannot tell from another key.
_EATEN = {
    "ctrl+b": "tmux takes it",
    "ctrl+a": "screen takes it",
    "ctrl+z": "the shell takes it to suspend the program",
    "ctrl+i": "a terminal sends the same for tab",
    "ctrl+m": "a terminal sends the same for enter",
    "ctrl+h": "many terminals send the same for backspace",
    "ctrl+[": "a terminal sends the same for escape",
    "ctrl+enter": "most terminals cannot send it",
}


@dataclass(frozen=True)
class Action:
    """One thing a key does. ``footer`` is its rank there, 1 first; 0 keeps it to the help screen.

    ``is_first``: the key acts before the focused widget sees it, so that what is typed ahead meets the new focus.
    """

    name: str
    keys: str
    label: str
    about: str
    where: tuple[str, ...] = (EVERYWHERE,)
    footer: int = 0
    is_first: bool = False

    @property
    def display(self) -> str:
        return current_keys(self, {})


_DATA = ("Data",)
_LISTS = ("Data", "Window", "Runs", "Compare", "Checks")
_CHOOSING = ("Columns", "Values")
_MOVED_IN = (*_LISTS, *_CHOOSING, "History")
_RUNS = ("Runs",)
_COMPARE = ("Compare",)
_ESCAPED = tuple(name for name in DIALOGS if name not in ("Welcome", "Line", "Filter line"))
_READ = ("Help", "Reader", "Rows", "Fix", "Since")
_FORMS = ("New run", "New comparison", "Try settings")

ACTIONS: tuple[Action, ...] = (
    # everywhere
    Action("data", "f2 alt+1", "Data", "the examples: look, label, edit"),
    Action("window", "f3 alt+2", "Window", "do the examples fit max_length and the context window"),
    Action("runs", "f4 alt+3", "Runs", "train, watch, stop, resume"),
    Action("compare", "f5 alt+4", "Compare", "which arm won, by how much, on which rows"),
    Action("try", "f6 alt+5", "Try", "one prompt, several arms answering side by side"),
    Action("checks", "f7 alt+6", "Checks", "what in the rows will hurt a run, and what can be done about it", is_first=True),  # in a text area F7 selects all
    Action("help", "? f1", "all keys", "the keys of this screen", where=(EVERYWHERE, "Welcome"), footer=99),
    Action("undo", "u", "undo", "take back the newest change, also after a restart"),
    Action("redo", "R ctrl+r", "redo", "do again what was undone"),
    Action("command", ":", "command", "go to a row by its number, or run any action by its name"),
    Action("palette", "ctrl+p", "palette", "everything this screen can do, by name"),
    Action("next_pane", "tab", "next pane", "the keyboard goes to the next pane"),
    Action("previous_pane", "shift+tab", "previous pane", "the keyboard goes to the previous pane"),
    Action("back", "escape", "back", "go back; stop a running query, clear selection, then search"),
    Action("welcome", "", "welcome", "what this is, and three ways to begin: a file, the sample data, the demo"),
    Action("theme", "ctrl+t", "dark / light", "dark or light theme"),
    Action("close", "q", "close", "close this view; on Data: leave (runs go on)"),
    Action("leave", "Q ctrl+q", "leave", "leave the studio (runs go on)"),
    Action("how_to_leave", "ctrl+c", "how to leave", "say which key leaves"),
    # lists
    Action("down", "j down", "down", "next row", where=_MOVED_IN),
    Action("up", "k up", "up", "previous row", where=_MOVED_IN),
    Action("top", "g home", "first", "first row", where=_MOVED_IN),
    Action("bottom", "G end", "last", "last row", where=_MOVED_IN),
    Action("page_down", "pagedown", "page down", "one page down", where=_MOVED_IN),
    Action("page_up", "pageup", "page up", "one page up", where=_MOVED_IN),
    Action("enter", "enter", "open", "go in; on Data: read the row alone", where=_LISTS),
    # Data
    Action("left", "h left", "column left", "previous column", where=_DATA),
    Action("right", "l right", "column right", "next column", where=_DATA),
    Action("pane_down", "ctrl+d", "scroll text", "scroll the text of the example down", where=("Data", "Compare")),
    Action("pane_up", "ctrl+u", "scroll text up", "scroll the text of the example up", where=("Data", "Compare")),
    Action("accept", "a", "accept", "label accept, and step on", where=_DATA, footer=1),
    Action("reject", "x", "reject", "label reject, and step on", where=_DATA, footer=2),
    Action("skip", "s", "skip", "label skip, and step on", where=_DATA, footer=3),
    Action("clear_label", "c", "clear label", "take the label away", where=_DATA),
    Action("mark", "m", "mark", "mark for later, with a note; again takes it off", where=_DATA),
    Action("trash", "d", "trash", "to the trash (u brings it back)", where=_DATA),
    Action("edit", "e", "edit", "edit prompt and completion in place", where=_DATA, footer=4),
    Action("edit_outside", "E", "$EDITOR", "edit prompt and completion as one file in $EDITOR", where=_DATA),
    Action("search", "/", "search", "search all text; on Compare: only rows that have it", where=("Data", "Compare"), footer=5),
    Action("next_match", "n", "next match", "next row that has what was searched", where=_DATA),
    Action("previous_match", "N", "previous match", "previous row that has it", where=_DATA),
    Action("filter", "f", "filter", "only rows for which a SQL condition holds; again = AND", where=_DATA, footer=6),
    Action("near", "~", "rows like this one", "rows whose prompt is nearly this one's", where=_DATA),
    Action("same_cell", "=", "rows like this cell", "only rows with this cell's value", where=_DATA),
    Action("values", "F", "values", "the values of this column with counts; filter by some", where=_DATA),
    Action("edit_filter", "ctrl+f", "change filter", "change the filter as it stands; empty takes it off", where=_DATA),
    Action("reset", "r", "reset", "all rows again: no filter, search or sort", where=_DATA),
    Action("sort_up", "[", "sort up", "sort ascending; on another adds (or click the heading twice)", where=_DATA),
    Action("sort_down", "]", "sort down", "sort by this column, descending; on another adds", where=_DATA),
    Action("select", "space", "select", "select or unselect this row", where=("Data", "Compare")),
    Action("select_range", "v", "select range", "select from here to where v is pressed again", where=_DATA),
    Action("select_all", "*", "select all", "select all rows of this view", where=("Data", "Compare")),
    Action("narrower", "<", "narrower", "make this column narrower", where=_DATA),
    Action("wider", ">", "wider", "make this column wider", where=_DATA),
    Action("move_left", "H", "column to the left", "move this column to the left", where=("Data", "Columns")),
    Action("move_right", "L", "column to the right", "move this column to the right", where=("Data", "Columns")),
    Action("hide_column", "-", "hide column", "hide this column (K shows it again)", where=_DATA),
    Action("columns", "K", "columns", "which columns are shown, in which order; r resets", where=_DATA),
    Action("layout", "z", "layout", "example beside or below the table", where=_DATA),
    Action("history", "i", "history", "who changed what in this row, and when", where=_DATA),
    Action("disagreements", NO_KEY, "disagreements", "the rows on which those who label do not agree, side by side", where=_DATA),
    Action("as_trained", "M", "as trained", "the tokens of this row: seen, learned, cut", where=_DATA),
    Action("copy_row", "y", "copy row", "copy the row as JSON, over SSH too (OSC 52)", where=_DATA),
    Action("copy_cell", "Y", "copy cell", "copy this column's text of the row", where=_DATA),
    Action("copy_command", "C", "copy command", "copy the command line that shows this view", where=_DATA),
    Action("export", "w", "write", "export what this view shows to a file; on Compare: a report of the comparison", where=("Data", "Compare")),
    Action("rename_task", "", "rename task", "rename the task of this row, in all its rows; to one that is there: merge them", where=_DATA),
    Action("split", "S", "split", "assign all rows to train, validation and test by a hash of the prompt", where=_DATA),
    Action("import", "I", "import", "import a file; a preview comes first", where=_DATA, footer=7),
    # Window
    Action("longer", "+", "longer", "a longer max_length", where=("Window",), footer=3),
    Action("shorter", "-", "shorter", "a shorter max_length", where=("Window",), footer=4),
    Action("set_max_length", "m", "max_length", "type another max_length", where=("Window",), footer=5),
    Action("set_model", "b", "model", "check with another base model", where=("Window",), footer=6),
    Action("check", "r", "check again", "count, or check, what changed", where=("Window", "Checks"), footer=7),
    # Checks
    Action("fix", "A", "fix", "what the fix of this check would do; then do it, in one undo step", where=("Checks",), footer=2),
    Action("bench", "b", "side by side", "the answers of each group side by side: keep one, merge, edit", where=("Checks",), footer=4),
    Action("waive", "W", "waive", "let what is found be, with a reason; again: count it once more", where=("Checks",), footer=3),
    # Runs
    Action("new_run", "n", "new run", "a new run: rows, steps and time are shown first", where=_RUNS, footer=1),
    Action("stop", "X", "stop", "stop the run after writing a checkpoint (asks)", where=_RUNS, footer=2),
    Action("resume", "p", "pause, resume", "pause with a checkpoint; go on after a pause, or from the newest checkpoint", where=_RUNS, footer=3),
    Action("checkpoint", "ctrl+s", "checkpoint", "write a checkpoint now, after this step", where=_RUNS),
    Action("length", "e", "length", "another number of epochs or steps for this run", where=_RUNS),
    Action("compare_run", "b", "compare", "compare this run with prompting on held-out rows", where=_RUNS, footer=4),
    Action("log_tail", "o", "log", "the end of the run's output", where=_RUNS, footer=5),
    Action("overlay", "space", "overlay", "put this run on the chart beside the others, or off it", where=_RUNS, footer=6),
    Action("smooth_less", "(", "less smoothing", "less smoothing of the training loss", where=_RUNS, footer=7),
    Action("smooth_more", ")", "more smoothing", "more smoothing of the training loss", where=_RUNS, footer=8),
    Action("log_axis", "L", "log axis", "loss on a logarithmic axis", where=_RUNS),
    Action("x_axis", "t", "x axis", "x = step, epoch, tokens or time", where=_RUNS),
    Action("tasks", "f", "tasks", "evaluations of each task, of all together, or of one task", where=_RUNS),
    Action("crosshair_left", "h left", "crosshair left", "read the curve one step earlier", where=_RUNS),
    Action("crosshair_right", "l right", "crosshair right", "read the curve one step later", where=_RUNS),
    Action("zoom_in", "+", "zoom in", "half as many steps on the chart, around the crosshair", where=_RUNS),
    Action("zoom_out", "-", "zoom out", "twice as many steps on the chart", where=_RUNS),
    Action("pan_left", "< shift+left", "pan left", "earlier steps", where=_RUNS),
    Action("pan_right", "> shift+right", "pan right", "later steps", where=_RUNS),
    Action("run_differences", "D", "difference", "settings and rows: from the run put on the chart by space, else the one before", where=_RUNS),
    Action("samples", "i", "answers", "what the model answered to a few prompts at each evaluation", where=_RUNS),
    Action("worst_rows", "!", "worst rows", "the rows that this run finds hardest, in Data, highest loss first", where=_RUNS),
    Action("since", "c", "changed since", "what changed in the data since this run, what training again costs, and doing it", where=_RUNS),
    Action("merge", "m", "merge", "write this run as a standalone model, verified; esc ends it", where=_RUNS),
    Action("train_again", "T", "train again", "train again with the rows as they are now, then compare with the run before (asks)", where=("Runs", "Compare")),
    # Compare
    Action("sort_rows", "s", "sort", "order the rows: disagreement, most lost, most gained, longest answer, task, test set", where=_COMPARE, footer=1),
    Action("weakest_first", "a", "weakest", "the rows on which an arm did worst first; again takes the next arm", where=_COMPARE),
    Action("fixed_rows", "+", "fixed", "only the rows that tuning fixed, or brought closer; again shows all", where=_COMPARE, footer=3),
    Action("broken_rows", "-", "broken", "only the rows that tuning broke, or took farther away; again shows all", where=_COMPARE, footer=4),
    Action("both_right", "=", "both right", "only the rows that both answer alike well; again shows all", where=_COMPARE),
    Action("neither_right", "0", "neither", "only the rows that neither answers right; again shows all", where=_COMPARE),
    Action("faulty_rows", "!", "cut, failed", "only rows with an answer that was cut or failed; again shows all", where=_COMPARE),
    Action("differences", "D", "differences", "mark the words that differ from the reference", where=_COMPARE, footer=6),
    Action("filter_task", "f", "task", "all tasks, or only one", where=("Compare", "History"), footer=7),
    Action("nearest_rows", "~", "nearest rows", "the training rows most like this one, by BM25", where=_COMPARE),
    Action("plot", "p", "plot", "quality against context, latency or cost, with the frontier; again takes the next, then the arms", where=_COMPARE, footer=2),
    Action("vote", "v", "vote blind", "judge two answers side by side without knowing whose they are: the arms shown if two, else those of the verdict", where=_COMPARE, footer=5),
    Action("new_comparison", "n", "new", "compare a finished run with prompting", where=_COMPARE, footer=8),
    Action("all_scores", "t", "all scores", "the whole verdict, what gave the answers, every task and score, JSON fields, confusion tables", where=_COMPARE),
    Action("comparisons", "H", "history", "the comparisons so far: the tuned score with its interval, one below the other; enter opens one", where=_COMPARE),
    Action("older", "<", "older", "the comparison before this one", where=_COMPARE, footer=9),
    Action("newer", ">", "newer", "the comparison after this one", where=_COMPARE),
    Action("send_back", "b", "send back", "mark the selected rows, else this one, to be mended, with the reason as their note (enter only shows the row)", where=_COMPARE, footer=5),
    Action("sent_back", "B", "sent back", "the rows that were sent back to be mended, in Data; m takes one off when it is", where=("Data", "Compare")),
    Action("arm_1", "1", "arm 1", "show or hide the first arm", where=_COMPARE, footer=11),
    Action("arm_2", "2", "arm 2", "show or hide the second arm", where=_COMPARE),
    Action("arm_3", "3", "arm 3", "show or hide the third arm", where=_COMPARE),
    Action("arm_4", "4", "arm 4", "show or hide the fourth arm", where=_COMPARE),
    Action("arm_5", "5", "arm 5", "show or hide the fifth arm", where=_COMPARE),
    Action("arm_6", "6", "arm 6", "show or hide the sixth arm", where=_COMPARE),
    Action("arm_7", "7", "arm 7", "show or hide the seventh arm", where=_COMPARE),
    Action("arm_8", "8", "arm 8", "show or hide the eighth arm", where=_COMPARE),
    Action("arm_9", "9", "arm 9", "show or hide the ninth arm", where=_COMPARE),
    # Try: letters are typed into the prompt there
    Action("ask", "ctrl+j ctrl+s", "ask", "let every arm answer", where=("Try",), footer=1),
    Action("choose_run", "ctrl+o", "run", "the next run answers as the arm tuned", where=("Try",), footer=5),
    Action("settings", "ctrl+g", "settings", "which arms answer, and how they choose their words", where=("Try",), footer=2),
    Action("go_on", "ctrl+n", "go on", "the answers become a turn, and the next prompt follows", where=("Try",), footer=3),
    Action("keep", "alt+k", "keep", "keep the answer in the data: as a new row, or as the answer of the row with this prompt", where=("Try",), footer=4),
    Action("clear", "ctrl+l", "clear", "an empty prompt, and no turns before it", where=("Try",), footer=6),
    # forms of Runs and Compare
    Action("start", "ctrl+j", "start", "start what the form says", where=_FORMS, footer=1),
    Action("measure", "ctrl+g", "measure", "try a few steps: time, memory and disk before the start; esc ends it", where=("New run",), footer=4, is_first=True),
    Action("previous_choice", "left", "previous", "the previous choice of this field", where=_FORMS),
    Action("next_choice", "right", "next", "the next choice of this field", where=_FORMS),
    Action("next_field", "tab down enter", "next field", "the next field", where=_FORMS, footer=3, is_first=True),
    Action("previous_field", "shift+tab up", "previous field", "the field before", where=_FORMS, is_first=True),
    Action("confirm", "y", "yes", "do it", where=("Confirm",), footer=1),
    Action("decline", "n", "no", "leave things as they are", where=("Confirm",), footer=3),
    # the one-line prompts
    Action("complete", "tab", "complete", "complete the path, the column or the name", where=("Line",)),
    Action("older_line", "up", "older", "the line typed before this one", where=("Line",)),
    Action("newer_line", "down", "newer", "the line typed after it", where=("Line",)),
    Action("line_help", "f1", "columns and functions", "what a filter is made of, above its line; again hides it", where=("Filter line",)),
    # dialogs
    Action("previous_answer", "left h", "left", "the answer to the left", where=("Bench",)),
    Action("next_answer", "right l", "right", "the answer to the right", where=("Bench",), footer=1),
    Action("keep_answer", "a enter", "keep", "keep this answer: the rows with others are rejected", where=("Bench",), footer=2),
    Action("merge_answers", "m", "merge", "one row with this answer stays, the others go to the trash", where=("Bench",), footer=3),
    Action("edit_answer", "e", "edit", "edit the first row with this answer", where=("Bench",), footer=4),
    Action("next_group", "j down n", "next group", "the next group", where=("Bench",), footer=5),
    Action("previous_group", "k up N", "previous group", "the group before", where=("Bench",)),
    Action("undo_here", "u", "undo", "take the newest change back", where=("Bench",), footer=6),
    Action("apply_fix", "A enter", "apply", "apply the fix to all rows; u undoes it", where=("Fix",)),
    Action("save", "ctrl+s", "save", "save and leave", where=("Edit",), footer=1),
    Action("dismiss", "escape", "leave", "leave; asks only if something changed", where=_ESCAPED, footer=2),
    Action("confirm_import", "enter", "import", "write the good rows to the store", where=("Import",), footer=1),
    Action("begin_import", "i", "import", "import a file of your own", where=("Welcome",), footer=1),
    Action("open_samples", "o", "samples", "open the sample data: three tasks of a support desk", where=("Welcome",), footer=2),
    Action("run_demo", "d", "demo", "run the demo: fine-tune and compare, about five minutes", where=("Welcome",), footer=3),
    Action("leave_studio", "q Q escape", "leave", "leave; nothing is written", where=("Welcome",)),
    Action("left_better", "left h", "left better", "the left answer is better; counted at once", where=("Vote",), footer=1),
    Action("right_better", "right l", "right better", "the right answer is better; counted at once", where=("Vote",), footer=1),
    Action("alike", "=", "alike", "both are as good; counted at once", where=("Vote",), footer=1),
    Action("undo_vote", "u", "undo", "take your newest vote back", where=("Vote",), footer=1),
    Action("scroll_texts", "j down ctrl+d", "down", "scroll prompt and answers down", where=("Vote",)),
    Action("scroll_texts_back", "k up ctrl+u", "up", "scroll prompt and answers up", where=("Vote",)),
    Action("tick", "space", "tick", "tick what the cursor is on, or untick it", where=_CHOOSING),
    Action("choose", "enter", "take", "take what is ticked, else what the cursor is on", where=(*_CHOOSING, "History")),
    Action("reset_columns", "r", "reset", "the columns as at first", where=("Columns",)),
    Action("narrow", "/", "narrow", "only values with this in them", where=("Values",)),
    Action("scroll_on", "j down", "down", "scroll down", where=_READ),
    Action("scroll_back", "k up", "up", "scroll up", where=_READ),
    Action("dismiss_too", "q ?", "leave", "leave", where=_READ),
    Action("from_base", "t", "train anew", "train on the rows of now from the base model, then compare with this run (asks)", where=("Since",)),
    Action("from_run", "c", "continue", "train on the rows of now from what this run learned, then compare with it (asks)", where=("Since",)),
    Action("open_rows", "enter", "rows in Data", "the rows that are read, in Data", where=("Rows",)),
)  # fmt: skip


def actions_for(screen: str) -> tuple[Action, ...]:
    """The screen's own actions, then those for everywhere (a dialog has only its own)."""
    own = tuple(action for action in ACTIONS if screen in action.where)
    if screen in DIALOGS:
        return own
    return own + tuple(action for action in ACTIONS if EVERYWHERE in action.where)


def bindings_for(screen: str) -> list[BindingType]:
    """Textual bindings of the screen; ids are action names, which ``App.set_keymap`` rebinds."""
    return [_binding(action) for action in actions_for(screen)]


def footer_actions(screen: str) -> list[Action]:
    """What the footer shows, likeliest first; the key list itself is last."""
    return sorted((action for action in actions_for(screen) if action.footer), key=lambda action: action.footer)


def checked_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """Rebindings as a Textual keymap. Raises AskedWrongly for an unknown action, a collision or a key that is eaten."""
    known = {action.name: action for action in ACTIONS}
    for name, chosen in keys.items():
        if name not in known:
            raise AskedWrongly(f"[keys] {name}: no such action.", f"Known: {', '.join(sorted(known))}.")
        for key in chosen.split():
            if why := _EATEN.get(key.lower()):
                raise AskedWrongly(f"[keys] {name} = {chosen!r}: {key} cannot be used, {why}.", "Choose another key.")
        if not chosen.split():
            raise AskedWrongly(f"[keys] {name} is empty.", "Name a key, or delete the line.")
    for screen in SCREENS + DIALOGS:
        _refuse_collisions(screen, keys)
    return {name: ",".join(_textual_key(key) for key in chosen.split()) for name, chosen in keys.items()}


def current_keys(action: Action, keys: Mapping[str, str]) -> str:
    """The action's keys for display, as rebound by ``keys``; without a key what is typed to run it."""
    return display_keys(keys.get(action.name, action.keys)) or f":{action.name}"


def display_keys(keys: str) -> str:
    """``"f2 alt+1"`` → ``"F2 alt+1"``; arrows and escape as people write them."""
    names = {"escape": "esc", "down": "↓", "up": "↑", "left": "←", "right": "→", "pagedown": "PgDn", "pageup": "PgUp"}
    return " ".join(names.get(key, key.upper() if _is_function_key(key) else key) for key in keys.split())


def as_markdown() -> str:
    """README's key table, one row per action."""
    lines = ["| where | key | does |", "|---|---|---|"]
    for where, action in _by_place():
        keys = " ".join(f"`{key}`" if key != "|" else "`\\|`" for key in action.display.split())
        lines.append(f"| {where} | {keys} | {action.about} |")
    return "\n".join(lines)


def _by_place() -> Iterator[tuple[str, Action]]:
    for action in ACTIONS:
        yield ", ".join(action.where), action


def _binding(action: Action) -> Binding:
    key = ",".join(_textual_key(key) for key in action.keys.split()) or NO_KEY
    return Binding(key, action.name, action.label, show=False, id=action.name, priority=action.is_first)


def _textual_key(key: str) -> str:
    return "comma" if key == "," else key


def _is_function_key(key: str) -> bool:
    return key[:1] == "f" and key[1:].isdecimal()


def _refuse_collisions(screen: str, keys: Mapping[str, str]) -> None:
    owners: dict[str, Action] = {}
    for action in actions_for(screen):
        for key in keys.get(action.name, action.keys).split():
            other = owners.setdefault(key, action)
            if other is not action:
                rebound, kept = (action, other) if action.name in keys else (other, action)
                raise AskedWrongly(
                    f"[keys] {rebound.name} = {keys.get(rebound.name)!r}: {key!r} is already {kept.label} on {screen}.",
                    f"Choose another key, or rebind {kept.name} as well.",
                )
