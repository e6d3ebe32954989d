"""Container engines and images."""
