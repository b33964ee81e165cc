"""What gave a comparison's answers, in words."""

from __future__ import annotations

from studio.reports.computed import computed_facts, computed_versions, computed_words

NOTED = {
    "dtype": "bfloat16",
    "computed": {
        "batch_size": 16,
        "threads": 2,
        "machine": {"cpu": "EPYC", "cores": 2},
        "versions": {"studio": "0.1.0", "torch": "2.9.0"},
    },
}


def test_what_was_noted_is_said_in_a_line() -> None:
    assert computed_words(NOTED) == "bfloat16 · batch size 16 · threads 2 · EPYC · cores 2 · studio 0.1.0 · torch 2.9.0"
    probed = NOTED | {"probe": {"words": "tuned: 1 of 4 answers change"}}
    assert ("probe", "tuned: 1 of 4 answers change") in computed_facts(probed)
    assert "· tuned: 1 of 4 answers change" in computed_words(probed)
    assert computed_facts(NOTED)[0] == ("dtype", "bfloat16")
    assert computed_versions(NOTED)["torch"] == "2.9.0"


def test_an_older_comparison_noted_nothing_and_a_damaged_one_nonsense() -> None:
    assert computed_words({}) == ""
    assert computed_words({"dtype": "float32"}) == "float32"
    assert (
        computed_facts({"computed": [1], "dtype": ""}) == [] and computed_versions({"computed": {"versions": 3}}) == {}
    )
