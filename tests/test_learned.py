"""The learned baseline: linear in the noise, so of zero mean whatever it has learned, and worth learning.

Error rates: z of a mean is about N(0, 1) under zero mean, so |z| < 4 fails by chance once in 16 000; seeds are fixed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_distill import Bench, seeded
from test_distill_baselines import scene, z

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.learned import Learned, response_for, sentence_of
from gs_stein.distill.options import SSD, Baseline, DistillOptions
from gs_stein.prior.options import Weighting
from gs_stein.prior.response import NoiseResponse
from gs_stein.prior.schedule import Schedule
from gs_stein.types import TextEmbedding

BASELINES = (Baseline.CONSTANT, Baseline.LEARNED)


def network(seed: int = 0, std: float = 0.4, **more) -> NoiseResponse:
    """One with weights that say something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = NoiseResponse(
            **{"channels": 4, "width": 16, "depth": 2, "heads": 2, "side": 4, "cameras": False, **more}
        )
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=std)
    return made


def test_it_is_linear_in_the_noise_and_in_nothing_else() -> None:
    made, generator = network(text_width=8, cameras=True).double(), seeded()
    views = sample_cameras(RoomCameras(resolution=16), 3, generator).to(torch.float64)
    a, b = torch.randn(2, 2, 3, 4, 8, 8, generator=generator, dtype=torch.float64)
    x0 = torch.randn(1, 3, 4, 8, 8, generator=generator, dtype=torch.float64)
    alpha, words = torch.tensor([0.7, 0.1], dtype=torch.float64), torch.randn(1, 3, 8, generator=generator).double()
    with torch.no_grad():
        one, other, both = (made(eps, x0, alpha, words, views) for eps in (a, b, 2 * a - 3 * b))
        moved = made(a, 2 * x0, alpha, words, views)
    for i in range(2):
        torch.testing.assert_close(both[i], 2 * one[i] - 3 * other[i])
        assert (moved[i] - 2 * one[i]).abs().max() > 0.01
        assert one[i][0].abs().mean() > 0.01
        assert (one[i][0, 0] - other[i][0, 0]).abs().max() > 0.01


def test_all_views_answer_to_the_noise_of_one() -> None:
    made, eps = network(), torch.zeros(1, 3, 4, 8, 8)
    eps[:, 1] = 1
    with torch.no_grad():
        found = made(eps, torch.randn(1, 3, 4, 8, 8), torch.tensor([0.3]), torch.zeros(1, 1, 384), None)
    assert all((part[0].abs().amax((1, 2, 3)) > 1e-3).all() for part in found)


@pytest.mark.parametrize("rows", [4, 8, 16])
def test_one_network_serves_several_resolutions_and_batches_are_single_ones(rows: int) -> None:
    made, generator = network(text_width=8).double(), seeded()
    eps, x0 = torch.randn(2, 2, 3, 4, rows, rows, generator=generator).double()
    alpha, words = torch.tensor([0.9, 0.1]).double(), torch.randn(2, 1, 8, generator=generator).double()
    with torch.no_grad():
        both = made(eps, x0, alpha, words, None)
        for i in range(2):
            alone = made(*(part[i : i + 1] for part in (eps, x0, alpha, words)), None)
            torch.testing.assert_close(alone[0], both[0][i : i + 1])
            torch.testing.assert_close(alone[1], both[1][i : i + 1])


def test_a_latent_that_is_no_multiple_of_the_patch_is_told() -> None:
    alpha, words = torch.tensor([1.0]), torch.zeros(1, 1, 384)
    with pytest.raises(ValueError, match="7 × 7 cells are not made of patches of 2"):
        network()(*torch.zeros(2, 1, 1, 4, 7, 7), alpha, words, None)
    with pytest.raises(ValueError, match="sees cameras"):
        network(cameras=True)(*torch.zeros(2, 1, 1, 4, 8, 8), alpha, words, None)


def test_zero_mean_as_long_as_it_does_not_see_the_noisy_picture() -> None:
    draw, made = scene(noises=512), network(std=0.2)

    def responses(pictures: torch.Tensor) -> torch.Tensor:
        """Of each view for itself, so that views are independent draws."""
        eps, x = (value.expand_as(draw.eps).flatten(0, 1)[:, None] for value in (draw.eps, pictures))
        with torch.no_grad():
            found = made(eps, x, draw.alpha.repeat_interleave(6), torch.zeros(1, 1, 384), None)[0]
        return found.view_as(draw.eps) / alpha

    alpha = draw.alpha.view(-1, 1, 1, 1, 1)
    assert abs(z(responses(draw.x0), draw)) < 4
    assert abs(z(responses(draw.x_t / alpha), draw)) > 6


