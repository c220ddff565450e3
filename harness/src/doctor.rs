//! tmp
/// x
pub fn examine() -> String {
    String::new()
}
