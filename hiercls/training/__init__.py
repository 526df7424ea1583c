"""The visible training loop and what steers it."""
