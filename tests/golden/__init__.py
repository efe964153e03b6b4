"""Recorded vectors, rankings and verdicts, to compare those of today with."""
