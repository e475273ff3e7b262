"""The estimators: f − Σ_k β_k ⊙ h_k with f = ε̂, all on the same draw.

To add one, write a dataclass with its `kind` in `gs_stein.distill.options`, name it in the union there, and register an
`Estimator` for it here, under `make_estimator`. A caller's own options can be registered from outside alike.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import ranks
from gs_stein.distill.baselines import Constant, ControlVariate, build
from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.draw import Draw
from gs_stein.distill.learned import Learned, LearnedPart, response_for
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, CoefficientOptions, DistillOptions, FittedSDS, Raw
from gs_stein.prior.denoiser import Denoiser, DepthEstimator, NormalEstimator
from gs_stein.prior.response import NoiseResponse
from gs_stein.types import Cameras, TextEmbedding

FROM_NOTHING = 1e-3
"""Learning rate of a learned baseline that begins with no weights."""


class NotFiniteError(ArithmeticError):
    """A part of an estimate is not finite: the step is skipped and counted, and nothing is learned from it."""


@dataclass(frozen=True)
class Parts:
    """What estimators are made of."""

    denoiser: Denoiser
    depth: DepthEstimator | None
    normal: NormalEstimator | None
    options: DistillOptions
    response: NoiseResponse | None = None


@dataclass(frozen=True)
class Conditions:
    """What a step is about, beside its draw."""

    x0: Float[Tensor, "V C h w"]
    """Encoded renders."""
    text: TextEmbedding
    negative: TextEmbedding
    cameras: Cameras | None
    window: tuple[float, float]
    """Timesteps drawn from just now, as fractions of T."""
    generator: torch.Generator


class Estimator:
    """ε̂ minus control variates, and what it remembers from step to step. This one subtracts nothing."""

    follows_guess = True
    """Whether the gradient is linear in x₀ where noise and clean guess stay."""
    variates: list[ControlVariate] | None = None
    coefficients: Coefficients | None = None
    """Of the variates, where they are learned."""

    def residual(
        self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw, conditions: Conditions
    ) -> Float[Tensor, "B V C h w"]:
        """f − Σ β_k ⊙ h_k of each group; later draws may learn from this one.

        Raises:
            NotFiniteError: names the part that is not.
        """
        return raw(eps_hat)

    def learn(self, conditions: Conditions) -> float | None:
        """Train on a step's renders after its estimate; the loss, or None where nothing is trained."""
        return None

    def close(self) -> None:
        """Leave the networks as they were."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs, as tensors and numbers."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`, bit for bit."""


@functools.singledispatch
def make_estimator(options: object, parts: Parts) -> Estimator:
    """The estimator that options stand for; `make_estimator.register(OptionsClass)` adds one.

    Raises:
        ValueError: nobody registered such options, or a baseline lacks its network.
    """
    raise ValueError(f"distill.estimator: nothing is registered for {type(options).__name__}; see make_estimator")


@make_estimator.register(Raw)
def _(options: Raw, parts: Parts) -> Estimator:
    return Estimator()


@make_estimator.register(SDS)
def _(options: SDS, parts: Parts) -> Estimator:
    return PlainSDS()


@make_estimator.register(FittedSDS)
def _(options: FittedSDS, parts: Parts) -> Estimator:
    steps = parts.denoiser.schedule.num_timesteps
    return Stein([Constant()], spectral=False, options=parts.options.coefficients, num_timesteps=steps)


@make_estimator.register(SSD)
def _(options: SSD, parts: Parts) -> Estimator:
    spectral, steps = Baseline.SPECTRAL in options.baselines, parts.denoiser.schedule.num_timesteps
    learned = make_learned(options, parts) if Baseline.LEARNED in options.baselines else None
    return Stein(
        build(options.baselines, parts.depth, parts.normal, learned), spectral=spectral,
        options=parts.options.coefficients, num_timesteps=steps, learned=learned,
        guidance=parts.options.guidance.scale,
    )  # fmt: skip


@make_estimator.register(VSD)
def _(options: VSD, parts: Parts) -> Estimator:
    return VariationalScore(options, parts.denoiser)


def make_learned(options: SSD, parts: Parts) -> Learned:
    """The learned baseline: with the prior's own weights, or with none yet."""
    rate = options.learning_rate
    if rate is None:
        rate = 0.0 if parts.response is not None else FROM_NOTHING
    # One that learns is this run's own.
    network = response_for(parts.denoiser) if parts.response is None else copy.deepcopy(parts.response)
    return Learned(network, rate)


