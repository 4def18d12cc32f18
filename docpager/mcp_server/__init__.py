"""One archive for many agents: tools over the Model Context Protocol."""
