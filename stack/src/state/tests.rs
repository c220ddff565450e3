//! What each state does with each kind of segment.

mod calls;
mod table;
