"""Studies at scale: grids of designs and scenarios as jobs, run anywhere, resumed anywhere, the same bytes each time."""
