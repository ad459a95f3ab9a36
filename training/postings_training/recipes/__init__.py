"""Recipes: training runs as short TOML files with checked settings."""
