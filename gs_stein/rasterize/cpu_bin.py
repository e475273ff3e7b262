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

from gs_stein.rasterize.cpu_layouts import TILE, jitted, jitted_inline
from gs_stein.rasterize.options import ALPHA_MIN
from gs_stein.rasterize.team import sharing

_LN_LOWEST = np.float32(math.log(ALPHA_MIN))
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


@no_type_check
def _list_pairs(share, shares, views, features, seen, listed):
    """List the tiles that each seen Gaussian touches, Gaussian after Gaussian, from each chunk's first slot on."""
    for chunk in range(share, seen.chunk_starts.shape[0] - 1, shares):
        found = seen.slot_starts[chunk]
        for item in range(seen.chunk_starts[chunk], seen.chunk_starts[chunk + 1]):
            listed.item_ranges[item, 0] = found
            found = _list_tiles(views, features[item], seen.extents[item], found, listed)
            listed.item_ranges[item, 1] = found
        listed.counts[chunk] = found - seen.slot_starts[chunk]


@jitted_inline
@no_type_check
def _list_tiles(views, feature, extent, found, listed):
    """List the tiles of one Gaussian; returns the next slot."""
    x, y, hx, hy = feature[0], feature[1], extent[0], extent[1]
    slope = -feature[3] / feature[4]
    peak = -feature[3] / feature[2] * hy
    # The ellipse's half height above its own centre line, which shrinks towards its left and right ends.
    middle = math.sqrt(float32(2.0) * max(feature[5] - _LN_LOWEST, _ZERO) / feature[4])
    first = max(math.floor((x - hx) / TILE), 0)
    last = min(math.floor((x + hx) / TILE), views.tiles_x - 1)
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
        bottom = min(math.floor(y + high - _HALF + slack), views.tiles_y * TILE - 1)
        if top > bottom:
            continue
        for row in range(top // TILE, bottom // TILE + 1):
            listed.tiles[found] = row * views.tiles_x + column
            listed.rows[found] = max(top - row * TILE, 0) * 16 + min(bottom - row * TILE, TILE - 1)
            listed.columns[found] = c0 * 16 + c1
            found += 1
    return found


_share_list_pairs = sharing(_list_pairs)


@jitted
@no_type_check
def list_pairs(parallel, threads, *arguments):
    return _share_list_pairs(parallel, threads, arguments)


@no_type_check
def _sort_and_bin(share, shares, views, bits, seen, listed, pairs):
    """Per view: sort the seen Gaussians by depth, and group the pairs by tile in that order; bits: of the features."""
    tiles = views.tiles_x * views.tiles_y
    for view in range(share, views.viewmats.shape[0], shares):
        start, end, base = seen.view_starts[view], seen.view_starts[view + 1], pairs.view_starts[view]
        places = np.empty(tiles + 1, np.int64)
        for tile in range(tiles + 1):
            places[tile] = 0
        for item in range(start, end):
            for slot in range(listed.item_ranges[item, 0], listed.item_ranges[item, 1]):
                places[listed.tiles[slot] + 1] += 1
        for tile in range(tiles):
            places[tile + 1] += places[tile]
            pairs.tile_ranges[view, tile, 0] = base + places[tile]
            pairs.tile_ranges[view, tile, 1] = base + places[tile + 1]
        order = _by_depth(bits, start, end - start)
        for rank in range(end - start):
            item = start + order[rank]
            for slot in range(listed.item_ranges[item, 0], listed.item_ranges[item, 1]):
                tile = listed.tiles[slot]
                place = base + places[tile]
                places[tile] += 1
                pairs.items[place], pairs.slots[place] = item, slot
                pairs.rows[place], pairs.columns[place] = listed.rows[slot], listed.columns[slot]


_share_sort_and_bin = sharing(_sort_and_bin)


@jitted
@no_type_check
def sort_and_bin(parallel, threads, *arguments):
    return _share_sort_and_bin(parallel, threads, arguments)


@jitted
@no_type_check
def _by_depth(bits, start, count):
    """Stable order of rows start … start + count by column 9, which is positive: its bits sort like integers."""
    keys, order = np.empty(count, np.uint32), np.empty(count, np.int32)
    other_keys, other_order = np.empty(count, np.uint32), np.empty(count, np.int32)
    places = np.empty(2049, np.int64)
    for i in range(count):
        keys[i], order[i] = bits[start + i, 9], i
    for shift in (0, 11, 22):
        for digit in range(2049):
            places[digit] = 0
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
