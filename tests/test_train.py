"""Training the bundled prior: same batches from the same step, exact resumption, losses that fall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import tyro

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec
from gs_stein.scorer import Scorer
from gs_stein.world.families import FAMILIES, Family
from gs_stein.world.training import decoder, pool, run, train
from gs_stein.world.training.data import LARGE, Mixture, Source, load_scenes, stratified_logit_normal

FAMILY = Family("rooms", ("room",), 0)


def write_shard(folder: Path, index: int) -> None:
    """Pictures whose colour depends on the caption and whose depth depends on the picture."""
    rng = np.random.default_rng(index)
    S, V, C = pool.SCENES_PER_SHARD, pool.VIEWS, pool.CAPTIONS
    cameras = [sample_cameras(RoomCameras(), V, torch.Generator().manual_seed(i)) for i in range(S)]
    colour = rng.integers(40, 215, (S, 1, 1, 1, 3))
    ramp = np.linspace(-30, 30, 128)[None, None, :, None, None]
    rgb = np.broadcast_to(colour + ramp, (S, V, 128, 128, 3)).astype(np.uint8)
    depth = np.broadcast_to(np.linspace(1, 3, 32)[None, None, :, None], (S, V, 32, 32)).astype(np.float16)
    lengths = rng.integers(2, 6, (S, C))
    tokens = np.repeat(np.tile(colour[:, 0, 0, 0] / 128 - 1, (1, 128)), lengths.sum(1), axis=0).astype(np.float16)
    labels = np.zeros((S, V, 32, 32), np.uint8)
    labels[:, 3, :2, :32] = 7  # a sixteenth of one view, half of another
    labels[:, 5, :16] = 7
    named = np.zeros((S, C, pool.LABELS), bool)
    named[:, :, 7] = True
    pool.Shard(
        rgb,
        depth,
        labels,
        np.stack([c.viewmats.numpy() for c in cameras]),
        np.stack([c.Ks.numpy() for c in cameras]),
        [["caption"] * C] * S,
        named,
        tokens,
        lengths,
    ).save(pool.shard_path(folder, FAMILY, index))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("training")
    (path / "pool").mkdir()
    for index in range(2):
        write_shard(path, index)
    codec = PatchCodec(channels=4)
    shard = pool.Shard.load(pool.shard_path(path, FAMILY, 0))
    codec.fit(torch.from_numpy(shard.rgb[:, 0].copy()).permute(0, 3, 1, 2).float() / 255)
    codec.save_pretrained(path / "codec")
    return path


def mixture(folder: Path, dropout: float = 0.1) -> Mixture:
    return Mixture(folder, run.load_codec(folder), [Source(FAMILY, 1.0, 2)], dropout)


def test_shards_survive_the_disk(folder):
    path = pool.shard_path(folder, FAMILY, 0)
    shard = pool.Shard.load(path)
    assert shard.captions == [["caption"] * pool.CAPTIONS] * pool.SCENES_PER_SHARD
    assert shard.lengths.sum() == len(shard.tokens)
    scenes = load_scenes(path, run.load_codec(folder))
    assert scenes.x0.shape == (32, 8, 4, 16, 16)
    assert not list(path.parent.glob("*.tmp"))


def test_batches_depend_on_seed_and_step_alone(folder):
    one, other = mixture(folder), mixture(folder)
    one.draw(3, 16, seed=5)  # history must not matter
    a, b, c = one.draw(7, 16, seed=5), other.draw(7, 16, seed=5), other.draw(8, 16, seed=5)
    assert torch.equal(a.x0, b.x0)
    assert torch.equal(a.tokens, b.tokens)
    assert a.x0.shape != c.x0.shape or not torch.equal(a.x0, c.x0)


def test_batches_have_the_asked_size_and_drop_some_captions(folder):
    source = mixture(folder, dropout=0.5)
    dropped = total = 0
    for step in range(40):
        batch = source.draw(step, 16, seed=0)
        B, V = batch.x0.shape[:2]
        assert B * V == 16
        assert len(batch.cameras) == 16
        dropped += int((~batch.mask.any(1)).sum())
        total += B
    # Binomial(total, 1/2) leaves [0.35, 0.65] with probability < 1e-4 at this size.
    assert total > 150
    assert 0.35 < dropped / total < 0.65


def test_groups_have_the_asked_sizes(folder):
    source = mixture(folder)
    source.groups = (1, 2)
    assert {source.draw(step, 8, seed=0).x0.shape[:2] for step in range(12)} == {(8, 1), (4, 2)}
    with pytest.raises(ValueError, match=r"--groups: \(3,\) do not all divide the 8 views"):
        train.train_denoiser(train.Denoiser(run.Data(folder), groups=(3,)))


def test_new_shards_join_with_the_steps(folder):
    source = Source(FAMILY, 1.0, 100, growth=0.5)
    wanted = [min(source.shards, train_first + int(0.5 * step)) for train_first, step in ((6, 0), (6, 100))]
    assert wanted == [6, 56]
    few = Mixture(folder, run.load_codec(folder), [Source(FAMILY, 1.0, 2)])
    assert few.available(few.sources[0], 10_000) == 2


def test_families_grow_by_their_shares(folder):
    data = run.Data(folder, rooms=run.Portion(9, 0.6), objects=run.Portion(9, 0.2), growth=0.4)
    assert [source.growth for source in data.sources()] == pytest.approx([0.3, 0.1])


def test_every_family_has_a_portion_of_its_name():
    numbers = {name: run.Portion(3 + i, 0.1 * (1 + i), -i) for i, name in enumerate(FAMILIES)}
    data = run.Data(**{name.replace("-", "_"): portion for name, portion in numbers.items()})
    assert {s.family.name: run.Portion(s.shards, s.share, s.since) for s in data.sources()} == numbers
    assert [source.family.name for source in run.Data().sources()] == ["rooms"]
    with pytest.raises(ValueError, match=r"--rooms.shards, .*: no family with a share has shards; give one"):
        run.Data(rooms=run.Portion(0, 0.45), objects=run.Portion(4, 0.0)).sources()


def test_flags_name_families():
    flags = ["--rooms.shards", "3", "--more-rooms.share", "0.5", "--landscapes.since", "-9", "--steps", "7"]
    flags += ["--more-objects.shards", "20", "--more-landscapes.shards", "4"]
    job = tyro.cli(train.Job, args=["depth", *flags])
    assert isinstance(job, train.Depth)
    assert (job.data.rooms, job.data.more_rooms) == (run.Portion(3, 0.45), run.Portion(0, 0.5))
    assert (job.data.landscapes, job.data.objects) == (run.Portion(0, 0.13, -9), run.Portion(0, 0.3))
    assert (job.data.more_objects, job.data.more_landscapes) == (run.Portion(20, 0.25), run.Portion(4, 0.1))
    assert [source.family.part for source in job.data.sources()] == ["rooms", "objects", "landscapes"]
    assert job.schedule.steps == 7


def test_every_family_has_its_place_and_its_share(folder, tmp_path):
    """Two families of one shard each, told apart by their pictures."""
    other = Family("objects", ("thing",), 10)
    (tmp_path / "pool").mkdir()
    pool.shard_path(tmp_path, FAMILY, 0).symlink_to(pool.shard_path(folder, FAMILY, 0))
    pool.shard_path(tmp_path, other, 0).symlink_to(pool.shard_path(folder, FAMILY, 1))
    codec = run.load_codec(folder)
    data = Mixture(tmp_path, codec, [Source(FAMILY, 3.0, 1), Source(other, 1.0, 1)], groups=(8,))
    own = load_scenes(pool.shard_path(folder, FAMILY, 1), codec).x0[:, 0, 0, 0, 0]
    drawn = torch.cat([data.draw(step, 128, seed=0).x0[:, 0, 0, 0, 0] for step in range(20)])
    # Binomial(320, 1/4): 80, standard deviation 8; four of them either way.
    assert 48 <= torch.isin(drawn, own.float()).sum() <= 112


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"--device: torch has no 'cuda:77' here; use cpu"):
        _ = run.Schedule(device="cuda:77").place


def test_noise_levels_follow_the_logit_normal():
    levels = stratified_logit_normal(4000, 0.9, 1.2, torch.Generator().manual_seed(0))
    logits = torch.logit(levels)
    assert logits.mean().item() == pytest.approx(0.9, abs=0.01)
    assert logits.std().item() == pytest.approx(1.2, abs=0.02)
    quartiles = torch.histc(torch.special.ndtr((logits - 0.9) / 1.2), 4, 0, 1)
    assert (quartiles - 1000).abs().max() <= 1


def trained_toy(folder: Path, out: Path, steps: int, stop_after: int | None = None, bfloat16: bool = False) -> run.Run:
    torch.manual_seed(0)
    net = MultiViewDenoiser(channels=4, stem_width=8, stem_blocks=1, width=32, depth=1, heads=2)
    out.mkdir(exist_ok=True)
    schedule = run.Schedule(steps=steps, images=8, warmup=3, save_minutes=1e9, bfloat16=bfloat16)
    job = run.Run(net, schedule, out, "denoiser")
    job.resume()
    data = mixture(folder)

    def loss_of(step: int, generator: torch.Generator) -> tuple[torch.Tensor, int]:
        if stop_after is not None and step == stop_after - 1:
            job.stopping = True  # what SIGINT and SIGTERM set
        return train.denoiser_loss(net, data.draw(step, 8, 0), 0.9, 1.2, generator), 8

    job.train(loss_of)
    return job


def test_resumed_run_equals_uninterrupted_one(folder, tmp_path):
    whole = trained_toy(folder, tmp_path / "whole", 6)
    part = trained_toy(folder, tmp_path / "parts", 6, stop_after=3)
    assert part.step == 3
    rest = trained_toy(folder, tmp_path / "parts", 6)
    assert rest.step == 6
    for (name, a), b in zip(whole.net.state_dict().items(), rest.net.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    for name, a in whole.ema.items():
        assert torch.equal(a, rest.ema[name]), name


def test_training_in_bfloat16_moves_float32_weights_likewise(folder, tmp_path):
    start = trained_toy(folder, tmp_path / "start", 0)
    exact = trained_toy(folder, tmp_path / "exact", 4)
    rough = trained_toy(folder, tmp_path / "rough", 4, bfloat16=True)
    assert {v.dtype for v in rough.ema.values()} == {torch.float32}
    moved, apart, same = 0.0, 0.0, True
    for a, b, c in zip(*(job.net.state_dict().values() for job in (start, exact, rough)), strict=True):
        moved, apart, same = moved + (b - a).square().sum(), apart + (c - b).square().sum(), same and torch.equal(b, c)
    assert not same
    assert apart < 0.25 * moved


def test_training_lowers_the_losses(folder):
    data = mixture(folder, dropout=0.0)
    torch.manual_seed(0)
    denoiser = MultiViewDenoiser(channels=4, stem_width=16, stem_blocks=1, width=32, depth=1, heads=2)
    depth = NoisyDepth(channels=4, width=16, num_blocks=1)
    for net, loss_of in (
        (denoiser, lambda b, g: train.denoiser_loss(denoiser, b, 0.0, 1.0, g)),
        (depth, lambda b, g: train.depth_loss(depth, b, g)),
    ):
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        losses = []
        for step in range(60):
            loss = loss_of(data.draw(step, 8, 0), torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10]), type(net).__name__


def test_learning_rate_warms_up_and_cools_down(tmp_path):
    job = run.Run(
        torch.nn.Linear(2, 2), run.Schedule(steps=100, warmup=10, cooldown=50, learning_rate=1.0), tmp_path, "x"
    )
    rates = []
    for job.step in (0, 9, 30, 50, 75, 99):
        rates.append(job.rate())
    assert rates == pytest.approx([0.1, 1.0, 1.0, 1.0, 0.5, 0.02])


def test_the_log_tells_the_mean_loss_also_after_a_resume(tmp_path, capsys):
    """Whose first line may stand for fewer steps than others."""
    job = run.Run(torch.nn.Linear(1, 1), run.Schedule(steps=10, learning_rate=0.0, warmup=1), tmp_path, "x")
    job.step = 3
    job.train(lambda step, generator: (2.0 + 0 * job.net(torch.ones(1)).sum(), 1), every=5)
    losses = [line.split("loss ")[1].split()[0] for line in capsys.readouterr().out.splitlines() if "loss" in line]
    assert losses == ["2.0000", "2.0000"]


def test_shipped_weights_start_a_deeper_network(tmp_path):
    torch.manual_seed(0)
    shape = {"channels": 4, "stem_width": 8, "stem_blocks": 1, "width": 32, "heads": 2}
    shipped = MultiViewDenoiser(**shape, depth=1)
    shipped.half().save_pretrained(tmp_path / "network")
    deeper = MultiViewDenoiser(**shape, depth=2)
    run.start_from(deeper, tmp_path / "network")
    for name, value in shipped.state_dict().items():
        assert torch.equal(deeper.state_dict()[name], value.float()), name
    with pytest.raises(ValueError, match="does not fit"):
        run.start_from(MultiViewDenoiser(**{**shape, "width": 16}, depth=1), tmp_path / "network")
    with pytest.raises(ValueError, match="holds no weights"):
        run.start_from(deeper, tmp_path / "nowhere")


def test_depth_starts_from_shipped_weights(tmp_path):
    torch.manual_seed(0)
    shipped = NoisyDepth(channels=4, width=16, num_blocks=1)
    shipped.half().save_pretrained(tmp_path / "depth")
    net = NoisyDepth(channels=4, width=16, num_blocks=1)
    run.start_from(net, tmp_path / "depth")
    for name, value in shipped.state_dict().items():
        assert torch.equal(net.state_dict()[name], value.float()), name


def trained_decoder(folder: Path, out: Path, prior: Path | None) -> PatchCodec:
    (out / "pool").mkdir(parents=True)
    for path in (folder / "pool").iterdir():
        (out / "pool" / path.name).symlink_to(path)
    run.load_codec(folder).save_pretrained(out / "codec")
    schedule = run.Schedule(steps=3, images=16, warmup=1, save_minutes=1e9)
    job = decoder.Decoder(run.Data(out, rooms=run.Portion(2, 1.0), workers=0), schedule, width=16, prior=prior)
    train.main(job)
    return run.load_codec(out)


def test_decoder_training_leaves_the_latents_alone(folder, tmp_path):
    torch.manual_seed(0)
    shape = {"channels": 4, "stem_width": 8, "stem_blocks": 1, "width": 32, "depth": 1, "heads": 2}
    MultiViewDenoiser(**shape).save_pretrained(tmp_path / "prior" / "network")
    linear = run.load_codec(folder)
    rgb = torch.rand(2, 3, 128, 128)
    for name, prior in (("noise", None), ("samples", tmp_path / "prior")):
        codec = trained_decoder(folder, tmp_path / name, prior)
        for part, value in linear.named_buffers():
            assert torch.equal(codec.get_buffer(part), value), part
        assert not torch.equal(codec.decode(codec.encode(rgb)), linear.decode(linear.encode(rgb)))
    with pytest.raises(ValueError, match="--prior"):
        trained_decoder(folder, tmp_path / "other", tmp_path / "nowhere")


@pytest.mark.parametrize("width", [16, 24])
def test_decoder_goes_on_from_a_shipped_one_of_its_width(folder, tmp_path, width):
    torch.manual_seed(0)
    shape = {"channels": 4, "stem_width": 8, "stem_blocks": 1, "width": 32, "depth": 1, "heads": 2}
    MultiViewDenoiser(**shape).save_pretrained(tmp_path / "prior" / "network")
    linear = run.load_codec(folder)
    shipped = PatchCodec(channels=4, decoder_width=16)
    shipped.load_state_dict(linear.state_dict(), strict=False)
    assert shipped.correction is not None
    torch.nn.init.normal_(shipped.correction.exit.weight, std=0.1)
    shipped.half().save_pretrained(tmp_path / "prior" / "codec")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pool").symlink_to(folder / "pool")
    data = run.Data(tmp_path / "out", rooms=run.Portion(2, 1.0), workers=0)
    job = decoder.Decoder(data, run.Schedule(steps=0), width=width, prior=tmp_path / "prior")
    train.main(job)
    codec = run.load_codec(tmp_path / "out")
    assert codec.correction is not None
    if width == 16:
        for name, value in shipped.state_dict().items():
            assert torch.equal(codec.state_dict()[name], value.float()), name
    else:  # it begins anew, as no correction
        assert not codec.correction.exit.weight.any()
        assert torch.equal(codec.basis, shipped.basis.float())


def test_objects_are_sampled_again_by_their_own_denoiser(tmp_path):
    torch.manual_seed(0)
    shape = {"channels": 4, "stem_width": 8, "stem_blocks": 1, "width": 32, "depth": 1, "heads": 2}
    one = run.Portion(1, 1.0)
    families = run.Data(rooms=one, objects=one, more_rooms=one, more_objects=one, more_landscapes=one).sources()
    MultiViewDenoiser(**shape).save_pretrained(tmp_path / "network")
    assert len(set(decoder.networks_of(tmp_path, families, torch.device("cpu")))) == 1
    MultiViewDenoiser(**shape).save_pretrained(tmp_path / "network_objects")
    found = decoder.networks_of(tmp_path, families, torch.device("cpu"))
    rooms, objects, more, more_objects, more_landscapes = found
    assert rooms is more is more_landscapes
    assert objects is more_objects is not rooms


def test_a_shard_tells_its_captions_apart(folder):
    shard = pool.Shard.load(pool.shard_path(folder, FAMILIES["rooms"], 0))
    flat = torch.from_numpy(shard.tokens).float().split(shard.lengths.reshape(-1).tolist())
    assert torch.equal(shard.caption(0), flat[0])
    assert torch.equal(shard.caption(3, 2), flat[3 * pool.CAPTIONS + 2])


def test_a_picture_sampled_again_is_the_picture_if_the_denoiser_knows_it():
    class Oracle(torch.nn.Module):
        def forward(self, x_t, t, tokens, mask, cameras):
            return (x_t - x0) / (t / 1000)  # the velocity that leads straight back

    x0 = torch.randn(2, 4, 4, 4)
    cameras = sample_cameras(RoomCameras(), 2, torch.Generator().manual_seed(0))
    again = decoder.sampled_again(x0, torch.zeros(3, 384), cameras, Oracle(), torch.Generator().manual_seed(1))
    assert torch.allclose(again, x0, atol=1e-4)


def test_missing_codec_says_what_to_run(tmp_path):
    with pytest.raises(ValueError, match="autoencoder"):
        run.load_codec(tmp_path)


def test_scorer_survives_its_folder(tmp_path):
    torch.manual_seed(0)
    scorer = Scorer(width=8, embedding=16)
    scorer.save(tmp_path)
    again = Scorer.load(tmp_path)
    rgb = torch.rand(2, 3, 3, 128, 128)
    scorer.eval()
    assert torch.allclose(scorer.scenes(rgb), again.scenes(rgb), atol=2e-2)
    assert torch.allclose(again.scenes(rgb).norm(dim=-1), torch.ones(2), atol=1e-5)
    with pytest.raises(ValueError, match="holds no scorer"):
        Scorer.load(tmp_path / "nothing")


def test_views_that_show_what_is_named_are_likelier_and_their_cells_marked(folder):
    source = mixture(folder, dropout=0.0)
    source.groups = (1,)
    shown = dict.fromkeys(range(8), 0)
    for step in range(40):
        batch = source.draw(step, 8, seed=0)
        for cells in batch.named[:, 0]:
            if cells.sum() == 0:
                continue
            # View 3 has it on its uppermost row of cells, view 5 on half of itself.
            view = 3 if cells[1:].sum() == 0 else 5
            shown[view] += 1
            rows, value = (1, 1.0 * LARGE / 0.0625) if view == 3 else (8, LARGE / 0.5)
            assert torch.allclose(cells[:rows], torch.full((rows, 16), value))
            assert cells[rows:].sum() == 0
    # 1.25 of 4 each: of 320 draws 100, within four standard deviations.
    assert all(68 <= shown[view] <= 132 for view in (3, 5)), shown
    assert mixture(folder, dropout=1.0).draw(0, 8, seed=0).named.sum() == 0


def test_emphasis_counts_what_is_named_and_fades_with_the_noise(folder):
    data = mixture(folder, dropout=0.0)
    net = MultiViewDenoiser(channels=4, stem_width=8, stem_blocks=1, width=32, depth=1, heads=2)
    batch = next(b for step in range(20) if (b := data.draw(step, 8, 0)).named.sum() > 0)

    def added(mean: float) -> float:
        plain, more = (
            train.denoiser_loss(net, batch, mean, 0.1, torch.Generator().manual_seed(0), e) for e in (0.0, 3.0)
        )
        return ((more - plain) / plain).item()

    assert added(6.0) > 0.02
    assert 0 < added(-1.0) < 0.02 * added(6.0)
