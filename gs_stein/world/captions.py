"""Captions of scenes: paraphrases, each naming a random part of what is true of the picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gs_stein.world import more_words
from gs_stein.world.builder import Relation, Scene, Thing

STYLE_WORDS = {
    "cozy": ("cozy", "cozy", "warm and cozy", "homely", "snug"),
    "modern": ("modern", "modern", "contemporary", "sleek modern"),
    "minimalist": ("minimalist", "minimalist", "minimal", "simple minimalist"),
    "rustic": ("rustic", "rustic", "rustic country", "farmhouse style"),
    "industrial": ("industrial", "industrial", "industrial style", "loft style"),
    "colorful": ("colorful", "colorful", "vivid", "playful and colorful"),
}
TIMES_INDOORS = {
    "day": ("during the day", "in daylight", "by day", "on a cloudy day"),
    "sunny": ("on a sunny day", "in bright sunlight", "with sunlight coming in", "in the sunshine"),
    "sunset": ("at sunset", "at dusk", "in the evening light", "with a sunset outside the window"),
    "night": ("at night", "at night", "in the night with lamps on", "with a dark night outside"),
}
TIME_ADJECTIVES = {"sunny": ("bright", "sunny", "sunlit", "bright sunny")}
TIMES_OUTDOORS = {
    "day": ("during the day", "in daylight", "by day"),
    "sunny": ("on a sunny day", "in bright sunlight", "under a blue sky", "in the sunshine"),
    "sunset": ("at sunset", "at dusk", "in the evening light"),
    "night": ("at night", "at night", "under the stars", "in the moonlight"),
}
ROOM_WORDS = {
    "living room": ("living room", "living room", "living room", "lounge", "sitting room"),
    "bedroom": ("bedroom", "bedroom", "bedroom", "sleeping room"),
    "kitchen": ("kitchen",),
    "dining room": ("dining room",),
    "bathroom": ("bathroom",),
    "library": ("library", "library", "reading room"),
    "forest clearing": ("forest clearing", "forest", "clearing in a forest"),
    "desert": ("desert", "desert", "sandy desert"),
    "snowy mountains": ("snowy mountain landscape", "snowy mountains", "winter landscape"),
    "beach": ("beach", "beach", "sandy beach"),
    "nursery": ("nursery", "nursery", "children's room", "kid's room"),
    "office": ("office", "office", "home office", "study room"),
} | more_words.PLACES
"""Other words for rooms and landscapes, the likelier the more often; a kind without a row is called what it is."""
SYNONYMS = {
    "sofa": ("sofa", "sofa", "couch"),
    "television": ("television", "TV"),
    "potted plant": ("potted plant", "plant", "green plant"),
    "picture": ("picture on the wall", "framed picture", "painting"),
    "rug": ("rug", "rug", "carpet on the floor"),
    "bookshelf": ("bookshelf", "bookcase"),
    "cabinets": ("cabinets", "kitchen cabinets", "cupboards"),
    "armchair": ("armchair", "easy chair"),
    "computer": ("computer", "computer screen"),
    "fridge": ("fridge", "refrigerator"),
    "floor lamp": ("floor lamp", "standing lamp"),
    "nightstand": ("nightstand", "bedside table"),
    "wardrobe": ("wardrobe", "closet"),
    "crib": ("crib", "baby crib", "cot"),
    "bathtub": ("bathtub", "bath tub", "tub"),
    "play tent": ("play tent", "tent"),
} | more_words.SYNONYMS
_MAIN = {
    "living room": ("sofa", "walls", "rug", "curtains", "armchair", "bookshelf", "floor", "television"),
    "bedroom": ("bed", "walls", "curtains", "rug", "wardrobe", "floor", "dresser"),
    "kitchen": ("cabinets", "walls", "chairs", "fridge", "floor", "curtains", "table"),
    "dining room": ("table", "chairs", "walls", "floor", "rug", "curtains", "cupboard", "sideboard"),
    "bathroom": ("bathtub", "walls", "towels", "bathroom cabinet", "floor", "mirror", "toilet"),
    "library": ("bookshelf", "fireplace", "armchair", "walls", "rug", "ladder", "floor", "curtains"),
    "nursery": ("crib", "walls", "teddy bear", "rug", "play tent", "curtains", "armchair", "toy shelf"),
    "forest clearing": ("campfire", "tent", "pond", "log", "house", "flowers", "mushroom"),
    "desert": ("cacti", "tent", "pyramids", "oasis", "campfire"),
    "snowy mountains": ("house", "snowman", "fir trees", "frozen lake"),
    "beach": ("umbrella", "palm tree", "sailboat", "beach chair", "towel", "sea", "house", "lighthouse", "ball"),
    "office": ("desk", "walls", "office chair", "curtains", "bookshelf", "rug", "sofa", "floor"),
} | more_words.MAIN
"""What captions name most, per room."""
_SILENT = {
    "ceiling",
    "window",
    "worktop",
    "hood",
    "sink",
    "TV stand",
    "table lamp",
    "side table",
    "pin board",
    "tap",
    "candles",
    "table runner",
    "grass",
    "sand",
    "snow",
    "snowy roof",
    "mountains",
    "carrot",
    "scarf",
    "hat",
    "sails",
    "door",
    "roof",
    "trees",
} | more_words.SILENT
"""Things that are rarely worth a word."""
COLOURLESS = {
    "television",
    "computer",
    "picture",
    "mirror",
    "potted plant",
    "flowers",
    "fruit bowl",
    "clock",
    "globe",
    "mobile",
    "pennants",
    "candles",
    "fireplace",
    "campfire",
    "pond",
    "cacti",
    "pyramids",
    "oasis",
    "palm tree",
    "snowman",
    "fir trees",
    "frozen lake",
    "sea",
    "grass",
    "sand",
    "snow",
    "mountains",
    "snowy roof",
    "log",
    "trees",
    "mushroom",
    "lighthouse",
    "laundry basket",
    "toilet",
    "sink",
    "tap",
} | more_words.COLOURLESS


class Claim(NamedTuple):
    """What a caption says of guests."""

    ids: tuple[int, ...]
    """Of these things, which are so many."""
    attribute: str = ""
    """Their colour or material, as `attribute` has it; "" where the caption leaves it open."""
    relation: Relation | None = None
    """Where they are."""


class Caption(NamedTuple):
    """One description of a scene."""

    text: str
    named: tuple[int, ...]
    """Ids of the things that it names."""
    said: tuple[Claim, ...] = ()
    """Of guests."""


def phrase(thing: Thing, rng: np.random.Generator, bare: float = 0.2) -> str:
    """Noun phrase such as "a red sofa", "brick walls", "a wooden floor".

    Args:
        thing: what to name.
        rng: draws the wording.
        bare: chance of leaving out the colour.
    """
    names = SYNONYMS.get(thing.name, (thing.name,))
    noun = names[int(rng.integers(len(names)))]
    words = []
    bare = 0.0 if thing.name in ("walls", "floor") else bare  # "a room with walls" says nothing
    colour = thing.colour if thing.name not in COLOURLESS and rng.random() >= bare else ""
    if thing.name == "walls":
        if thing.material == "brick":
            words = ["white brick" if thing.colour == "white" else ("brick" if rng.random() < 0.75 else "red brick")]
        elif thing.material == "concrete":
            words = ["concrete"]
        elif thing.material == "wood":
            words = ["wooden"]
        elif thing.material == "striped wallpaper":
            return f"{colour} striped wallpaper".strip()
        elif colour:
            words = [colour]
    elif thing.name == "floor":
        if thing.material == "wood":
            tone = {"beige": "light wooden", "brown": "wooden"}[thing.colour]
            words, noun = [tone if rng.random() < 0.5 else "wooden"], "floor"
        elif thing.material == "carpet":
            words, noun = [colour], "carpet"
        elif thing.material == "concrete":
            words = ["concrete"]
        elif thing.material == "checkered tiles":
            return "a black and white checkered floor"
        elif thing.material == "tiles":
            words = [colour, "tiled"]
    elif thing.material == "wood":
        words = ["wooden" if rng.random() < 0.7 or not colour else colour]
    elif colour:
        words = [colour]
    text = " ".join(word for word in [*words, noun] if word)
    if thing.plural or thing.name == "chairs":
        return text
    return f"{'an' if text[0] in 'aeio' else 'a'} {text}"


def join(parts: list[str]) -> str:
    """Commas, and "and" before the last."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def article(text: str) -> str:
    """The text with "a" or "an" before it."""
    return f"{'an' if text[0] in 'aeio' or text.startswith('um') else 'a'} {text}"


