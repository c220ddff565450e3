//! The loop around a host: datagrams from the device, user calls, datagrams to the device, and a
//! wait until the next of the deadlines.

use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use tcpdrill_stack::{CallError, Host, Instant, Output};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::options::Options;
use crate::relay::Relay;

/// Most datagrams taken from the device before the stack answers: acknowledgments for them are
/// combined.
const BATCH: usize = 16;

/// What uses the stack.
pub(crate) trait Service {
    /// Opens its sockets.
    fn open(&mut self, now: Instant, host: &mut Host) -> Result<(), CallError>;

    /// Does what can be done without waiting. Answers whether all is over.
    fn progress(&mut self, now: Instant, host: &mut Host) -> Result<bool, Box<dyn Error>>;
}

/// The clock of the machine. The stack has none: it is told what time it is.
#[expect(clippy::disallowed_types, reason = "real time is what this is for")]
struct Clock(std::time::Instant);

#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "as above"
)]
impl Clock {
    fn start() -> Clock {
        Clock(std::time::Instant::now())
    }

    /// Wall-clock time since the start becomes the stack's time.
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.elapsed().as_micros() as u64)
    }
}

/// A device, a host behind it, and the link between them.
struct Driver {
    device: SyncDevice,
    host: Host,
    relay: Relay,
    clock: Clock,
    verbose: bool,
}

/// Runs `service` until it is over.
pub(crate) fn run(options: &Options, mut service: impl Service) -> Result<(), Box<dyn Error>> {
    let device = DeviceBuilder::new()
        .name(&options.device)
        .inherit_enable_state()
        .build_sync()?;
    device.set_nonblocking(true)?;
    let mut secret = [0; 16];
    getrandom::fill(&mut secret)?;
    let config = options.config();
    let mut driver = Driver {
        device,
        host: Host::new(config, &options.addresses, secret, options.seed),
        relay: Relay::new(options.impairments(), options.seed),
        clock: Clock::start(),
        verbose: options.verbose,
    };
    driver.wait_for_carrier()?;
    service.open(driver.clock.now(), &mut driver.host)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let now = driver.clock.now();
        let arrived = driver.take_in(now, &mut buffer)?;
        driver.host.timeout(now);
        driver.drain(now)?;
        let over = service.progress(now, &mut driver.host)?;
        let deadline = driver.drain(now)?;
        let on_the_way = driver.relay.next_arrival();
        if over && on_the_way.is_none() {
            driver.relay.report();
            return Ok(());
        }
        if arrived < BATCH {
            driver.wait([deadline, on_the_way].into_iter().flatten().min())?;
        }
    }
}

impl Driver {
    /// The kernel drops what goes through a device until it has noticed that somebody opened it, which
    /// takes it up to a second. A device that is down is not waited for longer than ten.
    #[expect(clippy::disallowed_methods, reason = "real time passes here")]
    fn wait_for_carrier(&self) -> io::Result<()> {
        for _ in 0..1000 {
            if self.device.is_running()? {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Hands in what has arrived. Answers how many datagrams the device had.
    fn take_in(&mut self, now: Instant, buffer: &mut [u8]) -> io::Result<usize> {
        let mut arrived = 0;
        while arrived < BATCH {
            let datagram = match self.device.recv(buffer) {
                Ok(len) => &buffer[..len],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            arrived += 1;
            match self.relay.links() {
                Some((inward, _)) => _ = inward.send(now, datagram),
                None => self.host.receive(now, datagram),
            }
        }
        if let Some((inward, _)) = self.relay.links() {
            while let Some(datagram) = inward.receive(now) {
                self.host.receive(now, &datagram);
            }
        }
        Ok(arrived)
    }

    /// Sends what the stack has to send. Answers when it wants to be called again.
    fn drain(&mut self, now: Instant) -> io::Result<Option<Instant>> {
        let deadline = loop {
            match self.host.poll() {
                Output::Transmit(datagram) => {
                    match self.relay.links() {
                        Some((_, outward)) => _ = outward.send(now, &datagram),
                        None => put_out(&self.device, &datagram)?,
                    }
                    // The next datagram is written into the same memory.
                    self.host.recycle(datagram);
                }
                Output::Event(event) if self.verbose => eprintln!("{:?} {event:?}", now),
                Output::Event(_) => {}
                Output::Deadline(at) => break at,
            }
        };
        if let Some((_, outward)) = self.relay.links() {
            while let Some(datagram) = outward.receive(now) {
                put_out(&self.device, &datagram)?;
            }
        }
        Ok(deadline)
    }

    /// Waits for the device, at most until `deadline`.
    fn wait(&self, deadline: Option<Instant>) -> Result<(), Errno> {
        let now = self.clock.now();
        let timeout = deadline.map(|at| TimeSpec::from(at.saturating_duration_since(now)));
        let mut device = [PollFd::new(self.device.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut device, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// A device that has no room loses the datagram, as any link may.
fn put_out(device: &SyncDevice, datagram: &[u8]) -> io::Result<()> {
    match device.send(datagram) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
