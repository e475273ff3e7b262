"""The bundled networks: what must hold whatever their weights are."""

from __future__ import annotations

import pytest
import torch

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.prior.attention import attend
from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec, ray_features
from gs_stein.types import Cameras


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def wake(net: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Give zero-initialised layers something to say."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return net.eval()


def tiny() -> MultiViewDenoiser:
    return MultiViewDenoiser(
        channels=4, sample_size=4, stem_width=8, stem_blocks=1, width=32, depth=2, heads=2, text_width=12
    )


def inputs(B: int, V: int, generator: torch.Generator):
    x = torch.randn(B, V, 4, 4, 4, generator=generator)
    t = torch.linspace(100, 900, B)
    tokens = torch.randn(B, 5, 12, generator=generator)
    mask = torch.ones(B, 5, dtype=torch.bool)
    cameras = sample_cameras(RoomCameras(), B * V, generator)
    return x, t, tokens, mask, cameras


def smooth_pictures(count: int, generator: torch.Generator) -> torch.Tensor:
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bicubic").clamp(0, 1)


def test_codec_is_a_projection_with_unit_power(generator):
    codec = PatchCodec(channels=16)
    pictures = smooth_pictures(64, generator)
    codec.fit(pictures)
    latents = codec.encode(pictures)
    assert latents.shape == (64, 16, 4, 4)
    assert latents.square().mean().item() == pytest.approx(1.0, rel=1e-3)
    again = codec.encode(codec.decode(latents))
    assert torch.allclose(again, latents, atol=2e-5)
    assert (codec.decode(latents) - pictures).square().mean() < 0.1 * pictures.var()


def test_codec_keeps_more_with_more_channels(generator):
    pictures = smooth_pictures(64, generator)
    errors = []
    for channels in (2, 8, 32, 192):
        codec = PatchCodec(channels=channels)
        codec.fit(pictures)
        errors.append((codec.decode(codec.encode(pictures)) - pictures).square().mean().item())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-9  # all components: lossless


def test_decoder_starts_linear_and_learns_what_neighbours_tell(generator):
    pictures = smooth_pictures(64, generator)
    torch.manual_seed(0)
    codec = PatchCodec(channels=8, decoder_width=32)
    codec.fit(pictures)
    latents = codec.encode(pictures)
    linear = codec.decode_linear(latents)
    assert torch.equal(codec.decode(latents), linear)
    optimizer = torch.optim.Adam(codec.parameters(), lr=3e-3)
    for _ in range(40):
        error = (codec.decode(latents) - pictures).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert error.item() < 0.7 * (linear - pictures).square().mean().item()
    assert torch.equal(codec.encode(pictures), latents)


def test_whitening_orders_the_spread(generator):
    pictures = smooth_pictures(64, generator)
    spreads = []
    for whitening in (0.0, 0.5, 1.0):
        codec = PatchCodec(channels=8, whitening=whitening)
        codec.fit(pictures)
        latent = codec.encode(pictures)
        spreads.append((latent.std((0, 2, 3)).amax() / latent.std((0, 2, 3)).amin()).item())
    assert spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] == pytest.approx(1.0, abs=0.05)


def test_ray_features_name_the_same_wall_point_from_two_places():
    # Two cameras look north at the same height from different spots: the cells that see one wall point share its code.
    room = (5.0, 4.4, 2.6)
    viewmat = torch.eye(4).repeat(2, 1, 1)
    viewmat[:, :3, :3] = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    positions = torch.tensor([[0.0, 0.0, 1.3], [0.0, 1.0, 1.3]])
    viewmat[:, :3, 3] = -(viewmat[:, :3, :3] @ positions[:, :, None])[:, :, 0]
    K = torch.tensor([[8.0, 0, 8], [0, 8, 8], [0, 0, 1]]).repeat(2, 1, 1)
    K[1, 0, 0] = K[1, 1, 1] = 8 * 1.2 / 2.2  # nearer to the wall and wider: the same picture of it
    features = ray_features(Cameras(viewmat, K, 16, 16), 4, 4, room)
    hit = slice(9, 12)
    assert torch.allclose(features[0, 1:3, 1:3, hit], features[1, 1:3, 1:3, hit], atol=1e-5)
    assert not torch.allclose(features[0, :, :, :3], features[1, :, :, :3], atol=0.05)


