"""What was left in the texts by whatever made them: markup, templates, phrases of other models, broken encodings."""

from __future__ import annotations

import html
import re

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import Rewriting, RowCheck, Severity, Spot, Texts
from studio.dataset.checks.texts import any_of, either_has, has

_SPECIAL = any_of(
    r"<\|(im_start|im_end|im_sep|endoftext|startoftext|begin_of_text|end_of_text|eot_id|eom_id)\|>",
    r"<\|(start_header_id|end_header_id|system|user|assistant|end|return|channel|message|python_tag)\|>",
    r"<\|fim_(prefix|middle|suffix)\|>|<｜[^｜]+｜>|<(start|end)_of_turn>",
    r"\[/?INST\]|<</?SYS>>|</s>\s*$|^\s*<s>|<(bos|eos|pad|unk)>",
    r"(^|\n)###\s?(Response|Instruction|Input|Assistant|Human|User)\s?:",
)
_UNFILLED = any_of(
    r"\{\{\s*[A-Za-z_][\w. ]*\}\}|\$\{[A-Za-z_]\w*\}",
    r"\[(insert|your|name of|enter)\b[^\]\n]*\]",
    r"\{(input|prompt|text|question|context|name|instruction)\}",
)
_NOTHING = r"(?i)^\s*(none|nan|null|undefined|n/?a|\[object Object\]|<no value>)\s*$"
# Rows that speak of code or of templates may have both.
_CODE = r"```|</?html|<script|<style|(?i:html|xml|css|markdown|jinja|handlebars|mustache|template|latex)"
_TAG = (
    r"(?i)</?(p|div|span|br|hr|li|ul|ol|td|tr|table|tbody|font|strong|em|h[1-6]|img|center|blockquote|sup|sub)"
    r"(\s[^<>]*)?/?>"
)
_ENTITY = r"&(amp|lt|gt|quot|apos|nbsp|mdash|ndash|hellip|rsquo|lsquo|rdquo|ldquo|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
# UTF-8 read as Windows-1252: the first byte of a letter, and what its second one becomes.
_MOJIBAKE = any_of(
    r"Ã[\x{0080}-\x{00BF}ƒ‚„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]",
    r"â€[\x{0080}-\x{00BF}™œ\x{009d}“”¦˜¢]|Â[\x{00A0}-\x{00BF}]",
    r"á»[\x{0080}-\x{00BF}\x{0152}-\x{2122}]|Ä‘|\x{FFFD}",
)
_UNICODE = r"\u"
_ESCAPED = r"\\u[0-9a-fA-F]{4}"
_CONTROL = r"[\x01-\x08\x0B\x0C\x0E-\x1F\x7F]"
_INVISIBLE = (
    r"[\x01-\x08\x0B\x0C\x0E-\x1F\x7F\x{0080}-\x{009F}\x{00A0}\x{00AD}\x{200B}\x{200E}\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}]"
)
_REFUSES = "(?i)" + any_of(
    r"^\s*(i'?m |i am )?((very|truly|really|so) )?(sorry|afraid)[,.]? (but )?"
    r"(i (can(no|')t|am unable|am not able|won't|do not have)|as an ai)",
    r"^\W*as an? (ai|artificial intelligence|large language)\b|^\W*i(?:'m| am) (just )?an ai\b",
    r"^\W*i (can(no|')t|am unable to|am not able to) "
    r"(assist|help|provide|fulfill|comply|answer|engage|create|generate)\b",
    r"^\W*(als (ki|künstliche intelligenz)\b|es tut mir leid, (aber )?ich kann)",
    r"^\W*(je suis désolée?,? mais je ne peux|en tant qu'(ia|intelligence))",
    r"^\W*(lo siento,? pero no puedo|como (una )?(ia|inteligencia artificial|modelo de lenguaje))",
    r"^\W*(là một (mô hình ngôn ngữ|trí tuệ nhân tạo|ai)\b|(rất )?(xin lỗi|tiếc),? (nhưng )?tôi không thể)",
    r"^\s*(作为一?[个名]?(人工智能|AI|大?语言模型)|(很?抱歉|对不起)[,，]我(无法|不能))",
)
_META = "(?i)" + any_of(
    r"^\s*(sure|certainly|of course|absolutely|great question|no problem)[!,.] (here|i'd|i would|i can|let me|below)",
    r"^\s*(assistant|ai|chatgpt|gpt-?4?|bot|model)\s?:\s",
    r"^\s*here(?:'s| is) (a|the|your) (revised|rewritten|corrected|possible|generated|summary of the|response)",
    r"\bregenerate response\b|\[citation needed\]|\bas of my (last|knowledge|training)",
    r"\bmy (knowledge|training) (cutoff|data)\b|\bi hope this helps[!.]?\s*$|\bchatgpt\b",
    r"\blet me know if you (have|need) any (other|more|further)\b[^.]*[.!]?\s*$",
    r"\b(trained|developed|created) by (openai|anthropic|google|meta)\b",
)

