"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How fast an example is made or run says something about the machine, and nothing about the code.
settings.register_profile("messenger", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("messenger")
