//! Tells cargo to embed the bundled cases anew when one is added, changed or removed.

fn main() {
    println!("cargo:rerun-if-changed=../conformance-cases");
}