@pytest.mark.parametrize("options", [RoomCameras(), OrbitCameras()])
def test_ray_features_are_finite(options, generator):
    cameras = sample_cameras(options, 8, generator)
    assert ray_features(cameras, 16, 16, (5.0, 4.4, 2.6)).isfinite().all()


def test_denoiser_does_not_care_about_the_order_of_views(generator):
    net = wake(tiny(), generator)
    x, t, tokens, mask, cameras = inputs(2, 4, generator)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        straight = net(x, t, tokens, mask, cameras)
        shuffled = net(x[:, order], t, tokens, mask, cameras[torch.cat([order, 4 + order])])
    assert torch.allclose(shuffled, straight[:, order], atol=1e-5)


def test_one_set_of_cameras_serves_all_groups(generator):
    net, (x, t, tokens, mask, cameras) = wake(tiny(), generator), inputs(2, 3, generator)
    first = torch.arange(3)
    with torch.no_grad():
        shared = net(x, t, tokens, mask, cameras[first])
        assert torch.allclose(shared, net(x, t, tokens, mask, cameras[first.repeat(2)]), atol=1e-5)
        assert not torch.allclose(shared, net(x, t, tokens, mask, cameras), atol=1e-3)


def test_denoiser_keeps_groups_apart_but_joins_views(generator):
    net = wake(tiny(), generator)
    x, t, tokens, mask, cameras = inputs(2, 3, generator)
    with torch.no_grad():
        before = net(x, t, tokens, mask, cameras)
        x[0, 0] += 1.0
        after = net(x, t, tokens, mask, cameras)
    assert torch.equal(before[1], after[1])
    assert not torch.allclose(before[0, 1], after[0, 1], atol=1e-6)


def test_denoiser_takes_one_prompt_a_view(generator):
    net = wake(tiny(), generator)
    x, t, tokens, mask, cameras = inputs(2, 3, generator)
    spread = [v.repeat_interleave(3, dim=0) for v in (tokens, mask)]
    with torch.no_grad():
        assert torch.allclose(net(x, t, *spread, cameras), net(x, t, tokens, mask, cameras), atol=1e-5)


def test_denoiser_obeys_padding_and_the_missing_prompt(generator):
    net = wake(tiny(), generator)
    x, t, tokens, mask, cameras = inputs(1, 2, generator)
    mask[:, 3:] = False
    with torch.no_grad():
        short = net(x, t, tokens[:, :3], mask[:, :3], cameras)
        assert torch.allclose(net(x, t, tokens, mask, cameras), short, atol=1e-5)
        none = net(x, t, tokens, torch.zeros_like(mask), cameras)
        other = net(x, t, torch.randn_like(tokens), torch.zeros_like(mask), cameras)
    assert torch.allclose(none, other, atol=1e-5)
    assert not torch.allclose(none, short, atol=1e-3)


def test_attention_in_bfloat16_is_attention_with_its_gradients(generator):
    q, k, v = (torch.randn(2, 3, n, 8, generator=generator, requires_grad=True) for n in (7, 5, 5))
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])[:, None, None, :]
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    weight = torch.randn(wanted.shape, generator=generator)
    exact = torch.autograd.grad((wanted * weight).sum(), (q, k, v))

    found = attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), mask)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, atol=0.03, rtol=0.03)
    for ours, theirs in zip(torch.autograd.grad((found.float() * weight).sum(), (q, k, v)), exact, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.06, rtol=0.06)
    unmasked = attend(q.bfloat16(), k.bfloat16(), v.bfloat16(), None).float()
    assert (unmasked[1] - found[1].float()).abs().max() > 0.1  # the mask does something
    torch.testing.assert_close(unmasked[0], found[0].float())


