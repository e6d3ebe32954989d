"""HTTP to the service. Everything that is not the service itself goes through here."""
