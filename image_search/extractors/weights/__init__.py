"""Files of weights: where they come from, whether they are whole, how they are fetched."""
