"""Train what the codec's decoder adds to its linear map."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.prior.bundled import NUM_TRAIN_TIMESTEPS, MultiViewDenoiser, PatchCodec
from gs_stein.types import Cameras
from gs_stein.world.training.data import Source
from gs_stein.world.training.pool import SCENES_PER_SHARD, VIEWS, Shard, rendered, shard_path
from gs_stein.world.training.run import UNPREFIXED, Data, Run, Schedule, load_codec


@dataclass(frozen=True)
class Decoder:
    """Train what the codec's decoder adds to the linear map; latents stay as they are, so no other part changes."""

    data: Annotated[Data, UNPREFIXED] = field(default_factory=Data)
    schedule: Annotated[Schedule, UNPREFIXED] = field(
        default_factory=lambda: Schedule(steps=4000, images=16, learning_rate=1e-3, cooldown=2400, ema=0.998)
    )
    width: int = 192
    """Of the network, at the latent's resolution."""
    prior: Path | None = None
    """An exported prior (e.g. gs_stein/weights/prior) whose guesses and samples the decoder learns to read, beside true
    latents; without one, latents with a little noise. Where the training folder has no codec yet, its codec is taken,
    and its decoder goes on learning if it has this width."""


GROUP = 4
"""Views of a scene that are decoded in one step."""
DISTURBED = (0, 1, 1, 3)
"""Denoising steps that latents have been through, in turn: none, as in a first guess (half of them: what distillation
reads at every step), as in a sample."""


def decoder_loss(codec: PatchCodec, x0: Float[Tensor, "n C h w"], rgb: Float[Tensor, "n 3 H W"]) -> Tensor:
    """Squared error, and absolute error of pixels and of their differences, which hold edges and the tiles' seams."""
    assert codec.correction is not None
    with torch.autocast(x0.device.type, enabled=False):
        linear = codec.decode_linear(x0)
    gap = linear + codec.correction(x0) - rgb
    return 16 * gap.square().mean() + gap.abs().mean() + gap.diff(dim=2).abs().mean() + gap.diff(dim=3).abs().mean()


@torch.no_grad()
def sampled_again(
    x0: Float[Tensor, "V C h w"],
    tokens: Float[Tensor, "L D"],
    cameras: Cameras,
    network: nn.Module,
    generator: torch.Generator,
    steps: int = 3,
) -> Float[Tensor, "V C h w"]:
    """Latents as a sampler leaves them, of the same picture: noised to a random level and denoised in a few steps.

    One step makes a guess of x₀ as distillation has it.
    """
    levels = torch.linspace(0.2 + 0.5 * float(torch.rand((), generator=generator)), 0.0, steps + 1)
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    x = ((1 - levels[0]) * x0 + levels[0] * eps)[None]
    mask = torch.ones(1, len(tokens), dtype=torch.bool, device=x0.device)
    for now, after in itertools.pairwise(levels):
        x = x + (after - now) * network(x, now[None].to(x) * NUM_TRAIN_TIMESTEPS, tokens[None], mask, cameras)
    return x[0]


def networks_of(prior: Path, sources: list[Source], device: torch.device) -> list[nn.Module]:
    """The denoiser of each family.

    Raises:
        ValueError: the folder holds none.
    """
    if not (prior / "network").is_dir():
        raise ValueError(f"--prior: {prior} holds no denoiser; give the folder of an exported prior")
    own = prior / "network_objects"
    folders = [own if s.family.part == "objects" and own.is_dir() else prior / "network" for s in sources]
    found = {path: MultiViewDenoiser.from_pretrained(path, torch_dtype=torch.float32).eval() for path in set(folders)}
    return [nn.Module.to(found[path], device) for path in folders]


def train_decoder(job: Decoder) -> None:
    """Train the decoder on a few views each of several scenes, from true latents and from disturbed ones in turn."""
    torch.manual_seed(job.schedule.seed + 2)
    device, sources = job.schedule.place, job.data.sources()
    networks = None if job.prior is None else networks_of(job.prior, sources, device)
    before = load_codec(job.data.folder, job.prior)
    codec = PatchCodec(channels=before.config["channels"], decoder_width=job.width)
    same = before.config["decoder_width"] == job.width
    codec.load_state_dict(before.state_dict() if same else dict(before.named_buffers()), strict=False)
    run = Run(codec, job.schedule, job.data.folder, "decoder")
    run.resume()
    pool = [[Shard.load(rendered(shard_path(job.data.folder, s.family, i))) for i in range(s.shards)] for s in sources]
    shares = torch.tensor([s.share for s in sources])

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        def integer(high: int) -> int:
            return int(torch.randint(high, (1,), generator=generator))

        latents, pictures = [], []
        for i in range(max(1, job.schedule.images // GROUP)):
            family = int(torch.multinomial(shares, 1, generator=generator))
            shard, scene = pool[family][integer(len(pool[family]))], integer(SCENES_PER_SHARD)
            views = slice(integer(VIEWS // GROUP), None, VIEWS // GROUP)
            rgb = torch.from_numpy(shard.rgb[scene, views]).to(device).permute(0, 3, 1, 2).float() / 255
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                x0 = codec.encode(rgb)
            steps = DISTURBED[(step + i) % len(DISTURBED)]
            if steps and networks is None:
                level = 0.2 * float(torch.rand((), generator=generator))
                x0 = x0 + level * torch.randn(x0.shape, generator=generator).to(device)
            elif steps and networks is not None:
                cameras = Cameras(
                    torch.from_numpy(shard.viewmats[scene, views]), torch.from_numpy(shard.Ks[scene, views]),
                    *rgb.shape[-2:],
                ).to(device)  # fmt: skip
                tokens = shard.caption(scene).to(device)
                x0 = sampled_again(x0, tokens, cameras, networks[family], generator, steps).float()
            latents.append(x0)
            pictures.append(rgb)
        return decoder_loss(codec, torch.cat(latents), torch.cat(pictures)), len(pictures) * GROUP

    run.train(loss_of)
    codec.load_state_dict(run.ema)
    codec.cpu()
    assert codec.correction is not None
    codec.correction.half()
    codec.save_pretrained(job.data.folder / "codec")
