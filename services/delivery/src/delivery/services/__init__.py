"""The business logic: what may happen to a delivery; knows neither HTTP nor SQL."""
