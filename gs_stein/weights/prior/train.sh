#!/usr/bin/env bash
# How the shipped weights were trained: a record to read and to copy from, step by step.
#
# The commands are as they were run, for the command line of commit 2727f14 (git checkout 2727f14 to run them). Since
# then a family's settings are flags of their own (--rooms.shards 200 --rooms.share 0.45 instead of --rooms, --shares,
# --since), the weights lie in gs_stein/weights/prior instead of assets/prior, and the exporter is
# gs_stein.world.training.export. What each stage brought is in docs/journal.md, under the same numbers.
#
# --rooms, --objects, --more-rooms, --landscapes: shards of each family (32 scenes of eight views).
# --shares: their shares of a batch, in the order rooms, objects, more rooms, landscapes; --since: when each joined.
# --logit-mean, --logit-spread: which noise levels; --small: share of small pictures; --groups: views seen together.
# Words in capitals are folders: START, the weights that a stage began with; MEAN, the mean of two networks.

echo "train.sh is a record of commands for commit 2727f14; copy the step you want instead of running it whole" >&2
exit 1

train() { python -m gs_stein.world.train "$@"; }
export_weights() { python -m gs_stein.world.export "$@"; } # into assets/prior; what is not named is kept

# 1. One denoiser for everything, the first decoder, depth estimator and scorer (two cores, some nine hours). The
#    commands of that denoiser were not kept.
train decoder --prior START --rooms 30 --objects 20 --more-rooms 8 --landscapes 10 --steps 2800 --cooldown 1200
train depth --start START --rooms 90 --objects 70 --more-rooms 20 --landscapes 24 \
  --shares 0.42 0.32 0.13 0.13 --since -9000 -9000 -9000 -9000 \
  --steps 4000 --cooldown 2600 --learning-rate 8e-4 --small 0.25
train scorer

# 2. Objects on their own (one core: 75 minutes in float32, 45 in bf16; the first 600 bf16 steps at --logit-mean 2).
train denoiser --start START --folder OBJECTS --rooms 0 --objects 180 --shares 0 1 0 0 --since 0 -9000 0 0 \
  --steps 4600 --cooldown 2600 --learning-rate 8e-4 --logit-mean 2.0
train denoiser --folder OBJECTS --rooms 0 --objects 150 --shares 0 1 0 0 --since 0 -9000 0 0 \
  --steps 9000 --cooldown 3000 --learning-rate 8e-4 --logit-mean 1.2 --small 0.4 --groups 1 1 4 8 --bfloat16

# 3. Scenes on their own (one core: 75 minutes in float32, 95 in bf16). The second command goes on in the same folder;
#    its denoiser.pt is set aside as BEFORE.
train denoiser --start START --rooms 360 --more-rooms 41 --landscapes 36 --shares 0.7 0 0.16 0.14 \
  --since -90000 0 -90000 -90000 --steps 3600 --cooldown 2200 --learning-rate 8e-4 --warmup 200 --logit-mean 3.0 \
  --small 0.65 --groups 1 1 1 1 4 8
train denoiser --rooms 475 --more-rooms 60 --landscapes 36 --shares 0.7 0 0.16 0.14 \
  --since -8200 0 2433 -90000 --steps 12600 --cooldown 5500 --learning-rate 8e-4 --logit-mean 2.5 \
  --small 0.6 --groups 1 1 1 1 4 8 --bfloat16

# 4. Scenes: lower noise levels and whole pictures (45 minutes), then the mean with BEFORE.
train denoiser --rooms 260 --more-rooms 36 --landscapes 30 --shares 0.68 0 0.16 0.16 \
  --since -90000 0 -90000 -90000 --steps 17600 --cooldown 4000 --learning-rate 8e-4 --logit-mean 0.7 \
  --logit-spread 1.6 --small 0.25 --groups 1 1 4 8 --bfloat16
export_weights --objects OBJECTS --earlier BEFORE # MEAN; later without --earlier, from AGAIN, rooms as shipped

# 5. Scenes: things that captions name count more (1.5 hours; --emphasis 4, in all commands before 0).
train denoiser --start MEAN --folder ANEW --rooms 200 --more-rooms 30 --landscapes 26 \
  --shares 0.72 0 0.14 0.14 --since -1000 0 0 0 --steps 6500 --cooldown 3300 --learning-rate 8e-4 --warmup 200 \
  --logit-mean 2.2 --logit-spread 1.6 --small 0.55 --groups 1 1 1 4 8 --bfloat16

# 6. The same with more emphasis and more small pictures (from step 4842 on with --steps 5600 --cooldown 1780).
train denoiser --start SHIPPED --folder AGAIN --rooms 105 --more-rooms 30 --landscapes 26 --seed 5 \
  --shares 0.72 0 0.14 0.14 --since -400 0 0 0 --steps 6300 --cooldown 3300 --learning-rate 8e-4 --warmup 200 \
  --emphasis 6 --logit-mean 2.2 --logit-spread 1.6 --small 0.65 --groups 1 1 1 4 8 --bfloat16

# 7. Objects at lower noise levels: two runs, one core each (90 minutes), and their mean. The second went on from a
#    copy of the first's checkpoint at step 1057.
for seed in 21 22; do
  train denoiser --start assets/prior --folder "OBJECTS-$seed" --rooms 0 --objects 100 --seed "$seed" \
    --shares 0 1 0 0 --since 0 -400 0 0 --steps 3000 --cooldown 1900 --learning-rate 8e-4 --warmup 150 --emphasis 6 \
    --logit-mean 0.9 --logit-spread 1.8 --small 0.4 --groups 1 1 4 8
done
export_weights --objects OBJECTS-21 --objects-earlier OBJECTS-22/denoiser.pt --share 0.5

