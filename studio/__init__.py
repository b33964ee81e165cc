"""tune-studio: label pairs, check the window, fine-tune, watch, compare, in one terminal."""

__version__ = "0.1.0"