def choose(scene: Scene, rng: np.random.Generator, count: int) -> list[Thing]:
    """Distinct things to name, main pieces first."""
    main = _MAIN.get(scene.kind, ())
    seen: set[str] = set()
    options, weights = [], []
    for thing in scene.things:
        if thing.name in seen:
            continue
        seen.add(thing.name)
        weight = 0.12 if thing.name in _SILENT else 0.8
        if thing.name in main:
            weight = 6.0 / (1 + 0.6 * main.index(thing.name))
        options.append(thing)
        weights.append(weight)
    p = np.array(weights) / np.sum(weights)
    chosen = rng.choice(len(options), size=min(count, len(options)), replace=False, p=p)
    return [options[i] for i in chosen]


def _ids(scene: Scene, named: list[Thing]) -> tuple[int, ...]:
    """Ids of all things that a phrase for one of the named ones fits: both of two blue armchairs."""
    what = {(thing.name, thing.colour) for thing in named}
    return tuple(thing.id for thing in scene.things if (thing.name, thing.colour) in what)


def _room_caption(scene: Scene, rng: np.random.Generator) -> Caption:
    count = int(rng.choice(5, p=(0.14, 0.26, 0.28, 0.2, 0.12)))
    style = rng.random() < 0.6 and scene.style != ""
    indoors = scene.style != ""
    time = rng.random() < (0.6 if scene.time != "day" else 0.2)
    rooms = ROOM_WORDS.get(scene.kind, (scene.kind,))
    head = rooms[int(rng.integers(len(rooms)))]
    adjectives, tail = [], ""
    if time:
        words = TIME_ADJECTIVES.get(scene.time, ())
        if words and indoors and rng.random() < 0.5:
            adjectives.append(words[int(rng.integers(len(words)))])
        else:
            words = (TIMES_INDOORS if indoors else TIMES_OUTDOORS)[scene.time]
            tail = words[int(rng.integers(len(words)))]
    if style:
        words = STYLE_WORDS[scene.style]
        adjectives.append(words[int(rng.integers(len(words)))])
    things = choose(scene, rng, count)
    if adjectives and not things and not tail and rng.random() < 0.2:
        head = f"{head} that is {adjectives.pop()}" if rng.random() < 0.5 else f"{adjectives.pop()} {head} interior"
    text = " ".join([*adjectives, head])
    text = text if head.endswith("mountains") else article(text)
    named = [phrase(thing, rng) for thing in things]
    # "a living room with brick walls at night with ..." would stumble: the time goes first or last
    if tail and named:
        shape = int(rng.integers(3))
        if shape == 0 and "with" not in tail:
            text = f"{text} {tail} with {join(named)}"
        elif shape == 1:
            text = f"{text} with {join(named)}, {tail}"
        else:
            text = f"{text}, {tail}, {join(named)}"
    elif tail:
        text = f"{text} {tail}"
    elif named:
        text = f"{text} with {join(named)}" if rng.random() < 0.8 else f"{text}, {join(named)}"
    prefix = rng.random()
    if prefix < 0.06:
        text = f"a photo of {text}"
    elif prefix < 0.1:
        text = f"the inside of {text}" if indoors else f"a landscape, {text}"
    elif prefix < 0.13:
        text = f"a view of {text}"
    return Caption(text, _ids(scene, things))


