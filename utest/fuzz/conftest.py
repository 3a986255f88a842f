"""Fuzzers with inputs of Hypothesis: few and always the same in ``inv test``, many and new ones in ``inv fuzz``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = "JUMPSTARTER_FUZZ_EXAMPLES"
"""The variable with the number of inputs for each fuzzer of ``inv fuzz``."""

COMMON = settings(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)

settings.register_profile("short", COMMON, derandomize=True, max_examples=25)
settings.register_profile("long", COMMON, max_examples=int(os.environ.get(EXAMPLES, "2000")))
settings.load_profile("short")
