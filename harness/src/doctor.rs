//! What this machine offers (being merged).

/// Everything found out.
pub fn examine() -> String {
    String::new()
}
