"""Four thousand damaged settings files: each is read, or refused in words."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from studio.errors import AskedWrongly
from studio.project import SETTINGS_TEMPLATE, Project, Settings
from tests.soak.mutations import ODD_VALUES, mutated_bytes

FILES = 10_000
SECONDS = 2.0
SOUND = (
    SETTINGS_TEMPLATE.format(base_model='"smollm2"', max_length=512).replace("# ", "")
    + 'reject = "x"\n[other]\na = [1, {b = "c"}]\nat = 1979-05-27T07:32:00Z\n'
)
NAMES = [
    "base_model",
    "max_length",
    "labeller",
    "theme",
    "trusted_models",
    "keys",
    "keys.accept",
    "nosuch",
    '"\\u0000"',
]


def damaged(chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        content = SOUND.encode()
        for _ in range(chance.choice([1, 1, 3])):
            content = mutated_bytes(chance, content)
        return content
    lines = [f"{name} = {as_toml(chance)}" for name in chance.sample(NAMES, chance.randint(1, 4))]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def as_toml(chance: random.Random) -> str:
    value = chance.choice(ODD_VALUES)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {json.dumps(part)}" for key, part in value.items()) + "}"
    return chance.choice([json.dumps(value), "1979-05-27", "07:32:00", "0xff", "'literal'", "inf", '"""a\nb"""'])


@pytest.mark.soak
def test_a_damaged_settings_file_is_read_or_refused_in_words(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    read = refused = 0
    for number in range(FILES):
        project.settings_path.write_bytes(damaged(random.Random(number)))
        began = time.process_time()
        try:
            settings = project.settings()
            read += 1
            assert isinstance(settings, Settings) and settings.who
            assert all(isinstance(text, str) for text in [*settings.trusted_models, *settings.keys.values()])
        except AskedWrongly as error:
            refused += 1
            assert str(project.settings_path) in error.message and len(str(error)) < 2_000, (number, error)
        except BaseException as error:
            raise AssertionError(f"file {number}: {type(error).__name__}: {str(error)[:500]}") from error
        spent = time.process_time() - began
        assert spent < SECONDS, (number, spent)
    assert read > 100 and refused > 1_000
