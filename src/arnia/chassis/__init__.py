"""Run: what a service is made of. Import from its rooms: `arnia.chassis.application`, `arnia.chassis.routing` ..."""
