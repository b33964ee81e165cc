"""The sample data keeps the promises of its README, and the studio reads it as broken.md says."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from studio.dataset.formats.reading import Candidate, Problem, read_file

FOLDER = Path(__file__).parents[2] / "sample_data"
GOOD_FILES = {"tickets.jsonl": 307, "tickets_test.jsonl": 120, "tone.csv": 142, "summaries.jsonl": 70, "windows.csv": 3}

# A word that every message about the product contains, in the languages of the file.
PRODUCT_WORDS = {
    "router": "router|bộ định tuyến|路由器",
    "printer": "printer|máy in|プリンター",
    "headphones": "headphones|earbuds|tai nghe|헤드폰",
    "phone": "phone|điện thoại|スマートフォン",
    "laptop": "laptop|笔记本电脑",
    "monitor": "monitor|màn hình|モニター",
    "keyboard": "keyboa|bàn phím|키보드",
    "mouse": "mouse|mice|chuột|鼠标",
    "desk lamp": "lamp|đèn bàn|電気スタンド",
    "speaker": "speaker|loa|스피커",
    "camera": "camera|máy ảnh|相机",
    "tablet": "tablet|máy tính bảng|タブレット",
}
INTENTS = {"repair", "refund", "exchange", "delivery", "invoice", "cancel", "question"}
TONES = {"angry", "worried", "neutral", "happy"}
NO_HURRY = re.compile(
    r"no hurry|no rush|theres no rush|not urgent|n't urgent|whenever|your time|not in a hurry|any time|can wait"
    r"|some day|when you have|when there's|when your people have|không vội|khi nào rảnh|不着急|急ぎません|お時間のある"
)
HURRY = re.compile(
    r"\burgent|\basap\b|\btoday\b|\btonight\b|right now|right away|immediately|straight away|at once|within the hour"
    r"|this afternoon|this evening|smok|spark|burn|electric shock|swollen|\bfire\b|melted"
    r"|gấp|hôm nay|\bngay\b|bốc khói|khét|오늘"
)
VIETNAMESE = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)
CJK = re.compile("[぀-ヿ一-鿿가-힯]")
WORD = re.compile(r"[぀-ヿ一-鿿가-힯]|\w+")
YEARS_AND_PRICES = {"1998", "2023", "2024", "2027", "1149"}  # four digits as an order has, and no order


def pairs(name: str) -> list[tuple[str, str]]:
    """(prompt, completion) of every row, read without the studio."""
    with (FOLDER / name).open(encoding="utf-8-sig", newline="") as stream:
        if name.endswith(".csv"):
            return [(row["prompt"], row["completion"]) for row in csv.DictReader(stream)]
        rows = [json.loads(line) for line in stream]
    if "messages" in rows[0]:
        return [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows]
    return [(row["prompt"], row["completion"]) for row in rows]


def message_of(prompt: str) -> str:
    return prompt.split("\n\n", 1)[1]


def tickets(name: str) -> list[tuple[str, dict[str, Any]]]:
    """(message, labels) of every row."""
    return [(message_of(prompt), json.loads(completion)) for prompt, completion in pairs(name)]


LEARNED_TICKETS = tickets("tickets.jsonl")
TEST_TICKETS = tickets("tickets_test.jsonl")
TICKETS = LEARNED_TICKETS + TEST_TICKETS
TASK_FILES = ("tickets.jsonl", "tickets_test.jsonl", "tone.csv", "summaries.jsonl")


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("tickets.jsonl", 240), ("tickets_test.jsonl", 100), ("tone.csv", 120), ("summaries.jsonl", 60)],
)
def test_there_is_enough_of_every_task_and_the_readme_counts_right(name: str, at_least: int) -> None:
    rows = len(pairs(name))
    assert rows >= at_least
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"\| `{re.escape(name)}` \|[^|]+\| {rows} \|", readme)


@pytest.mark.parametrize("name", TASK_FILES)
def test_one_short_instruction_for_all_rows_and_no_long_prompt(name: str) -> None:
    prompts = [prompt for prompt, _ in pairs(name)]
    instructions = {prompt.split("\n\n", 1)[0] for prompt in prompts}
    assert len(instructions) == 1 and len(instructions.pop()) <= 60
    assert max(map(len, prompts)) <= (700 if name == "summaries.jsonl" else 450)
    assert all(text == text.strip() for pair in pairs(name) for text in pair)


@pytest.mark.parametrize("name", TASK_FILES)
def test_no_two_messages_are_the_same_or_share_a_skeleton(name: str) -> None:
    def trigrams(text: str) -> set[tuple[str, ...]]:
        words = WORD.findall(text.lower())
        return set(zip(words, words[1:], words[2:], strict=False)) or {tuple(words)}

    grams = [(trigrams(message_of(prompt)), prompt) for prompt, _ in pairs(name)]
    for (left, left_prompt), (right, right_prompt) in combinations(grams, 2):
        common = len(left & right)
        assert common < 0.3 * (len(left) + len(right) - common), (left_prompt, right_prompt)


@pytest.mark.parametrize("name", TASK_FILES)
def test_some_of_it_is_vietnamese_and_a_little_is_cjk(name: str) -> None:
    messages = [message_of(prompt) for prompt, _ in pairs(name)]
    assert 0.06 <= sum(bool(VIETNAMESE.search(message)) for message in messages) / len(messages) <= 0.16
    assert 0.019 <= sum(bool(CJK.search(message)) for message in messages) / len(messages) <= 0.06


def test_tickets_have_four_keys_in_order_with_values_of_closed_sets() -> None:
    for message, ticket in TICKETS:
        assert list(ticket) == ["product", "order", "intent", "urgency"], message
        assert ticket["product"] in PRODUCT_WORDS
        assert ticket["intent"] in INTENTS
        assert ticket["urgency"] in {"low", "normal", "high"}


def test_tickets_name_their_product_and_their_order() -> None:
    for message, ticket in TICKETS:
        assert re.search(PRODUCT_WORDS[ticket["product"]], message.lower()), message
        numbers = [word for word in re.findall(r"(?<!\d)\d{4}(?!\d)", message) if word not in YEARS_AND_PRICES]
        assert numbers == ([str(ticket["order"])] if ticket["order"] else []), message


def test_orders_are_unique() -> None:
    orders = Counter(ticket["order"] for _, ticket in TICKETS if ticket["order"])
    assert [order for order, times in orders.items() if times > 1] == []


def test_urgency_follows_the_rule_of_the_readme() -> None:
    for message, ticket in TICKETS:
        text = message.lower()
        expected = "low" if NO_HURRY.search(text) else "high" if HURRY.search(text) else "normal"
        assert ticket["urgency"] == expected, message


def test_no_label_of_the_tickets_is_rare() -> None:
    for key, at_least in (("product", 20), ("intent", 25), ("urgency", 50)):
        assert min(Counter(ticket[key] for _, ticket in LEARNED_TICKETS).values()) >= at_least
    for key, at_least in (("product", 10), ("intent", 10), ("urgency", 20)):
        assert min(Counter(ticket[key] for _, ticket in TEST_TICKETS).values()) >= at_least


@pytest.mark.parametrize("key", ["product", "intent", "urgency", "has_order"])
def test_the_test_tickets_are_of_the_same_mix_as_those_that_are_learned_from(key: str) -> None:
    def shares(rows: list[tuple[str, dict[str, Any]]]) -> dict[object, float]:
        values = Counter(ticket["order"] is not None if key == "has_order" else ticket[key] for _, ticket in rows)
        return {value: count / len(rows) for value, count in values.items()}

    learned, test = shares(LEARNED_TICKETS), shares(TEST_TICKETS)
    assert learned.keys() == test.keys()
    far_off = {value: test[value] - learned[value] for value in learned if abs(test[value] - learned[value]) > 0.02}
    assert far_off == {}


def test_no_test_ticket_is_a_ticket_that_is_learned_from_nor_nearly_one() -> None:
    """Near is by Jaccard over words, order numbers left out. No pair reaches 0.4; pairs among the learned ones do."""

    def words(message: str) -> set[str]:
        return {word for word in WORD.findall(message.lower()) if not re.fullmatch(r"\d{4}", word)}

    learned = [(words(message), message) for message, _ in LEARNED_TICKETS]
    for message, _ in TEST_TICKETS:
        of_test = words(message)
        for other, other_message in learned:
            assert len(of_test & other) < 0.4 * len(of_test | other), (message, other_message)


def test_the_test_tickets_are_marked_and_no_other_row_is() -> None:
    for name in TASK_FILES:
        splits = {item.split for item in read(name) if isinstance(item, Candidate)}
        assert splits == ({"test"} if name == "tickets_test.jsonl" else {"none"})


def test_tone_is_one_word_of_four_evenly_spread() -> None:
    counts = Counter(completion for _, completion in pairs("tone.csv"))
    assert set(counts) == TONES
    assert max(counts.values()) - min(counts.values()) <= 2


def test_summaries_are_one_sentence_about_four_to_eight_turns() -> None:
    for prompt, summary in pairs("summaries.jsonl"):
        turns = message_of(prompt).split("\n")
        assert 4 <= len(turns) <= 8, prompt
        assert len(prompt.split()) < 120, prompt
        assert re.search(r"[.。]$", summary) and not re.search(r"[.!?] [A-ZĐ]", summary), summary


def read(name: str) -> Iterator[Candidate | Problem]:
    return read_file(FOLDER / name)


@pytest.mark.parametrize(("name", "rows"), GOOD_FILES.items())
def test_the_studio_reads_every_row_of_the_good_files(name: str, rows: int) -> None:
    found = list(read(name))
    assert [str(item) for item in found if isinstance(item, Problem)] == []
    assert [(item.prompt, item.completion) for item in found if isinstance(item, Candidate)] == pairs(name)
    assert len(found) == rows
    task = name.split(".")[0].removesuffix("_test")
    assert {item.task for item in found if isinstance(item, Candidate)} == {task}


def verdicts() -> dict[int, tuple[str, str]]:
    """Line number → (good or fault, words of the studio's answer), from the table of broken.md."""
    text = (FOLDER / "broken.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| (\w+) \|[^|]+\|([^|]*)\|$", text, re.MULTILINE)
    return {int(line): (verdict, words.strip()) for line, verdict, words in table}


def test_broken_md_lists_every_line_of_broken_jsonl() -> None:
    lines = (FOLDER / "broken.jsonl").read_bytes().split(b"\n")
    assert list(verdicts()) == list(range(1, len(lines) + 1))
    assert {verdict for verdict, _ in verdicts().values()} == {"good", "fault"}


def test_the_studio_names_exactly_the_faulty_lines() -> None:
    found = list(read("broken.jsonl"))
    faults = [item.line for item in found if isinstance(item, Problem)]
    good = [item.line for item in found if isinstance(item, Candidate)]
    assert faults == [line for line, (verdict, _) in verdicts().items() if verdict == "fault"]
    assert good == [line for line, (verdict, _) in verdicts().items() if verdict == "good"]


def test_the_studio_says_what_is_wrong_in_the_words_of_broken_md() -> None:
    for problem in read("broken.jsonl"):
        if isinstance(problem, Problem):
            assert f"broken.jsonl:{problem.line}: " in str(problem)
            assert verdicts()[problem.line][1] in str(problem)


def test_good_lines_among_faults_are_read_exactly_as_they_stand() -> None:
    raw = (FOLDER / "broken.jsonl").read_bytes().split(b"\n")
    read_rows = [item for item in read("broken.jsonl") if isinstance(item, Candidate)]
    plain = [item for item in read_rows if b'"messages"' not in raw[item.line - 1]]
    assert len(plain) == 7
    for item in plain:
        expected = json.loads(raw[item.line - 1])
        assert (item.prompt, item.completion) == (expected["prompt"], expected["completion"])


def test_the_bad_files_are_what_their_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("make_broken", FOLDER / "make_broken.py")
    assert spec and spec.loader
    make_broken = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_broken)
    for name, content in make_broken.files().items():
        assert (FOLDER / name).read_bytes() == content, f"{name} is stale: run python sample_data/make_broken.py"
