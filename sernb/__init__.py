"""sernb: a notebook workbook for research on speech emotion recognition."""

__version__ = "0.1.0"
