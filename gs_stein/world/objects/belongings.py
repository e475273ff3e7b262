"""What one wears or carries: crowns, umbrellas, backpacks, boots and skateboards."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.objects.kit import Kit


def crown(k: Kit) -> None:
    """Golden or silver, with points, jewels and sometimes a cap."""
    b = k.b
    name = b.pick(("yellow", "yellow", "yellow", "grey"))
    gold = k.metal(name)
    jewel = k.paint(k.colour("red", "blue", "green", "purple", "teal", "pink"), 0.25)
    count = b.pick((5, 6, 7, 8))
    cap = b.chance(0.5)
    with k.part("crown", gold, "gold" if name == "yellow" else "metal"):
        for j in range(24):
            with b.at(0, 0, 0, 15 * j):
                b.box(0.56, 0, 0, 0.06, 0.155, 0.3, gold)
        b.torus(0, 0, 0.03, 0.56, 0.055, gold)
        b.torus(0, 0, 0.3, 0.56, 0.04, gold)
        for j in range(count):
            with b.at(0, 0, 0, 360 * (j + 0.5) / count):
                b.frustum(0.6, 0, 0.28, 0.06, 2.9 / count, 0.42, gold, 1.0, 0.06, rotation(roll=8))
                b.ellipsoid(0.64, 0, 0.74, 0.07, 0.07, 0.07, gold)
    with k.part("jewels", jewel, "glass", True):
        for j in range(count):
            with b.at(0, 0, 0, 360 * (j + 0.5) / count):
                b.ellipsoid(0.595, 0, 0.165, 0.05, 0.085, 0.09, jewel)
    if cap:
        velvet = k.cloth(k.colour("red", "purple", "blue", "navy", "green"))
        if velvet.colour == jewel.colour:
            return
        with k.part("velvet cap", velvet, "fabric"):
            b.ellipsoid(0, 0, 0.24, 0.52, 0.52, 0.36, velvet, cut=0.0)


def umbrella(k: Kit) -> None:
    """Open, of one colour or two, with a hooked handle."""
    b = k.b
    name = k.colour()
    second = k.other(name)
    main, other = k.paint(name, 0.03), k.paint(second, 0.03)
    two = b.chance(0.5)
    with k.part("umbrella", main, f"striped {second}" if two else "fabric"):
        b.ellipsoid(0, 0, 0.86, 0.8, 0.8, 0.5, main, cut=0.0)
        if two:
            for j in range(4):
                b.ellipsoid(0, 0, 0.86, 0.805, 0.17, 0.507, other, rotation(yaw=45 * j), cut=0.0)
        b.ellipsoid(0, 0, 0.855, 0.78, 0.78, 0.05, k.dark(0.0))
        for j in range(8):
            a = math.pi * (j + 0.5) / 4
            b.ellipsoid(0.8 * math.cos(a), 0.8 * math.sin(a), 0.86, 0.03, 0.03, 0.03, k.metal())
            b.rod((0, 0, 0.5), (0.5 * math.cos(a), 0.5 * math.sin(a), 0.83), 0.012, k.metal())
        b.cone(0, 0, 1.34, 0.035, 0.16, k.metal(), 0.4)
        b.cone(0, 0, 0.0, 0.026, 0.9, k.metal())
    handle = k.wood() if b.chance(0.6) else k.paint(k.other(name), 0.06)
    with k.part("handle", handle, "wood" if handle.texture else "paint"):
        hook = [(0.13 - 0.13 * math.cos(math.radians(a)), 0, -0.14 - 0.13 * math.sin(math.radians(a))) for a in
                range(0, 201, 40)]  # fmt: skip
        k.limb([(0, 0, 0.12), *hook], 0.045, 0.045, handle)


def backpack(k: Kit) -> None:
    """Rucksack with pockets to the south and straps to the north."""
    b = k.b
    cloth = k.cloth(k.colour())
    second = k.cloth(k.other(cloth.colour))
    with k.part("backpack", cloth, "fabric"):
        b.box(0, 0, 0, 0.86, 0.5, 1.0, cloth, 0.16)
        b.ellipsoid(0, 0, 0.92, 0.41, 0.25, 0.2, cloth)
        b.torus(0, 0.06, 1.12, 0.11, 0.03, k.dark(0.0), ON_SIDE)
        for s in (-1, 1):
            k.limb(
                ((s * 0.22, 0.2, 1.0), (s * 0.24, 0.36, 0.86), (s * 0.26, 0.38, 0.5), (s * 0.32, 0.22, 0.1)),
                0.06, 0.05, k.dark(0.0),
            )  # fmt: skip
    with k.part("pockets", second, "fabric", True):
        b.box(0, -0.3, 0.08, 0.6, 0.2, 0.44, second, 0.08)
        b.box(0, -0.34, 0.4, 0.64, 0.16, 0.14, cloth, 0.05)
        for s in (-1, 1):
            b.box(s * 0.46, 0, 0.08, 0.16, 0.32, 0.4, second, 0.06)
        b.box(0, -0.235, 0.82, 0.7, 0.08, 0.24, second, 0.04, rotation(pitch=-16))
    for s in (-1, 1):
        b.box(s * 0.2, -0.28, 0.6, 0.07, 0.03, 0.32, k.wood("dark"), 0.01)
        b.box(s * 0.2, -0.3, 0.66, 0.11, 0.03, 0.09, k.metal("yellow"), 0.01)


def boot(k: Kit) -> None:
    """Laced, or of rubber; its toe to the east."""
    b = k.b
    laced = b.chance(0.55)
    leather = k.paint(
        k.colour("brown", "brown", "black", "red", "orange", "beige") if laced else k.colour(), 0.05 if laced else 0.12
    )
    sole = k.paint("black" if leather.colour != "black" else "beige", 0.02)
    lining = k.cloth("beige" if leather.colour not in ("beige", "white") else "brown")
    tall = b.uniform(0.7, 0.95)
    with k.part("boot", leather, "leather" if laced else "rubber"):
        b.cone(-0.2, 0, 0.3, 0.25, tall, leather, 1.12, 0.22)
        b.ellipsoid(-0.2, 0, 0.32, 0.27, 0.22, 0.25, leather)
        b.ellipsoid(0.2, 0, 0.1, 0.54, 0.24, 0.32, leather, cut=0.0)
        b.ellipsoid(0.0, 0, 0.34, 0.26, 0.2, 0.26, leather, rotation(roll=30))
        b.cone(-0.2, 0, 0.295 + tall, 0.25, 0.02, k.dark(0.0), 1.0, 0.215)
    with k.part("sole", sole, "rubber"):
        b.cone(0.2, 0, 0.0, 0.57, 0.12, sole, 1.0, 0.26)
        b.cone(-0.22, 0, 0.0, 0.28, 0.14, sole, 1.0, 0.245)
        b.cone(-0.24, 0, -0.08, 0.25, 0.1, sole, 1.0, 0.225)
        b.cone(0.3, 0, -0.08, 0.38, 0.1, sole, 1.0, 0.22)
    if laced:
        with k.part("lining", lining, "fabric"):
            for j in range(12):
                a = math.pi * j / 6
                b.ellipsoid(-0.2 + 0.25 * math.cos(a), 0.22 * math.sin(a), 0.3 + tall, 0.09, 0.09, 0.08, lining)
        for j in range(4):
            b.rod((0.08 - 0.02 * j, -0.12, 0.5 + 0.15 * j), (0.08 - 0.02 * j, 0.12, 0.5 + 0.15 * j), 0.024, lining)
            for s in (-1, 1):
                b.ellipsoid(0.06 - 0.02 * j, s * 0.13, 0.5 + 0.15 * j, 0.03, 0.02, 0.03, k.metal("yellow"))
    else:
        b.torus(-0.2, 0, 0.27 + tall, 0.255, 0.035, sole)


def skateboard(k: Kit) -> None:
    """Deck with raised ends on four wheels, seen a little from the side."""
    b = k.b
    deck = k.paint(k.colour(), 0.05) if b.chance(0.75) else k.wood()
    wheel = k.paint(k.other(deck.colour), 0.06)
    stripe = k.paint(k.other(deck.colour, wheel.colour), 0.03)
    with k.part("skateboard", deck, "wood" if deck.texture else "paint"):
        b.box(0, 0, 0.3, 1.3, 0.5, 0.07, deck, 0.03)
        b.box(0, 0, 0.366, 0.5, 0.46, 0.01, stripe)
        for s in (-1, 1):
            with b.at(s * 0.63, 0, 0.335, roll=-s * 22):
                b.box(s * 0.1, 0, -0.035, 0.24, 0.5, 0.07, deck, 0.03)
                b.cone(s * 0.2, 0, -0.035, 0.25, 0.07, deck)
            b.box(s * 0.46, 0, 0.18, 0.2, 0.2, 0.13, k.metal(), 0.03)
            b.rod((s * 0.46, -0.22, 0.15), (s * 0.46, 0.22, 0.15), 0.035, k.metal())
            for t in (-1, 1):
                b.ellipsoid(s * 0.4, t * 0.1, 0.375, 0.02, 0.02, 0.012, k.metal())
                b.ellipsoid(s * 0.52, t * 0.1, 0.375, 0.02, 0.02, 0.012, k.metal())
    with k.part("wheels", wheel, "paint", True):
        for s in (-1, 1):
            for t in (-1, 1):
                b.cone(s * 0.46, t * 0.24, 0.06, 0.14, 0.15, wheel, turn=ON_SIDE)
                b.cone(s * 0.46, t * 0.24, 0.055, 0.05, 0.17, k.metal(), turn=ON_SIDE)
