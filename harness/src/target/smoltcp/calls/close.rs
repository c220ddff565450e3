//! `close` and `shutdown`.

use smoltcp::socket::tcp::State;

use crate::call::{Fd, Outcome};
use crate::target::abi::shut;
use crate::target::errno::{EBADF, EINVAL, ENOTCONN};
use crate::target::smoltcp::blocking::{Attempt, Progress, Stop};
use crate::target::smoltcp::descriptors::Stage;
use crate::target::smoltcp::kernel::Kernel;

impl Kernel {
    pub(in crate::target::smoltcp) fn close(&mut self, fd: Fd, progress: &mut Progress) -> Attempt {
        if progress.lingering.is_none() {
            let socket = self.table.remove(fd).ok_or(Stop::Failed(EBADF))?;
            match socket.stage {
                Stage::Fresh => {}
                Stage::Listening(pool) => self.drop_pool(&pool),
                Stage::Connection(id, _) => {
                    match socket.local.linger {
                        Some(length) if length.is_zero() => self.host.abort(id),
                        _ => self.host.close(id),
                    }
                    self.host.release(id);
                    progress.lingering = socket.local.linger.map(|length| (id, length));
                }
            }
        }
        // SO_LINGER with a time: sleeps while data or FIN are unacknowledged; running out is no error.
        let still_sending =
            |state| matches!(state, State::FinWait1 | State::Closing | State::LastAck);
        match progress.lingering {
            Some((id, length)) if still_sending(self.host.state(id)) => {
                let end = progress.started + length.into();
                if self.host.now() < end {
                    return Err(Stop::Sleep(Some(end)));
                }
            }
            Some(_) | None => {}
        }
        Ok(Outcome::ok(0))
    }

    pub(in crate::target::smoltcp) fn shutdown(&mut self, fd: Fd, how: i32) -> Attempt {
        let socket = self.socket_of(fd)?;
        if !(shut::RD..=shut::RDWR).contains(&how) {
            return Err(EINVAL.into());
        }
        let (reading, writing) = (how != shut::WR, how != shut::RD);
        let id = match socket.stage {
            Stage::Fresh => return Err(ENOTCONN.into()),
            // Linux: ending the reading side of a listener stops it; the writing side means nothing.
            Stage::Listening(_) if reading => return self.disconnect(fd),
            Stage::Listening(_) => return Ok(Outcome::ok(0)),
            Stage::Connection(id, _) => id,
        };
        match self.host.state(id) {
            State::Closed | State::TimeWait => return Err(ENOTCONN.into()),
            State::SynSent => return self.disconnect(fd),
            _ => {}
        }
        if writing {
            self.host.close(id);
        }
        let socket = self.socket_of_mut(fd)?;
        socket.read_shut |= reading;
        socket.write_shut |= writing;
        Ok(Outcome::ok(0))
    }
}
