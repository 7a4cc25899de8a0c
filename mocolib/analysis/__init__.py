"""What recorded runs say: measures on curves, replays with one change, tables."""
