"""The HTTP service. Its dependencies come with `pip install "palate[serve]"` and are imported when it starts."""
