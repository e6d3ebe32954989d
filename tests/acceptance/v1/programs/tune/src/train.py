print("Not run yet.")
