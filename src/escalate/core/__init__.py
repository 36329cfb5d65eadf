"""The nouns of dose finding: plans, tallies, moves, designs, scenarios. Imports nothing else of ours."""
