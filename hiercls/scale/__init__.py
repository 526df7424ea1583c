"""More documents than one process can answer: a model's folder over tables, shard by shard, on several engines."""

from hiercls.scale.scorer import ScoreConfig, TableScorer
from hiercls.scale.scoring import Scored, score

__all__ = ["ScoreConfig", "Scored", "TableScorer", "score"]
