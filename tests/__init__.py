"""The same promises at growing distance: unit, scenarios, simulation, lab, cluster."""
