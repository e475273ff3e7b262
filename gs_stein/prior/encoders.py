"""Prompts to the text embeddings each hub model was trained with, encoded once and kept.

The three encoders repeat, line for line of arithmetic, what the corresponding diffusers pipeline does in
`encode_prompt`; the tests compare them. `PromptCache` wraps any of them: a prompt is encoded once, the encoders are
loaded at the first new prompt and dropped when images are looked at, and embeddings can be kept on disk.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein.files import Advice
from gs_stein.prior.adapters import stack_embeddings
from gs_stein.types import TextEmbedding

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, PreTrainedTokenizerBase, T5EncoderModel

Encode = Callable[[list[str]], TextEmbedding]


LONGEST = 4096
"""Tokens of a prompt, of any encoder; all prompts are padded to as many as it says."""


def tokenize(
    tokenizer: PreTrainedTokenizerBase, prompts: list[str], length: int | None = None
) -> tuple[Int[Tensor, "P L"], Int[Tensor, "P L"]]:
    """Token ids and attention mask, padded and cut to the model's length; warns about words that were cut."""
    length = length or tokenizer.model_max_length
    if not isinstance(length, int) or not 1 <= length <= LONGEST:
        raise ValueError(f"tokenizer_config.json: model_max_length is {str(length)[:20]}, not 1 to {LONGEST} tokens")
    batch = tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    for prompt in prompts:
        count = len(tokenizer(prompt, verbose=False).input_ids)
        if count > length:
            cut = f"prompt: {prompt[:40]!r}… has {count} tokens; the model reads the first {length}"
            warnings.warn(cut, Advice, stacklevel=2)
    return batch.input_ids, batch.attention_mask


def chat(tokenizer: PreTrainedTokenizerBase, prompts: list[str], thinking: bool) -> list[str]:
    """Each prompt as a chat model is asked it.

    Args:
        tokenizer: with a chat template.
        prompts: what the user says.
        thinking: whether the template leaves room for thoughts before the answer.
    """
    return [
        str(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True,
                enable_thinking=thinking,
            )
        )
        for prompt in prompts
    ]  # fmt: skip


@dataclass(frozen=True)
class CLIPText:
    """Stable Diffusion 1.x and 2.x: the last hidden state of one CLIP text model."""

    tokenizer: PreTrainedTokenizerBase
    model: CLIPTextModel

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        ids, mask = (x.to(self.model.device) for x in tokenize(self.tokenizer, prompts))
        # Stable Diffusion lets padding be attended to; only models that were trained otherwise say so.
        attend = mask if self.model.config.to_dict().get("use_attention_mask") else None
        return TextEmbedding(self.model(ids, attention_mask=attend).last_hidden_state, mask.bool())


@dataclass(frozen=True)
class SDXLText:
    """Stable Diffusion XL: the penultimate states of two CLIP text models side by side, pooled state of the second."""

    tokenizers: tuple[PreTrainedTokenizerBase, PreTrainedTokenizerBase]
    models: tuple[CLIPTextModel, CLIPTextModelWithProjection]
    zero_empty: bool
    """The model's `force_zeros_for_empty_prompt`: no prompt is zeros, not the encoding of an empty sentence."""

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        states, masks, pooled = [], [], None
        for tokenizer, model in zip(self.tokenizers, self.models, strict=True):
            ids, mask = (x.to(model.device) for x in tokenize(tokenizer, prompts))
            output = model(ids, output_hidden_states=True)
            states.append(output.hidden_states[-2])
            masks.append(mask.bool())
            pooled = output[0]
        assert pooled is not None
        tokens = torch.cat(states, dim=-1)
        if self.zero_empty:
            filled = torch.tensor([prompt != "" for prompt in prompts], device=tokens.device)
            tokens, pooled = tokens * filled[:, None, None], pooled * filled[:, None]
        return TextEmbedding(tokens, masks[0] | masks[1], pooled)


