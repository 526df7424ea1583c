"""Benchmark protocols: what is compared with what, on which documents, and how it is told."""
