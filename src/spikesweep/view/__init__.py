"""A sweep's own space while it fills: a page of a browser, characters of a terminal, a file.

`source` reads a store, again only where it has changed; `state` says what is looked at, and is the query of a
link; `picture` reduces and aggregates to what is drawn, arrays alone; `page`, `text` and `figure` draw it;
`serve` lets this machine's browsers, and no others, see the page. Only this room knows Bokeh.
"""
