//! The addresses played stay this run's as long as it lasts: whoever checks that one is free is told
//! that it is not, whether a case runs on it or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::filter;
use super::frames::{self, Heard};
use super::offload;
use super::played::Played;
use crate::target::TargetError;
use crate::target::linux::link::{Interface, Link, Mac};

/// How long the end of the run may go unnoticed.
const STRETCH: Duration = Duration::from_millis(50);

/// Answers checks for one family's addresses until it is dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts answering.
    ///
    /// # Errors
    /// What the interface, or the machine, does not allow.
    pub(super) fn start(interface: &Interface, mac: Mac, played: Played) -> Result<Keeper, String> {
        let foreign = mac != interface.mac;
        let mut link = Link::open(interface, &filter::of_probes(&played), foreign)
            .map_err(|error| error.to_string())?;
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let thread = std::thread::Builder::new()
            .name("tcpdrill-keeper".into())
            .spawn(move || {
                // Should the interface fail, the cases say so.
                while !flag.load(Ordering::Relaxed) && keep(&mut link, mac, &played).is_ok() {}
            })
            .map_err(|error| format!("no thread to keep the addresses with ({error})"))?;
        Ok(Keeper {
            is_over,
            thread: Some(thread),
        })
    }
}

/// Answers what has come, and what comes within a moment.
fn keep(link: &mut Link, mac: Mac, played: &Played) -> Result<(), TargetError> {
    link.wait(link.now() + STRETCH, None)?;
    while let Some(frame) = link.receive()? {
        for bytes in offload::frames(&frame.bytes) {
            if let Heard::Probed { wanted, by } = frames::read(&bytes)
                && played.contains(wanted)
            {
                link.send(&frames::objection(wanted, mac, by))?;
            }
        }
    }
    Ok(())
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
