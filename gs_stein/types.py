"""What passes between rooms: frozen containers.

Conventions, everywhere in this package:

* World: right-handed, z up, metres. East is +x, north is +y. A room stands on z = 0 with its
  centre above the origin; an object is centred on the origin and its front faces south (-y).
* Cameras: OpenCV (x right, y down, z forward), world-to-camera matrices, intrinsics in pixels,
  pixel centres at +0.5.
* Images leave the rasterizer channels-last in [0, 1]; networks take them channels-first.
* Depth is the distance along the optical axis (camera z), in metres.
* A *group* is the V views of one scene that a denoiser sees together; B groups make a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Cameras:
    """A batch of V pinhole cameras that share one image size."""

    viewmats: Float[Tensor, "V 4 4"]
    """World-to-camera, OpenCV axes."""
    Ks: Float[Tensor, "V 3 3"]
    """Intrinsics, in pixels."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    def __len__(self) -> int:
        return self.viewmats.shape[0]

    def __getitem__(self, index: slice | list[int] | Tensor) -> Cameras:
        return replace(self, viewmats=self.viewmats[index], Ks=self.Ks[index])

    def to(self, *args, **kwargs) -> Cameras:
        """Move or cast both tensors, as `Tensor.to` does."""
        return replace(self, viewmats=self.viewmats.to(*args, **kwargs), Ks=self.Ks.to(*args, **kwargs))

    @property
    def positions(self) -> Float[Tensor, "V 3"]:
        """Camera centres in the world."""
        R, t = self.viewmats[:, :3, :3], self.viewmats[:, :3, 3]
        return -(R.transpose(1, 2) @ t[:, :, None])[:, :, 0]

    def resized(self, width: int, height: int) -> Cameras:
        """The same views at another image size (intrinsics scaled with it)."""
        scale = self.Ks.new_tensor([width / self.width, height / self.height, 1.0])
        return Cameras(self.viewmats, self.Ks * scale[None, :, None], width, height)

    def rays(self, rows: int, columns: int) -> tuple[Float[Tensor, "V rows columns 3"], Float[Tensor, "V 3"]]:
        """Unit ray directions in the world through the centres of a rows × columns grid of cells, and origins."""
        small = self.resized(columns, rows)
        v, u = torch.meshgrid(
            torch.arange(rows, dtype=self.Ks.dtype, device=self.Ks.device) + 0.5,
            torch.arange(columns, dtype=self.Ks.dtype, device=self.Ks.device) + 0.5,
            indexing="ij",
        )
        fx, fy, cx, cy = (small.Ks[:, i, j, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
        local = torch.stack([(u - cx) / fx, (v - cy) / fy, torch.ones_like(u).expand(len(self), -1, -1)], dim=-1)
        world = torch.einsum("vji,vrcj->vrci", self.viewmats[:, :3, :3], local)
        return torch.nn.functional.normalize(world, dim=-1), self.positions


@dataclass(frozen=True)
class Render:
    """What a rasterizer returns for V views of N Gaussians."""

    rgb: Float[Tensor, "V H W 3"]
    """Composited over the background; not clamped."""
    depth: Float[Tensor, "V H W"]
    """Expected depth, Σwz / Σw (gsplat's "RGB+ED"); 0 where nothing was hit."""
    alpha: Float[Tensor, "V H W"]
    """Accumulated opacity, in [0, 1]."""
    normals: Float[Tensor, "V H W 3"] | None
    """Composited world-space normals of the Gaussians' shortest axes, facing the camera; None unless asked for."""
    means2d: Float[Tensor, "V N 2"]
    """Projected centres in pixels; part of the graph, so that its gradient can drive densification."""
    radii: Int[Tensor, "V N"]
    """Radius on screen in pixels; 0 where a Gaussian was culled."""

    @property
    def visible(self) -> Bool[Tensor, "V N"]:
        """Which Gaussians each view saw."""
        return self.radii > 0

    def detach(self) -> Render:
        """The same pictures outside the graph, so that whoever keeps them does not keep the graph."""
        normals = None if self.normals is None else self.normals.detach()
        return replace(
            self, rgb=self.rgb.detach(), depth=self.depth.detach(), alpha=self.alpha.detach(), normals=normals,
            means2d=self.means2d.detach(),
        )  # fmt: skip


@dataclass(frozen=True)
class TextEmbedding:
    """P encoded prompts. In object mode each view of a group has its own prompt, in scene mode they share one."""

    tokens: Float[Tensor, "P L D"]
    """Token states of the text encoder(s)."""
    mask: Bool[Tensor, "P L"]
    """True at real tokens."""
    pooled: Float[Tensor, "P E"] | None = None
    """Pooled state, for models that want one (SDXL, SD3)."""

    def __len__(self) -> int:
        return self.tokens.shape[0]

    def __getitem__(self, index: slice | list[int] | Tensor) -> TextEmbedding:
        pooled = None if self.pooled is None else self.pooled[index]
        return TextEmbedding(self.tokens[index], self.mask[index], pooled)

    def expand(self, count: int) -> TextEmbedding:
        """One prompt repeated `count` times (a no-op when there are `count` prompts already)."""
        if len(self) == count:
            return self
        if len(self) != 1:
            raise ValueError(f"TextEmbedding.expand: cannot spread {len(self)} prompts over {count} views")
        pooled = None if self.pooled is None else self.pooled.expand(count, -1)
        return TextEmbedding(self.tokens.expand(count, -1, -1), self.mask.expand(count, -1), pooled)

    def to(self, *args, **kwargs) -> TextEmbedding:
        """Move or cast the float tensors; the mask only moves."""
        tokens = self.tokens.to(*args, **kwargs)
        pooled = None if self.pooled is None else self.pooled.to(*args, **kwargs)
        return TextEmbedding(tokens, self.mask.to(tokens.device), pooled)


def joined(*parts: Cameras) -> Cameras:
    """Cameras of one image size, one after the other."""
    return Cameras(
        torch.cat([part.viewmats for part in parts]), torch.cat([part.Ks for part in parts]),
        parts[0].width, parts[0].height,
    )  # fmt: skip
