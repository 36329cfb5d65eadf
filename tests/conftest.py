"""Settings of the whole test run."""

from __future__ import annotations

from hypothesis import settings

# A state space walked inside one example takes longer than the default deadline allows on a busy machine.
settings.register_profile("escalate", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("escalate")
