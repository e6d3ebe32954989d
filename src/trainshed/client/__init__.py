"""The HTTP client of the service. All code outside the service goes through this package."""
