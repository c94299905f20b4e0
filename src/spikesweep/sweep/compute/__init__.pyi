from .processes import Processes as Processes
from .serial import Serial as Serial
from .threads import Threads as Threads
