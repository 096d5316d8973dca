"""A trained model as one folder: JSON, safetensors and Parquet; nothing is pickled."""
