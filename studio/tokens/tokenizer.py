"""A model folder as the studio needs it without torch: its tokenizer, chat template and context window."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import StudioError
from studio.tokens.template import INSTRUCTION_TEMPLATE, ChatTemplate

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Names that architectures give to the context window in config.json, most usual first.
_WINDOW_NAMES = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
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
        """Tokens the model can attend to, prompt and completion together. Raises StudioError where unknown."""
        for name in _WINDOW_NAMES:
            if isinstance(self.config.get(name), int):
                return int(self.config[name])
        raise StudioError(f"{self.path / 'config.json'}: no context window ({', '.join(_WINDOW_NAMES)}).")

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
        """The model's own chat template, or a plain instruction template for a base model without one."""
        path = self.path / "chat_template.jinja"
        source = path.read_text(encoding="utf-8") if path.exists() else self._tokenizer_config.get("chat_template")
        if isinstance(source, list):  # several named templates: the one called default
            source = next((named["template"] for named in source if named.get("name") == "default"), None)
        specials = {name: self._special(name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
        return ChatTemplate(source or INSTRUCTION_TEMPLATE, specials)

    @property
    def tokenizer_path(self) -> Path:
        """Raises StudioError, naming the folder, where there is no tokenizer.json."""
        return self._needed("tokenizer.json")

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of tokenizer.json. Raises StudioError naming the folder where there is none."""
        from tokenizers import Tokenizer

        path = self.tokenizer_path
        try:
            tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception for a file it cannot read
            raise StudioError(f"{path}: not a usable tokenizer: {error}.") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

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
        encoding = self.tokenizer.encode("x")
        return list(encoding.ids[: [*encoding.special_tokens_mask, 0].index(0)])

    @cached_property
    def leading_text(self) -> str:
        """``leading_ids`` as a chat template writes them, for example ``<bos>``; empty for none."""
        return "".join(self.tokenizer.id_to_token(token_id) or "" for token_id in self.leading_ids)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when the same text could become other tokens, and else stay.

        Decided by the bytes of tokenizer.json, the template and the special tokens, without loading the tokenizer.
        """
        content = self.tokenizer_path.read_bytes()
        digest = hashlib.sha256(content)
        digest.update(self.template.source.encode())
        digest.update(json.dumps(self.template.specials, sort_keys=True).encode())
        if any(adder in content for adder in _TOKEN_ADDERS):
            digest.update(b"leading_ids")  # token counts kept by earlier versions were made without them
        return digest.hexdigest()[:16]

    @cached_property
    def _tokenizer_config(self) -> dict[str, Any]:
        return self._json("tokenizer_config.json", needed=False)

    def _special(self, name: str) -> str:
        value = self._tokenizer_config.get(name) or ""
        return str(value["content"]) if isinstance(value, dict) else str(value)

    def _json(self, name: str, *, needed: bool) -> dict[str, Any]:
        path = self._needed(name) if needed else self.path / name
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise StudioError(f"{path}: cannot be read: {error}.") from error
        if not isinstance(content, dict):
            raise StudioError(f"{path}: holds {type(content).__name__}, not an object.")
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
