"""The benchmark of speed: hiercls beside its peers in the same rounds, against what the machine can do."""
