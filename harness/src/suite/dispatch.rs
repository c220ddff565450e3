//! Working off many jobs side by side.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, Scope};
use std::time::Duration;

use super::interrupt::Interrupt;
use super::window::{Punctuality, Window};

/// Enough for a run; small stacks are used again instead of being mapped anew for each.
const STACK: usize = 1 << 20;

/// So long without news, and that is told.
const QUIET: Duration = Duration::from_secs(1);

/// How an attempt at a job ended.
#[derive(Debug)]
pub(super) enum Attempt<R> {
    /// With a result, which is final.
    Done(R, Punctuality),
    /// The machine perturbed it: the job has its next turn as soon as there is room. What is to be
    /// told of that.
    Again(R),
    /// The end of the whole run cut it short.
    CutShort,
}

/// A job that is back, with its number and what came of it.
type Back<J, R> = (J, u64, Attempt<R>);

/// Works off `jobs` in their order, as many at a time as the window admits, and hands each
/// result, and what is to be told of perturbed attempts, to `finished` on the calling thread;
/// `None` when there was none for a second. Once `interrupt` is raised no job begins any more.
pub(super) fn dispatch<J: Send, R: Send>(
    jobs: Vec<J>,
    mut window: Window,
    interrupt: &Interrupt,
    work: &(impl Fn(&mut J) -> Attempt<R> + Sync),
    finished: &mut dyn FnMut(Option<R>),
) {
    let mut queue = VecDeque::from(jobs);
    let (sender, receiver) = channel::<Back<J, R>>();
    std::thread::scope(|scope| {
        let (mut in_flight, mut launched) = (0, 0);
        loop {
            while !interrupt.is_raised()
                && window.admits(in_flight)
                && let Some(job) = queue.pop_front()
            {
                launch(scope, job, launched, work, sender.clone());
                launched += 1;
                in_flight += 1;
            }
            if in_flight == 0 {
                return;
            }
            // The sender above lives as long as this loop, and each launch answers once.
            let (job, number, attempt) = match receiver.recv_timeout(QUIET) {
                Ok(back) => back,
                Err(RecvTimeoutError::Timeout) => {
                    finished(None);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            in_flight -= 1;
            match attempt {
                Attempt::Done(result, punctuality) => {
                    window.finished(number, launched, punctuality);
                    finished(Some(result));
                }
                Attempt::Again(what) => {
                    window.finished(number, launched, Punctuality::Perturbed);
                    finished(Some(what));
                    queue.push_front(job);
                }
                Attempt::CutShort => {}
            }
        }
    });
}

/// Gives a job a thread of its own; where the machine has none left, does it here and now.
fn launch<'scope, J: Send + 'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    job: J,
    number: u64,
    work: &'scope (impl Fn(&mut J) -> Attempt<R> + Sync),
    sender: Sender<Back<J, R>>,
) {
    // Handed over through a slot, so that the job is still here if there is no thread for it.
    let (hand, slot) = channel::<J>();
    let answer = sender.clone();
    let thread = Builder::new()
        .name("tcpdrill-run".into())
        .stack_size(STACK)
        .spawn_scoped(scope, move || {
            if let Ok(mut job) = slot.recv() {
                let attempt = work(&mut job);
                let _ = answer.send((job, number, attempt));
            }
        });
    let mut job = match thread {
        Ok(_) => match hand.send(job) {
            Ok(()) => return,
            Err(unsent) => unsent.0,
        },
        Err(_) => job,
    };
    let attempt = work(&mut job);
    let _ = sender.send((job, number, attempt));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn all(
        jobs: Vec<u32>,
        window: Window,
        interrupt: &Interrupt,
        work: impl Fn(&mut u32) -> Attempt<u32> + Sync,
    ) -> Vec<u32> {
        let mut results = Vec::new();
        dispatch(jobs, window, interrupt, &work, &mut |result| {
            results.extend(result);
        });
        results
    }

    #[test]
    fn that_there_is_no_news_is_news() {
        let (release, released) = channel();
        let released = Mutex::new(released);
        let mut told = Vec::new();
        dispatch(
            vec![1],
            Window::fixed(1),
            &Interrupt::default(),
            &|job: &mut u32| {
                // As long as nothing was told, however slow the machine is.
                released.lock().unwrap().recv().unwrap();
                Attempt::Done(*job, Punctuality::OnTime)
            },
            &mut |news| {
                told.push(news);
                let _ = release.send(());
            },
        );
        assert_eq!(told.first(), Some(&None));
        assert_eq!(told.last(), Some(&Some(1)));
    }

    #[test]
    fn one_at_a_time_goes_in_order_and_a_perturbed_job_comes_first() {
        let attempts = Mutex::new(Vec::new());
        let results = all(
            vec![3, 2, 1],
            Window::fixed(1),
            &Interrupt::default(),
            |job| {
                let mut attempts = attempts.lock().unwrap();
                attempts.push(*job);
                let tried = attempts.iter().filter(|tried| *tried == job).count();
                if *job == 2 && tried < 3 {
                    Attempt::Again(*job)
                } else {
                    Attempt::Done(*job * 10, Punctuality::OnTime)
                }
            },
        );
        assert_eq!(results, [30, 2, 2, 20, 10]);
        assert_eq!(*attempts.lock().unwrap(), [3, 2, 2, 2, 1]);
    }

    #[test]
    fn never_more_are_in_flight_than_the_window_admits() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = all(
            (0..200).collect(),
            Window::fixed(7),
            &Interrupt::default(),
            |job| {
                let number = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(number, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                Attempt::Done(*job, Punctuality::OnTime)
            },
        );
        assert_eq!(results.len(), 200);
        assert!(most.into_inner() <= 7);
    }

    #[test]
    fn after_an_interruption_nothing_begins_and_what_is_done_stays() {
        let interrupt = Interrupt::default();
        let results = all(vec![1, 2, 3, 4], Window::fixed(1), &interrupt, |job| {
            if *job == 3 {
                interrupt.raise();
                return Attempt::CutShort;
            }
            Attempt::Done(*job, Punctuality::OnTime)
        });
        assert_eq!(results, [1, 2]);
    }
}
