"""Train a model: the loop, optimizers, checkpoints, blends and progress."""
