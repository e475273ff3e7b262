"""More Gaussians where they are needed, through gsplat's strategies, on any device.

gsplat's `DefaultStrategy` and `MCMCStrategy` are plain torch but for two functions that only exist in CUDA: the
covariances of quaternions and scales, and the relocation of arXiv 2404.09591. Torch twins of both stand in wherever
the Gaussians are not on a GPU. Random numbers, which gsplat draws from torch's global generator, are forked off ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from gsplat.strategy import DefaultStrategy, MCMCStrategy, mcmc, ops
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein import ranks
from gs_stein.rasterize.reference import covariances
from gs_stein.threads import one_thread
from gs_stein.types import Render
from gs_stein.update.adam import Adam
from gs_stein.update.options import Densify, GradientDensify, MCMCDensify, NoDensify

Parameters = dict[str, torch.nn.Parameter]
Optimizers = dict[str, Adam]


def relocation(
    opacities: Float[Tensor, " N"],
    scales: Float[Tensor, "N 3"],
    ratios: Int[Tensor, " N"],
    binoms: Float[Tensor, "n n"],
) -> tuple[Float[Tensor, " N"], Float[Tensor, "N 3"]]:
    """Opacity and scale that n coinciding copies of a Gaussian need in order to look like the one they replace.

    With o' = 1 − (1 − o)^(1/n), the scale shrinks by o / Σ_{i ≤ n} Σ_{k < i} C(i−1, k) (−1)^k o'^(k+1) / √(k+1); the
    sum over i is C(n, k+1), so one sum is left. It alternates, hence float64.

    Args:
        opacities: before, in (0, 1).
        scales: before, metres.
        ratios: number of copies n, at least 1; above the size of `binoms` it counts as that.
        binoms: C(n, k) for n, k below its size.

    Returns:
        Opacities and scales after.

    Source: 3DGS-MCMC (arXiv 2404.09591), equation 9.
    """
    size = binoms.shape[0]
    n = ratios.clamp(1, size - 1).long()
    opacity = opacities.double()
    new = -torch.expm1(torch.log1p(-opacity) / n)
    k = torch.arange(size - 1, device=opacities.device)
    signs = torch.where(k % 2 == 0, 1.0, -1.0).double() / (k + 1.0).double().sqrt()
    terms = binoms.to(opacity)[n, 1:] * signs * new[:, None] ** (k + 1)
    shrink = opacity / terms.sum(dim=1)
    return new.to(opacities), scales * shrink.to(scales)[:, None]


def _covariances_only(quats: Tensor, scales: Tensor, **_: bool) -> tuple[Tensor, None]:
    """What gsplat's noise injection asks of `quat_scale_to_covar_preci`."""
    return covariances(quats, scales), None


@contextmanager
def _without_cuda(device: torch.device) -> Iterator[None]:
    """Torch twins in place of gsplat's CUDA functions, unless the Gaussians are on a GPU."""
    if device.type == "cuda":
        yield
        return
    with mock.patch.multiple(ops, compute_relocation=relocation, quat_scale_to_covar_preci=_covariances_only):
        yield


def _without_noise() -> Any:
    """gsplat computes the noise it adds to positions (6 % of a scene's time) even where its scale is 0."""
    return mock.patch.object(mcmc, "inject_noise_to_position", return_value=None)


class _SharedGrowth(DefaultStrategy):
    """`DefaultStrategy` whose gradient threshold is set so that a given share grows and a cap is kept."""

    share: float
    cap: int

    @torch.no_grad()
    def _update_state(self, params: Any, state: dict[str, Any], info: dict[str, Any], packed: bool = False) -> None:
        if ranks.count() == 1:
            return super()._update_state(params, state, info, packed)
        # Each rank counts what its own views show.
        before = {key: state[key] for key in ("grad2d", "count")}
        state.update(dict.fromkeys(before))
        super()._update_state(params, state, info, packed)
        for key, sums in before.items():
            (counted,) = ranks.total(state[key])
            state[key] = counted if sums is None else sums + counted

    @torch.no_grad()
    def _grow_gs(self, params: Any, optimizers: Any, state: dict[str, Any], step: int) -> tuple[int, int]:
        mean = state["grad2d"] / state["count"].clamp_min(1)
        count = len(mean)
        grow = min(int(self.share * count), self.cap - count)
        # Growing one Gaussian, by duplication or by splitting, makes one more; ties at the threshold do not grow.
        self.grow_grad2d = float(mean.sort(descending=True).values[grow]) if 0 < grow < count else math.inf
        return super()._grow_gs(params, optimizers, state, step)

    @torch.no_grad()
    def _prune_gs(self, params: Any, optimizers: Any, state: dict[str, Any], step: int) -> int:
        if bool((params["opacities"].sigmoid() < self.prune_opa).all()):
            return 0  # an empty scene could never come back
        return super()._prune_gs(params, optimizers, state, step)


