"""Sites worth an example: `sites.toml` for those that need no code, one module for each that does."""
