"""VSD's second score: a LoRA of the denoiser, trained on the renders as they come (arXiv 2305.16213)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein import ranks
from gs_stein.distill.options import VSD
from gs_stein.prior.schedule import Schedule
from gs_stein.types import Cameras, TextEmbedding

_ADAPTER = "vsd"


@runtime_checkable
class LoraCapable(Protocol):
    """A `Denoiser` that VSD can adapt: it shows its network, and its `predict` leaves autograd alone.

    `predict` must run the very modules found under `network` (so that injected layers act) and must not switch off
    gradients itself; callers that want none wrap the call.
    """

    network: nn.Module
    schedule: Schedule

    def predict(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "B V C h w"]: ...


class CameraToken(nn.Module):
    """Adds a linear map of each camera's pose (zero at first) to the text tokens the LoRA sees."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(14, width)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, text: TextEmbedding, cameras: Cameras) -> TextEmbedding:
        """One prompt a view, each moved by its camera."""
        text = text.expand(len(cameras))
        rotation = cameras.viewmats[:, :3, :3].flatten(1)
        # Metres are squashed: a scene's and an object's cameras both stay of order one.
        position = torch.tanh(0.2 * cameras.positions)
        focal = torch.stack([cameras.Ks[:, 0, 0] / cameras.width, cameras.Ks[:, 1, 1] / cameras.height], dim=1)
        pose = torch.cat([rotation, position, focal], dim=1).to(self.project.weight)
        tokens = text.tokens + self.project(pose)[:, None].to(text.tokens)
        return TextEmbedding(tokens, text.mask, text.pooled)


