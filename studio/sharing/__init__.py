"""One store for everybody on this machine: the process that has the file open answers the others over a socket."""
