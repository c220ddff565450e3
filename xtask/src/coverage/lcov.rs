//! The part of lcov's trace format that tells how often each line was reached.

use std::collections::BTreeMap;
use std::path::Path;

/// By file (path from the repository's top folder, with `/`): how often each line that holds code was reached.
pub(super) type Hits = BTreeMap<String, BTreeMap<usize, u64>>;

/// Reads `SF:` (a source file begins) and `DA:` (line, count) records; a line told twice was reached as often
/// as both say together. Files outside `root` are passed over.
pub(super) fn parse(text: &str, root: &Path) -> Result<Hits, String> {
    let mut hits = Hits::new();
    let mut file = None;
    for (index, record) in text.lines().enumerate() {
        if let Some(path) = record.strip_prefix("SF:") {
            file = Path::new(path)
                .strip_prefix(root)
                .ok()
                .map(|path| path.to_string_lossy().replace('\\', "/"));
        } else if record == "end_of_record" {
            file = None;
        } else if let (Some(file), Some(line)) = (&file, record.strip_prefix("DA:")) {
            let (line, count) =
                parse_line(line).ok_or_else(|| format!("line {}: `{record}`", index + 1))?;
            let lines = hits.entry(file.clone()).or_default();
            let known = lines.entry(line).or_default();
            *known = known.saturating_add(count);
        }
    }
    if hits.is_empty() {
        return Err(format!("nothing was measured below {}", root.display()));
    }
    Ok(hits)
}

fn parse_line(record: &str) -> Option<(usize, u64)> {
    let mut fields = record.split(',');
    let line = fields.next()?.parse().ok()?;
    let count = fields.next()?.parse().ok()?;
    Some((line, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/r";

    #[test]
    fn lines_and_counts_are_read_for_files_of_the_repository() {
        let text = "SF:/r/a.rs\nFN:1,f\nDA:1,2\nDA:3,0\nBRF:0\nend_of_record\nSF:/other/b.rs\nDA:1,1\nend_of_record\nSF:/r/a.rs\nDA:1,1\nend_of_record\n";
        let hits = parse(text, Path::new(ROOT)).unwrap();
        let lines = BTreeMap::from([(1, 3), (3, 0)]);
        assert_eq!(hits, BTreeMap::from([("a.rs".to_owned(), lines)]));
    }

    #[test]
    fn what_says_nothing_is_an_error() {
        let problem = |text| parse(text, Path::new(ROOT)).unwrap_err();
        assert_eq!(problem("SF:/r/a.rs\nDA:x,1\n"), "line 2: `DA:x,1`");
        assert_eq!(
            problem("SF:/other/a.rs\nDA:1,1\n"),
            "nothing was measured below /r"
        );
    }
}
