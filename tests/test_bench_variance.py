"""Variance at frozen scenes of real runs: the bench runs, and its figures mean what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_bundled import tiny_bundled

from gs_stein.bench.__main__ import main
from gs_stein.bench.variance.arms import ARMS, configured, multiplicity, sampled
from gs_stein.bench.variance.measure import by_attribute, preconditioned
from gs_stein.bench.variance.options import Options


@pytest.mark.occasional
def test_the_quick_bench_compares_every_arm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, plot = tiny_bundled(tmp_path / "prior"), tmp_path / "variance.png"
    assert main(["variance", "--quick", "--json", "--prior", str(folder), "--plot", str(plot)]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["ratio_sds_over_sds_scenes"] == 1.0
    for name in ARMS:
        low, high = found[f"ratio_{name}_over_sds_scenes_interval"]
        assert 0 <= low <= high, name  # twins cancel a prior as smooth as this one
        assert low - 1e-4 <= found[f"ratio_{name}_over_sds_scenes"] <= high + 1e-4
        assert found[f"iteration_cost_{name}_scenes"] > 0
    assert found["ratio_fitted_over_sds_scenes"] > 0
    assert found["variance_sds_4_noises_over_sds_scenes"] == 0.25
    assert found["gaussians_sds_4_noises_over_sds_scenes"] == pytest.approx(0.25)
    assert found["variance_sds_reused_over_sds_scenes"] == found["whole_sds_reused_over_sds_scenes"] == 3
    shares = [found[f"share_{part}_sds_scenes"] for part in ("camera", "timestep", "noise")]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert plot.read_bytes()[1:4] == b"PNG"


def test_adams_scale_makes_attributes_comparable() -> None:
    """Gradients of any size become of order one by their own second moment; the ratio of two arms stays."""
    generator = torch.Generator().manual_seed(0)
    sds = torch.randn(3, 2, 4, 10, generator=generator) * torch.tensor([1e-3] * 6 + [50.0] * 4)
    scaled = preconditioned({"sds": sds, "half": 0.5 * sds}, {}, {"means": 6, "sh0": 4})
    sizes = scaled["sds"].square().mean((0, 1, 2))
    assert torch.allclose(sizes, torch.ones(10), rtol=1e-4)
    assert torch.allclose(scaled["half"], 0.5 * scaled["sds"])
    given = preconditioned({"sds": sds}, {"means": torch.full((6,), 4e-6)}, {"means": 6, "sh0": 4})["sds"]
    assert torch.allclose(given[..., :6], sds[..., :6] / 2e-3)
    assert by_attribute(torch.tensor([1.0, 3.0, 10.0]), {"means": 2, "sh0": 1}) == {"means": 2.0, "sh0": 10.0}


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"noises": 1}, "noises: 1 has no variance"), ({"groups": 0}, "groups: 0 is below 1"),
     ({"stages": (2.0,)}, "are not fractions of a run"), ({"scenes": (), "objects": ()}, "both are empty")],
)  # fmt: skip
def test_what_measures_nothing_is_refused(changed: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**changed)


@pytest.mark.parametrize("scene", [True, False])
def test_every_arm_asks_the_prior_in_every_iteration_but_the_reused(scene: bool) -> None:
    """Otherwise most iterations whose seconds are compared would have no denoiser in them."""
    for name, kind in ARMS.items():
        reuse = configured("x", scene, kind, Options()).distill.reuse
        assert reuse == (3 if name.endswith("_reused") else 1)


def test_a_reused_guess_adds_to_the_variance() -> None:
    """Simulated at a frozen scene: the variance of a long average, in units of one fresh gradient's over its length."""
    generator = torch.Generator().manual_seed(0)
    for name in ("sds", "sds_4_noises", "sds_reused"):
        assert sampled(name) == "sds"
        noises, reuse = ARMS[name].noises, ARMS[name].reuse
        # 12 iterations, each with camera (variance 4) and noise (variance 1), kept for `reuse` of them.
        camera = 2 * torch.randn(100_000, 12 // reuse, 1, generator=generator)
        noise = torch.randn(100_000, 12 // reuse, noises, generator=generator).mean(2, keepdim=True)
        noisy, all_of_it = (x.expand(-1, -1, reuse).flatten(1).mean(1).var() * 12 for x in (noise, camera + noise))
        often, again = multiplicity(name)
        assert noisy.item() == pytest.approx(often, rel=0.03)
        assert all_of_it.item() == pytest.approx(4 * again + often, rel=0.03)
