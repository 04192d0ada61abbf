"""One folder per feature: its model and its panel."""
