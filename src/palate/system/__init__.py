"""Files, memory, devices, downloads and compiled loops."""
