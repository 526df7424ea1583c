"""A trained model over HTTP: predictions, the map, and customers added at once, each seeing what is its own."""

from hiercls.serving.limits import Limits
from hiercls.serving.service import Service
from hiercls.serving.store import CustomerStore
from hiercls.serving.tokens import Reader, Tokens

__all__ = ["CustomerStore", "Limits", "Reader", "Service", "Tokens"]
