"""temp."""

from .zeromq_hub import serve


def main(argv):
    serve(argv[1])
    return 0
