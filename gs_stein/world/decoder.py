"""Train what the codec's decoder adds to its linear map."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.prior.small import NUM_TRAIN_TIMESTEPS, MultiViewDenoiser, PatchCodec
from gs_stein.types import Cameras
from gs_stein.world.pool import CAPTIONS, SCENES_PER_SHARD, VIEWS, Shard, shard_path
from gs_stein.world.run import Data, Run, Schedule, load_codec


@dataclass(frozen=True)
class Decoder:
    """Train what the codec's decoder adds to the linear map; latents stay as they are, so no other part changes."""

    data: Data = field(default_factory=Data)
    schedule: Schedule = field(
        default_factory=lambda: Schedule(steps=4000, images=16, learning_rate=1e-3, cooldown=1500, ema=0.995)
    )
    width: int = 192
    """Of the network, at the latent's resolution."""
    prior: Path | None = None
    """An exported prior (e.g. assets/prior) whose samples the decoder learns to read, beside true latents; without one,
    latents with a little noise."""


def decoder_loss(codec: PatchCodec, x0: Float[Tensor, "n C h w"], rgb: Float[Tensor, "n 3 H W"]) -> Tensor:
    """Mean absolute error of pixels and of their differences, which hold the tiles' seams."""
    gap = codec.decode(x0) - rgb
    return gap.abs().mean() + gap.diff(dim=2).abs().mean() + gap.diff(dim=3).abs().mean()


@torch.no_grad()
def sampled_again(
    x0: Float[Tensor, "V C h w"],
    tokens: Float[Tensor, "L D"],
    cameras: Cameras,
    network: nn.Module,
    generator: torch.Generator,
    steps: int = 3,
) -> Float[Tensor, "V C h w"]:
    """Latents as a sampler leaves them, of the same picture: noised to a random level and denoised in a few steps."""
    levels = torch.linspace(0.2 + 0.5 * float(torch.rand((), generator=generator)), 0.0, steps + 1)
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    x = ((1 - levels[0]) * x0 + levels[0] * eps)[None]
    mask = torch.ones(1, len(tokens), dtype=torch.bool, device=x0.device)
    for now, after in itertools.pairwise(levels):
        x = x + (after - now) * network(x, now[None].to(x) * NUM_TRAIN_TIMESTEPS, tokens[None], mask, cameras)
    return x[0]


def train_decoder(job: Decoder) -> None:
    """Train the decoder on scenes of eight views, from their true latents and from disturbed ones in turn."""
    torch.manual_seed(job.schedule.seed + 2)
    linear = load_codec(job.data.folder)
    codec = PatchCodec(channels=linear.config["channels"], decoder_width=job.width)
    codec.load_state_dict(linear.state_dict(), strict=False)
    run = Run(codec, job.schedule, job.data.folder, "decoder")
    run.resume()
    network, device = None, job.schedule.place
    if job.prior is not None:
        if not (job.prior / "network").is_dir():
            raise ValueError(f"--prior: {job.prior} holds no denoiser; give the folder of an exported prior")
        network = MultiViewDenoiser.from_pretrained(job.prior / "network", torch_dtype=torch.float32).eval()
        nn.Module.to(network, device)
    sources = job.data.sources()
    pool = [[Shard.load(shard_path(job.data.folder, s.family, i)) for i in range(s.shards)] for s in sources]
    shares = torch.tensor([s.share for s in sources])

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        def integer(high: int) -> int:
            return int(torch.randint(high, (1,), generator=generator))

        latents, pictures = [], []
        for i in range(max(1, job.schedule.images // VIEWS)):
            shards = pool[int(torch.multinomial(shares, 1, generator=generator))]
            shard, scene = shards[integer(len(shards))], integer(SCENES_PER_SHARD)
            rgb = torch.from_numpy(shard.rgb[scene]).to(device).permute(0, 3, 1, 2).float() / 255
            x0 = codec.encode(rgb)
            if i % 2:
                first = scene * CAPTIONS
                lengths = shard.lengths.reshape(-1)
                start = int(lengths[:first].sum())
                tokens = torch.from_numpy(shard.tokens[start : start + int(lengths[first])]).float()
                cameras = Cameras(
                    torch.from_numpy(shard.viewmats[scene]), torch.from_numpy(shard.Ks[scene]), *rgb.shape[-2:]
                )
                if network is None:
                    level = 0.2 * float(torch.rand((), generator=generator))
                    x0 = x0 + level * torch.randn(x0.shape, generator=generator).to(device)
                else:
                    x0 = sampled_again(x0, tokens.to(device), cameras.to(device), network, generator)
            latents.append(x0)
            pictures.append(rgb)
        return decoder_loss(codec, torch.cat(latents), torch.cat(pictures)), len(pictures) * VIEWS

    run.train(loss_of)
    codec.load_state_dict(run.ema)
    codec.cpu()
    assert codec.correction is not None
    codec.correction.half()
    codec.save_pretrained(job.data.folder / "codec")
