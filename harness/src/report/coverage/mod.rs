//! The coverage of the catalogue: a text for people, JSON for programs, a page for browsers.

pub mod html;
mod json;
mod text;

pub use json::json;
pub use text::text;
