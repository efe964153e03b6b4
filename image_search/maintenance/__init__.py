"""Care for the files of an index: verified, repaired, backed up and restored."""
