"""The business logic: knows neither HTTP nor SQL."""