@pytest.mark.parametrize("level", [0.001, 0.5, 0.999])
def test_denoiser_in_bfloat16_says_the_same(generator, level):
    net, (x, _, tokens, mask, cameras) = wake(tiny(), generator), inputs(2, 4, generator)
    t = torch.full((2,), 1000 * level)
    with torch.no_grad():
        exact = net(x, t, tokens, mask, cameras)
        rough = net.bfloat16()(x.bfloat16(), t, tokens.bfloat16(), mask, cameras).float()
    assert (rough - exact).norm() < 0.05 * exact.norm()


def test_denoiser_serves_other_resolutions(generator):
    net = wake(tiny(), generator)
    _, t, tokens, mask, cameras = inputs(2, 3, generator)
    for side in (2, 4, 8):
        x = torch.randn(2, 3, 4, side, side, generator=generator)
        assert net(x, t, tokens, mask, cameras).shape == x.shape
    with torch.no_grad():
        net.position.copy_(torch.arange(4.0)[:, None].expand_as(net.position))
        assert torch.equal(net.positions(2), net.position)
        assert torch.allclose(net.positions(1), net.position.mean(0, keepdim=True))
        assert net.positions(4)[0, 0] < net.positions(4)[-1, 0]


def test_deeper_denoiser_starts_as_the_shallower_one(generator):
    shallow = wake(tiny(), generator)
    deep = MultiViewDenoiser(**{**shallow.config, "depth": 4}).eval()
    missing, unexpected = deep.load_state_dict(shallow.state_dict(), strict=False)
    assert not unexpected
    assert all(key.startswith(("blocks.2", "blocks.3")) for key in missing)
    arguments = inputs(2, 3, generator)
    with torch.no_grad():
        assert torch.allclose(deep(*arguments), shallow(*arguments), atol=1e-6)


def test_blocks_that_read_the_prompt_start_as_identity_and_then_see_its_order(generator):
    plain = wake(tiny(), generator)
    reading = MultiViewDenoiser(**{**plain.config, "text_blocks": 2}).eval()
    missing, unexpected = reading.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(key.startswith(("read.", "order")) for key in missing)
    x, t, tokens, mask, cameras = inputs(2, 3, generator)
    swapped = tokens[:, [1, 0, 2, 3, 4]]
    with torch.no_grad():
        assert torch.allclose(reading(x, t, tokens, mask, cameras), plain(x, t, tokens, mask, cameras), atol=1e-6)
        assert torch.allclose(reading(x, t, tokens, mask, cameras), reading(x, t, swapped, mask, cameras), atol=1e-5)
        wake(reading, generator)
        ordered, disordered = (reading(x, t, words, mask, cameras) for words in (tokens, swapped))
        assert not torch.allclose(ordered, disordered, atol=1e-4)
        # What is padding says nothing, and no prompt at all is fine.
        mask[0, 3:] = False
        other = tokens.clone()
        other[0, 3:] = 7.0
        cut = reading(x, t, tokens, mask, cameras)
        assert torch.allclose(cut[0], reading(x, t, other, mask, cameras)[0], atol=1e-5)
        assert reading(x, t, tokens, torch.zeros_like(mask), cameras).isfinite().all()


def test_depth_is_differentiable_in_the_noisy_latent(generator):
    net = wake(NoisyDepth(channels=4, width=16, num_blocks=1), generator)
    x, t, _, _, cameras = inputs(2, 3, generator)
    x.requires_grad_()
    depth = net(x, t, cameras)
    assert depth.shape == (2, 3, 4, 4)
    depth[0, 0].std().backward()
    assert x.grad is not None
    assert x.grad[0, 0].abs().sum() > 0
    assert x.grad[1].abs().sum() == 0


@pytest.mark.parametrize(
    "make",
    [
        tiny, lambda: NoisyDepth(channels=4, width=16), lambda: PatchCodec(channels=4),
        lambda: PatchCodec(channels=4, decoder_width=16),
    ],
)  # fmt: skip
def test_networks_survive_their_folder(make, tmp_path, generator):
    net = wake(make(), generator)
    net.save_pretrained(tmp_path)
    again = type(net).from_pretrained(tmp_path)
    for (name, a), (_, b) in zip(net.state_dict().items(), again.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
