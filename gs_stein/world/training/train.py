"""Train the bundled prior: `python -m gs_stein.world.train JOB`, the job being autoencoder, decoder, denoiser, depth,
guided, response or scorer.

Data are rendered from seeds by background processes while training runs. A run stops cleanly at any moment (Ctrl-C
saves) and continues bit for bit where it was: batch and noise of a step depend on (seed, step) alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein import scorer
from gs_stein.prior.agreement import pearson
from gs_stein.prior.bundled import NUM_TRAIN_TIMESTEPS, MultiViewDenoiser, NoisyDepth, PatchCodec
from gs_stein.types import TextEmbedding
from gs_stein.world.command import run_command
from gs_stein.world.families import SCORER
from gs_stein.world.training.data import Batch, Mixture, fit_codec, stratified_logit_normal
from gs_stein.world.training.decoder import Decoder, train_decoder
from gs_stein.world.training.detect import Detect, train_detector
from gs_stein.world.training.guided import Guided, train_guided
from gs_stein.world.training.pool import CAPTIONS, TRAINING, VIEWS, Shard, rendered, shard_path, start_workers
from gs_stein.world.training.response import Response, train_response
from gs_stein.world.training.run import UNPREFIXED, Data, Run, Schedule, load_codec, start_from


@dataclass(frozen=True)
class Autoencoder:
    """Fit the linear patch codec (seconds) and report its PSNR on held-out scenes."""

    data: Annotated[Data, UNPREFIXED] = field(default_factory=Data)
    channels: int = 16
    """Components kept of each 8×8 patch."""
    shards: int = 5
    """Shards of every family to fit on; the last is held out."""


@dataclass(frozen=True)
class Denoiser:
    """Train the joint multi-view denoiser."""

    data: Annotated[Data, UNPREFIXED] = field(default_factory=Data)
    schedule: Annotated[Schedule, UNPREFIXED] = field(default_factory=Schedule)
    small: float = 0.5
    """Share of steps on pictures of half the resolution, twice as many of them: composition, colours and words are
    learnt there at a quarter of the cost."""
    logit_mean: float = 2.2
    """Centre of the noise levels in logits; above 0 leans toward noise, where composition is decided. At half the
    resolution it is log 2 lower, since a pixel there averages four (Stable Diffusion 3, arXiv 2403.03206, eq. 23)."""
    logit_spread: float = 1.5
    """Their standard deviation."""
    groups: tuple[int, ...] = (1, 4, 4, 8)
    """Views of one scene that are denoised together, one of these (divisors of 8) a step. Single views teach words: as
    many captions a step as views. Groups teach agreement."""
    emphasis: float = 4.0
    """Added weight of what the caption names, at pure noise; it fades with the fourth power of the noise level. A red
    rug is a hundredth of a picture, and its colour the most that the caption says."""
    width: int = 256
    depth: int = 6
    """Transformer blocks."""
    text_blocks: int = 2
    """Transformer blocks that read the prompt."""
    sheet_minutes: float = 20.0
    """Between sheets of samples in the training folder's sheets/; 0: none."""
    start: Path | None = None
    """Exported prior whose weights and codec to start from where there are none yet, e.g. gs_stein/weights/prior; if it
    has a denoiser for objects, that one where only objects are trained on. A deeper network may start from a shallower
    one: new blocks begin as identity."""


@dataclass(frozen=True)
class Depth:
    """Train the noise-aware depth estimator."""

    data: Annotated[Data, UNPREFIXED] = field(default_factory=Data)
    schedule: Annotated[Schedule, UNPREFIXED] = field(default_factory=lambda: Schedule(steps=6000, ema=0.995))
    small: float = 0.4
    """Share of steps on pictures of half the resolution."""
    start: Path | None = None
    """Exported prior whose weights and codec to start from where there are none yet, e.g. gs_stein/weights/prior."""


@dataclass(frozen=True)
class Scorer:
    """Train the contrastive scorer that measures results; it has scenes of its own."""

    folder: Path = TRAINING
    """As for the others."""
    shards: int = 60
    """Shards of scenes that no other network sees."""
    workers: int = 1
    """Rendering processes."""
    schedule: Annotated[Schedule, UNPREFIXED] = field(
        default_factory=lambda: Schedule(steps=4000, images=128, learning_rate=1e-3, ema=0.995, seed=77)
    )


Job = (
    Annotated[Autoencoder, tyro.conf.subcommand("autoencoder")]
    | Annotated[Decoder, tyro.conf.subcommand("decoder")]
    | Annotated[Denoiser, tyro.conf.subcommand("denoiser")]
    | Annotated[Depth, tyro.conf.subcommand("depth")]
    | Annotated[Detect, tyro.conf.subcommand("detector")]
    | Annotated[Guided, tyro.conf.subcommand("guided")]
    | Annotated[Response, tyro.conf.subcommand("response")]
    | Annotated[Scorer, tyro.conf.subcommand("scorer")]
)