NATURAL = {"hamburger", "pineapple", "potted plant", "cactus", "snowman", "palm tree", "flame"} | more_words.NATURAL
"""Objects whose colour goes without saying."""
OBJECT_NAMES = {
    "sofa": ("sofa", "couch"),
    "lamp": ("lamp", "table lamp"),
    "mug": ("mug", "cup", "coffee mug"),
    "car": ("car", "small car", "toy car"),
    "airplane": ("airplane", "plane"),
    "castle": ("castle", "castle with towers"),
    "rocket": ("rocket", "space rocket"),
    "donut": ("donut", "doughnut"),
    "hamburger": ("hamburger", "burger"),
    "teddy bear": ("teddy bear", "teddy"),
    "potted plant": ("potted plant", "plant in a pot", "house plant"),
    "rubber duck": ("rubber duck", "toy duck"),
    "house": ("house", "small house", "cottage"),
    "sailboat": ("sailboat", "sailing boat"),
    "train": ("train", "steam train", "locomotive"),
    "gift box": ("gift box", "present"),
    "ice cream": ("ice cream cone", "ice cream"),
    "bookshelf": ("bookshelf", "bookcase"),
} | more_words.NAMES
MATERIAL_WORDS = {
    "wood": ("wooden", "wooden", "wood"),
    "metal": ("metal", "shiny metal", "steel"),
    "gold": ("golden", "gold"),
    "copper": ("copper", "shiny copper"),
    "brick": ("brick", "red brick"),
}


