"""Numba kernels: which Gaussian touches which tile.

The image is cut into tiles of 16×16 pixels. Every view gets one list of pairs (tile, Gaussian), grouped by tile and in
depth order inside it, each with the rows and columns that the Gaussian's ellipse can reach in that tile, so that little
is computed that would be thrown away.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_layouts import TILE, jitted
from gs_stein.rasterize.options import ALPHA_MIN
from gs_stein.rasterize.team import sharing

_LN_LOWEST = np.float32(math.log(ALPHA_MIN))
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


@no_type_check
def _sort_and_bin(share, shares, views, features, seen, pairs):
    """Per view: sort the seen Gaussians by depth, list the tiles that each touches, and group the pairs by tile."""
    tiles_x, tiles_y = views.tiles_x, views.tiles_y
    for view in range(share, views.viewmats.shape[0], shares):
        start, base = seen.view_starts[view], seen.pair_starts[view]
        count, capacity = seen.view_starts[view + 1] - start, seen.pair_starts[view + 1] - base
        order = _by_depth(features, start, count)
        tile_of = np.empty(capacity, np.int32)
        item_of = np.empty(capacity, np.int32)
        rows_of = np.empty(capacity, np.uint8)
        columns_of = np.empty(capacity, np.uint8)
        histogram = np.zeros(tiles_x * tiles_y + 1, np.int64)
        found = 0
        for rank in range(count):
            item = start + order[rank]
            pairs.item_ranges[item, 0] = base + found
            x, y = features[item, 0], features[item, 1]
            hx, hy = seen.extents[item, 0], seen.extents[item, 1]
            slope = -features[item, 3] / features[item, 4]
            peak = -features[item, 3] / features[item, 2] * hy
            # The ellipse's half height above its own centre line, which shrinks towards its left and right ends.
            middle = math.sqrt(float32(2.0) * max(features[item, 5] - _LN_LOWEST, _ZERO) / features[item, 4])
            first = max(math.floor((x - hx) / TILE), 0)
            last = min(math.floor((x + hx) / TILE), tiles_x - 1)
            for column in range(first, last + 1):
                left = max(column * TILE + _HALF - x, -hx)
                right = min(column * TILE + TILE - _HALF - x, hx)
                if left > right:
                    continue
                at = min(max(peak, left), right)
                inside = max(_ONE - (at / hx) * (at / hx), _ZERO)
                high = hy if at == peak else slope * at + middle * math.sqrt(inside)
                at = min(max(-peak, left), right)
                inside = max(_ONE - (at / hx) * (at / hx), _ZERO)
                low = -hy if at == -peak else slope * at - middle * math.sqrt(inside)
                # First and last pixel rows whose centres lie between, with a little room for rounding; columns alike.
                slack = float32(0.02) + float32(1e-3) * hx
                c0 = max(math.ceil(x - hx - _HALF - slack) - column * TILE, 0)
                c1 = max(min(math.floor(x + hx - _HALF + slack) - column * TILE, TILE - 1), 0)
                slack = float32(0.02) + float32(1e-3) * hy
                top = max(math.ceil(y + low - _HALF - slack), 0)
                bottom = min(math.floor(y + high - _HALF + slack), tiles_y * TILE - 1)
                if top > bottom:
                    continue
                for row in range(top // TILE, bottom // TILE + 1):
                    tile = row * tiles_x + column
                    r0 = max(top - row * TILE, 0)
                    r1 = min(bottom - row * TILE, TILE - 1)
                    tile_of[found] = tile
                    item_of[found] = item
                    rows_of[found] = r0 * 16 + r1
                    columns_of[found] = c0 * 16 + c1
                    histogram[tile + 1] += 1
                    found += 1
            pairs.item_ranges[item, 1] = base + found
        for tile in range(tiles_x * tiles_y):
            histogram[tile + 1] += histogram[tile]
            pairs.tile_ranges[view, tile, 0] = base + histogram[tile]
            pairs.tile_ranges[view, tile, 1] = base + histogram[tile + 1]
        for pair in range(found):
            place = base + histogram[tile_of[pair]]
            histogram[tile_of[pair]] += 1
            pairs.items[place] = item_of[pair]
            pairs.rows[place] = rows_of[pair]
            pairs.columns[place] = columns_of[pair]
            pairs.slots[place] = base + pair


_share_sort_and_bin = sharing(_sort_and_bin)


@jitted
@no_type_check
def sort_and_bin(parallel, threads, *arguments):
    return _share_sort_and_bin(parallel, threads, arguments)


@jitted
@no_type_check
def _by_depth(features, start, count):
    """Stable order of rows start … start + count by column 9, which is positive: its bits sort like integers."""
    depths = np.empty(count, np.float32)
    for i in range(count):
        depths[i] = features[start + i, 9]
    keys = depths.view(np.uint32)
    order = np.arange(count).astype(np.int32)
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    for shift in (0, 11, 22):
        places = np.zeros(2049, np.int64)
        for i in range(count):
            places[((keys[i] >> np.uint32(shift)) & np.uint32(2047)) + 1] += 1
        for digit in range(2048):
            places[digit + 1] += places[digit]
        for i in range(count):
            digit = (keys[i] >> np.uint32(shift)) & np.uint32(2047)
            other_keys[places[digit]] = keys[i]
            other_order[places[digit]] = order[i]
            places[digit] += 1
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    return order