def noise_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of the shape of x, drawn on its device; a CPU's generator seeds that of a GPU."""
    if x.device.type != "cpu":
        seed = int(torch.randint(2**62, (), generator=generator))
        generator = torch.Generator(x.device).manual_seed(seed)
    return torch.randn(x.shape, generator=generator, device=x.device)


def denoiser_loss(
    net: MultiViewDenoiser, batch: Batch, mean: float, spread: float, generator: torch.Generator, emphasis: float = 0.0
) -> Tensor:
    """Mean squared error of the velocity ε - x₀ at logit-normal noise levels (Stable Diffusion 3, arXiv 2403.03206).

    With `emphasis` e, what the caption names counts 1 + e·s⁴ times at the noise level s. The best guess then leans
    toward pictures that show it where the noise leaves that open, which is why it fades.
    """
    s = stratified_logit_normal(len(batch.x0), mean, spread, generator).to(batch.x0.device)
    eps = noise_like(batch.x0, generator)
    level = s[:, None, None, None, None]
    x_t = (1 - level) * batch.x0 + level * eps
    velocity = net(x_t, s * NUM_TRAIN_TIMESTEPS, batch.tokens, batch.mask, batch.cameras)
    weight = 1 + emphasis * level**4 * batch.named[:, :, None]
    return (weight * (velocity - (eps - batch.x0)).square()).mean()


def depth_loss(net: NoisyDepth, batch: Batch, generator: torch.Generator) -> Tensor:
    """One minus the Pearson correlation with the true depth, at noise levels uniform in time."""
    s = (torch.randperm(len(batch.x0), generator=generator) + torch.rand(len(batch.x0), generator=generator)) / len(
        batch.x0
    )
    s, eps = s.to(batch.x0.device), noise_like(batch.x0, generator)
    level = s[:, None, None, None, None]
    guess = net((1 - level) * batch.x0 + level * eps, s * NUM_TRAIN_TIMESTEPS, batch.cameras)
    cell = batch.depth.shape[-1] // guess.shape[-1]
    cells = batch.depth.unflatten(-1, (-1, cell)).unflatten(-3, (-1, cell))
    hits = (cells > 0).float().sum((-3, -1))
    truth = cells.sum((-3, -1)) / hits.clamp_min(1)
    return 1 - pearson(guess, truth, (hits > 0).float()).mean()


def train_denoiser(job: Denoiser) -> None:
    """Train the denoiser."""
    torch.manual_seed(job.schedule.seed)
    codec = load_codec(job.data.folder, job.start)
    net = MultiViewDenoiser(
        channels=codec.config["channels"], width=job.width, depth=job.depth, text_blocks=job.text_blocks
    )
    print(f"denoiser: {sum(p.numel() for p in net.parameters()) / 1e6:.1f} M parameters", flush=True)
    if not job.groups or any(g < 1 or VIEWS % g for g in job.groups):
        raise ValueError(f"--groups: {job.groups} do not all divide the {VIEWS} views of a scene; give 1, 2, 4 or 8")
    if job.start is not None and not (job.data.folder / "denoiser.pt").exists():
        own = job.start / "network_objects"
        objects_alone = all(source.family.part == "objects" for source in job.data.sources())
        start_from(net, own if objects_alone and own.is_dir() else job.start / "network")
    run = Run(net, job.schedule, job.data.folder, "denoiser")
    run.resume()
    nn.Module.to(codec, job.schedule.place)
    mixture = Mixture(job.data.folder, codec, job.data.sources(), groups=job.groups)

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        small = float(torch.rand((), generator=generator)) < job.small
        batch = mixture.draw(step, job.schedule.images * (2 if small else 1), job.schedule.seed, small)
        mean = job.logit_mean - math.log(2) * small
        return denoiser_loss(net, batch, mean, job.logit_spread, generator, job.emphasis), batch.depth.shape[:2].numel()

    run.train(loss_of, look=lambda step: draw_samples(job.data.folder, step), look_minutes=job.sheet_minutes)


def draw_samples(folder: Path, step: int) -> None:
    """Write sheets/STEP.png from the checkpoint in a training folder."""
    from gs_stein.world.training import export, samples

    export.main(export.Options(folder, folder / "preview"))
    samples.main(samples.Options(str(folder / "preview" / "prior"), folder / "sheets" / f"{step:06d}.png", steps=12))


