"""``studio completion``: what makes a shell complete the command line, and the answers that it then asks for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli import ASKED_BY
from studio.cli.common import Verb
from studio.cli.offers import SHELLS, answer_for
from studio.cli.printing import say, write_data
from studio.cli.shells import lines_for_bash, lines_with_words, typed_in
from studio.errors import AskedWrongly

_BASH = r"""_studio_complete() {
    local what line
    COMPREPLY=()
    {
        IFS= read -r what
        while IFS= read -r line; do COMPREPLY+=("$line"); done
    } < <(_STUDIO_COMPLETE=bash _STUDIO_BREAKS="$COMP_WORDBREAKS" \
        "${1/#\~/$HOME}" "${COMP_LINE:0:$COMP_POINT}" 2>/dev/null)
    case "$what" in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
        open) compopt -o nospace ;;
    esac
}
complete -F _studio_complete studio
"""

_ZSH = r"""#compdef studio
_studio() {
    local what line
    local -a answer values shown open
    answer=("${(@f)$(_STUDIO_COMPLETE=zsh ${~words[1]} "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    what=$answer[1]
    for line in "${(@)answer[2,-1]}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\t'*}")
        [[ $line == *$'\t' ]] && shown+=("${line%$'\t'}") || shown+=("${line/$'\t'/  -- }")
    done
    case $what in
        files) _files ;;
        folders) _files -/ ;;
        open) compadd -S '' -l -d shown -a values ;;
        words) compadd -l -d shown -a values ;;
    esac
}
if [[ $funcstack[1] == _studio ]]; then _studio "$@"; else compdef _studio studio; fi
"""

_FISH = r"""function __studio_complete
    set -l before (commandline -opc)
    set -l program $before[1]
    set -l begun (commandline -ct)
    set -l answer (_STUDIO_COMPLETE=fish $program $before[2..-1] $begun 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path $begun
        case folders
            __fish_complete_directories $begun
        case '*'
            printf '%s\n' $answer[2..-1]
    end
end
complete -c studio -f -a '(__studio_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_PLACES = {
    "bash": 'eval "$(studio completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(studio completion zsh)" in ~/.zshrc, after compinit',
    "fish": "studio completion fish | source in ~/.config/fish/config.fish",
}


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print what makes a shell complete verbs, options, runs, tasks and files.

    It works once your shell has read it, so one line belongs into the file that your shell reads at its start.

    ~/.bashrc: eval "$(studio completion bash)"

    ~/.zshrc, after compinit: eval "$(studio completion zsh)"

    ~/.config/fish/config.fish: studio completion fish | source
    """
    if shell not in SHELLS:
        raise AskedWrongly(f"{shell} is no shell that this knows.", f"One of: {', '.join(SHELLS)}.")
    write_data(SCRIPTS[shell].rstrip("\n"))
    if sys.stdout.isatty():
        say(f"To have it in every shell, put this line there: {_PLACES[shell]}")


def answer_shell(root: Any) -> None:
    """Answer the shell that the environment variable ``ASKED_BY`` names, in the lines that its script reads.

    ``root`` is Typer's command.
    bash hands over the line up to the cursor, zsh and fish the words, of which the last is begun.
    """
    folder = Path(os.environ.get("STUDIO_PROJECT") or ".")
    given = sys.argv[1:] or [""]
    if os.environ[ASKED_BY] == "bash":
        typed = typed_in(given[0], os.environ.get("_STUDIO_BREAKS", ""))
        lines = lines_for_bash(answer_for(root, typed.words, typed.begun, folder), typed)
    else:
        *words, last = given
        begun = typed_in(f"studio {last}").begun if os.environ[ASKED_BY] == "fish" else last
        lines = lines_with_words(answer_for(root, words, begun, folder))
    for line in lines:
        write_data(line)


VERBS: tuple[Verb, ...] = (Verb("completion", completion),)
