"""Training: the loop, its optimizers, checkpoints, blends, and the progress that users see."""
