"""The HTTP service. Its libraries come with `pip install "palate[serve]"`, and are imported when it is started."""
