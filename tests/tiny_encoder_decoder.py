"""Two-layer random encoder-decoder models, a T5 and a BART, each with a real tokenizer: small enough for a test.

The T5's tokenizer is a unigram one, as SentencePiece makes them, that puts ``</s>`` behind a text; the BART's is a
byte-level BPE that puts ``<s>`` before and ``</s>`` behind one. Neither has a chat template.
"""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from tests.tiny_model import CORPUS

WORDS = (
    *CORPUS,
    "what indeed",
    "it is red green black white brown",
    "grass rose snow night bear sea leaf brick milk coal bread",
    *"09",
)


def make_tiny_t5(folder: Path, seed: int = 0, *, dropout: float = 0.0, is_head_scaled: bool = False) -> Path:
    """A T5 of FLAN-T5's kind (gated, its own LM head); the same bytes for the same seed.

    ``is_head_scaled``: of the first T5's kind, whose head is its embeddings and is given scaled states.
    """
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    vocabulary = _write_unigram(folder)
    facts: Any = {"tie_word_embeddings": is_head_scaled, "n_positions": 64, "decoder_start_token_id": 0}
    config = T5Config(
        vocab_size=vocabulary + 4,  # FLAN-T5's has more rows than its tokenizer has tokens, too
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        dropout_rate=dropout,
        feed_forward_proj="relu" if is_head_scaled else "gated-gelu",
        **facts,
    )
    torch.manual_seed(seed)
    model = T5ForConditionalGeneration(config)
    with torch.no_grad():
        model.shared.weight.mul_(0.5)
        for name, parameter in model.named_parameters():
            if "Attention" in name or "relative" in name:
                parameter.mul_(3)  # attention that tells tokens apart, so that answers differ with their prompts
        if not is_head_scaled:
            model.lm_head.weight = torch.nn.Parameter(torch.randn(config.vocab_size, config.d_model) * 0.3)
    model.save_pretrained(folder)
    return folder


def make_tiny_bart(folder: Path, seed: int = 0, context_window: int = 256) -> Path:
    """A BART; the same bytes for the same seed."""
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(
        vocab_size=_write_bpe(folder),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=context_window,
        dropout=0.0,
        init_std=0.2,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=None,
    )
    torch.manual_seed(seed)
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


def _write_unigram(folder: Path) -> int:
    specials = ("<pad>", "</s>", "<unk>")
    pieces = sorted(
        {f"▁{word}" for text in WORDS for word in text.split()} | {"▁", *ascii_lowercase, *digits, ",", "."}
    )
    # Trained, it would be another one each time; so the longest piece that fits is the likeliest.
    vocabulary = [*((token, 0.0) for token in specials), *((piece, len(piece) - 20.0) for piece in pieces)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in specials])
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    _save(tokenizer, folder, {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"})
    return int(tokenizer.get_vocab_size())


def _write_bpe(folder: Path) -> int:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[AddedToken(text, special=True) for text in ("<s>", "<pad>", "</s>", "<unk>")],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    )
    _save(tokenizer, folder, {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"})
    return int(tokenizer.get_vocab_size())


def _save(tokenizer: Tokenizer, folder: Path, specials: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {"tokenizer_class": "PreTrainedTokenizerFast", **specials}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