TEMPLATE_TOKENS = RowCheck(
    name="template_tokens",
    about="Marks of a chat template in the text: <|im_start|>, [INST], ### Response:.",
    harms="The template is put around the row again: the model learns a conversation within a conversation.",
    severity=Severity.ERROR,
    version=1,
    where=either_has(_SPECIAL, needs=("<", "[INST]", "[/INST]", "###")),
    said="[has|have] marks of a chat template in the text.",
    spots=(Spot("prompt", _SPECIAL), Spot("completion", _SPECIAL)),
    bad=(
        Candidate("<|im_start|>user\nWhere is it?", "Here."),
        Candidate("[INST] Where is it? [/INST]", "Here."),
        Candidate("Below is a task.\n### Instruction:\nFind it.\n### Response:", "Here."),
        Candidate("Where is it?", "Here.</s>"),
        Candidate("Where?", "Here<|eot_id|>"),
    ),
    good=(
        Candidate("Where is <b>it</b>?", "Here."),
        Candidate("What does [INS] mean?", "Insert."),
        Candidate("Write a heading", "### Answers\n\nNone."),
    ),
)

UNFILLED_PLACEHOLDER = RowCheck(
    name="unfilled_placeholder",
    about="Places that nobody filled in ({{name}}, [insert date]), and completions that are only None or nan.",
    harms="The model learns to write the placeholder.",
    severity=Severity.WARNING,
    version=1,
    where=f"({either_has(_UNFILLED, needs=('{', '['))} AND NOT {either_has(_CODE)})"
    f" OR (length(completion) < 20 AND {has('completion', _NOTHING)})",
    said="[has|have] a place that nobody filled in.",
    spots=(Spot("prompt", _UNFILLED), Spot("completion", _UNFILLED), Spot("completion", _NOTHING)),
    bad=(
        Candidate("Dear {{ customer_name }}, where is it?", "Here."),
        Candidate("Write a letter", "Dear [insert name], it is here."),
        Candidate("What is the price?", "nan"),
        Candidate("{input}", "Here."),
    ),
    good=(
        Candidate("Write a jinja template for a name", "Dear {{ name }}"),
        Candidate("Solve for the set {1, 2}", "3"),
        Candidate("Is there none?", "None is left."),
    ),
)

_REPAIRABLE = re.compile("[ÃâÂÄá]")


def redecoded(text: str) -> str:
    """UTF-8 that was read as Windows-1252, read as UTF-8 again; other text, and what cannot be, as it is."""
    if not _REPAIRABLE.search(text):
        return text
    # Word by word, so that sound letters beside broken ones stay.
    return re.sub(r"[^\x00-\x7f\s][^\s]*", lambda found: _word(found[0]), text)


def _word(word: str) -> str:
    try:
        data = b"".join(_byte(char) for char in word)
        return data.decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return word


def _byte(char: str) -> bytes:
    try:
        return char.encode("cp1252")
    except UnicodeEncodeError:
        return char.encode("latin-1")


def _mended_encoding(texts: Texts) -> Texts:
    return texts._replace(prompt=redecoded(texts.prompt), completion=redecoded(texts.completion))


MOJIBAKE = RowCheck(
    name="mojibake",
    about="Text that was read in the wrong encoding (donâ€™t, cafÃ©), replacement characters, escapes such as \\u00e9.",
    harms="The model learns tokens that nobody writes, and writes them.",
    severity=Severity.WARNING,
    version=1,
    where=f"{either_has(_MOJIBAKE, is_foreign=True)}"
    f" OR ({either_has(_ESCAPED, needs=(_UNICODE,))} AND NOT {either_has(_CODE)})",
    said="[has|have] text in a broken encoding.",
    fix=Rewriting("read it again as UTF-8", _mended_encoding),
    spots=tuple(Spot(column, pattern) for pattern in (_MOJIBAKE, _ESCAPED) for column in ("prompt", "completion")),
    bad=(
        Candidate("I donâ€™t see it", "Look again."),
        Candidate("The cafÃ© is closed", "Come tomorrow."),
        Candidate("The caf\ufffd is closed", "Come tomorrow."),
        Candidate("The caf\\u00e9 is closed", "Come tomorrow."),
        Candidate("Price?", "Â£20"),
    ),
    good=(
        Candidate("I don’t see it", "Look again."),
        Candidate("O café está fechado, ÃO É VERDADE", "Não."),
        Candidate("Đơn hàng của tôi đâu? Ầ", "Đang giao."),
        Candidate("Write a Python escape, as ```'\\u00e9'```", "é"),
    ),
)


def _without_invisible(texts: Texts) -> Texts:
    return texts._replace(prompt=_seen(texts.prompt), completion=_seen(texts.completion))


