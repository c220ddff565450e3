//! What each state does with each kind of segment.

mod table;
