"""What makes a release: the lock files, the licences, the software bill of materials."""
