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
    """List the tiles that each seen Gaussian touches, Gaussian after Gaussian, from each chunk's first slot on, and its
    depth, whose bits sort like integers since it is positive."""
    for chunk in range(share, seen.chunk_starts.shape[0] - 1, shares):
        found = seen.slot_starts[chunk]
        for item in range(seen.chunk_starts[chunk], seen.chunk_starts[chunk + 1]):
            listed.item_ranges[item, 0] = found
            found = _list_tiles(views, features[item], seen.extents[item], found, listed)
            listed.item_ranges[item, 1] = found
            listed.depths[item] = features[item, 9]


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
def _sort_by_depth(share, shares, bits, seen, listed, slices):
    """Per view and slice of depths: sort the Gaussians that lie in it, and count their pairs by tile.

    Args:
        share, shares: this one, of so many.
        bits: of `listed.depths`.
        seen, listed: what is sorted.
        slices: what is filled in.
    """
    parts = slices.counts.shape[1]
    for part in range(share, slices.counts.shape[0] * parts, shares):
        view, i = part // parts, part % parts
        start, end = seen.view_starts[view], seen.view_starts[view + 1]
        lowest, highest = slices.bounds[view, i], slices.bounds[view, i + 1]
        before = count = 0
        for item in range(start, end):
            before += bits[item] < lowest
            count += (bits[item] >= lowest) & (bits[item] < highest)
        keys, order = np.empty(count, np.uint32), np.empty(count, np.int32)
        count = 0
        for item in range(start, end):
            if (bits[item] >= lowest) & (bits[item] < highest):
                keys[count], order[count] = bits[item], item
                count += 1
        order = _sorted(keys, order)
        slices.ranges[view, i, 0], slices.ranges[view, i, 1] = start + before, start + before + count
        for tile in range(slices.counts.shape[2]):
            slices.counts[view, i, tile] = 0
        for rank in range(count):
            item = order[rank]
            slices.items[start + before + rank] = item
            for slot in range(listed.item_ranges[item, 0], listed.item_ranges[item, 1]):
                slices.counts[view, i, listed.tiles[slot]] += 1


_share_sort_by_depth = sharing(_sort_by_depth)


@jitted
@no_type_check
def sort_by_depth(parallel, threads, *arguments):
    return _share_sort_by_depth(parallel, threads, arguments)


@no_type_check
def _group_by_tile(share, shares, listed, slices, pairs):
    """Per view and slice of depths: put each pair in its tile's list, behind those of nearer slices."""
    parts = slices.counts.shape[1]
    for part in range(share, slices.counts.shape[0] * parts, shares):
        view, i = part // parts, part % parts
        for rank in range(slices.ranges[view, i, 0], slices.ranges[view, i, 1]):
            item = slices.items[rank]
            for slot in range(listed.item_ranges[item, 0], listed.item_ranges[item, 1]):
                tile = listed.tiles[slot]
                place = slices.places[view, i, tile]
                slices.places[view, i, tile] += 1
                pairs.items[place], pairs.slots[place] = item, slot
                pairs.rows[place], pairs.columns[place] = listed.rows[slot], listed.columns[slot]


_share_group_by_tile = sharing(_group_by_tile)


@jitted
@no_type_check
def group_by_tile(parallel, threads, *arguments):
    return _share_group_by_tile(parallel, threads, arguments)


@jitted
@no_type_check
def _sorted(keys, order):
    """Order of rows by their keys, stable."""
    count = len(keys)
    other_keys, other_order = np.empty(count, np.uint32), np.empty(count, np.int32)
    places = np.empty(2049, np.int64)
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
