"""Files, memory, devices, downloads, compiled loops: what is about the machine and not about taste."""
