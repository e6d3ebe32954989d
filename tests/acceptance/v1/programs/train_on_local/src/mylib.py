import os


def get_alphas(words):
    return [float(word) for word in words][: int(os.environ.get("STOP_AFTER", len(words)))]
