"""A picture in the style of another."""
