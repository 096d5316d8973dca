"""Save and open a trained model as one folder of JSON, safetensors and Parquet files, never pickle."""
