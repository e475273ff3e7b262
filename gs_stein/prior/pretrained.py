"""Networks of our own in folders as diffusers keeps them: arguments in config.json, weights in one safetensors file.

diffusers' ModelMixin does this too, and whoever derives from it waits four seconds for its import at every start.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model"


class Pretrained(nn.Module):
    """A module that knows the arguments it was made with, and is saved and loaded as diffusers' are.

    Attributes:
        config: arguments of the constructor, defaults included.
    """

    config: dict[str, Any]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        init = cls.__init__
        signature = inspect.signature(init)

        @functools.wraps(init)
        def recording(self: Any, *args: Any, **kwargs: Any) -> None:
            given = signature.bind(self, *args, **kwargs)
            given.apply_defaults()
            init(self, *args, **kwargs)
            _, *named = given.arguments.items()  # the first is self
            self.config = dict(named)

        cls.__init__ = recording

    @property
    def dtype(self) -> torch.dtype:
        """Of its first floating-point tensor."""
        return next(tensor.dtype for tensor in self._tensors() if tensor.is_floating_point())

    @property
    def device(self) -> torch.device:
        """Where its first tensor is."""
        return next(self._tensors()).device

    def _tensors(self) -> Iterator[torch.Tensor]:
        return itertools.chain(self.parameters(), self.buffers())

    @classmethod
    def load_config(cls, folder: str | Path) -> dict[str, Any]:
        """The content of a folder's config.json.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        config = json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"{CONFIG} holds no arguments")
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A network with weights as they are before training.

        Args:
            config: as in config.json; what the constructor does not know is left out.
        """
        known = inspect.signature(cls.__init__).parameters
        return cls(**{name: value for name, value in config.items() if name in known})

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        torch_dtype: torch.dtype = torch.float32,
        variant: str | None = None,
        output_loading_info: bool = False,
        local_files_only: bool = True,
    ) -> Any:
        """Read what `save_pretrained` or diffusers wrote, ready to be evaluated.

        Args:
            folder: with config.json and weights.
            torch_dtype: of all weights.
            variant: of the weights' file, such as "fp16".
            output_loading_info: whether to return, beside the network, what the file lacked: {"missing_keys": [...]}.
            local_files_only: folders are always local; here since diffusers' classes take it.

        Raises:
            OSError, ValueError, RuntimeError: a file is not there, cannot be read, or does not fit.
        """
        with torch.device("meta"):
            network = cls.from_config(cls.load_config(folder))
        path = Path(folder) / ".".join([WEIGHTS, *([] if variant is None else [variant]), "safetensors"])
        state = {
            name: tensor.to(torch_dtype) if tensor.is_floating_point() else tensor
            for name, tensor in load_file(path).items()
        }
        found = network.load_state_dict(state, strict=False, assign=True)
        network.eval()
        return (network, {"missing_keys": found.missing_keys}) if output_loading_info else network

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and the weights; the folder is made."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = {"_class_name": type(self).__name__, **self.config}
        text = json.dumps(config, indent=2, sort_keys=True) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")
        state = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        save_file(state, folder / f"{WEIGHTS}.safetensors", metadata={"format": "pt"})