_UNSEEN = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)


def _seen(text: str) -> str:
    return _UNSEEN.sub("", text.replace("\xa0", " "))


INVISIBLE_CHARACTERS = RowCheck(
    name="invisible_characters",
    about="Control characters, byte order marks, zero-width and no-break spaces, marks that turn text around.",
    harms="Tokens that nobody sees: the same words become other tokens, and instructions can hide in them.",
    severity=Severity.INFO,
    version=1,
    where=f"{either_has(_INVISIBLE, is_foreign=True)} OR {either_has(_CONTROL)}",
    said="[has|have] characters that nobody sees.",
    fix=Rewriting("take them out; no-break spaces become spaces", _without_invisible),
    spots=(Spot("prompt", _INVISIBLE), Spot("completion", _INVISIBLE)),
    bad=(
        Candidate("Where\u200b is it?", "Here."),
        Candidate("Where?", "\ufeffHere."),
        Candidate("12\u00a0km?", "Yes."),
        Candidate("\x1b[31mRed", "Red."),
        Candidate("\u202eevil", "live"),
    ),
    good=(
        Candidate("Two\nlines\tand a tab", "Yes.\r\n"),
        Candidate("👩‍👩‍👧 a family", "Yes."),
        Candidate("می‌خواهم", "Yes."),
    ),
)


def _unescaped(texts: Texts) -> Texts:
    return texts._replace(prompt=_entities(texts.prompt), completion=_entities(texts.completion))


_ENTITIES = re.compile(_ENTITY)


def _entities(text: str) -> str:
    return _ENTITIES.sub(lambda found: html.unescape(found[0]).replace("\xa0", " "), text)


HTML_RESIDUE = RowCheck(
    name="html_residue",
    about="HTML tags and entities (<br>, &amp;) in rows that are not about HTML or code.",
    harms="The model answers with markup.",
    severity=Severity.WARNING,
    version=1,
    where=f"({either_has(_ENTITY, needs=('&',))} OR {either_has(_TAG, needs=('<',))}) AND NOT {either_has(_CODE)}",
    said="[has|have] HTML in the text.",
    fix=Rewriting("write entities as the characters they stand for; tags stay", _unescaped),
    spots=tuple(Spot(column, pattern) for pattern in (_TAG, _ENTITY) for column in ("prompt", "completion")),
    bad=(
        Candidate("Where is it?<br>Thanks", "Here."),
        Candidate("Tom &amp; Jerry?", "A cat and a mouse."),
        Candidate("Where?", "<p>Here.</p>"),
    ),
    good=(
        Candidate("Is 1 < 2 and 3 > 2?", "Yes."),
        Candidate("How do I break a line in HTML?", "<br>"),
        Candidate("AT&T; where?", "Here."),
        Candidate("Why?", "```\n<div>\n```"),
    ),
)

REFUSALS = RowCheck(
    name="refusals",
    about="Completions that begin by refusing, or by saying that an AI speaks.",
    harms="A model learns to refuse from few of them, ordinary work too.",
    severity=Severity.WARNING,
    version=1,
    where=has("left(completion, 200)", _REFUSES),
    said="[begins|begin] with a refusal or a disclaimer.",
    spots=(Spot("completion", _REFUSES),),
    bad=(
        Candidate("Where is it?", "As an AI language model, I do not know."),
        Candidate("Where is it?", "I'm sorry, but I can't help with that."),
        Candidate("Where?", "I cannot assist with this request."),
        Candidate("Où ?", "Je suis désolé, mais je ne peux pas répondre."),
        Candidate("Đâu?", "Xin lỗi, tôi không thể trả lời."),
    ),
    good=(
        Candidate("Where is it?", "I'm sorry for the delay; it comes tomorrow."),
        Candidate("Can you?", "I cannot come on Monday, but Tuesday works."),
        Candidate("What is an AI?", "An AI is a program that learns."),
    ),
)

META_RESIDUE = RowCheck(
    name="meta_residue",
    about="What another assistant wrote around its answer: Sure! Here is …, ChatGPT, Assistant: at the beginning.",
    harms="The model learns another one's manner, and its name.",
    severity=Severity.WARNING,
    version=1,
    where=has("completion", _META),
    said="[has|have] what another assistant wrote around its answer.",
    spots=(Spot("completion", _META),),
    bad=(
        Candidate("Shorten it", "Sure! Here is a shorter one: no."),
        Candidate("Shorten it", "Assistant: no."),
        Candidate("Who are you?", "A model trained by OpenAI."),
        Candidate("Shorten it, please", "No.\n\nI hope this helps!"),
    ),
    good=(
        Candidate("Shorten it", "No."),
        Candidate("Are you sure?", "Sure, I am."),
        Candidate("Who made it?", "The carpenter."),
    ),
)
