"""The systems, one folder each: config, network, loss and sampling."""
