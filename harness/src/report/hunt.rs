//! What the fuzzer found of the zoo: a table.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::zoo::Marks;
use crate::target::reference::Defect;
use crate::zoo::Hunted;

/// The table and the totals, ending in a newline.
pub fn text(all: &[Hunted], defects: &[Defect]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "",
        "reached",
        "triggered",
        "found",
        "median",
        "by",
        "what is wrong",
    ]);
    for hunted in all {
        let title = defects.iter().find(|defect| defect.id == hunted.id);
        let (reached, triggered) = hunted.reached();
        table.add_row([
            hunted.id.clone(),
            yes(reached),
            yes(triggered),
            format!("{}/{}", hunted.found(), hunted.trials.len()),
            median(hunted.median()),
            hunted.oracles().join(", "),
            title.map_or_else(String::new, |defect| defect.title.to_owned()),
        ]);
    }
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{}\n", table.trim_fmt());
    let _ = writeln!(text, "\n{}", totals(all));
    text
}

/// Where the block stands in a Markdown file.
pub const MARKS: Marks = Marks {
    begin: "<!-- hunt: written by `tcpdrill zoo --fuzz --markdown` -->",
    end: "<!-- /hunt -->",
};

/// The block for Markdown: totals and the table, of trials with feedback and without.
pub fn markdown(with: &[Hunted], without: &[Hunted], defects: &[Defect]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "",
            "defect",
            "reached",
            "triggered",
            "found",
            "median",
            "by",
            "found blindly",
            "median",
        ]);
    for defect in defects {
        let of = |all: &[Hunted]| all.iter().find(|hunted| hunted.id == defect.id).cloned();
        let (with, without) = (of(with), of(without));
        let (reached, triggered) = with.as_ref().map_or((false, false), Hunted::reached);
        let found = |hunted: &Option<Hunted>| {
            hunted.as_ref().map_or_else(String::new, |hunted| {
                format!("{}/{}", hunted.found(), hunted.trials.len())
            })
        };
        let time = |hunted: &Option<Hunted>| {
            hunted
                .as_ref()
                .map_or_else(String::new, |hunted| median(hunted.median()))
        };
        let by = with
            .as_ref()
            .map_or_else(String::new, |hunted| hunted.oracles().join(", "));
        table.add_row([
            defect.id.to_owned(),
            defect.title.to_owned(),
            yes(reached),
            yes(triggered),
            found(&with),
            time(&with),
            by,
            found(&without),
            time(&without),
        ]);
    }
    let of_both = [("With feedback", with), ("Without", without)];
    let mut text = String::new();
    for (name, all) in of_both.into_iter().filter(|(_, all)| !all.is_empty()) {
        let _ = writeln!(text, "{name}: {}.\n", totals(all));
    }
    let _ = writeln!(text, "{}", table.trim_fmt());
    text
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

fn median(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.2} s"))
}

/// `102 defects: 97 reached, 95 triggered, 90 found in half of the trials, median of medians 0.12 s`
fn totals(all: &[Hunted]) -> String {
    let count = |is: &dyn Fn(&Hunted) -> bool| all.iter().filter(|hunted| is(hunted)).count();
    let mut medians: Vec<f64> = all
        .iter()
        .map(|hunted| hunted.median().unwrap_or(f64::INFINITY))
        .collect();
    medians.sort_by(f64::total_cmp);
    let middle = medians.get(medians.len() / 2).copied();
    format!(
        "{} defects: {} reached, {} triggered, {} found at least once, {} in half of the trials or more; the median of all medians is {}",
        all.len(),
        count(&|hunted| hunted.reached().0),
        count(&|hunted| hunted.reached().1),
        count(&|hunted| hunted.found() > 0),
        count(&|hunted| hunted.median().is_some()),
        median(middle.filter(|middle| middle.is_finite())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::Trial;

    #[test]
    fn the_table_can_be_read() {
        let trial = |seconds, oracle: Option<&str>| Trial {
            seed: 1,
            seconds,
            events: 100,
            reached: 3,
            triggered: u64::from(oracle.is_some()),
            oracle: oracle.map(str::to_owned),
        };
        let hunted = |id: &str, trials| Hunted {
            id: id.to_owned(),
            feedback: true,
            trials,
        };
        let defect = |id, title| Defect {
            id,
            title,
            source: "somebody",
            breaks: &[],
        };
        let found = vec![trial(0.5, Some("stream")), trial(1.5, Some("liveness"))];
        let all = [
            hunted("A01", found),
            hunted("B02", vec![trial(600.0, None), trial(2.0, Some("stream"))]),
        ];
        let defects = [defect("A01", "One thing"), defect("B02", "Another")];
        insta::assert_snapshot!(text(&all, &defects));
        insta::assert_snapshot!("markdown", markdown(&all, &all[..1], &defects));
    }
}
