use super::*;
use crate::report::{TargetEntry, samples};
use crate::source::Source;
use crate::suite::{Body, Origin};
use crate::verdict::{Failure, Verdict};
use html5ever::tendril::TendrilSink;
use std::collections::BTreeSet;
use std::time::Duration;

/// A folder of one failure of this name and script, and one pass.
fn folder(name: &str, source: Source, mut result: CaseResult) -> Vec<HtmlFile> {
    result.case = name.to_string();
    let case = |name: &str, source| Case {
        name: name.to_string(),
        origin: Origin::Bundled,
        body: Body::Script(source),
    };
    let other = Source::new("z.pkt", "// title: Nothing happens\n");
    let cases = [case(name, source), case("z/other", other)];
    let results = [result, samples::result("z/other", Verdict::Pass, "")];
    let catalogue = Catalogue::bundled().expect("the catalogue");
    let beside = Results {
        name: "<linux>".to_string(),
        target: TargetEntry::default(),
        entries: Results::of("x", &results).entries,
    };
    let run = HtmlRun {
        description: "the reference stack",
        results: &results,
        summary: Summary::of(&results, Duration::from_secs(9)),
        cases: &cases.iter().collect::<Vec<_>>(),
        catalogue: &catalogue,
        others: &[beside],
    };
    files(&run).collect()
}

fn ordinary() -> Vec<HtmlFile> {
    let (source, result) = samples::failed("ack", "1001", "501");
    folder("a/one", source, result)
}

fn text<'a>(files: &'a [HtmlFile], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    std::str::from_utf8(&file.expect("the file").bytes).expect("text")
}

/// Every page of a folder, held against the rules of HTML.
fn assert_valid(files: &[HtmlFile]) {
    for file in files.iter().filter(|file| file.path.ends_with(".html")) {
        let page =
            html5ever::parse_document(markup5ever_rcdom::RcDom::default(), Default::default())
                .one(text(files, &file.path));
        let errors = page.errors.borrow();
        assert!(errors.is_empty(), "{}: {errors:?}", file.path);
    }
}

/// What a page links to, apart from places in itself: as paths in the folder.
fn links(page: &HtmlFile) -> BTreeSet<String> {
    let text = std::str::from_utf8(&page.bytes).expect("text");
    let addresses = text.split(" href=\"").skip(1);
    let addresses = addresses.filter_map(|rest| rest.split('"').next());
    let depth = page.path.matches('/').count();
    addresses
        .map(|address| address.split('#').next().unwrap_or_default())
        .filter(|address| !address.is_empty())
        .map(|address| {
            let up = address.matches("../").count();
            assert_eq!(up, depth, "{address} in {}", page.path);
            decoded(address.trim_start_matches("../"))
        })
        .collect()
}

fn decoded(address: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = address.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("hexadecimal"));
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).expect("text")
}

/// Every link leads to a file of the folder, and every file but the index is linked to.
fn assert_linked(files: &[HtmlFile]) {
    let there: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let pages = files.iter().filter(|file| file.path.ends_with(".html"));
    let mut linked: BTreeSet<String> = pages.flat_map(links).collect();
    linked.insert("index.html".to_string());
    // A result in which nothing happened has a capture without packets that nobody is sent to.
    linked.insert("cases/z/other.reference.ipv4.pcapng".to_string());
    assert_eq!(linked, there);
}

#[test]
fn the_index_and_a_page_are_as_they_were_read() {
    let files = ordinary();
    let readable = |path: &str| text(&files, path).replace("><", ">\n<");
    insta::assert_snapshot!("index", readable("index.html"));
    insta::assert_snapshot!("case", readable("cases/a/one.ipv4.html"));
}

#[test]
fn every_link_leads_somewhere_and_every_page_is_valid() {
    let files = ordinary();
    assert_eq!(files.len(), 6);
    assert_linked(&files);
    assert_valid(&files);
}

#[test]
fn of_generated_cases_only_what_failed_has_a_page() {
    let (source, failed) = samples::failed("ack", "1001", "501");
    let named = |mut result: CaseResult, name: &str| {
        result.case = name.to_string();
        result
    };
    let results = [
        named(failed, "family/f/part/bad"),
        samples::result("family/f/part/good", Verdict::Pass, ""),
        samples::result("family/f/part/well", Verdict::Pass, ""),
    ];
    let case = |result: &CaseResult| Case {
        name: result.case.clone(),
        origin: Origin::Generated,
        body: Body::Script(source.clone()),
    };
    let cases: Vec<Case> = results.iter().map(case).collect();
    let catalogue = Catalogue::bundled().expect("the catalogue");
    let files: Vec<HtmlFile> = files(&HtmlRun {
        description: "the reference stack",
        results: &results,
        summary: Summary::of(&results, Duration::ZERO),
        cases: &cases.iter().collect::<Vec<_>>(),
        catalogue: &catalogue,
        others: &[],
    })
    .collect();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let own = "cases/family/f/part/bad";
    let (page, capture) = (
        format!("{own}.ipv4.html"),
        format!("{own}.reference.ipv4.pcapng"),
    );
    assert_eq!(paths, ["index.html", "style.css", &page, &capture]);
    let index = text(&files, "index.html");
    assert!(
        index.contains("<code>family/f/part/…</code> 2 results of generated cases"),
        "{index}"
    );
    assert_valid(&files);
}

#[test]
fn the_same_results_make_the_same_bytes() {
    assert_eq!(ordinary(), ordinary());
}

#[test]
fn what_a_case_says_of_itself_is_text_and_stays_in_its_folder() {
    let evil = "</pre></title></svg><script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt;\u{0}\u{1b}";
    let (_, mut result) = samples::failed("ack", evil, evil);
    let source = Source::new(
        evil,
        format!("// title: {evil}\n// why: {evil}\n// covers: X<b>\n{evil}\n"),
    );
    result.message = evil.to_string();
    result.covers = vec!["X<b>".to_string()];
    for entry in &mut result.trace.entries {
        entry.text = format!("> {evil} 1:1(0) ack {evil}");
    }
    if let Verdict::Fail(failure) = &mut result.verdict {
        **failure = Failure {
            message: evil.to_string(),
            ..(**failure).clone()
        };
    }
    let files = folder(&format!("../../{evil}"), source, result);
    assert_linked(&files);
    assert_valid(&files);
    for file in &files {
        assert!(!file.path.contains(".."), "{}", file.path);
        if file.path.ends_with(".html") {
            let text = text(&files, &file.path).to_lowercase();
            for tag in ["<script", "<img", "<b>", "onerror=alert(1)>"] {
                assert!(!text.contains(tag), "{tag} in {}", file.path);
            }
        }
    }
}
