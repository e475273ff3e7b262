"""Prompts by whether the bundled prior has seen in its captions what they ask for: 60 that `gs_stein.text.vocabulary`
was written with, 60 written afterwards, and 60 by somebody who had seen neither it nor the captions. On the first try
the second 60 gave precision 0.88 and recall 0.97, the third 0.68 and 1.00; what they taught is in the module now (words
that only describe what follows are left alone; "please", "six")."""

from __future__ import annotations

Prompts = tuple[str, ...]

KNOWN = (
    "a cosy lounge with a red couch", "my bedroom at night, blue walls", "a modern white kitchen with a refrigerator",
    "a nursery with a cot and a teddy bear", "a study with a wooden desk and a computer",
    "small bathroom with a bathtub and green towels", "an old library with a fireplace", "rustic farmhouse kitchen",
    "bright minimalist office", "a beautiful living room, highly detailed",
    "a sitting room with yellow curtains and a TV", "a dining room with four chairs and a big table",
    "a kid's room with a pink rug",
    "a forest with a tent by a campfire", "a desert with cacti under the stars", "snowy mountains with a frozen lake",
    "a sandy beach at sunset with a sailboat", "a seaside view with palm trees",
    "a black cat sitting", "a photo of a red car", "a purple vase with flowers", "a steam train",
    "a grey castle with towers", "a green cactus in a pot", "a pink doughnut with icing", "a wooden guitar",
    "a golden treasure chest", "a cute penguin", "a snowman with a scarf", "a yacht with white sails",
)  # fmt: skip
UNKNOWN_SCENES = (
    "a cyberpunk street", "an island", "a piano in a bedroom", "an aquarium in an office", "a spaceship cockpit",
    "a swimming pool", "a garage with a car", "a beach with a campfire", "a japanese garden",
    "a city skyline at night", "a church interior", "a waterfall in a jungle", "a living room with a fireplace",
    "a gym with treadmills", "a classroom", "a kitchen with a bathtub",
)  # fmt: skip
UNKNOWN_OBJECTS = (
    "a bowl of fruit", "an astronaut riding a horse", "a house on wheels", "a dragon", "a cat on a sofa",
    "a white rabbit", "a dinosaur skeleton", "a motorcycle", "a violin", "a slice of pizza", "a sunflower",
    "a dog wearing a hat", "a medieval knight", "a squirrel",
)  # fmt: skip

LATER_KNOWN = (
    "an inviting bedroom with a wardrobe and striped curtains", "a kitchen with navy cupboards", "a lounge at dusk",
    "a tiny home office with a bookcase", "living room, grey couch, brown coffee table, potted plant",
    "a children's room with a play tent", "a bathroom with a mirror and white walls at night",
    "a dining room with a rug and flowers in a vase", "a reading room with armchairs and bookshelves",
    "an industrial loft style kitchen with a brick wall", "a wintry mountain landscape with a red house",
    "a snowman in front of fir trees in the mountains", "dunes with palms at sunset", "pyramids in the desert",
    "a woodland with mushrooms and a pond", "a beach with a striped umbrella and a towel",
    "a lighthouse with red stripes", "an orange kitten", "a turquoise teapot", "a bookshelf", "a rubber duck",
    "a submarine", "a teal robot", "a small cottage with a brick chimney", "a hot air balloon with a basket",
    "a hamburger", "an ice cream cone", "a wooden stool", "a table lamp", "a birthday present with a ribbon",
)  # fmt: skip
LATER_UNKNOWN_SCENES = (
    "a hospital ward", "a medieval tavern", "an underwater coral reef", "a library with a grand piano",
    "the surface of the moon", "a bedroom with a bathtub", "a train station", "a wine cellar", "a football stadium",
    "a bamboo forest", "a supermarket aisle", "a kitchen with a fireplace", "a volcano", "a desert with a snowman",
    "a rainy alley with neon signs", "an office full of balloons",
)  # fmt: skip
LATER_UNKNOWN_OBJECTS = (
    "a corgi", "a pair of sneakers", "a telescope", "a unicorn", "a chess knight", "a bunch of bananas",
    "a cup and a teapot", "a toaster", "a fire truck with a ladder", "a bathtub", "a statue of a lion", "a tractor",
    "a viking helmet", "a saxophone",
)  # fmt: skip

STRANGERS_KNOWN = (
    "a cozy living room with a big grey sofa",
    "my grandma's kitchen, rustic, with wooden cabinets",
    "bedroom with a double bed and two nightstands at night",
    "A modern office with a desk and a computer",
    "dining room with six chairs around a long wooden table",
    "a small white bathroom with a bathtub",
    "an old library full of books with a fireplace",
    "a colorful nursery with a crib and toys",
    "forest clearing with a campfire at night",
    "desert with cactuses at sunset",
    "snowy mountains on a sunny day",
    "a tropical beach with palm trees",
    "a green armchair",
    "a blue teapot",
    "a wooden chair",
    "a birthday cake with candles",
    "juicy hamburger",
    "a red apple",
    "a pink donut with sprinkles",
    "a brown teddy bear",
    "a cute little robot",
    "old pirate treasure chest",
    "an acoustic guitar",
    "yellow school bus",
    "a red sports car",
    "a steam train",
    "a medieval castle",
    "a white lighthouse with red stripes",
    "a snowman with a carrot nose and a hat",
    "please make me a minimalist bedroom with a white bed, a lamp and a potted plant next to the window",
)
STRANGERS_UNKNOWN = (
    "a golden retriever puppy",
    "a living room with a fireplace",
    "a grand piano",
    "an underwater coral reef with fish",
    "a spaceship cockpit",
    "the Eiffel Tower",
    "a horse galloping",
    "a busy street in Tokyo at night",
    "a bicycle",
    "a dragon breathing fire",
    "a kitchen with an elephant in it",
    "a pair of sneakers",
    "a red banana",
    "a hospital operating room",
    "gym with treadmills",
    "a waterfall in the jungle",
    "a volcano erupting",
    "a portrait of an old man with a beard",
    "a sandwich with ham and cheese",
    "a violin made of glass",
    "a cat riding a skateboard",
    "a classroom with a blackboard",
    "a beach with a campfire",
    "a garage with a motorcycle",
    "ancient Greek temple ruins",
    "a bathroom with a swimming pool",
    "a laptop",
    "a supermarket aisle full of groceries",
    "the surface of the moon with an astronaut",
    "a castle made of chocolate",
)
