"""Guidance: the formula, what it costs, and Perp-Neg's geometry."""

from __future__ import annotations

import pytest
import torch

from gs_stein.prior.guidance import classifier_free, guided, perp_neg
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions


@pytest.fixture
def prior():
    return MixturePrior((2, 4, 4))


def ask(prior, scale, groups=3, views=2, **kwargs):
    x_t = torch.randn(groups, views, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([50.0, 400.0, 900.0])[:groups]
    text, negative = prior.embed(["class 1"]), prior.embed([""])
    options = GuidanceOptions(scale=scale, **{k: v for k, v in kwargs.items() if k == "perp_neg"})
    empty = kwargs.get("empty")
    return x_t, t, text, negative, guided(prior, x_t, t, text, negative, None, options, empty)


@pytest.mark.parametrize(("scale", "branches"), [(0.0, 1), (1.0, 1), (7.5, 2)])
def test_formula_and_cost(prior, scale, branches):
    x_t, t, text, negative, eps = ask(prior, scale)
    assert prior.evaluations == branches * 3 * 2
    with_text = prior.predict(x_t, t, [text] * 3, None)
    without = prior.predict(x_t, t, [negative] * 3, None)
    torch.testing.assert_close(eps, without + scale * (with_text - without), rtol=1e-5, atol=1e-5)


def test_one_prompt_a_view(prior):
    x_t, t, _, negative, _ = ask(prior, 3.0)
    both = prior.embed(["class 0", "class 1"])
    joint = guided(prior, x_t, t, both, negative, None, GuidanceOptions(scale=3.0))
    for view in range(2):
        alone = guided(prior, x_t[:, view : view + 1], t, both[view : view + 1], negative, None, GuidanceOptions(3.0))
        torch.testing.assert_close(joint[:, view : view + 1], alone)


def test_perp_neg_drops_what_is_parallel_and_keeps_what_is_perpendicular():
    generator = torch.Generator().manual_seed(1)
    empty, positive = (torch.randn(2, 3, 2, 4, 4, generator=generator) for _ in range(2))
    direction = positive - empty
    plain = classifier_free(empty, positive, 5.0)
    along = empty + 0.7 * direction
    torch.testing.assert_close(perp_neg(empty, positive, [along], [1.0], 5.0), plain, rtol=1e-4, atol=1e-4)
    other = torch.randn(2, 3, 2, 4, 4, generator=generator)
    overlap = (other * direction).sum((2, 3, 4), keepdim=True) / direction.square().sum((2, 3, 4), keepdim=True)
    other = other - overlap * direction
    guided_away = perp_neg(empty, positive, [empty + other + 0.3 * direction], [0.5], 5.0)
    torch.testing.assert_close(guided_away, plain - 5.0 * 0.5 * other, rtol=1e-3, atol=1e-3)


def test_perp_neg_weights_one_a_view():
    generator = torch.Generator().manual_seed(2)
    empty, positive, negative = (torch.randn(1, 2, 2, 4, 4, generator=generator) for _ in range(3))
    mixed = perp_neg(empty, positive, [negative], [torch.tensor([0.0, 1.0])], 4.0)
    torch.testing.assert_close(mixed[:, 0], classifier_free(empty, positive, 4.0)[:, 0])
    torch.testing.assert_close(mixed[:, 1], perp_neg(empty, positive, [negative], [1.0], 4.0)[:, 1])


def test_perp_neg_through_the_denoiser_costs_three(prior):
    empty = prior.embed([""])
    _, _, _, _, eps = ask(prior, 4.0, perp_neg=1.0, empty=empty)
    assert prior.evaluations == 3 * 3 * 2
    # The negative prompt is the empty one here, so its direction is zero and nothing changes.
    torch.testing.assert_close(eps, ask(prior, 4.0)[-1], rtol=1e-4, atol=1e-4)


def test_perp_neg_needs_the_empty_prompt(prior):
    with pytest.raises(ValueError, match=r"guidance\.perp_neg.*pass `empty`"):
        ask(prior, 4.0, perp_neg=1.0)


@pytest.mark.parametrize("kwargs", [{"scale": -1.0}, {"perp_neg": -0.5}])
def test_negative_strengths_are_refused(kwargs):
    with pytest.raises(ValueError, match="is negative"):
        GuidanceOptions(**kwargs)
