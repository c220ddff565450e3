//! What the host and process 1 of a kernel say to each other.
//!
//! Each message is a frame: its length in four bytes, the least first, and so many bytes of postcard (a run of
//! thousands of packets is several times as long as JSON, and both sides are the same program).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::learn::study::Study;
use crate::learn::{Expense, Learned};
use crate::program::IpVersion;
use crate::suite::{Case, ExecuteSettings};
use crate::target::linux::Link;
use crate::verdict::CaseResult;

/// The file with the one frame of the job, in the folder that both sides know.
pub(crate) const JOB: &str = "job";
/// The file to which process 1 adds its reports.
pub(crate) const REPORTS: &str = "reports";

/// No message is longer: what says so is no message.
const LONGEST: usize = 256 << 20;

/// What a kernel is started for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Run these, one after the other.
    Run {
        units: Vec<Unit>,
        settings: Box<ExecuteSettings>,
        /// What cases are linked by; the first that there is if left out.
        link: Option<Link>,
    },
    /// Learn it as a machine.
    Learn(Study),
}

/// One case on one family.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unit {
    /// Its place in the whole run.
    pub(crate) number: usize,
    pub(crate) case: Case,
    pub(crate) ip_version: IpVersion,
}

/// What process 1 tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It has read its job and goes to work.
    Ready,
    /// It cannot.
    Refused { problem: String },
    /// The unit of this number begins.
    Began { unit: usize },
    /// What came of it.
    Ended {
        unit: usize,
        result: Box<CaseResult>,
    },
    /// So far the kernel is learned.
    Learning { expense: Expense },
    /// What it is.
    Learned(Box<Learned>),
    /// All is done.
    Done,
}

/// A message that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the kernel's first process says is garbled: {0}")]
pub(crate) struct Garbled(String);

/// A message as it is sent.
///
/// # Errors
/// If it cannot be written down, or is longer than any may be.
pub(crate) fn frame(message: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut bytes = postcard::to_extend(message, vec![0; 4]).map_err(|error| error.to_string())?;
    let length = bytes.len() - 4;
    match u32::try_from(length) {
        Ok(short) if length <= LONGEST => bytes[..4].copy_from_slice(&short.to_le_bytes()),
        _ => return Err(format!("a message of {length} bytes is too long")),
    }
    Ok(bytes)
}

/// The first message in `bytes`, which is taken out of them; `None` as long as it is not there whole.
///
/// # Errors
/// If what is there can be no message.
pub(crate) fn take<T: DeserializeOwned>(bytes: &mut Vec<u8>) -> Result<Option<T>, Garbled> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > LONGEST {
        return Err(Garbled(format!("a message of {length} bytes")));
    }
    let Some(text) = rest.get(..length) else {
        return Ok(None);
    };
    let message = postcard::from_bytes(text).map_err(|error| Garbled(error.to_string()))?;
    bytes.drain(..4 + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::*;
    use crate::diagnostic::{Diagnostic, code};
    use crate::learn::machine::{State, Transition};
    use crate::learn::{Effort, Machine};
    use crate::report::samples;
    use crate::source::{Source, Span};
    use crate::verdict::{CaseError, Perturbation, Verdict};

    /// What a message reads like after its way.
    fn sent<T: Serialize + DeserializeOwned>(message: &T) -> T {
        let mut bytes = frame(message).unwrap();
        let read = take(&mut bytes).unwrap().expect("whole");
        assert!(bytes.is_empty());
        read
    }

    #[test]
    fn a_result_is_the_same_on_the_other_side() {
        let (_, mut result) = samples::failed("ack", "1001", "501");
        let source = Source::new("a.pkt", "+0 nonsense\n");
        let span = Span::new(3, 11);
        let verdicts = [
            result.verdict.clone(),
            Verdict::Pass,
            Verdict::Skip {
                capability: "psp".into(),
                reason: "none".into(),
            },
            Verdict::Perturbed(Perturbation {
                span,
                what: "the harness was",
                late: Duration::from_micros(12),
                allowed: None,
            }),
            Verdict::Error(CaseError::Script(vec![Diagnostic::error(
                code::UNEXPECTED,
                &source,
                span,
                "no",
            )])),
        ];
        for verdict in verdicts {
            result.verdict = verdict;
            let report = Report::Ended {
                unit: 7,
                result: Box::new(result.clone()),
            };
            assert_eq!(format!("{:?}", sent(&report)), format!("{report:?}"));
        }
    }

    #[test]
    fn a_job_is_the_same_on_the_other_side() {
        let suite = crate::suite::Suite::bundled();
        let units = suite.cases.iter().take(40).enumerate();
        let job = Job::Run {
            units: units
                .map(|(number, case)| Unit {
                    number,
                    case: case.clone(),
                    ip_version: IpVersion::Ipv6,
                })
                .collect(),
            settings: Box::new(ExecuteSettings {
                ip_versions: vec![IpVersion::Ipv6],
                given: [(IpVersion::Ipv6, crate::script::Given::default())].into(),
                ..ExecuteSettings::default()
            }),
            link: Some(Link::Tun),
        };
        assert_eq!(format!("{:?}", sent(&job)), format!("{job:?}"));
    }

    #[test]
    fn a_study_and_what_came_of_it_are_the_same_on_the_other_side() {
        let job = Job::Learn(Study {
            inputs: vec!["SYN".to_owned(), "wait".to_owned()],
            effort: Effort {
                depth: 2,
                random: 7,
                seed: 9,
            },
            most_states: 40,
            moment: 1_000,
        });
        assert_eq!(format!("{:?}", sent(&job)), format!("{job:?}"));
        let transition = Transition {
            output: "SYN+ACK of it".to_owned(),
            to: 0,
        };
        let learned = Learned {
            machine: Machine {
                inputs: vec!["SYN".to_owned()],
                states: vec![State {
                    name: "LISTEN".to_owned(),
                    reached_by: vec![],
                    transitions: vec![transition],
                }],
            },
            expense: Expense {
                queries: 1,
                inputs: 2,
                hypotheses: 3,
            },
        };
        let report = Report::Learned(Box::new(learned));
        assert_eq!(format!("{:?}", sent(&report)), format!("{report:?}"));
    }

    #[test]
    fn messages_come_whole_and_in_order_however_they_are_cut() {
        let all: Vec<u8> = (0..3)
            .flat_map(|unit| frame(&Report::Began { unit }).unwrap())
            .collect();
        let mut bytes = Vec::new();
        let mut seen = Vec::new();
        for byte in all {
            bytes.push(byte);
            while let Some(report) = take::<Report>(&mut bytes).unwrap() {
                seen.push(format!("{report:?}"));
            }
        }
        assert_eq!(
            seen,
            [
                "Began { unit: 0 }",
                "Began { unit: 1 }",
                "Began { unit: 2 }"
            ]
        );
    }

    #[rstest]
    #[case::no_length(b"\xff\xff\xff\xffxxxx")]
    #[case::no_json(b"\x04\0\0\0xxxx")]
    #[case::no_report(b"\x06\0\0\0\"Late\"")]
    fn what_is_no_message_is_garbled(#[case] bytes: &[u8]) {
        assert!(take::<Report>(&mut bytes.to_vec()).is_err());
    }
}
