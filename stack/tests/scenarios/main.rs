//! Behaviour of one host as a scripted peer sees it, one area a file.

mod chaos;
