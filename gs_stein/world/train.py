"""`python -m gs_stein.world.train WHAT`: train a network of the bundled prior, or the scorer, on the world."""

from gs_stein.world.training.train import command

if __name__ == "__main__":
    command()
