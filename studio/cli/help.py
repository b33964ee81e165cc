"""What ``--help`` says: plain text, the same on every terminal and from every release of the command-line library."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

WIDEST = 100
LABEL_WIDTH = 26  # a longer label stands on a line of its own
_HELP_ITSELF = ("-h, --help", "Show this and leave.")


def help_text(command: Any, context: Any) -> str:
    """Usage, what the verb does, its arguments, options and, of a group, its verbs. Ends without a newline.

    command, context: Click's, or the ones that Typer makes.
    """
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and not param.hidden]
    verbs = {name: command.get_command(context, name) for name in _verb_names(command, context)}
    usage = [_path(context), *(["[OPTIONS]"] if options else []), *map(_argument, arguments), *(["VERB"] * bool(verbs))]
    said = "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in _paragraphs(command.help))
    blocks = [
        "Usage: " + " ".join(usage),
        said,
        _listed("Arguments", [(_argument(each), _sentence(each)) for each in arguments if each.help], width),
        _listed("Options", [*((_option(each), _sentence(each)) for each in options), _HELP_ITSELF], width),
        _listed("Verbs", [(name, _first_line(verb.help)) for name, verb in verbs.items()], width),
    ]
    return "\n\n".join(block for block in blocks if block)


def _verb_names(command: Any, context: Any) -> list[str]:
    return command.list_commands(context) if hasattr(command, "list_commands") else []


def _path(context: Any) -> str:
    """``studio models get``, however the program was started."""
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    return " ".join(["studio", *names])


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()) + ("…" if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar or option.name.upper()}"


def _sentence(param: Any) -> str:
    """Its help, then the default and the environment variable, where there are any to say."""
    asides = []
    is_worth_saying = param.default not in (None, False, "", 0, ()) and getattr(param, "is_flag", False) is False
    if isinstance(param.show_default, str):
        asides.append(f"default: {param.show_default}")
    elif param.show_default and is_worth_saying:
        asides.append(f"default: {param.default}")
    if param.envvar:
        asides.append(f"environment: {param.envvar}")
    return f"{param.help or ''} [{'; '.join(asides)}]".strip() if asides else param.help or ""


def _listed(title: str, entries: Sequence[tuple[str, str]], width: int) -> str:
    if not entries:
        return ""
    label_width = min(LABEL_WIDTH, max(len(label) for label, _ in entries))
    lines = [f"{title}:"]
    for label, text in entries:
        wrapped = textwrap.wrap(text, max(20, width - label_width - 4), break_on_hyphens=False) or [""]
        if len(label) > label_width:
            lines.append(f"  {label}")
        else:
            lines.append(f"  {label:<{label_width}}  {wrapped.pop(0)}".rstrip())
        lines += [" " * (label_width + 4) + line for line in wrapped]
    return "\n".join(lines)


def _paragraphs(text: str | None) -> list[str]:
    return [part for part in (text or "").split("\n\n") if part.strip()]


def _first_line(text: str | None) -> str:
    return " ".join((_paragraphs(text) or [""])[0].split())
