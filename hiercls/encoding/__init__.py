"""Texts in order to encodings in order: precision, batching and the cache. Used by training and by scoring."""
