"""Programs that make pages, pictures and samples: `python -m scripts.make_docs`."""
