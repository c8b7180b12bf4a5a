"""What recipes play, to see that splits share no source."""


def used_paths(recipes) -> set[str]:
    """Every file of the bank that the recipes play."""
    paths = set()
    for recipe in recipes:
        for layer in filter(None, (recipe.background, recipe.overlay)):
            paths |= {layer.path, *layer.chain}
        paths |= {sound.path for sound in (*recipe.events, *recipe.distractors)}
        if recipe.masker:
            paths |= {recipe.masker.path, recipe.masker.sound.path} - {""}
    return paths
