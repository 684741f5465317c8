"""The same examples in every run, so that a run says the same twice and takes as long.

`pytest --hypothesis-profile=explore` tries new ones: for soaking, and for whoever has the time.
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("steady")
