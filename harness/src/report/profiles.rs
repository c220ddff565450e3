//! The settings of the reference stack: a table for people, JSON for programs.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::target::reference::ProfileSetting;

/// Stands for the value of the first profile.
const SAME: &str = "=";

/// The table of values, which is Markdown as well. Of the other profiles only what differs from the
/// first one is written out.
pub fn table(profiles: &[&str], settings: &[ProfileSetting]) -> String {
    let mut head = vec!["setting"];
    head.extend(profiles);
    rows(head, settings.iter().map(values))
}

/// The same, with unit, bounds, requirements and sysctls of each setting.
pub fn long_table(profiles: &[&str], settings: &[ProfileSetting]) -> String {
    let mut head = vec!["setting"];
    head.extend(profiles);
    head.extend(["unit, bounds", "answers to", "set by"]);
    let row = |setting: &ProfileSetting| {
        let sysctls = setting.linux.iter().chain(&setting.freebsd);
        let sysctls: Vec<&str> = sysctls.copied().collect();
        let mut cells = values(setting);
        cells.extend([
            setting.bounds.to_string(),
            setting.answers.join(", "),
            sysctls.join(", "),
        ]);
        cells
    };
    rows(head, settings.iter().map(row))
}

fn rows(head: Vec<&str>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head);
    rows.for_each(|row| {
        table.add_row(row);
    });
    table.trim_fmt()
}

/// The name of a setting and what it is in each profile.
fn values(setting: &ProfileSetting) -> Vec<String> {
    let first = setting.values.first();
    let value = |(place, value): (usize, &String)| match Some(value) == first {
        true if place > 0 => SAME.to_string(),
        _ => value.clone(),
    };
    let name = std::iter::once(setting.name.to_string());
    name.chain(setting.values.iter().enumerate().map(value))
        .collect()
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    profiles: &'a [&'a str],
    settings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    values: BTreeMap<&'a str, &'a str>,
    /// The profiles that differ from the first one.
    differs: Vec<&'a str>,
    bounds: &'a str,
    answers: &'a [&'a str],
    linux: &'a [&'a str],
    freebsd: &'a [&'a str],
}

/// All of it as JSON, schema 1.
///
/// # Errors
/// If serialising fails, which no value of these types makes it do.
pub fn json(profiles: &[&str], settings: &[ProfileSetting]) -> serde_json::Result<String> {
    let settings = settings.iter().map(|setting| entry(profiles, setting));
    serde_json::to_string_pretty(&Report {
        schema: 1,
        profiles,
        settings: settings.collect(),
    })
}

fn entry<'a>(profiles: &[&'a str], setting: &'a ProfileSetting) -> Entry<'a> {
    let pairs = || {
        let values = setting.values.iter().map(String::as_str);
        profiles.iter().copied().zip(values)
    };
    let first = setting.values.first().map(String::as_str);
    let differing = pairs().filter(|(_, value)| Some(*value) != first);
    Entry {
        name: setting.name,
        values: pairs().collect(),
        differs: differing.map(|(profile, _)| profile).collect(),
        bounds: setting.bounds,
        answers: &setting.answers,
        linux: &setting.linux,
        freebsd: &setting.freebsd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Vec<ProfileSetting> {
        let setting = |name, values: &[&str]| ProfileSetting {
            name,
            values: values.iter().map(ToString::to_string).collect(),
            bounds: "time, below 500 ms",
            answers: vec!["RFC9293-MUST-40", "RFC 9293 §3.8.6.3"],
            linux: vec!["net.ipv4.tcp_sack"],
            freebsd: vec!["net.inet.tcp.delacktime", "net.inet.tcp.delayed_ack"],
        };
        vec![
            setting("delayed_ack", &["200 ms", "40 ms", "40 ms"]),
            setting("sack", &["on", "on", "off"]),
        ]
    }

    #[test]
    fn only_what_differs_is_written_out() {
        let (profiles, settings) = (["rfc9293", "linux", "freebsd"], settings());
        let long = long_table(&profiles, &settings);
        insta::assert_snapshot!(table(&profiles, &settings) + "\n\n" + &long);
    }

    #[test]
    fn json_has_every_value() {
        let text = json(&["rfc9293", "linux", "freebsd"], &settings()[1..]);
        insta::assert_snapshot!(text.expect("serialises"));
    }
}
