"""The bench on pixels: nonsense is refused before anything is computed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gs_stein.bench import words
from gs_stein.bench.pixels import Options, gain


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"arms": ("sds", "nonsense")}, "arms: nonsense unknown; choose from raw"),
        ({"rates": ()}, "rates: .* give one positive factor"),
        ({"rates": (1.0, 0.0)}, "rates: .* give one positive factor"),
        ({"rates": (math.nan,)}, "rates: .* give one positive factor"),
        ({"guidance": (math.nan,)}, "guidance: .* give one finite scale"),
        ({"seeds": -1}, "seeds: -1 is below 0"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**wrong)


def test_a_bench_of_words_wants_captions() -> None:
    with pytest.raises(ValueError, match="scenes: 0 is below 1"):
        words.Options(scenes=0)


def test_an_image_that_an_arm_never_brings_there_counts_as_no_gain() -> None:
    import torch

    sds = torch.tensor([100.0, 100.0, 100.0, torch.inf])
    middle, low, high = gain(sds, torch.tensor([50.0, torch.inf, 50.0, 1.0]))
    assert middle == 2.0
    assert (low, high) == (0.0, 2.0)
