"""Drawing an ecosystem: one view of it, and one room for each way to show it."""
