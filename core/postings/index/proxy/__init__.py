"""Using an embedded index that another process of this machine has open, through that process.

The engine locks the folder of a collection for one process. So a process that keeps an index open for long, as
``postings serve`` does, answers the calls of others: it opens collections with :class:`OpenIndexes` and runs an
:class:`IndexServer`; others find it in the index folder as their :class:`Owner`, and use its collections as
:class:`ProxyIndex`. They speak JSON over a Unix domain socket, which only processes of the same user can connect to.
"""

from postings.index.proxy.index import ProxyIndex
from postings.index.proxy.open_indexes import OpenIndexes
from postings.index.proxy.owner import Owner
from postings.index.proxy.server import IndexServer

__all__ = ["IndexServer", "OpenIndexes", "Owner", "ProxyIndex"]
