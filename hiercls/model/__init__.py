"""From tensors to log-probabilities: batches, encoder, cascaded heads, network."""
