"""A Maelstrom node: lines of JSON in, lines of JSON out."""
