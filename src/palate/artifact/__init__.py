"""Save and open a trained model as one folder; never pickle."""
