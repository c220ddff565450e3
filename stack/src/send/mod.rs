//! The sender's mechanisms, one a file.
