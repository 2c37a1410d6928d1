"""Sets how property tests draw their examples."""

import os

from hypothesis import settings

# In CI the same examples come every time, so that a red run is always the change's fault; elsewhere new ones
# come each time and look for what nobody thought of.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
