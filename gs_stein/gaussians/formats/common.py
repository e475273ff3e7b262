"""What all file formats share: reading bytes, checking a scene before it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from gs_stein.gaussians.model import Gaussians


def _by_gsplat(scene: Gaussians, layout: Literal["splat", "ply_compressed"]) -> bytes:
    from gsplat.exporter import export_splats

    quats = torch.nn.functional.normalize(scene.quats, dim=-1)
    # A quaternion of length zero means no rotation.
    quats = torch.where(quats.abs().amax(dim=-1, keepdim=True) > 0, quats, quats.new_tensor([1.0, 0.0, 0.0, 0.0]))
    sh0, rest = scene.sh[:, :1], scene.sh[:, 1:]
    return export_splats(scene.means, scene.log_scales, quats, scene.opacity_logits, sh0, rest, format=layout)


def _checked(path: Path, gaussians: Gaussians) -> Gaussians:
    """Detached float32 copies on the CPU, if they are worth a file."""
    scene = Gaussians(*(_plain(tensor) for tensor in gaussians.tensors()))
    if len(scene) == 0:
        raise ValueError(f"{path}: there are no Gaussians to write")
    bad = (~scene.finite()).nonzero()
    if len(bad):
        raise ValueError(
            f"{path}: not written: Gaussian {int(bad[0])} has a value that is not finite ({len(bad)} of "
            f"{len(scene)} do)"
        )
    return scene


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to(device="cpu", dtype=torch.float32)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder, not a file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
