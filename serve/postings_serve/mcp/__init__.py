"""Searches and documents as tools of the Model Context Protocol, for assistants and agents."""
