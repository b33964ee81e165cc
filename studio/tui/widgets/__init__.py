"""Widgets get data by a method and speak by messages; none of them knows the store."""
