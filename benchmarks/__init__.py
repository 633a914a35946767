"""How much one machine carries, as ratios against a named baseline in the same run. `README.md` says how to read it."""