def train_depth(job: Depth) -> None:
    """Train the depth estimator."""
    torch.manual_seed(job.schedule.seed + 1)
    codec = load_codec(job.data.folder, job.start)
    net = NoisyDepth(channels=codec.config["channels"])
    if job.start is not None and not (job.data.folder / "depth.pt").exists():
        start_from(net, job.start / "depth")
    run = Run(net, job.schedule, job.data.folder, "depth")
    run.resume()
    nn.Module.to(codec, job.schedule.place)
    mixture = Mixture(job.data.folder, codec, job.data.sources(), groups=(1,), text=False)

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        small = float(torch.rand((), generator=generator)) < job.small
        batch = mixture.draw(step, job.schedule.images, job.schedule.seed + 1, small)
        return depth_loss(net, batch, generator), batch.depth.shape[:2].numel()

    run.train(loss_of)


def train_scorer(job: Scorer) -> None:
    """Train the scorer: symmetric cross-entropy between scenes (1, 2 or 4 views each) and captions (CLIP's loss)."""
    torch.manual_seed(job.schedule.seed)
    net = scorer.Scorer()
    run = Run(net, job.schedule, job.folder, "scorer")
    run.resume()
    pictures, texts = [], []
    for i in range(job.shards):
        shard = Shard.load(rendered(shard_path(job.folder, SCORER, i)))
        rgb = torch.from_numpy(shard.rgb).flatten(0, 1).permute(0, 3, 1, 2).float()
        small = F.interpolate(rgb, size=(scorer.SIDE, scorer.SIDE), mode="area").round().byte()
        pictures.append(small.unflatten(0, shard.rgb.shape[:2]))
        tokens = torch.from_numpy(shard.tokens).split(shard.lengths.reshape(-1).tolist())
        texts.extend(tokens[j : j + CAPTIONS] for j in range(0, len(tokens), CAPTIONS))
    scenes = torch.cat(pictures)

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        views = (1, 2, 4)[step % 3]
        count = job.schedule.images // views
        chosen = torch.randperm(len(scenes), generator=generator)[:count]
        order = torch.rand(count, scenes.shape[1], generator=generator).argsort(1)[:, :views]
        rgb = scenes[chosen[:, None], order].to(job.schedule.place).float() / 255
        # No caption says left or right: every scene has a mirror image.
        mirrored = torch.rand(count, generator=generator) < 0.5
        rgb = torch.where(mirrored[:, None, None, None, None].to(rgb.device), rgb.flip(-1), rgb)
        paraphrase = torch.randint(CAPTIONS, (count,), generator=generator).tolist()
        captions = [texts[i][j].float() for i, j in zip(chosen.tolist(), paraphrase, strict=True)]
        tokens = nn.utils.rnn.pad_sequence(captions, batch_first=True)
        lengths = torch.tensor([len(c) for c in captions])
        mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        text = TextEmbedding(tokens, mask).to(rgb.device)
        logits = net.log_scale.exp().clamp(max=50) * net.scenes(rgb) @ net.captions(text).T
        target = torch.arange(count, device=rgb.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2, count * views

    run.train(loss_of)
    net.load_state_dict(run.ema)
    net.save(job.folder / "scorer")


def main(job: Job) -> None:
    """Render what is missing in the background, then train."""
    if isinstance(job, Scorer):
        (job.folder / "pool").mkdir(parents=True, exist_ok=True)
        if job.workers and not shard_path(job.folder, SCORER, job.shards - 1).exists():
            start_workers(job.folder, SCORER.name, job.shards, job.workers)
        train_scorer(job)
        return
    sources = job.data.sources()
    (job.data.folder / "pool").mkdir(parents=True, exist_ok=True)
    for source in sources:
        if job.data.workers and not shard_path(job.data.folder, source.family, source.shards - 1).exists():
            start_workers(job.data.folder, source.family.name, source.shards, job.data.workers)
    if isinstance(job, Autoencoder):
        paths = [shard_path(job.data.folder, s.family, i) for i in range(job.shards) for s in sources]
        codec = PatchCodec(channels=job.channels)
        quality = fit_codec(codec, [rendered(path) for path in paths])
        print(f"autoencoder: {job.channels} channels, {quality:.2f} dB on held-out scenes")
        codec.save_pretrained(job.data.folder / "codec")
    elif isinstance(job, Decoder):
        train_decoder(job)
    elif isinstance(job, Denoiser):
        train_denoiser(job)
    elif isinstance(job, Detect):
        train_detector(job)
    elif isinstance(job, Guided):
        train_guided(job)
    elif isinstance(job, Response):
        train_response(job)
    else:
        train_depth(job)


def command() -> None:
    """Run what the command line says; mistakes are one line."""
    run_command(main, Job, __doc__)
