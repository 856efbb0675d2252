"""Presets of a study's configuration. Nothing here needs torch."""


def of(cls, presets: dict[str, dict], preset: str, overrides: dict):
    """A configuration of a preset with overrides.

    Raises ValueError for an unknown preset and TypeError for an unknown field.
    """
    if preset not in presets:
        raise ValueError(f"preset {preset!r} is unknown; there are {', '.join(presets)}.")
    return cls(**{"preset": preset, **presets[preset], **overrides})
