"""Where deliveries and drones come from: the services that own them, and memory for tests."""
