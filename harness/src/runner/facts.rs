//! What a script is read with before it is run against a target.

use crate::script::{self, Facts, LoadContext, Version};
use crate::source::Source;
use crate::target::Target;

/// What is known about `target`, as far as `source` asks for it; no defines, no family.
pub fn load_context(target: &dyn Target, source: &Source) -> LoadContext {
    let lacks = script::asked(source).into_iter().filter(|capability| {
        script::capability::unavailable(capability).is_some() || target.lacks(capability).is_some()
    });
    LoadContext {
        facts: Facts {
            target: target.name().to_string(),
            system: target.known().to_string(),
            profile: target.profile(),
            kernel: target.kernel().and_then(|text| Version::read(&text)),
            lacks: lacks.collect(),
        },
        predefined: target.defines(),
        ..LoadContext::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::reference::ReferenceTarget;

    #[test]
    fn a_script_can_ask_for_what_its_target_is_and_lacks() {
        let text = "#if has(udp) || has(encapsulation) || kernel > 0\n0 close(3) = 0\n\
                    #elif target == reference && profile == rfc9293 && has(icmp)\n0 close(4) = 0\n#endif\n";
        let source = Source::new("x", text);
        let program = script::load(&source, &load_context(&ReferenceTarget::default(), &source));
        let steps = program.expect("it reads").steps;
        assert_eq!(source.slice(steps[0].span), "0 close(4) = 0");
    }
}
