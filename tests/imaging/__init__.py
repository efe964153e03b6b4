"""Files that store a picture in an unusual way show what a viewer would show."""
