"""SGD and Adam, by rows for embedding tables and whole for the rest."""
