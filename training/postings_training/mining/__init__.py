"""Mining hard negatives with Postings' own encoder and index."""

from postings_training.mining.guards import Guards
from postings_training.mining.miner import Mined, mine

__all__ = ["Guards", "Mined", "mine"]
