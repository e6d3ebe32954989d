"""How one command becomes many processes: pure functions from a command to argv and variables."""
