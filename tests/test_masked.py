"""Control variates that see half of the noise: zero mean while the colours are kept apart, and only then.

Error rates: z of a mean is about N(0, 1) under zero mean, so |z| < 4 fails by chance once in 16 000; seeds are fixed.
"""

from __future__ import annotations

import pytest
import torch
from test_distill import seeded
from test_distill_baselines import scene, z
from test_learned import network

from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.masked import beside, checkerboard, masked, products
from gs_stein.distill.options import CoefficientOptions
from gs_stein.prior.options import Weighting
from gs_stein.prior.schedule import Schedule


def asked(eps: torch.Tensor, seen: torch.Tensor) -> list[torch.Tensor]:
    """A network that was not made for this: linear in the noise, anything but linear in the picture."""
    one, words = torch.ones(eps.shape[0] * eps.shape[1]), torch.zeros(1, 1, 384)
    with torch.no_grad():  # of each view for itself, so that views are independent draws
        found = network(std=0.2)(eps.flatten(0, 1)[:, None], seen.flatten(0, 1)[:, None], one, words, None)[0]
    return [found.view_as(eps)]


RESPONSES = [("products", products), ("network", asked)]


@pytest.mark.parametrize(("name", "response"), RESPONSES)
@pytest.mark.parametrize("schedule", [Schedule.stable_diffusion(), Schedule.flow()], ids=["ddpm", "flow"])
def test_zero_mean_while_the_colours_are_kept_apart(name, response, schedule) -> None:
    draw = scene(noises=256, t=(300.0, 700.0), schedule=schedule)
    for h in masked(response, draw):
        assert abs(z(h, draw, timesteps=2)) < 4, name


def test_what_sees_all_of_the_noise_has_a_mean() -> None:
    draw = scene(noises=256, t=(300.0, 700.0))
    plain = {"eps * x": draw.eps * draw.x_t, "network": asked(draw.eps, draw.x_t)[0]}
    plain["around * beside"] = beside(draw.eps) * beside(draw.x_t)
    for name, h in plain.items():
        assert z(h, draw, timesteps=2) > 6, name


def test_each_half_answers_to_what_it_does_not_see() -> None:
    draw, colour = scene(noises=1), checkerboard(torch.zeros(8, 8))
    calls: list[tuple[torch.Tensor, torch.Tensor]] = []
    masked(lambda eps, x: calls.append((eps, x)) or [eps], draw)
    clean = draw.alpha.view(-1, 1, 1, 1, 1) * draw.x0
    for (eps, seen), hidden in zip(calls, (colour, 1 - colour), strict=True):
        assert torch.equal(eps, draw.eps * hidden)
        torch.testing.assert_close(seen * hidden, clean * hidden)
        torch.testing.assert_close(seen * (1 - hidden), draw.x_t * (1 - hidden))
    assert colour[0, 0] == 1
    assert colour.mean() == 0.5
    assert (colour[1:] + colour[:-1] == 1).all()


def test_neighbours_are_of_the_other_colour() -> None:
    colour = checkerboard(torch.zeros(6, 6)).expand(1, 1, 2, 6, 6)
    assert (beside(colour) * colour == 0).all()
    assert beside(torch.ones(1, 1, 1, 3, 3))[0, 0, 0].tolist() == [[0.5, 0.75, 0.5], [0.75, 1, 0.75], [0.5, 0.75, 0.5]]


def test_it_takes_away_what_no_response_to_the_clean_picture_can() -> None:
    """A denoiser whose answer has products of neighbouring noises in it: even in ε, so A(x₀) ε is no help."""
    generator, x0 = seeded(), 0.3 * torch.randn(2, 4, 8, 8, generator=seeded(1))

    def drawn(noises: int) -> tuple[Draw, torch.Tensor]:
        t, eps = torch.full((noises,), 800.0), torch.randn(noises, *x0.shape, generator=generator)
        return make_draw(x0, t, eps, Schedule.stable_diffusion(), Weighting.UNIFORM), 0.3 + eps + eps * beside(eps)

    def clean(draw: Draw) -> list[torch.Tensor]:
        return products(draw.eps, (draw.alpha.view(-1, 1, 1, 1, 1) * draw.x0).expand_as(draw.eps))

    left = {}
    for name, see in (("masked", lambda d: masked(products, d)), ("clean", clean)):
        fit = Coefficients(
            CoefficientOptions(ridge=0.0, leave_one_out=False), 6, torch.eye(6)[0], spectral=False, num_timesteps=1000
        )
        draw, eps_hat = drawn(64)
        fit.update(eps_hat, [draw.eps, *see(draw)], draw)
        draw, eps_hat = drawn(400)
        ours = fit.residual(eps_hat, [draw.eps, *see(draw)], draw, update=False)
        left[name] = float(ours.var(0).mean() / (eps_hat - draw.eps).var(0).mean())
        assert abs(z(ours - (eps_hat - draw.eps), draw, timesteps=1)) < 4
        assert float(ours.mean()) == pytest.approx(0.3, abs=0.02)
    assert left["masked"] < 0.2
    assert left["clean"] > 0.9