@dataclass(frozen=True)
class SD3Text:
    """Stable Diffusion 3: two CLIP text models side by side, followed by T5's tokens (zeros where T5 is left out)."""

    tokenizers: tuple[PreTrainedTokenizerBase, PreTrainedTokenizerBase]
    models: tuple[CLIPTextModelWithProjection, CLIPTextModelWithProjection]
    t5: tuple[PreTrainedTokenizerBase, T5EncoderModel] | None
    width: int
    """The transformer's joint_attention_dim, to which CLIP's states are padded."""
    t5_length: int = 256
    """Tokens of T5, as in the pipeline."""

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        states, masks, pooled = [], [], []
        for tokenizer, model in zip(self.tokenizers, self.models, strict=True):
            # The pipeline cuts both to the first tokenizer's length.
            ids, mask = (x.to(model.device) for x in tokenize(tokenizer, prompts, self.tokenizers[0].model_max_length))
            output = model(ids, output_hidden_states=True)
            states.append(output.hidden_states[-2])
            masks.append(mask.bool())
            pooled.append(output[0])
        clip = torch.cat(states, dim=-1)
        clip = torch.nn.functional.pad(clip, (0, self.width - clip.shape[-1]))
        if self.t5 is None:
            long = clip.new_zeros(len(prompts), self.t5_length, self.width)
            mask = torch.zeros(long.shape[:2], dtype=torch.bool, device=clip.device)
        else:
            tokenizer, model = self.t5
            ids, mask = (x.to(model.device) for x in tokenize(tokenizer, prompts, self.t5_length))
            long = model(ids)[0].to(clip.dtype)
        mask = torch.cat([masks[0] | masks[1], mask.bool()], dim=1)
        return TextEmbedding(torch.cat([clip, long], dim=1), mask, torch.cat(pooled, dim=-1))


class PromptCache:
    """Encodes each prompt once; holds the encoders only while there is something new to encode.

    Args:
        load: builds the encoder (seconds, gigabytes); called when a prompt is new.
        device: where embeddings are handed out.
        keep: never drop the encoder.
        folder: where embeddings outlive the process; None for memory only.
        identity: says which checkpoint and precision encoded; part of the file names.
    """

    def __init__(
        self,
        load: Callable[[], Encode],
        device: torch.device,
        keep: bool = False,
        folder: Path | None = None,
        identity: str = "",
    ) -> None:
        self._load = load
        self._device = device
        self._keep = keep
        self._folder = folder
        self._identity = identity
        self._encode: Encode | None = None
        self._known: dict[str, TextEmbedding] = {}

    @property
    def loaded(self) -> bool:
        """Whether the text encoders are in memory now."""
        return self._encode is not None

    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts, from memory or disk where possible.

        Raises:
            ValueError: no prompts.
        """
        if not prompts:
            raise ValueError("prompts: got an empty list; give at least one prompt")
        for prompt in prompts:
            if prompt not in self._known and (saved := self._read(prompt)) is not None:
                self._known[prompt] = saved.to(self._device)
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]
        if new:
            if self._encode is None:
                self._encode = self._load()
            encoded = self._encode(new)
            for i, prompt in enumerate(new):
                one = encoded[i : i + 1]
                self._known[prompt] = TextEmbedding(
                    one.tokens.to(self._device),
                    one.mask.to(self._device),
                    None if one.pooled is None else one.pooled.to(self._device),
                )
                self._write(prompt, one)
        return stack_embeddings([self._known[prompt] for prompt in prompts])

    def release(self) -> None:
        """Drop the encoders, unless they are to be kept; the next new prompt loads them again."""
        if self._encode is None or self._keep:
            return
        self._encode = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _path(self, prompt: str) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(f"{self._identity}\n{prompt}".encode()).hexdigest()
        return self._folder / f"{digest[:32]}.safetensors"

    def _read(self, prompt: str) -> TextEmbedding | None:
        path = self._path(prompt)
        if path is None or not path.is_file():
            return None
        from safetensors.torch import load_file

        saved = load_file(path)
        return TextEmbedding(saved["tokens"], saved["mask"], saved.get("pooled"))

    def _write(self, prompt: str, embedding: TextEmbedding) -> None:
        path = self._path(prompt)
        if path is None:
            return
        from safetensors.torch import save_file

        tensors: dict[str, Float[Tensor, ...] | Tensor] = {"tokens": embedding.tokens, "mask": embedding.mask}
        if embedding.pooled is not None:
            tensors["pooled"] = embedding.pooled
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        os.close(handle)
        try:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