def _object_phrase(thing: Thing, rng: np.random.Generator, bare: float) -> str:
    """Noun phrase for an object or a part of one."""
    names = OBJECT_NAMES.get(thing.name, (thing.name,))
    noun = names[int(rng.integers(len(names)))]
    word = ""
    if rng.random() >= bare:
        if thing.material in MATERIAL_WORDS:
            words = MATERIAL_WORDS[thing.material]
            word = words[int(rng.integers(len(words)))]
        elif thing.material.startswith("striped "):
            second = thing.material.split()[1]
            word = f"{thing.colour} and {second} striped" if rng.random() < 0.6 else f"striped {thing.colour}"
        elif thing.name == "tree":
            if thing.colour != "green":
                leaves = "blossoms" if thing.colour == "pink" else "leaves"
                return f"a tree with {thing.colour} {leaves}"
        elif thing.name not in NATURAL:
            word = thing.colour
    text = f"{word} {noun}".strip()
    return text if thing.plural or thing.name == "icing" else article(text)


def _object_caption(scene: Scene, rng: np.random.Generator) -> Caption:
    main, *parts = scene.things
    named = [main]
    count = min(int(rng.choice(3, p=(0.45, 0.4, 0.15))), len(parts))
    text = _object_phrase(main, rng, 0.18)
    if count:
        chosen = [parts[i] for i in sorted(rng.choice(len(parts), size=count, replace=False))]
        named += chosen
        joint = " and " if " with " in text else " with "
        text += joint + join([_object_phrase(part, rng, 0.05) for part in chosen])
    draw = rng.random()
    if draw < 0.08:
        text = f"a photo of {text}"
    elif draw < 0.14:
        text = f"a 3d model of {text}"
    elif draw < 0.18:
        text = f"{text} on a plain background"
    elif draw < 0.21:
        text = f"a picture of {text}"
    return Caption(text, _ids(scene, named))


def captions(scene: Scene, seed: int | np.random.Generator, count: int) -> list[str]:
    """The texts of `describe`."""
    return [caption.text for caption in describe(scene, seed, count)]


def describe(scene: Scene, seed: int | np.random.Generator, count: int) -> list[Caption]:
    """Paraphrases of what a scene shows; each leaves out random attributes, none says anything untrue.

    Args:
        scene: what to describe.
        seed: seed or generator of the wording.
        count: how many.
    """
    rng = seed if isinstance(seed, np.random.Generator) else np.random.default_rng([7, seed])
    if scene.guests:
        from gs_stein.world.phrases import mixed_caption as write
    else:
        write = _object_caption if scene.is_object else _room_caption
    return [write(scene, rng) for _ in range(count)]
