"""Upstream's name for: client configurations.

It is the very same module as ours, so that what a test patches here is patched there.
"""

import sys

from pytest_jumpstarter.upstream_api.config import client

sys.modules[__name__] = client
