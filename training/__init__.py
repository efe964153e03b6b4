"""How the encoder that the package carries was trained: one command, see MODEL_CARD.md."""
