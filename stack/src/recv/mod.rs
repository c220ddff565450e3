//! The receiver's mechanisms, one a file.
