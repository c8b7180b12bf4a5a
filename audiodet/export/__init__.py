"""A trained model as one file that runs without torch: graph, weights, and a card in it."""
