"""Upstream's name for: what a controller tells of exporters and leases.

It is the very same module as ours, so that what a test patches here is patched there.
"""

import sys

from pytest_jumpstarter.upstream_api.config import records

sys.modules[__name__] = records
