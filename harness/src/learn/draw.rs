//! A machine as a graph: in Graphviz's language, and as a picture.

use std::fmt::Write;

use layout::backends::svg::SVGWriter;
use layout::gv::{DotParser, GraphBuilder};

use super::machine::Machine;
use super::table::{Group, groups};

/// The graph in Graphviz's language. One arrow has all that leads from one state to another; what changes no state is
/// left out. What leads back to a state that is met earlier leads to a grey copy of it, which has no arrows of its own:
/// arrows across the whole picture cannot be followed.
pub fn dot(machine: &Machine) -> String {
    let mut text = "digraph machine {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (place, state) in machine.states.iter().enumerate() {
        let _ = writeln!(text, "  s{place} [label=\"{}\"];", quoted(&state.name));
    }
    for place in 0..machine.states.len() {
        let mut lines: Vec<(usize, String)> = Vec::new();
        for group in groups(machine, place) {
            if group.to == place {
                continue;
            }
            let line = label(&group);
            match lines.iter_mut().find(|(to, _)| *to == group.to) {
                Some((_, lines)) => {
                    lines.push_str("\\n");
                    lines.push_str(&line);
                }
                None => lines.push((group.to, line)),
            }
        }
        for (to, lines) in lines {
            let goes_on = to > place;
            let target = match goes_on {
                true => format!("s{to}"),
                false => format!("s{to}_behind_s{place}"),
            };
            if !goes_on {
                let name = quoted(&machine.states[to].name);
                let _ = writeln!(text, "  {target} [label=\"{name}\", color=\"gray\"];");
            }
            let _ = writeln!(text, "  s{place} -> {target} [label=\"{lines}\"];");
        }
    }
    text.push_str("}\n");
    text
}

fn label(group: &Group<'_>) -> String {
    quoted(&format!("{} / {}", group.inputs.join(", "), group.output))
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The graph as a picture (SVG).
///
/// # Errors
/// If it cannot be laid out, which is a fault of this program.
pub fn svg(machine: &Machine) -> Result<String, String> {
    let text = dot(machine);
    let graph = DotParser::new(&text).process()?;
    let mut builder = GraphBuilder::new();
    builder.visit_graph(&graph);
    let mut graph = builder.get();
    let mut picture = SVGWriter::new();
    graph.do_it(false, false, false, &mut picture);
    Ok(picture.finalize())
}
