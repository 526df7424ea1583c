"""Whatever the schema allows, and much that it does not: schemathesis thinks up requests, and finds nothing."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from hiercls.serving import Tokens

pytestmark = pytest.mark.filterwarnings("ignore")
