"""Which files an import means: those that are named, those in a folder, those that a pattern fits, those of a hub."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from studio.dataset.formats import read_endings
from studio.dataset.formats.packed import ending_of
from studio.errors import AskedWrongly, StudioError

HUB = "hf:"
_HUB_ID = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+?)(?:/(?P<config>[\w.-]+))?(?::(?P<split>[\w.-]+))?")
MOST_FILES = 10_000


def files_meant(paths: Sequence[Path]) -> list[Path]:
    """The files behind ``paths``, in order: a folder stands for the data files in it and below, sorted by name.

    A name that is no file and has ``*``, ``?`` or ``[`` in it is a pattern (``**`` goes through folders). ``hf:`` and
    a dataset's id, as in ``hf:knkarthick/dialogsum:train``, stands for its Parquet files, which are fetched. Raises
    AskedWrongly where nothing is meant by one of them, StudioError where the hub cannot be reached.
    """
    files: list[Path] = []
    for path in paths:
        if str(path).startswith(HUB):
            files += _fetched(str(path))
        elif path.is_dir():
            files += _in_folder(path)
        elif glob.has_magic(str(path)) and not path.exists():
            files += _fitting(path)
        else:
            files.append(path)
    return files


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if ending_of(path) in read_endings() and path.is_file())
    found = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return _some(found, f"{folder}: no data file in this folder", f"It is read for {', '.join(read_endings())}.")


def _fitting(pattern: Path) -> list[Path]:
    found = sorted(Path(name) for name in glob.glob(str(pattern), recursive=True) if Path(name).is_file())  # noqa: PTH207
    return _some(found, f"{pattern}: no file fits this pattern", "* stands for any letters, ** for folders too.")


def _some(found: list[Path], nothing: str, hint: str) -> list[Path]:
    if not found:
        raise AskedWrongly(f"{nothing}.", hint)
    if len(found) > MOST_FILES:
        raise AskedWrongly(f"{found[0].parent}: {len(found):,} files; at most {MOST_FILES:,} are read at once.")
    return found


def _fetched(name: str) -> list[Path]:
    """The Parquet files that the hub keeps of every dataset on the branch refs/convert/parquet."""
    asked = _HUB_ID.fullmatch(name)
    if asked is None:
        raise AskedWrongly(
            f"{name}: not a dataset of the hub.", "Write hf:OWNER/NAME:SPLIT or hf:OWNER/NAME/CONFIG:SPLIT."
        )
    from huggingface_hub import HfApi, hf_hub_download

    repository, branch = asked["name"], "refs/convert/parquet"
    try:
        listed = HfApi().list_repo_files(repository, repo_type="dataset", revision=branch)
        # CONFIG/SPLIT/0000.parquet
        parts = [(file, *file.split("/")[:2]) for file in sorted(listed) if file.endswith(".parquet")]
        config, split = asked["config"] or next((one for _, one, _ in parts), ""), asked["split"] or "train"
        chosen = [file for file, *place in parts if place == [config, split]]
        if not chosen:
            there = ", ".join(sorted({f"{one}:{other}" for _, one, other in parts})) or "nothing"
            raise AskedWrongly(f"{name}: no such part; there is {there}.", f"Write hf:{repository}/CONFIG:SPLIT.")
        return [Path(hf_hub_download(repository, file, repo_type="dataset", revision=branch)) for file in chosen]
    except StudioError:
        raise
    except Exception as error:  # the library raises whatever its transport does
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StudioError(
            f"{name}: cannot be fetched: {said[:200]}",
            "Is the hub reachable from here? Else fetch its Parquet files elsewhere.",
        ) from error
