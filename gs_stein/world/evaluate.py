"""`python -m gs_stein.world.evaluate`: measure the bundled prior on scenes nobody trained on."""

from gs_stein.world.measure.evaluate import command

if __name__ == "__main__":
    command()
