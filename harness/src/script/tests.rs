use super::*;

#[test]
fn the_examples_load() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance-cases/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let source = Source::new(
            path.file_name().unwrap().to_string_lossy(),
            std::fs::read_to_string(&path).unwrap(),
        );
        if let Err(diagnostics) = load(&source, &LoadContext::default()) {
            panic!(
                "{}",
                crate::diagnostic::render::render_all(&diagnostics, Default::default())
            );
        }
        count += 1;
    }
    assert_eq!(count, 18);
}
