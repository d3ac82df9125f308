"""What all tests have in common: how hard hypothesis tries."""

from hypothesis import HealthCheck, settings

# Examples take longer when both cores are busy; what is tested is what comes out.
settings.register_profile(
    "smatrix", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("smatrix")
