"""Guidance in one evaluation: what the bundled denoiser's weights need more to give the guided answer themselves.

Classifier-free guidance asks a network twice, without and with the prompt. A student that is told the scale learns to
give the sum at once (Meng et al., On Distillation of Guided Diffusion Models, arXiv 2210.03142, stage one). Ours is the
same network with a low-rank difference of its weights (LoRA, arXiv 2106.09685), and it gives the last look of a round
(`gs_stein.prior.sampling.antithetic_denoise`) in one evaluation too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.prior.adapters import MultiView
from gs_stein.prior.bundled import MultiViewDenoiser, timestep_features
from gs_stein.prior.pretrained import Pretrained

_FEATURES = 32


class GuidedDelta(Pretrained):
    """What a guided denoiser's weights have more than the plain one's.

    Matrices (kernels of convolutions flattened) differ by a product of two thin ones, whatever is small by a tensor of
    its own. All of it begins as nothing.

    Args:
        shapes: of the denoiser's parameters, by name (`shapes_of`).
        width: of its code of the timestep.
        rank: of the differences of matrices.
        scales: the lowest and highest guidance that it learns.
        level: noise level of the last look that it learns, as a fraction of T.
    """

    def __init__(
        self,
        shapes: Mapping[str, Sequence[int]],
        width: int,
        rank: int = 32,
        scales: Sequence[float] = (3.0, 5.0),
        level: float = 0.35,
    ):
        super().__init__()
        low, high = scales
        if not 1 < low <= high or not 0 < level < 1:
            raise ValueError(f"scales {scales} and level {level} are no guidance and no noise level")
        self.down, self.up, self.whole = (nn.ParameterDict() for _ in range(3))
        for name, shape in shapes.items():
            key = name.replace(".", "/")
            rows, columns = (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (0, 0)
            if min(rows, columns) >= 2 * rank:
                thin = torch.empty(rank, columns)
                self.down[key] = nn.Parameter(thin if thin.is_meta else torch.randn(rank, columns) * columns**-0.5)
                self.up[key] = nn.Parameter(torch.zeros(rows, rank))
            else:
                self.whole[key] = nn.Parameter(torch.zeros(*shape))
        self.strength = nn.Linear(_FEATURES, width, bias=False)
        nn.init.zeros_(self.strength.weight)

    def added_to(self, plain: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The guided network's weights by name, differentiable in the differences; of the plain ones' precision."""
        weights = {}
        for name, value in plain.items():
            key = name.replace(".", "/")
            more = (self.up[key] @ self.down[key]).view_as(value) if key in self.up else self.whole[key]
            weights[name] = (value.float() + more).to(value.dtype)
        return weights

    def code(self, scale: Float[Tensor, " B"]) -> Float[Tensor, "B width"]:
        """What the network is told of the scale, beside the timestep; 1 asks for the last look."""
        return self.strength(timestep_features(100 * scale, _FEATURES).to(self.strength.weight))


def shapes_of(plain: MultiViewDenoiser) -> dict[str, list[int]]:
    """What a `GuidedDelta` must know of a denoiser."""
    return {name: list(value.shape) for name, value in plain.named_parameters()}


class Shortcut:
    """A denoiser with the differences in its weights, which are put there when it is first asked for.

    Args:
        plain: the network, which stays as it is.
        delta: of it.
    """

    def __init__(self, plain: MultiViewDenoiser, delta: GuidedDelta) -> None:
        # By name now: VSD's adapters, which come later, change the names.
        self._config, self._plain, self._delta = plain.config, dict(plain.named_parameters()), delta
        self._network: MultiViewDenoiser | None = None

    def learnt(self, scale: float) -> bool:
        """Whether it knows what guidance of this scale says."""
        low, high = self._delta.config["scales"]
        return low <= scale <= high

    @property
    def level(self) -> float:
        """Noise level of the last look that it knows, as a fraction of T."""
        return self._delta.config["level"]

    @torch.no_grad()
    def at(self, scale: float, device: torch.device) -> MultiView:
        """The network that gives the answer guided with this scale; with 1, that of the last look."""
        delta = self._delta.to(device)
        if self._network is None:
            self._network = self._merged(delta, device)
        code = delta.code(torch.full((1,), scale, device=device))
        return MultiView(self._network, code.to(next(self._network.parameters()).dtype))

    def _merged(self, delta: GuidedDelta, device: torch.device) -> MultiViewDenoiser:
        """The network with the differences in its weights."""
        weights = delta.added_to({name: value.to(device) for name, value in self._plain.items()})
        with torch.device("meta"):
            network = MultiViewDenoiser.from_config(self._config)
        network.load_state_dict(weights, assign=True)
        return network.eval().requires_grad_(False)
