"""How images are scored: blocks compared, weighted, fused and expanded."""
