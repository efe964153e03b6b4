"""What a picture is, told from its pixels alone."""
