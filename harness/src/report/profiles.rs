//! The settings of the reference stack: a table for people, JSON for programs.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::target::reference::ProfileSetting;

/// Stands for the value of the first profile.
const SAME: &str = "=";

/// The table, which is Markdown as well. Of the other profiles only what differs from the first one is
/// written out.
pub fn table(profiles: &[&str], settings: &[ProfileSetting]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled);
    let head = ["setting"].into_iter().chain(profiles.iter().copied());
    let head = head.chain(["unit, bounds", "answers to", "set by"]);
    table.set_header(head);
    for setting in settings {
        table.add_row(cells(setting));
    }
    table.trim_fmt()
}

fn cells(setting: &ProfileSetting) -> Vec<String> {
    let first = setting.values.first();
    let value = |(place, value): (usize, &String)| match Some(value) == first {
        true if place > 0 => SAME.to_string(),
        _ => value.clone(),
    };
    let sysctls = setting.linux.iter().chain(&setting.freebsd);
    let sysctls: Vec<&str> = sysctls.copied().collect();
    [setting.name.to_string()]
        .into_iter()
        .chain(setting.values.iter().enumerate().map(value))
        .chain([
            setting.bounds.to_string(),
            setting.answers.join(", "),
            sysctls.join(", "),
        ])
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
        insta::assert_snapshot!(table(&["rfc9293", "linux", "freebsd"], &settings()));
    }

    #[test]
    fn json_has_every_value() {
        let text = json(&["rfc9293", "linux", "freebsd"], &settings()[1..]);
        insta::assert_snapshot!(text.expect("serialises"));
    }
}
