"""What people sit on in several rooms; frames as in `parts.py`."""

from __future__ import annotations

from gs_stein.world.builder import rotation
from gs_stein.world.materials import Material, Number, fabric
from gs_stein.world.rooms.parts import legs, surface_kind
from gs_stein.world.styles import Look


def sofa(look: Look, width: Number = 2.1, name: str = "sofa", cloth: Material | None = None) -> None:
    """Two- or three-seater (or an armchair) with arms, seat and back cushions and legs."""
    b = look.b
    cloth = cloth or look.fabric()
    dark = fabric(b.rng, cloth.colour)
    seats = 1 if width < 1.2 else (3 if width > 2.15 else 2)
    arm = b.uniform(0.14, 0.22)
    soft = b.uniform(0.04, 0.08)
    low = b.uniform(0.08, 0.14)
    inner = width - 2 * arm
    with b.thing(name, cloth, "fabric"):
        b.box(0, -0.46, low, width - 0.04, 0.84, 0.22, cloth, 0.03)
        b.box(0, -0.12, low, width - 0.03, 0.22, 0.68 - low, cloth, soft)
        for s in (-1, 1):
            b.box(s * (width - arm) / 2, -0.46, low, arm, 0.9, 0.56 - low, cloth, soft)
        for i in range(seats):
            w = inner / seats
            x = -inner / 2 + (i + 0.5) * w
            b.box(x, -0.56, low + 0.2, w - 0.015, 0.7, 0.17, dark, 0.055)
            b.box(x, -0.27, low + 0.34, w - 0.03, 0.2, 0.46, dark, 0.085, rotation(pitch=-12))
        legs(b, width - 0.16, 0.7, -0.45, low + 0.02, 0.03, look.wood)
    count = int(b.chance(look.palette.clutter)) + int(b.chance(0.5 * look.palette.clutter))
    if name == "sofa" and count:
        pillow = look.accent()
        with b.thing("cushions" if count > 1 else "cushion", pillow, "fabric", count > 1):
            for s in (-1, 1)[:count]:
                b.box(
                    s * (inner / 2 - 0.22),
                    -0.42,
                    low + 0.37,
                    0.4,
                    0.14,
                    0.38,
                    pillow,
                    0.065,
                    rotation(yaw=-s * 12, pitch=-22, roll=s * 6),
                )


def chair(look: Look, seat: Material | None = None, name: str = "chair", wood_frame: Material | None = None) -> None:
    """Dining chair around the origin, facing −y."""
    b = look.b
    frame = wood_frame or look.wood
    main = seat or frame
    with b.thing(name, main, "fabric" if seat else surface_kind(frame)):
        b.box(0, 0, 0.43, 0.42, 0.42, 0.035 if not seat else 0.06, main, 0.015)
        legs(b, 0.36, 0.36, 0.0, 0.44, 0.02, frame)
        for s in (-1, 1):
            b.box(s * 0.185, 0.195, 0.45, 0.035, 0.03, 0.48, frame)
        b.box(0, 0.19, 0.62, 0.37, 0.03, 0.29, main, 0.014)


def cushion_seat(look: Look) -> Material:
    """Seat material of a set of chairs."""
    return fabric(look.b.rng, look.fabric_colour())


def bench(look: Look, width: Number = 1.1) -> None:
    """Upholstered bench."""
    b = look.b
    cloth = look.accent()
    with b.thing("bench", cloth, "fabric"):
        b.box(0, -0.2, 0.32, width, 0.4, 0.13, cloth, 0.045)
        legs(b, width - 0.14, 0.28, -0.2, 0.34, 0.025, look.wood)


def pouf(look: Look) -> None:
    """Round stool of cloth."""
    b = look.b
    cloth = look.accent()
    with b.thing("pouf", cloth, "fabric"):
        b.cone(0, -0.3, 0.06, 0.27, 0.26, cloth)
        b.ellipsoid(0, -0.3, 0.32, 0.27, 0.27, 0.075, cloth)
        b.ellipsoid(0, -0.3, 0.07, 0.27, 0.27, 0.07, cloth)
