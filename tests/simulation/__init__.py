"""The whole service on a virtual clock, seeded: hosts that die and freeze, a network that loses, far sides with a truth."""
