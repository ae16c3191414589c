"""Sales in plain files, judged as the graph judges its own: for anyone who wants to check the features and models on public data.

Here: reading such files (``files``), giving them to the features SQL as its named inputs (``world``), what came out as tables people read
(``results``). Not here: features and labels (``sql/``), models and figures (``propensity``), options and printing (``commands``).
"""
