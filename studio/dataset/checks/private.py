"""Secrets and personal data: what a model must never be able to say by heart. Shown masked, whole only on asking."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import RowCheck, Severity, Spot
from studio.dataset.checks.texts import any_of, either_has

_KEYS = any_of(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}|\bhf_[A-Za-z0-9]{30,}",
    r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{50,}|\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bxox[abprs]-[A-Za-z0-9-]{20,}|\bsk-(proj-|ant-|live-)?[A-Za-z0-9_-]{24,}|\b[sr]k_(live|test)_[A-Za-z0-9]{20,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
)
_ASSIGNED = (
    r"(?i)\b(password|passwd|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token)[\x22']?"
    r"\s{0,3}[:=]\s{0,3}[\x22']?[^\s\x22'<>{}]{12,}"
)
_SECRET = any_of(_KEYS, _ASSIGNED)
# Bits a character: above it no word of a language, below it no random key (as in Yelp's detect-secrets).
_RANDOM_BITS = 3.3

_EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"
_PHONE = any_of(
    r"(^|[\s(:,;])\+\d{1,3}[ .-]?(\(0?\d{1,4}\)[ .-]?)?\d{1,4}([ .-]?\d{2,4}){2,4}",
    r"\(\d{3}\) ?\d{3}[ .-]\d{4}|\b\d{3}[.-]\d{3}[.-]\d{4}\b",
)
_CARD = r"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}\b"
_IBAN = r"\b[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,4})?\b"
_IPV4 = r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"
_PERSONAL = any_of(_EMAIL, _PHONE, _CARD, _IBAN, _IPV4)
# Addresses that belong to nobody: RFC 2606, and what people write in examples.
_NOBODY = re.compile(
    r"@(.*\.)?(example|test|invalid|localhost|yourcompany|company|domain|email|mail)\.(com|org|net|[a-z]{2})$", re.I
)


def entropy(text: str) -> float:
    """Shannon entropy of the characters of ``text``, in bits each (A Mathematical Theory of Communication, 1948)."""
    counts, total = Counter(text).values(), len(text)
    return -sum(count / total * math.log2(count / total) for count in counts) if total else 0.0


def is_card(digits: str) -> bool:
    """Whether a number of 13 to 19 digits passes Luhn's check (ISO/IEC 7812-1) and is no single digit repeated."""
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether ``text``, without spaces, passes the check of ISO 13616: modulo 97 it is 1."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", text):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


_NAMES_ITS_VALUE = re.compile(r"(?i)(password|passwd|pwd|secret|api[_-]?key|(access|auth)[_-]?token)[\"']?\s*[:=]")


def is_secret(part: str) -> bool:
    """Whether what looks like a secret is one: a key by its shape, or a value after ``password:`` that is random."""
    named = _NAMES_ITS_VALUE.match(part)
    if not named:
        return True
    value = part[named.end() :].strip(" \t\"'")
    is_mixed = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    return is_mixed and entropy(value) >= _RANDOM_BITS


def is_personal(part: str) -> bool:
    """Whether what looks like personal data is: an address of somebody, a number whose check digits are right."""
    if "@" in part:
        return not _NOBODY.search(part)
    digits = re.sub(r"\D", "", part)
    if part[:1].isalpha() and part[:1].isupper():
        return is_iban(part.replace(" ", ""))
    if _DOTTED.fullmatch(part):
        return _is_public(part)
    is_number_of_card = re.fullmatch(r"[\d -]+", part) and is_card(digits)
    is_phone = part.lstrip()[:1] in "+(" or bool(_AMERICAN.fullmatch(part))
    return bool(is_number_of_card) or (is_phone and 9 <= len(digits) <= 15 and "555" not in digits)


_DOTTED = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_AMERICAN = re.compile(r"\d{3}[.-]\d{3}[.-]\d{4}")


def _is_public(text: str) -> bool:
    try:
        return ipaddress.IPv4Address(text).is_global and not text.startswith(("1.", "2.0", "8.8.", "0."))
    except ValueError:
        return False


SECRETS = RowCheck(
    name="secrets",
    about="Keys, tokens, passwords and private keys, by their shape and how random they are.",
    harms="The model learns them by heart and says them to whoever asks the right thing.",
    severity=Severity.ERROR,
    version=1,
    where=either_has(_SECRET),
    said="[has|have] a key, a token or a password in the text.",
    confirm_part=is_secret,
    spots=(Spot("prompt", _SECRET), Spot("completion", _SECRET)),
    is_private=True,
    bad=(
        Candidate("Use AKIAIOSFODNN7EXAMPLE to log in", "Done."),
        Candidate("Where is the token?", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
        Candidate("-----BEGIN RSA PRIVATE KEY-----", "MIIE"),
        Candidate("password = 'x9$Kq2!vLp8zR4'", "Noted."),
    ),
    good=(
        Candidate("password: ask the administrator", "Noted."),
        Candidate("My password=correcthorsebattery is weak", "Yes."),
        Candidate("The task sk-learn-style", "Yes."),
        Candidate("Set api_key = <your key here>", "Done."),
    ),
)

PERSONAL_DATA = RowCheck(
    name="personal_data",
    about="E-mail addresses, phone numbers, bank cards (Luhn), IBANs (modulo 97) and public IP addresses.",
    harms="The model can say them by heart, which the law forbids and nobody wants.",
    severity=Severity.WARNING,
    version=1,
    where=either_has(_PERSONAL),
    said="[has|have] personal data in the text.",
    confirm_part=is_personal,
    spots=(Spot("prompt", _PERSONAL), Spot("completion", _PERSONAL)),
    is_private=True,
    bad=(
        Candidate("Write to mai.tran@gmail.com", "Done."),
        Candidate("Call +84 91 234 56 78 tomorrow", "Yes."),
        Candidate("My card is 4111 1111 1111 1111", "Noted."),
        Candidate("Pay to DE89 3704 0044 0532 0130 00", "Done."),
        Candidate("It came from 91.198.174.192", "Blocked."),
    ),
    good=(
        Candidate("Write to info@example.com", "Done."),
        Candidate("Order 4111 1111 1111 1112 is late", "It comes."),
        Candidate("Open 192.168.0.1 or version 1.2.3.4", "Done."),
        Candidate("The years 2019-2020-2021", "Three."),
        Candidate("12 345 678 people", "Many."),
        Candidate("How many are 12500+21000-6300?", "12500+21000-6300=27200"),
    ),
)
