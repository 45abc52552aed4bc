"""AVFoley's OpenTimelineIO hooks, one a module, as ``manifest.json`` names them."""
