"""A model folder as the studio needs it without torch: its tokenizer, chat template and context window."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import StudioError
from studio.files import in_short, open_regular, read_at_most, read_json_object, why_not
from studio.tokens.families import family_of
from studio.tokens.layout import ContextWindow, Layout
from studio.tokens.template import ChatTemplate

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Names that architectures give to the context window in config.json, most usual first.
_WINDOW_NAMES = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
# More is no context window but a slip, or a word for "no limit".
_MOST_WINDOW = 1_000_000_000
_MOST_TOKENIZER_BYTES = 512 << 20  # the largest known, of a vocabulary of 262,144, has 33 MB
_MOST_TEMPLATE_BYTES = 1 << 20
_SHOWN_CHARS = 200
# The post-processors of tokenizer.json that can add a token; one of these is in the file wherever one is added.
_TOKEN_ADDERS = (b'"SpecialToken"', b'"BertProcessing"', b'"RobertaProcessing"')


@dataclass(frozen=True)
class ModelFolder:
    """A folder with config.json and tokenizer.json. Cheap to make: files are read when first needed."""

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.json holds. Raises StudioError where it is missing or no JSON object."""
        return self._json("config.json", needed=True)

    @cached_property
    def context_window(self) -> int:
        """Tokens the model can attend to, as its config.json has it; ``window`` says what that binds.

        Raises StudioError where unknown.
        """
        for name in _WINDOW_NAMES:
            value = self.config.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                if not 1 <= value <= _MOST_WINDOW:
                    raise StudioError(f"{self.path / 'config.json'}: {name} is {value}, which is no context window.")
                return value
        raise StudioError(f"{self.path / 'config.json'}: no context window ({', '.join(_WINDOW_NAMES)}).")

    @cached_property
    def layout(self) -> Layout:
        """How rows of this model are laid out. Raises StudioError where it is of no known family."""
        return family_of(self).layout

    @cached_property
    def window(self) -> ContextWindow:
        """How the context window binds prompt and completion. Raises StudioError where it is unknown."""
        return self.layout.window(self)

    @cached_property
    def architecture(self) -> str:
        """``model_type`` of config.json, as transformers names families: ``llama``, ``gemma3_text``; or unknown."""
        return str(self.config.get("model_type", "unknown"))

    @cached_property
    def end_of_turn(self) -> str:
        """The token that ends an answer: what training must teach and generation stops at. Raises StudioError."""
        token = self._special("eos_token")
        if not token:
            raise StudioError(
                f"{self.path}: the tokenizer names no eos_token, so a tuned model could never learn to stop.",
                "Add eos_token to tokenizer_config.json.",
            )
        return token

    @cached_property
    def template(self) -> ChatTemplate:
        """The model's own chat template, or for a model without one its layout's stand-in."""
        specials = {name: self._special(name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
        return ChatTemplate(self._template_source() or self.layout.stand_in_template, specials)

    def _template_source(self) -> str:
        """What chat_template.jinja holds, or else tokenizer_config.json; empty for a base model."""
        path = self.path / "chat_template.jinja"
        if path.exists():
            try:
                return self._text(path, self._bytes(path, _MOST_TEMPLATE_BYTES).decode("utf-8"))
            except UnicodeDecodeError as error:
                raise StudioError(f"{path}: not UTF-8 at byte {error.start}.") from error
        named = self._tokenizer_config.get("chat_template") or ""
        if isinstance(named, list):  # several named templates: the one called default
            of_name = {str(one.get("name")): one.get("template") for one in named if isinstance(one, dict)}
            named = of_name.get("default") or ""
        return self._text(self.path / "tokenizer_config.json", named, "chat_template")

    @property
    def tokenizer_path(self) -> Path:
        """Raises StudioError, naming the folder, where there is no tokenizer.json."""
        return self._needed("tokenizer.json")

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of tokenizer.json. Raises StudioError naming the folder where there is none."""
        from tokenizers import Tokenizer

        with self._using_tokenizer():
            tokenizer: Tokenizer = Tokenizer.from_buffer(self._tokenizer_bytes())
            tokenizer.no_padding()
            tokenizer.no_truncation()
        return tokenizer

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, and nothing put before or behind it. Raises StudioError where that fails."""
        with self._using_tokenizer():
            return [one.ids for one in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token of ``text`` begins and ends in it, in characters. Raises StudioError where that fails."""
        with self._using_tokenizer():
            return list(self.tokenizer.encode(text, add_special_tokens=False).offsets)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, special ones written out. Raises StudioError where that fails."""
        with self._using_tokenizer():
            return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))

    @cached_property
    def end_of_turn_id(self) -> int:
        """Id of ``end_of_turn``. Raises StudioError where tokenizer.json does not have it."""
        token_id = self.tokenizer.token_to_id(self.end_of_turn)
        if token_id is None:
            raise StudioError(f"{self.path}: eos_token {self.end_of_turn!r} is not in tokenizer.json.")
        return int(token_id)

    @cached_property
    def leading_ids(self) -> list[int]:
        """The tokens that the tokenizer puts before a text by itself: its beginning-of-sequence token, or none.

        The tokenizer is asked, by encoding a letter as ``tokenizer(text)`` of transformers does. ``add_bos_token`` in
        tokenizer_config.json is not: where there is a tokenizer.json, whose post-processor decides, transformers 5
        leaves that setting out too.
        """
        return self._added_ids[0]

    @cached_property
    def trailing_ids(self) -> list[int]:
        """The tokens that the tokenizer puts behind a text by itself, found in the same way: T5's ``</s>``, or none."""
        return self._added_ids[1]

    @cached_property
    def leading_text(self) -> str:
        """``leading_ids`` as a chat template writes them, for example ``<bos>``; empty for none."""
        return self._written(self.leading_ids)

    @cached_property
    def trailing_text(self) -> str:
        """``trailing_ids`` as they would be written in a text; empty for none."""
        return self._written(self.trailing_ids)

    @cached_property
    def _added_ids(self) -> tuple[list[int], list[int]]:
        with self._using_tokenizer():
            encoding = self.tokenizer.encode("x")
        ids, is_special = encoding.ids, encoding.special_tokens_mask
        before = [*is_special, 0].index(0)
        behind = 0 if before == len(ids) else is_special[::-1].index(0)
        return ids[:before], ids[len(ids) - behind :]

    def _written(self, ids: Sequence[int]) -> str:
        return "".join(self.tokenizer.id_to_token(token_id) or "" for token_id in ids)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when the same text could become other tokens, and else stay.

        Decided by the bytes of tokenizer.json, the template and the special tokens, without loading the tokenizer.
        """
        content = self._tokenizer_bytes()
        digest = hashlib.sha256(content)
        digest.update(self.template.source.encode())
        digest.update(json.dumps(self.template.specials, sort_keys=True).encode())
        digest.update(self.layout.mark.encode())
        if any(adder in content for adder in _TOKEN_ADDERS):
            digest.update(b"leading_ids")  # token counts kept by earlier versions were made without them
        return digest.hexdigest()[:16]

    @cached_property
    def _tokenizer_config(self) -> dict[str, Any]:
        return self._json("tokenizer_config.json", needed=False)

    def _tokenizer_bytes(self) -> bytes:
        return self._bytes(self.tokenizer_path, _MOST_TOKENIZER_BYTES)

    def _special(self, name: str) -> str:
        value = self._tokenizer_config.get(name) or ""
        if isinstance(value, dict):
            value = value.get("content", "")
        return self._text(self.path / "tokenizer_config.json", value, name)

    @staticmethod
    def _text(path: Path, value: Any, name: str = "") -> str:
        where = f"{path}: {name} " if name else f"{path}: it "
        if not isinstance(value, str):
            raise StudioError(f"{where}is {in_short(value)}, which is no text.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise StudioError(f"{where}holds half a character, which is no text.")
        return value

    @contextmanager
    def _using_tokenizer(self) -> Iterator[None]:
        """Turn what the tokenizers library raises, and its panics, into a StudioError that names the file."""
        try:
            yield
        except (StudioError, MemoryError):
            raise
        except BaseException as error:  # it raises bare Exception, and a panic of its Rust is no Exception
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            said = next(iter(str(error).splitlines()), type(error).__name__)[:_SHOWN_CHARS]
            raise StudioError(
                f"{self.path / 'tokenizer.json'}: not a usable tokenizer: {said}.", "Copy the model folder again."
            ) from error

    def _json(self, name: str, *, needed: bool) -> dict[str, Any]:
        path = self._needed(name) if needed else self.path / name
        try:
            return read_json_object(path)
        except FileNotFoundError:
            return {}
        except StudioError as error:
            raise StudioError(f"{self.path}: {error.message}", "Copy the model folder again.") from error

    @staticmethod
    def _bytes(path: Path, most: int) -> bytes:
        try:
            with open_regular(path) as file:
                content = read_at_most(file, most + 1)
        except OSError as error:
            raise StudioError(f"{path}: cannot be read: {why_not(error)}.") from error
        if len(content) > most:
            raise StudioError(f"{path}: has more than {most >> 20} MB.")
        return content

    def _needed(self, name: str) -> Path:
        path = self.path / name
        if not _is_folder(self.path):
            raise StudioError(f"{self.path}: no such model folder.", "studio models list shows what is here.")
        if not path.exists():
            raise StudioError(
                f"{self.path}: no {name} in this model folder.",
                "Save the model with its fast tokenizer (save_pretrained writes the file).",
            )
        return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long for one
        return False