def options(**more) -> DistillOptions:
    return DistillOptions(estimator=SSD(BASELINES, **more))


def test_what_it_learns_from_earlier_draws_takes_variance_away_and_moves_no_mean() -> None:
    """A denoiser whose answer is linear in the noise, in other channels and at the other view too."""
    generator, x0 = seeded(), torch.randn(2, 4, 4, 4, generator=seeded(1))
    made = NoiseResponse(channels=4, width=32, depth=1, heads=2, side=2, cameras=False)
    learned = Learned(made, 5e-3)

    def drawn(noises: int) -> tuple[Draw, torch.Tensor]:
        t, eps = torch.full((noises,), 800.0), torch.randn(noises, *x0.shape, generator=generator)
        draw = make_draw(x0, t, eps, Schedule.stable_diffusion(), Weighting.UNIFORM)
        return draw, 0.3 + eps + 0.5 * eps.roll(1, dims=2) - 0.4 * eps.flip(1)

    for _ in range(150):
        draw, eps_hat = drawn(8)
        learned.answer(draw)
        learned.learn(eps_hat, draw)
    draw, eps_hat = drawn(500)
    without, added = (part.variate(draw) for part in learned.variates())
    plain, ours = eps_hat - draw.eps, eps_hat - draw.eps - without - added
    assert ours.var(0).mean() < 0.2 * plain.var(0).mean()
    assert abs(z(ours - plain, draw, timesteps=1)) < 4
    assert ours.mean() == pytest.approx(0.3, abs=0.02)


def test_a_resumed_run_learns_on_bit_for_bit() -> None:
    bench, generator = Bench(), seeded(4)
    first, second = bench.distiller(options()), bench.distiller(options())
    for _ in range(4):
        bench.step(first, generator)
    second.load_state_dict(first.state_dict())
    states = generator.get_state()
    a = [bench.step(first, generator).grad for _ in range(3)][-1]
    generator.set_state(states)
    b = [bench.step(second, generator).grad for _ in range(3)][-1]
    assert torch.equal(a, b)
    plain, state = bench.distiller(options(learning_rate=0.0)), first.state_dict()
    with pytest.raises(ValueError, match="learns, and this one does not"):
        plain.load_state_dict(state)
    del state["estimator"]["learned"]["network"]["position"]
    with pytest.raises(ValueError, match="learned: the checkpoint's network does not fit"):
        second.load_state_dict(state)


def test_weights_that_come_with_a_prior_are_used_as_they_are() -> None:
    bench = Bench()
    made = network(text_width=bench.prior.embed([""]).tokens.shape[-1])
    before = {name: value.clone() for name, value in made.state_dict().items()}
    asked = replace(options(), guidance=bench.distiller(options()).options.guidance)
    distiller = Distiller(asked, bench.prior, response=made)
    assert distiller.estimator.coefficients is not None
    table = distiller.estimator.coefficients.table()
    assert table[0, 0].tolist() == pytest.approx([1.0, 1.0, bench.scale]), "1 and the scale of guidance at first"
    beginner = bench.distiller(options()).estimator.coefficients
    assert beginner is not None
    assert beginner.table()[0, 0].tolist() == [1.0, 0.0, 0.0], "what is still learned has to show its worth first"
    bench.step(distiller, seeded())
    bench.step(distiller, seeded(1))
    assert all(torch.equal(value, made.state_dict()[name]) for name, value in before.items())
    assert "learned" not in distiller.state_dict()["estimator"]


def test_one_that_has_learned_nothing_is_sds() -> None:
    prior, draw = Bench().prior, scene(noises=2)
    one, other = response_for(prior), response_for(prior)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    made = NoiseResponse(channels=4, width=16, depth=1, heads=2, side=4, cameras=False)
    assert all((part.variate(draw) == 0).all() for part in Learned(made, 1e-3).variates())


def test_the_mean_of_the_words() -> None:
    text = TextEmbedding(torch.arange(12.0).view(1, 3, 4), torch.tensor([[True, True, False]]))
    assert sentence_of(text, 4).tolist() == [[2.0, 3.0, 4.0, 5.0]]
    assert sentence_of(None, 4).tolist() == [[0.0] * 4]


def test_a_rate_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match=r"estimator.learning_rate: -1"):
        SSD(BASELINES, learning_rate=-1.0)
    with pytest.raises(ValueError, match=r"estimator.learning_rate: 0.1, but no baseline learns; add LEARNED"):
        SSD((Baseline.CONSTANT,), learning_rate=0.1)
