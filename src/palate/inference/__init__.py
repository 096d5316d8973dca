"""Questions to a trained model: top-N lists, similar items, analogies, explanations."""
