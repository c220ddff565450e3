//! What must hold of a host between two steps.
