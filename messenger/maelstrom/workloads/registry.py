"""All workloads, by the names that Maelstrom gives them."""

from .broadcast import Broadcast
from .counters import GCounter, PnCounter
from .echo import Echo
from .g_set import GSet
from .kafka import Kafka
from .lin_kv import LinKv
from .txn import TxnListAppend, TxnRwRegister
from .unique_ids import UniqueIds
from .workload import Workload

WORKLOADS: dict[str, type[Workload]] = {
    "broadcast": Broadcast,
    "echo": Echo,
    "g-counter": GCounter,
    "g-set": GSet,
    "kafka": Kafka,
    "lin-kv": LinKv,
    "pn-counter": PnCounter,
    "txn-list-append": TxnListAppend,
    "txn-rw-register": TxnRwRegister,
    "unique-ids": UniqueIds,
}
