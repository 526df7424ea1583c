"""A trained model over HTTP: predictions, the map, and customers added at once, each seeing what is its own."""

from hiercls.serving.limits import Limits
from hiercls.serving.memory import give_back_memory
from hiercls.serving.service import Service
from hiercls.serving.store import CustomerStore
from hiercls.serving.tokens import Reader, Tokens

__all__ = ["CustomerStore", "Limits", "Reader", "Service", "Tokens", "give_back_memory"]
