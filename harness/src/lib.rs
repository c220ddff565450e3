//! Library half of tcpdrill.