def raw(eps_hat: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V C h w"]:
    """ε̂: no control variate."""
    return eps_hat


def sds(eps_hat: Float[Tensor, "B V C h w"], draw: Draw) -> Float[Tensor, "B V C h w"]:
    """ε̂ − ε: φ = 1 and β = 1 (arXiv 2209.14988)."""
    return eps_hat - draw.eps


def vsd(eps_hat: Float[Tensor, "B V C h w"], eps_lora: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V C h w"]:
    """ε̂ − ε̂_LoRA (arXiv 2305.16213). Not zero-mean given the render: it changes the target as well."""
    return eps_hat - eps_lora


class PlainSDS(Estimator):
    """Score distillation sampling: ε̂ − ε."""

    def residual(
        self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw, conditions: Conditions
    ) -> Float[Tensor, "B V C h w"]:
        """See `sds`."""
        return sds(eps_hat, draw)


class VariationalScore(Estimator):
    """VSD: ε̂ − ε̂_LoRA, with a LoRA of the denoiser that is trained on the renders as they come."""

    follows_guess = False  # the difference of two guesses

    def __init__(self, options: VSD, denoiser: Denoiser) -> None:
        self.lora = LoraScore(options, denoiser, denoiser.embed([""]).tokens.shape[-1])

    def residual(
        self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw, conditions: Conditions
    ) -> Float[Tensor, "B V C h w"]:
        """See `vsd`."""
        return vsd(eps_hat, self.lora.predict(draw.x_t, draw.t, conditions.text, conditions.cameras).to(eps_hat.dtype))

    def learn(self, conditions: Conditions) -> float | None:
        """The LoRA's updates of this step; its denoising loss before them."""
        c = conditions
        return self.lora.train(c.x0, c.text, c.negative, c.cameras, c.window, c.generator)

    def close(self) -> None:
        """Take the LoRA out of the denoiser."""
        self.lora.close()

    def state_dict(self) -> dict[str, Any]:
        """Of the LoRA and its optimiser."""
        return self.lora.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.lora.load_state_dict(state)


def expected_coefficient(variate: ControlVariate, guidance: float) -> float:
    """What a coefficient is shrunk to: SDS's, and that of a response that is right; none where it is still learned."""
    if isinstance(variate, LearnedPart):
        return 0.0 if variate.learned.learns else (guidance if variate.index else 1.0)
    return float(isinstance(variate, Constant))


class Stein(Estimator):
    """ε̂ − Σ β_k(t) ⊙ h_k with learned β: SDS with fitted b_t, and SSD (arXiv 2401.00604).

    Args:
        variates: the control variates; a `Constant`, where there is one, comes first in the shrinkage target.
        spectral: coefficients per channel and frequency band rather than one a variate.
        options: of the regression.
        num_timesteps: T.
        learned: what is behind those variates that learn.
        guidance: scale that the coefficient of what the prompt adds is expected to be.
    """

    def __init__(
        self,
        variates: list[ControlVariate],
        *,
        spectral: bool,
        options: CoefficientOptions,
        num_timesteps: int,
        learned: Learned | None = None,
        guidance: float = 1.0,
    ) -> None:
        self.variates: list[ControlVariate] = variates
        self.learned = learned
        prior = torch.tensor([expected_coefficient(variate, guidance) for variate in variates])
        self.coefficients: Coefficients = Coefficients(
            options, len(variates), prior, spectral=spectral, num_timesteps=num_timesteps
        )

    def __call__(
        self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw, *, update: bool = True
    ) -> Float[Tensor, "B V C h w"]:
        """The estimate of each group; `update` lets later draws learn from this one."""
        return self.coefficients.residual(eps_hat, self.evaluate(draw), draw, update=update)

    def residual(
        self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw, conditions: Conditions
    ) -> Float[Tensor, "B V C h w"]:
        """The estimate of each group; later draws learn from this one unless a variate is not finite."""
        variates = self.evaluate(draw)
        if not bool(torch.stack([variate.sum() for variate in variates]).isfinite().all()):
            raise NotFiniteError("a Stein baseline")
        found = self.coefficients.residual(eps_hat, variates, draw, update=True)
        if self.learned is not None:
            self.learned.learn(eps_hat, draw)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Of the coefficients, and of the network that learns."""
        fitted = self.coefficients.state_dict()
        if self.learned is None or not self.learned.learns:
            return fitted
        return {"coefficients": fitted, "learned": self.learned.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`.

        Raises:
            ValueError: the network that learns does not fit.
        """
        learns = self.learned is not None and self.learned.learns
        if learns != ("learned" in state):
            raise ValueError("learned: the checkpoint's network learns, and this one does not, or the reverse")
        if learns:
            assert self.learned is not None
            self.learned.load_state_dict(state["learned"])
        self.coefficients.load_state_dict(state["coefficients"] if learns else state)

    def evaluate(self, draw: Draw) -> list[Float[Tensor, "B V C h w"]]:
        """h_1 … h_n; each rank that is at work asks the networks about its own views."""
        V = len(draw.x0)
        return [
            variate.variate(draw)
            if isinstance(variate, Constant) or getattr(variate, "per_group", False)
            else ranks.whole(variate.variate(draw.views(ranks.own(V))), V, dim=1)
            for variate in self.variates
        ]