class Densifier:
    """A gsplat strategy with its running state.

    Args:
        options: which, and how.
        total: iterations of the run.
        count: number of Gaussians at the start.

    Raises:
        ValueError: there are more Gaussians than the cap from the start.
    """

    def __init__(self, options: Densify, total: int, count: int) -> None:
        self.options = options
        self.state: dict[str, Any] = {}
        if isinstance(options, NoDensify):
            return
        if count > options.cap:
            raise ValueError(
                f"densify.cap: {options.cap} is below the {count} Gaussians of the start; raise it or lower start.count"
            )
        start, stop = int(options.start * total), int(options.stop * total)
        if isinstance(options, MCMCDensify):
            self.strategy: MCMCStrategy | _SharedGrowth = MCMCStrategy(
                cap_max=options.cap, noise_lr=options.noise, min_opacity=options.min_opacity,
                refine_start_iter=start, refine_stop_iter=stop, refine_every=options.every,
            )  # fmt: skip
        else:
            self.strategy = _SharedGrowth(
                prune_opa=options.min_opacity, grow_scale3d=options.split_scale, reset_every=total + 1,
                refine_start_iter=start, refine_stop_iter=stop, refine_every=options.every,
            )  # fmt: skip
            self.strategy.share, self.strategy.cap = options.share, options.cap
        self.state = self.strategy.initialize_state()

    def changes(self, iteration: int) -> bool:
        """Whether `after_update` may change a Gaussian in an iteration (1, 2, …)."""
        if isinstance(self.options, NoDensify):
            return False
        jitters = isinstance(self.options, MCMCDensify) and self.options.noise > 0
        return jitters or iteration % self.options.every == 0

    @torch.no_grad()
    @one_thread()
    def after_update(
        self,
        parameters: Parameters,
        optimizers: Optimizers,
        render: Render,
        iteration: int,
        generator: torch.Generator,
    ) -> None:
        """Look at a step's gradients, and refine when it is time.

        Args:
            parameters: of `Gaussians.parameters`; entries are replaced by longer or shorter ones.
            optimizers: one a parameter; their moments follow.
            render: every view of the step; its `means2d` holds a gradient.
            iteration: 1, 2, …
            generator: on the CPU; one number is drawn a call.
        """
        seed = int(torch.randint(2**31, (1,), generator=generator))
        if isinstance(self.options, NoDensify):
            return
        device = parameters["means"].device
        like_torchs: Any = optimizers  # as far as gsplat reads them
        with _without_cuda(device), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            # torch.manual_seed prepares for devices that are not there, a millisecond each time.
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            if isinstance(self.strategy, MCMCStrategy):
                assert isinstance(self.options, MCMCDensify)
                if bool((parameters["opacities"].sigmoid() > self.options.min_opacity).any()):
                    rate = optimizers["means"].param_groups[0]["lr"]
                    with nullcontext() if self.options.noise else _without_noise():
                        self.strategy.step_post_backward(parameters, like_torchs, self.state, iteration, {}, lr=rate)
                return
            V, _ = render.radii.shape
            height, width = render.alpha.shape[1:]
            info = {
                "means2d": render.means2d, "radii": render.radii[..., None].expand(-1, -1, 2), "gaussian_ids": None,
                "width": width, "height": height, "n_cameras": V,
            }  # fmt: skip
            self.strategy.step_post_backward(parameters, like_torchs, self.state, iteration, info)

    def state_dict(self) -> dict[str, Tensor]:
        """Running sums, as tensors."""
        if not isinstance(self.options, GradientDensify):
            return {}
        return {key: value.clone() for key, value in self.state.items() if isinstance(value, Tensor)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state_dict`."""
        self.state.update({key: value.clone() for key, value in state.items()})
