"""Point clouds to start from: NumPy arrays, and whatever Open3D reads."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.formats.common import first_line, read_bytes


def read_points(path: Path) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "N 3"]]:
    """Read a point cloud: .npy or .npz (N×3, or N×6 with colours in [0, 1]), or whatever open3d reads.

    Returns:
        Points in metres and colours in [0, 1] (grey where the file has none).

    Raises:
        ValueError: one line with the file and its fault.
    """
    path = Path(path)
    if path.suffix.lower() in (".npy", ".npz"):
        data = read_bytes(path)
        try:
            loaded = np.load(io.BytesIO(data), allow_pickle=False)
            table = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
        except (ValueError, OSError, EOFError, IndexError, KeyError) as error:
            raise ValueError(f"{path}: not an array that numpy can read ({first_line(error)})") from error
        if table.ndim != 2 or table.shape[1] not in (3, 6) or table.dtype.kind not in "fiu":
            raise ValueError(f"{path}: an array of shape {table.shape} is no point cloud; give N×3 or N×6 numbers")
    else:
        table = _points_by_open3d(path)
    if len(table) == 0:
        raise ValueError(f"{path}: holds no points")
    cloud = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
    if not bool(cloud.isfinite().all()):
        first = int((~cloud.isfinite().all(dim=1)).nonzero()[0])
        raise ValueError(f"{path}: point {first} has a value that is not finite")
    rgb = cloud[:, 3:].clamp(0, 1) if cloud.shape[1] == 6 else torch.full((len(cloud), 3), 0.5)
    return cloud[:, :3].contiguous(), rgb.contiguous()


def _points_by_open3d(path: Path) -> np.ndarray:
    read_bytes(path)  # says what is wrong with the path; open3d only warns
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise ValueError(
            f"{path}: needs open3d, which does not load here ({first_line(error)}); on Debian "
            "`apt install libusb-1.0-0 libgl1 libgomp1`, or give the points as .npy"
        ) from error
    with open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error):
        cloud = open3d.io.read_point_cloud(path)
    points, colours = np.asarray(cloud.points), np.asarray(cloud.colors)
    if len(points) == 0:
        raise ValueError(f"{path}: open3d finds no points in it; give .ply, .pcd, .xyz, .pts or .npy")
    return np.concatenate([points, colours], axis=1) if len(colours) == len(points) else points
