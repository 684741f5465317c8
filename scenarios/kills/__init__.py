"""Real kills: the lane of them, that of a power loss after one, and whether the model agrees."""
