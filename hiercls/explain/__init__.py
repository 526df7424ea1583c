"""One prediction explained: topics, words, and the asker's own documents that are like it."""

from hiercls.explain.explaining import explain
from hiercls.explain.explanation import Explanation

__all__ = ["Explanation", "explain"]
