"""A control variate that is learned, and linear in the noise: h = A ε.

Almost all of SDS's variance is odd in ε (antithetic pairs take it away), and nearly all of that linear. So with
A(x₀, t, c, y) near the denoiser's mean Jacobian times σ, ε̂ − ε − A ε hardly moves with ε. The ideal A is a product
with that Jacobian, an evaluation of its own; here a small network stands for it (`gs_stein.prior.response`).

**Zero mean.** ε ~ N(0, I), and A depends on x₀, t, cameras and prompt, none of which contains this ε:
E[A ε] = A E[ε] = 0, whatever A is. No derivative of A is taken, so nothing has to be exact. It fails as soon as A sees
x_t = α x₀ + σ ε instead of x₀: then E[A(x_t) ε] = σ E[∇·A] ≠ 0 (Stein's identity), which a test shows.

**Learning** minimises the second moment ‖ω (ε̂ − ε − A ε)‖² of draws that are done with: a draw meets a network that has
learned from earlier ones only, so the estimate stays unbiased. The same draws fit the coefficients.

Two variates, A_∅ ε of the answer without the prompt and A_Δ ε of what the prompt adds: with guidance of scale s the
ideal coefficients are 1 and s, and the regression finds those that pay.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.distill.draw import Draw
from gs_stein.prior.denoiser import Denoiser
from gs_stein.prior.response import NoiseResponse
from gs_stein.types import TextEmbedding

TOKENS = 8
"""Along the side of a view, of a network that is made for a prior without weights of its own."""


class Learned:
    """The network, what it said of the last draw, and its optimiser.

    Args:
        network: A; on the denoiser's device.
        learning_rate: of Adam, after each step; 0: it stays as it is.
    """

    def __init__(self, network: NoiseResponse, learning_rate: float) -> None:
        self.network = network
        self._optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate) if learning_rate > 0 else None
        network.requires_grad_(self._optimizer is not None)
        self._last: tuple[Draw, tuple[Tensor, Tensor]] | None = None

    @property
    def learns(self) -> bool:
        """Whether it changes along the run."""
        return self._optimizer is not None

    def variates(self) -> list[LearnedPart]:
        """A_∅ ε and A_Δ ε."""
        return [LearnedPart(self, 0), LearnedPart(self, 1)]

    def answer(self, draw: Draw) -> tuple[Float[Tensor, "B V C h w"], Float[Tensor, "B V C h w"]]:
        """Both of them, with a graph where it learns; asked once a draw."""
        if self._last is None or self._last[0] is not draw:
            words = sentence_of(draw.text, self.network.config["text_width"]).to(draw.eps.device)
            eps, x0 = draw.eps.float(), draw.x0.float()[None]
            with torch.set_grad_enabled(self._optimizer is not None):
                self._last = draw, self.network(eps, x0, draw.alpha.float(), words[None], draw.cameras)
        return self._last[1]

    def learn(self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw) -> None:
        """One step of Adam toward a smaller second moment on a draw that the estimate is done with.

        Args:
            eps_hat: the guided prediction.
            draw: what `answer` was asked about.
        """
        if self._optimizer is None:
            return
        without, added = self.answer(draw)
        left = (eps_hat - draw.eps).float() - without - draw.guidance * added
        weight = draw.weight.float().view(-1, 1, 1, 1, 1)
        loss = (weight * left).square().mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._last = None
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if bool(norm.isfinite()):  # a step that is not finite teaches nothing
            self._optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Weights and moments of one that learns; another stays what was loaded."""
        assert self._optimizer is not None
        return {
            "network": {name: value.clone() for name, value in self.network.state_dict().items()},
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`.

        Raises:
            ValueError: it is of another network.
        """
        assert self._optimizer is not None
        rate = self._optimizer.param_groups[0]["lr"]
        try:
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._optimizer.param_groups[0]["lr"] = rate  # as configured now
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"learned: the checkpoint's network does not fit ({str(error)[:80]})") from error


class LearnedPart:
    """One of the two variates.

    Args:
        learned: shared by both.
        index: 0 for A_∅ ε, 1 for A_Δ ε.
    """

    per_group = True
    """It looks at all views of a group, so every rank asks about all of them."""

    def __init__(self, learned: Learned, index: int) -> None:
        self.learned, self.index = learned, index
        self.name = ("learned", "learned, of the prompt")[index]

    def variate(self, draw: Draw) -> Float[Tensor, "B V C h w"]:
        """h."""
        return self.learned.answer(draw)[self.index].detach().to(draw.eps.dtype)


def sentence_of(text: TextEmbedding | None, width: int) -> Float[Tensor, "P width"]:
    """The mean token of each prompt; zeros where there is no prompt."""
    if text is None:
        return torch.zeros(1, width)
    mask = text.mask[:, :, None].to(text.tokens.dtype)
    return ((text.tokens * mask).sum(1) / mask.sum(1).clamp_min(1)).float()


def response_for(denoiser: Denoiser) -> NoiseResponse:
    """A network for a prior that has none: it says nothing until it has learned. The same one every time."""
    side = denoiser.resolution
    with torch.no_grad():
        latent = denoiser.encode(torch.zeros(1, 3, side, side, device=denoiser.device))
    devices = [denoiser.device] if denoiser.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(0)
        return NoiseResponse(
            channels=latent.shape[1], text_width=denoiser.embed([""]).tokens.shape[-1],
            patch=max(1, latent.shape[-1] // TOKENS), side=min(TOKENS, latent.shape[-1]),
            cameras=denoiser.knows_cameras,
        ).to(denoiser.device)  # fmt: skip
