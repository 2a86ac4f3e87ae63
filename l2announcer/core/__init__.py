"""Decisions: facts in, effects out. Nothing here waits, logs, draws lots or tells the time."""
