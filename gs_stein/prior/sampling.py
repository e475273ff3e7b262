"""Pictures straight from a prior, without any 3D: DDIM steps through any schedule, with or without fresh noise.

Distillation never samples; refinement does (`gs_stein.refine.refiner`), and this shows what a prior knows (sheets
during training, its evaluation).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein import ranks
from gs_stein.prior.denoiser import Denoiser
from gs_stein.prior.guidance import guided
from gs_stein.prior.options import GuidanceOptions
from gs_stein.prior.schedule import Schedule
from gs_stein.types import Cameras, TextEmbedding


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    text: TextEmbedding,
    negative: TextEmbedding,
    cameras: Cameras,
    guidance: GuidanceOptions,
    generator: torch.Generator,
    steps: int = 25,
    watch: Callable[[int], None] | None = None,
    antithetic_level: float = 0.0,
    eta: float = 0.0,
    order: int = 1,
) -> Float[Tensor, "V 3 H W"]:
    """One group of views, denoised from pure noise.

    Args:
        denoiser: the prior.
        text: one prompt, or one a view.
        negative: the negative or empty prompt.
        cameras: the V views.
        guidance: classifier-free guidance.
        generator: of the noise (CPU).
        steps: network calls; the timesteps are denser where noise dominates (cosine spacing).
        watch: called with each finished step's number.
        antithetic_level: noise level of `antithetic_denoise` afterwards, as a fraction of T; 0: none.
        eta, order: as for `denoise`.

    Returns:
        Images in [0, 1].
    """
    schedule, side, device = denoiser.schedule, denoiser.resolution, denoiser.device
    shape = denoiser.encode(torch.zeros(len(cameras), 3, side, side, device=device)).shape
    x = torch.randn(shape, generator=generator)[None].to(device)
    spacing = torch.cos(torch.linspace(0, torch.pi / 2, steps + 1))
    times = (spacing * schedule.last).clamp(max=schedule.last).to(device)
    found = denoise(denoiser, x, times, text, negative, cameras, guidance, watch, None, eta, generator, 0, order)
    if antithetic_level:
        found = antithetic_denoise(denoiser, found, antithetic_level, text, cameras, generator)
    return denoiser.decode(found[0]).clamp(0, 1)


@torch.no_grad()
def denoise(
    denoiser: Denoiser,
    x_t: Float[Tensor, "1 V C h w"],
    times: Float[Tensor, " n"],
    text: TextEmbedding,
    negative: TextEmbedding,
    cameras: Cameras,
    guidance: GuidanceOptions,
    watch: Callable[[int], None] | None = None,
    known: Float[Tensor, "1 k C h w"] | None = None,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    group: int = 0,
    order: int = 1,
) -> Float[Tensor, "1 V C h w"]:
    """Noisy views of one scene, denoised all the way.

    Args:
        denoiser: the prior.
        x_t: the noisy views, at the first of the times.
        times: falling timesteps; the last one is where the picture is taken to be clean.
        text, negative, cameras, guidance: as for `sample`.
        watch: called with each finished step's number.
        known: clean latents of the first k views, which stay what they are while the others come to fit them.
        eta: 0 goes straight along the flow (for a flow-matching schedule, Euler's method); 1 replaces at every step as
            much of the noise as the reverse process of DDPM does. Fresh noise lets later steps mend what earlier ones
            got wrong: samples of the bundled prior obey their cameras and agree with each other better for it.
        generator: of that noise, and of the groups (CPU).
        group: views that the prior sees together, known ones included; 0: all. With fewer than all, groups are drawn
            anew at every step, so that all views come to agree, through those that they met before.
        order: 1 follows each clean guess as it is; 2 also where it is going, by how it changed since the step before,
            and so keeps finer detail with fewer steps.

    Returns:
        The clean latents x₀.

    Source: DDIM (arXiv 2010.02502, eq. 12 and 16); of second order DPM-Solver++(2M) and, with fresh noise, its SDE
    form (arXiv 2211.01095, algorithm 2 and section 4.3). Known parts are put in place at every step, as for inpainting
    in RePaint (arXiv 2201.09865, algorithm 1).
    """
    schedule, steps, x = denoiser.schedule, len(times) - 1, x_t
    k = 0 if known is None else known.shape[1]
    before: Tensor | None = None
    for i in range(steps):
        # A flow at t = T holds no image: ask a hair below it.
        t = times[i : i + 1].clamp(max=0.999 * schedule.num_timesteps)
        eps = over_groups(
            denoiser, x, groups(x.shape[1], group, k, generator), k,
            lambda some, x=x, t=t: guided(
                denoiser, x[:, some], t, of(text, some), of(negative, some), cameras[some], guidance
            ),
        )  # fmt: skip
        x0 = schedule.convert(eps, x, t, "eps", "x0")
        if known is not None:
            x0 = torch.cat([known, x0[:, k:]], dim=1)
            eps = torch.cat([schedule.convert(known, x[:, :k], t, "x0", "eps"), eps[:, k:]], dim=1)
        if i == steps - 1:
            x = x0
        else:
            following, guess = times[i + 1 : i + 2], x0
            if order == 2 and before is not None:
                guess = x0 + ahead(schedule, times[i - 1 : i + 2]) * (x0 - before)
                eps = schedule.convert(guess, x, t, "x0", "eps")
            if eta:
                fresh = eta * (1 - schedule.snr(t) / schedule.snr(following)).clamp(0, 1).sqrt().item()
                noise = torch.randn(eps.shape, generator=generator).to(eps)
                eps = (1 - fresh**2) ** 0.5 * eps + fresh * noise
            x, before = schedule.add_noise(guess, eps, following), x0
        if watch is not None:
            watch(i)
    return x


def ahead(schedule: Schedule, times: Float[Tensor, 3]) -> float:
    """How much of its last change a clean guess still goes on, on the mean of the step ahead: half of what a straight
    line in λ = log(α/σ) says; 0 where the noise had no end.

    Args:
        schedule: whose units the times are in.
        times: of the step before, this one, the one ahead.
    """
    log_snr = schedule.snr(times.double().clamp(max=0.999 * schedule.num_timesteps)).log() / 2
    last, step = (log_snr[1] - log_snr[0]).item(), (log_snr[2] - log_snr[1]).item()
    return 0.5 * step / last if last > 0 and math.isfinite(step) else 0.0


def groups(views: int, size: int, shared: int, generator: torch.Generator | None) -> list[Int[Tensor, " n"]]:
    """Views shared out at random to groups as equal as can be, the first ones to all of them.

    Args:
        views: how many there are.
        size: of a group at most; 0: all are one.
        shared: so many views, the first ones, are in every group; fewer than size.
        generator: of who meets whom (CPU).
    """
    everybody = torch.arange(views)
    if not size or views <= size:
        return [everybody]
    others = shared + torch.randperm(views - shared, generator=generator)
    count = -(-len(others) // (size - shared))
    return [torch.cat([everybody[:shared], some]) for some in others.tensor_split(count)]


def over_groups(
    denoiser: Denoiser,
    like: Float[Tensor, "1 V C h w"],
    todo: list[Tensor],
    shared: int,
    ask: Callable[[Tensor], Tensor],
) -> Float[Tensor, "1 V C h w"]:
    """What is found for the views of every group, put in their places; zero for the shared ones.

    The ranks that are at work take a share of the groups each; on a single group all work together.

    Args:
        denoiser: counts the views that it is asked for.
        like: of the result's shape.
        todo: the groups.
        shared: so many views, the first ones, are in all of them.
        ask: finds the views of a group.
    """
    found, before, several = torch.zeros_like(like), denoiser.evaluations, ranks.count() > 1
    apart = several and len(todo) > 1
    mine = todo[ranks.own(len(todo))] if apart else todo
    with ranks.at_work(several and not apart):
        for some in mine:
            found[:, some[shared:]] = ask(some)[:, shared:]
    if not apart:
        return found
    found, asked = ranks.total(found, torch.tensor(denoiser.evaluations - before))
    denoiser.evaluations = before + int(asked)
    return found


def of(text: TextEmbedding, some: Int[Tensor, " n"]) -> TextEmbedding:
    """The prompts of some views; the one that all share, if they do."""
    return text[some] if len(text) > 1 else text


@torch.no_grad()
def antithetic_denoise(
    denoiser: Denoiser,
    x0: Float[Tensor, "1 V C h w"],
    level: float,
    text: TextEmbedding,
    cameras: Cameras,
    generator: torch.Generator,
    group: int = 0,
    shared: int = 0,
    learnt: bool = False,
) -> Float[Tensor, "1 V C h w"]:
    """Views without what a small network's sampling leaves on them: blotches on flat walls, above all.

    The mean of the clean guesses for a noise and its opposite. What is odd in the noise cancels, as in distillation
    with antithetic pairs; edges, which the level leaves visible, stay where they are.

    Args:
        denoiser: the prior.
        x0: clean latents of the views.
        level: how far they are noised, as a fraction of T; details that drown there go, 0.2 keeps more than 0.5.
        text, cameras: as for `sample`; without guidance.
        generator: of the noise, and of the groups (CPU).
        group: views that the prior sees together; 0: all.
        shared: so many views, the first ones, are seen with all others, and stay as they are.
        learnt: the denoiser has learnt to say that mean of views that it is shown without noise
            (`gs_stein.prior.diffusion.DiffusionPrior.at_once`, with a scale of 1).
    """
    schedule = denoiser.schedule
    if learnt:
        eps = torch.zeros_like(x0)
    else:
        eps = torch.randn(x0.shape, generator=generator).to(x0)
        eps = torch.cat([eps, -eps])
    t = torch.full((len(eps),), level * schedule.num_timesteps).to(x0)
    x_t = schedule.add_noise(x0.expand_as(eps), eps, t)

    def clean(some: Int[Tensor, " n"]) -> Float[Tensor, "1 n C h w"]:
        own = of(text, some)
        guess = guided(denoiser, x_t[:, some], t, own, own, cameras[some], GuidanceOptions(scale=1.0))
        return schedule.convert(guess, x_t[:, some], t, "eps", "x0").mean(0, keepdim=True)

    found = over_groups(denoiser, x0, groups(x0.shape[1], group, shared, generator), shared, clean)
    return torch.cat([x0[:, :shared], found[:, shared:]], dim=1)
