"""The store of a sweep: one Zarr hierarchy, plain xarray to its readers. The one package that knows Zarr.

What a kill, a crash or a second program may do at any moment decides the order of things:
- a store is made under a temporary name and put in place in one step, so it is whole or absent;
- one process at a time makes, grows or writes the store of a path: it holds a lock from before it looks what
  is there to its end; where there are no locks, whoever finds the folder replaced that it writes to stops;
- a worker writes a block while no other does, and puts its points into what it then finds there: a block may
  run twice, by workers that were thought lost or whose driver was killed (`turns`);
- every file is written under a temporary name, synchronised and renamed (`durable`);
- a block is one chunk of every variable. Its record (`.spikesweep/blocks`) is written before them and after
  them, with hashes of what they hold and of what they get (`block_record`); its chunk of `status` is written
  last, so a point counts as done only when all is there;
- the values of ragged variables are put beside the others' chunks first, and count once their counts say so
  (`ragged`);
- chunks carry a checksum: a flipped bit raises instead of giving another number. The files that never
  change (metadata, coordinates) are listed with their hashes in `.spikesweep/manifest.json`.
"""

from spikesweep.store.layout import FIXED_ATTRS as FIXED_ATTRS
from spikesweep.store.layout import create as create
from spikesweep.store.layout import files_of_block as files_of_block
from spikesweep.store.layout import files_of_empty as files_of_empty
from spikesweep.store.layout import lay_out as lay_out
from spikesweep.store.layout import remove_leftovers as remove_leftovers
from spikesweep.store.layout import temporary_path as temporary_path
from spikesweep.store.reading import Reader as Reader
from spikesweep.store.records import copy_records as copy_records
from spikesweep.store.remote import Place as Place
from spikesweep.store.remote import place as place
from spikesweep.store.store import Store as Store
from spikesweep.store.store import stored as stored
