"""Finding the model that a name means, and refusing it where using it would be unsafe or could only fail later."""

from __future__ import annotations

from collections.abc import Collection

from studio.errors import AskedWrongly
from studio.models.catalogue import local_path, packaged_as
from studio.models.fetching import get_from_hub, is_hub_id, shown
from studio.models.safety import refuse_unsafe
from studio.tokens.tokenizer import ModelFolder


def resolve_model(name: str, trusted: Collection[str] = ()) -> ModelFolder:
    """The folder behind a cached name, a local folder or a Hugging Face id (fetched where the hub is reachable).

    Raises AskedWrongly when it is not here; StudioError when it has no tokenizer.json, or would run somebody's code
    (``studio.models.safety``). ``trusted`` names the models for which the user accepts that.
    """
    path = local_path(name)
    if path is None and is_hub_id(name):
        path = get_from_hub(name)
    if path is None:
        how = f"studio models get {name}" if packaged_as(name) else "studio models list shows what is here."
        raise AskedWrongly(f"no model {shown(name)} here.", how)
    folder = ModelFolder(path)
    if name not in trusted:
        refuse_unsafe(folder.path, folder.config, name)
    folder.tokenizer_path  # noqa: B018 - raises where it is missing, before anything long begins
    return folder
