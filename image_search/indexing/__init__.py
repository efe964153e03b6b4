"""From the files of the image folder to rows of the index."""
