"""A network to test Maelstrom nodes in, in any language, without Java.

messenger maelstrom test -w broadcast --node-count 5 --rate 100 --nemesis partition -- ./my-node
"""
