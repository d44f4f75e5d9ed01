def draw(results, path):
    pass
