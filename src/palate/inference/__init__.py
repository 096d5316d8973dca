"""Ask a trained model: predicted ratings, top-N lists, similar items, analogies, explanations."""
