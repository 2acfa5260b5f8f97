"""Text to vectors, and text to words."""
