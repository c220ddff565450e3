//! tcpdrill runs packetdrill scripts against TCP stacks and says where they depart from the documents.
//!
//! Data flows one way: a [`source::Source`] becomes a [`program::Program`] (`script`), the `runner` drives a
//! [`target::Session`] with it and compares what the stack does (`expect`, `wire`), the outcome is a
//! [`verdict::Verdict`], and `report` shows verdicts to people and machines. ARCHITECTURE.md has the map.

pub mod agent;
pub mod call;
pub mod catalogue;
pub mod cli;
pub mod command;
pub mod comparison;
pub mod coverage;
pub mod diagnostic;
pub mod doctor;
pub mod exit;
pub mod expect;
mod family;
pub mod fuzz;
pub mod learn;
pub mod probe;
pub mod program;
pub mod report;
pub mod runner;
pub mod script;
pub mod source;
pub mod specification;
pub mod suite;
pub mod symbols;
pub mod target;
pub mod time;
pub mod trace;
pub mod verdict;
pub mod vm;
pub mod wire;
mod words;
pub mod zoo;