class LoraScore:
    """ε̂_LoRA and its training. Injects the LoRA into the denoiser's network; `close` takes it out again.

    Outside `adapted()` the network computes what it always did, from weights that are never written.

    Args:
        options: of VSD.
        denoiser: whose network is adapted.
        tokens: width of the text tokens, for the camera token.
        seed: of the LoRA's initial values.

    Raises:
        ValueError: the denoiser shows no network, the network is adapted already, or nothing matches
            `target_modules`.
    """

    def __init__(self, options: VSD, denoiser: object, tokens: int, seed: int = 0) -> None:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.tuners_utils import BaseTunerLayer

        if not isinstance(denoiser, LoraCapable):
            raise ValueError(
                f"estimator: VSD adapts a denoiser's `network`, {type(denoiser).__name__} shows none; use SSD"
            )
        self.options, self.denoiser = options, denoiser
        network = denoiser.network
        if any(isinstance(module, BaseTunerLayer) for module in network.modules()):
            raise ValueError("estimator: VSD found adapters in the denoiser's network; close the other Distiller first")
        targets = _targets(network, options.target_modules)
        trainable = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
        config = LoraConfig(r=options.rank, lora_alpha=options.alpha, target_modules=targets, lora_dropout=0.0)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            inject_adapter_in_model(config, network, adapter_name=_ADAPTER)
            self.camera = CameraToken(tokens) if options.camera_token else None
        self._trainable = trainable
        self._layers = [(name, m) for name, m in network.named_modules() if isinstance(m, BaseTunerLayer)]
        self.parameters = {
            f"{name}.{key}": value
            for name, layer in self._layers
            for key, value in network.get_submodule(name).named_parameters()
            if f".{_ADAPTER}" in key
        }
        """The LoRA's own weights by name; float32 in a network of any precision, which Adam in half would ruin."""
        for value in self.parameters.values():
            value.data = value.data.float()
        device = next(iter(self.parameters.values())).device
        if self.camera is not None:
            self.camera.to(device)
        self.optimizer = torch.optim.AdamW(
            [*self.parameters.values(), *(self.camera.parameters() if self.camera else [])],
            lr=options.learning_rate,
            weight_decay=0.0,
        )
        self.updates = 0
        self._enable(False)

    def predict(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], text: TextEmbedding, cameras: Cameras | None
    ) -> Float[Tensor, "B V C h w"]:
        """ε̂_LoRA(x_t, t, c, y), without guidance and without a graph."""
        with torch.no_grad(), self.adapted():
            return self._forward(x_t, t, text, cameras)

    def train(
        self,
        x0: Float[Tensor, "V C h w"],
        text: TextEmbedding,
        negative: TextEmbedding,
        cameras: Cameras | None,
        window: tuple[float, float],
        generator: torch.Generator,
    ) -> float:
        """`options.steps` AdamW updates of the denoising loss ‖ε̂_LoRA − ε‖² on the render; its first value.

        Args:
            x0: the clean latents.
            text, negative: the prompt; the negative one (and no camera) is used `drop_camera` of the time.
            cameras: of the views.
            window: where t is drawn, as fractions of T.
            generator: on the CPU.

        A non-finite loss is returned but not stepped on.
        """
        schedule, options = self.denoiser.schedule, self.options
        first = float("nan")
        for step in range(options.steps):
            low, high = (fraction * schedule.num_timesteps for fraction in window)
            uniform = (
                torch.arange(options.samples) + torch.rand(options.samples, generator=generator)
            ) / options.samples
            t = low + uniform * (high - low)
            t = (t if schedule.continuous else t.round().clamp(0, schedule.last)).to(x0.device)
            eps = torch.randn(options.samples, *x0.shape, generator=generator, dtype=x0.dtype).to(x0.device)
            dropped = bool(torch.rand((), generator=generator) < options.drop_camera)
            x_t = schedule.add_noise(x0.detach().expand_as(eps), eps, t)
            with torch.enable_grad(), self.adapted():
                prediction = self._forward(x_t, t, negative if dropped else text, cameras, camera_token=not dropped)
                loss = (prediction - eps).square().mean()
                value = float(loss.detach())
                first = value if step == 0 else first
                if not torch.isfinite(loss.detach()):
                    break
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
            # All ranks train on all views; their weights must stay the same to the last bit.
            ranks.average_gradients(value for group in self.optimizer.param_groups for value in group["params"])
            self.updates += 1
            for group in self.optimizer.param_groups:
                group["lr"] = options.learning_rate * min(1.0, self.updates / max(options.warmup, 1))
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return first

    @contextmanager
    def adapted(self) -> Iterator[None]:
        """Inside, the network is the LoRA's."""
        self._enable(True)
        try:
            yield
        finally:
            self._enable(False)

    def close(self) -> None:
        """Put the network back as it was found, module for module."""
        network = self.denoiser.network
        for name, layer in self._layers:
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], layer.get_base_layer())
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(self._trainable[name])
        if hasattr(network, "peft_config"):
            del network.peft_config

    def state_dict(self) -> dict:
        """LoRA weights, camera token, optimiser, number of updates."""
        return {
            "parameters": {name: value.detach().clone() for name, value in self.parameters.items()},
            "camera": {} if self.camera is None else {k: v.clone() for k, v in self.camera.state_dict().items()},
            "optimizer": self.optimizer.state_dict(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: dict) -> None:
        """The inverse of `state_dict`."""
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(state["parameters"][name])
        if self.camera is not None:
            self.camera.load_state_dict(state["camera"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = int(state["updates"])

    def _forward(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        text: TextEmbedding,
        cameras: Cameras | None,
        *,
        camera_token: bool = True,
    ) -> Float[Tensor, "B V C h w"]:
        if camera_token and self.camera is not None and cameras is not None:
            text = self.camera(text, cameras)
        return self.denoiser.predict(x_t, t, [text] * len(t), cameras)

    def _enable(self, on: bool) -> None:
        for _, layer in self._layers:
            layer.enable_adapters(on)
        # peft drops requires_grad with the adapter; the optimiser's view of its parameters should not flicker.
        for value in self.parameters.values():
            value.requires_grad_(True)


def _targets(network: nn.Module, endings: tuple[str, ...]) -> list[str]:
    """Full names of the modules to adapt."""
    kinds = (nn.Linear, nn.Conv2d)
    if endings:
        found = [n for n, m in network.named_modules() if isinstance(m, kinds) and n.endswith(endings)]
        if not found:
            raise ValueError(
                f"estimator.target_modules: {endings} matches no Linear or Conv2d; name endings that exist"
            )
        return found
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    attention = [name for name in linear if "attn" in name]
    if not linear:
        raise ValueError("estimator.target_modules: the network has no Linear layer; name convolutions to adapt")
    return attention or linear