# 8. Rooms likewise: two runs, one core each (75 minutes), and their mean (--steps 2600 --cooldown 1600 up to step 430).
for seed in 31 32; do
  train denoiser --start assets/prior --folder "ROOMS-$seed" --rooms 80 --more-rooms 18 --landscapes 18 \
    --seed "$seed" --shares 0.72 0 0.14 0.14 --since -9000 0 -9000 -9000 --steps 2300 --cooldown 1500 \
    --learning-rate 8e-4 --warmup 150 --emphasis 8 --logit-mean 2.2 --logit-spread 1.6 --small 0.7 --groups 1 1 1 4 8
done
export_weights --folder ROOMS-31 --earlier ROOMS-32/denoiser.pt --share 0.5

# 9. Depth, half of it objects (one core, 1.5 hours, one folder; in the first stage --shares 0.28 0.52 0.1 0.1).
for stage in "6000 --cooldown 2500" "9600 --cooldown 3000" "15400 --cooldown 4500"; do
  # shellcheck disable=SC2086
  train depth --start assets/prior --folder DEPTH --rooms 40 --objects 110 --more-rooms 16 \
    --landscapes 14 --shares 0.3 0.5 0.1 0.1 --learning-rate 1e-3 --small 0.25 --seed 51 --steps $stage
done
export_weights --folder DEPTH

# 10. Ten minutes on an H200, all three at once, each with its pool of scenes already growing on 14 cores. The first
#     250 steps of each with --cooldown 0 --growth 0. Objects ended at step 5678, depth at 15543.
gpu=(--start assets/prior --bfloat16 --device cuda --workers 0)
train denoiser "${gpu[@]}" --folder ROOMS-41 --rooms 1000 --more-rooms 320 --landscapes 320 --seed 41 \
  --shares 0.7 0 0.16 0.14 --growth 0.0833 --since -492 0 -448 -1058 --steps 4936 --cooldown 2961 --images 512 \
  --learning-rate 1.2e-3 --warmup 300 --ema 0.9985 --emphasis 6 --logit-mean 1.7 --logit-spread 1.8 --small 0.5 \
  --groups 1 1 4 8
train denoiser "${gpu[@]}" --folder OBJECTS-42 --rooms 0 --objects 700 --shares 0 1 0 0 --seed 42 \
  --growth 0.1054 --since 0 -725 0 0 --steps 5764 --cooldown 3458 --images 384 --learning-rate 1.2e-3 --warmup 300 \
  --ema 0.9985 --emphasis 4 --logit-mean 1.0 --logit-spread 1.8 --small 0.4 --groups 1 1 4 8
train depth "${gpu[@]}" --folder DEPTH-43 --rooms 1000 --objects 700 --more-rooms 320 --landscapes 320 --seed 43 \
  --shares 0.36 0.4 0.12 0.12 --growth 0.0214 --since -5372 -11763 -3372 -5690 --steps 32988 --cooldown 19792 \
  --images 256 --learning-rate 1.5e-3 --warmup 200 --ema 0.998 --small 0.25

# 11. Depth once more, on many more objects (one core with bf16, under an hour).
train depth --start assets/prior --folder DEPTH-71 --rooms 120 --objects 1500 --more-rooms 40 \
  --landscapes 40 --shares 0.25 0.55 0.1 0.1 --growth 0.03 --since -11200 -72400 -90000 -90000 --steps 20000 \
  --cooldown 16000 --images 128 --learning-rate 1.2e-3 --warmup 200 --small 0.2 --seed 71 --bfloat16
export_weights --folder DEPTH-71

# 12. The decoder once more (two cores with bf16, 54 minutes).
train decoder --prior assets/prior --folder DECODER-81 --rooms 120 --objects 60 --more-rooms 30 \
  --landscapes 30 --shares 0.45 0.25 0.14 0.16 --steps 12000 --cooldown 8000 --warmup 150 --ema 0.999 --seed 81 \
  --bfloat16
export_weights --folder DECODER-81

# 13. And again, with more first guesses (an hour, one folder; the first stage was ended at step 8918).
for stage in "18500 --cooldown 13000" "15000 --cooldown 9500"; do
  # shellcheck disable=SC2086
  train decoder --prior assets/prior --folder DECODER-82 --rooms 120 --objects 60 --more-rooms 30 \
    --landscapes 30 --shares 0.6 0.18 0.1 0.12 --warmup 150 --ema 0.999 --seed 82 --bfloat16 --steps $stage
done
export_weights --folder DECODER-82

# 14. What the learned baseline knows: 12 minutes of asking the denoisers (45 of the runs were done by then), then of one
#     core 45 minutes of learning without the terms of guidance, and 25 with them, the last 5000 steps cooling down.
train_response() {
  python -m gs_stein.world.train response --folder RESPONSE --rooms.shards 16 --objects.shards 16 \
    --more-rooms.shards 8 --landscapes.shards 8 --passes 2 --runs 64 --seconds 1300 "$@"
}
train_response --steps 9000 --cooldown 6000
train_response --steps 15000 --cooldown 5000
export_weights --folder RESPONSE

# 15. Guidance in one evaluation: 15 minutes of asking (22 shards for scenes, 19 for objects) and 30 to 40 of learning, on
#     a core each, other jobs beside them; both began with longer schedules, at step 603 and 898 with these.
train guided --folder GUIDED --rooms.shards 16 --more-rooms.shards 8 --landscapes.shards 8 --passes 2 --seconds 900 \
  --steps 1800 --cooldown 1200
train guided --folder GUIDED-OBJECTS --rooms.shards 0 --objects.shards 16 --passes 2 --seconds 900 \
  --steps 1600 --cooldown 700
export_weights --folder GUIDED --objects GUIDED-OBJECTS
