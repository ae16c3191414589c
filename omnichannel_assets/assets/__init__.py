"""The graph, one module per stage in the order of the flow. Each holds plain steps over a workspace, and thin Dagster assets over them."""
