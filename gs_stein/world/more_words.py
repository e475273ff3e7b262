"""Words of the later landscapes and objects, which `captions.py` adds to its own tables."""

PLACES = {
    "street": ("street", "street", "town street", "street in a small town"),
    "garden": ("garden", "garden", "flower garden"),
    "lake": ("lake", "lake", "lake shore"),
    "meadow": ("meadow", "meadow", "green meadow"),
}
"""Other words for landscapes."""
SYNONYMS = {
    "boat": ("boat", "rowing boat"),
    "jetty": ("jetty", "pier"),
    "cottage": ("cottage", "cottage", "small house"),
    "street lamps": ("street lamps", "street lights"),
}
"""Other words for things in them."""
MAIN = {
    "street": ("house", "car", "town house", "street lamps", "bus", "bicycle", "truck", "trees"),
    "garden": ("apple tree", "bench", "roses", "fence", "tulips", "house", "watering can", "path", "bird bath"),
    "lake": ("boat", "jetty", "sailboat", "tent", "bench", "campfire", "reeds", "fir trees"),
    "meadow": ("cottage", "sheep", "cow", "horse", "haystack", "fence", "tractor", "wildflowers", "path"),
}
"""What captions name most, per landscape."""
SILENT = {
    "road",
    "lawn",
    "water",
    "shutters",
    "bell",
    "saddle",
    "cargo box",
    "wheels",
    "rose",
    "basket",
}
"""Things that are rarely worth a word."""
COLOURLESS = {
    "street lamps",
    "reeds",
    "apple tree",
    "haystack",
    "bird bath",
    "road",
    "lawn",
}
"""Things whose colour says nothing."""
NATURAL = {"watermelon", "globe"}
"""Objects whose colour goes without saying."""
NAMES = {
    "dog": ("dog", "dog", "puppy"),
    "horse": ("horse", "horse", "pony"),
    "sheep": ("sheep", "sheep", "lamb"),
    "rabbit": ("rabbit", "bunny"),
    "turtle": ("turtle", "tortoise"),
    "piano": ("piano", "grand piano"),
    "violin": ("violin", "violin", "fiddle"),
    "saw": ("saw", "hand saw"),
    "wrench": ("wrench", "spanner"),
    "bicycle": ("bicycle", "bike"),
    "motorcycle": ("motorcycle", "motorbike"),
    "tractor": ("tractor", "farm tractor"),
    "ship": ("ship", "steamship"),
    "knight": ("knight", "knight in armor"),
    "astronaut": ("astronaut", "spaceman"),
    "camera": ("camera", "photo camera"),
    "telephone": ("telephone", "phone"),
    "globe": ("globe", "world globe"),
    "chess piece": ("chess piece", "chessman"),
    "crown": ("crown", "king's crown"),
    "backpack": ("backpack", "rucksack"),
}
"""Other words for objects, the likelier the more often."""
