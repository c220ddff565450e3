//! Commands: what the runner itself decides about them.

use std::sync::Mutex;

use super::*;
use crate::target::CommandContext;

/// The status is that of a command's last part; what the others have said is kept.
#[test]
fn what_a_command_prints_that_succeeds_is_told_with_the_failure() {
    let text = "0 `true`\n+0 `false`\n";
    let outcome = flow::outcome(text, &Canned::default(), RunSettings::default());
    let Verdict::Fail(failure) = &outcome.verdict else {
        panic!("{:?}", outcome.verdict);
    };
    let told = "commands have printed:\n    line 1: it broke";
    assert_eq!(failure.notes[1], told);
    let texts: Vec<&str> = outcome
        .trace
        .entries
        .iter()
        .map(|entry| &*entry.text)
        .collect();
    assert_eq!(texts, ["`true`", "it broke", "`false`"]);
}

/// Takes every command and writes down what it was told.
#[derive(Default)]
struct Listening {
    told: std::sync::Arc<Mutex<Vec<String>>>,
    fails: Option<&'static str>,
}

struct ListeningSession {
    told: std::sync::Arc<Mutex<Vec<String>>>,
    fails: Option<&'static str>,
    inner: Box<dyn Session>,
}

impl Target for Listening {
    fn name(&self) -> &'static str {
        "listening"
    }
    fn defines(&self) -> Vec<String> {
        Vec::new()
    }
    fn lacks(&self, _capability: &Capability) -> Option<String> {
        None
    }
    fn shares_a_machine(&self) -> bool {
        true
    }

    fn is_virtual(&self) -> bool {
        true
    }
    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(ListeningSession {
            told: self.told.clone(),
            fails: self.fails,
            inner: Canned::default().open(settings)?,
        }))
    }
}

impl Session for ListeningSession {
    fn start(&mut self) {
        self.told.lock().unwrap().push("start".to_string());
    }
    fn now(&mut self) -> Time {
        self.inner.now()
    }
    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.inner.sleep_until(time)
    }
    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        self.inner.inject(datagram)
    }
    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        self.inner.next_packet(deadline)
    }
    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        self.inner.call(call, limit)
    }
    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        self.inner.start_call(call)
    }
    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        self.inner.finish_call(deadline)
    }
    fn prepare_commands(&mut self, context: &CommandContext) -> Result<(), TargetError> {
        self.told
            .lock()
            .unwrap()
            .push(format!("alone: {}", context.alone));
        Ok(())
    }
    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        self.told.lock().unwrap().push(command.to_string());
        Ok(CommandReport {
            status: Some(i32::from(self.fails == Some(command))),
            output: String::new(),
        })
    }
    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        self.inner.socket_info(fd)
    }
}

/// The verdict's name and what the session was told.
fn told(text: &str, fails: Option<&'static str>, allow_commands: bool) -> (String, String) {
    let source = Source::new("case.pkt", text);
    let program = script::load(&source, &LoadContext::default()).unwrap();
    let settings = RunSettings {
        allow_commands,
        ..RunSettings::default()
    };
    let target = Listening {
        fails,
        ..Listening::default()
    };
    let verdict = run(&program, &target, &settings).verdict;
    let name = match &verdict {
        Verdict::Skip { capability, .. } => format!("skip {capability}"),
        other => other.name().to_string(),
    };
    let told = target.told.lock().unwrap().join("; ");
    (name, told)
}

#[test]
fn a_change_of_the_machine_has_to_be_allowed() {
    let text = "0 `echo 1 > /sys/module/tcp_cubic/parameters/hystart`\n";
    let skipped = ("skip command:global-state".to_string(), String::new());
    assert_eq!(told(text, None, false), skipped);
    let (name, told_of) = told(text, None, true);
    assert_eq!(name, "pass");
    assert!(
        told_of.starts_with("alone: true; start; echo 1"),
        "{told_of}"
    );
    let (_, told_of) = told("0 `true`\n", None, true);
    assert!(told_of.starts_with("alone: false"), "{told_of}");
}

const WHOLE: &str = "--init_scripts=\"one,two x\"\n`init`\n0 `event`\n`cleanup`\n";

#[rstest::rstest]
#[case(None, "pass", "one; two x; init; start; event; cleanup")]
#[case(Some("two x"), "error", "one; two x; cleanup")]
#[case(Some("init"), "error", "one; two x; init; cleanup")]
#[case(Some("event"), "fail", "one; two x; init; start; event; cleanup")]
#[case(Some("cleanup"), "error", "one; two x; init; start; event; cleanup")]
fn commands_come_in_their_order_and_the_cleanup_once(
    #[case] fails: Option<&'static str>,
    #[case] verdict: &str,
    #[case] commands: &str,
) {
    let (name, told) = told(WHOLE, fails, false);
    assert_eq!(
        (name.as_str(), told.as_str()),
        (verdict, format!("alone: false; {commands}").as_str())
    );
}
