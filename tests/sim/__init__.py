"""The simulation: several real cores in one process, in virtual time, with faults from a seed."""
