"""What can happen to a file: bytes that flip, go or come twice, and values of JSON that become others."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

DEEP = 100_000
ODD_TEXTS = [
    *("", "x", "\0", "\x1b]0;x\x07", "\ud800", "\u202e", "ấm", "..", "../x", "/etc/passwd", "~nosuch/x", "p.bin"),
    *("{{ 'x' * 100000000 }}", "{{ 1 / 0 }}", "{% for %}", "{{ messages }}", "NaN", "x" * 10_000, "a/b", "(a+)+$"),
]
ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 255, 2**31, 2**63, 10**30, -(10**30), 0.5, 1e308, float("nan"), float("inf")),
    *([], {}, [[]], [None], {"a": {}}, [1, "x"], {"content": 5}, {"content": "x"}, [{"name": "default"}]),
    *ODD_TEXTS,
]


def mutated_bytes(chance: random.Random, data: bytes) -> bytes:
    """``data`` with one thing done to it."""
    at, to = sorted(chance.randint(0, len(data)) for _ in range(2))
    match chance.randrange(8):
        case 0 if data:
            changed = bytearray(data)
            for _ in range(chance.choice([1, 1, 5, 50])):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            return bytes(changed)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[to:]
        case 3:
            return data[:to] + data[at:to] * chance.choice([1, 2, 20]) + data[to:]
        case 4:
            return data[:at] + chance.randbytes(chance.choice([1, 4, 100])) + data[at:]
        case 5:
            return data[:at] + chance.choice([b"{", b"[", b'{"a":', b'"', b"(", b"\\"]) * DEEP + data[at:]
        case 6:
            return chance.choice([b"", b"{}", b"[]", b"null", b"5", b'"x"', b"\xef\xbb\xbf" + data, b"\xff\xfe"])
        case _:
            return data.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-32", "utf-7"]))


def mutated_json(chance: random.Random, data: bytes) -> bytes:
    """``data``, which is JSON, with some value in it gone, odd, doubled or in another one's place."""
    tree = json.loads(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        places = list(_places(tree))
        if not places:
            break
        holder, key = chance.choice(places)
        match chance.randrange(5):
            case 0:
                del holder[key]
            case 1 | 2:
                holder[key] = copy.deepcopy(chance.choice(ODD_VALUES))
            case 3:
                other, name = chance.choice(places)
                holder[key] = copy.deepcopy(other[name])
            case _:
                for _ in range(chance.choice([1, 30, 200])):
                    holder[key] = chance.choice([[holder[key]], {"a": holder[key]}])
    return json.dumps(tree).encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key or index); of long lists and tables the first of their entries."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, dict | list):
            continue
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        for key in keys[:40]:
            found.append((part, key))
            waiting.append(part[key])
    return found
