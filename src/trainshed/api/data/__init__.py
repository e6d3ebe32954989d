"""What runs read and leave: datastores, datasets, references to data, models."""
