//! `fcntl` and `ioctl`.

use smoltcp::socket::tcp::State;

use crate::call::{Fd, Outcome, Output};
use crate::target::abi::{file, request};
use crate::target::errno::EINVAL;
use crate::target::smoltcp::blocking::{Attempt, Stop};
use crate::target::smoltcp::descriptors::Stage;
use crate::target::smoltcp::kernel::Kernel;

/// Whether `ioctl` knows this request.
pub(in crate::target::smoltcp) fn is_known(number: u64) -> bool {
    matches!(
        number,
        request::SIOCINQ | request::SIOCOUTQ | request::FIONBIO
    )
}

impl Kernel {
    pub(in crate::target::smoltcp) fn fcntl(
        &mut self,
        fd: Fd,
        command: i32,
        argument: Option<i64>,
    ) -> Attempt {
        let socket = self.socket_of_mut(fd)?;
        let argument = argument.unwrap_or(0);
        Ok(Outcome::ok(match command {
            file::GETFD if socket.close_on_exec => file::CLOEXEC,
            file::GETFD => 0,
            file::SETFD => {
                socket.close_on_exec = argument & file::CLOEXEC != 0;
                0
            }
            file::GETFL if socket.nonblocking => file::RDWR | file::NONBLOCK,
            file::GETFL => file::RDWR,
            file::SETFL => {
                socket.nonblocking = argument & file::NONBLOCK != 0;
                0
            }
            other => {
                return Err(Stop::unsupported(
                    format!("fcntl:{other}"),
                    "the smoltcp target knows F_GETFL, F_SETFL, F_GETFD and F_SETFD",
                ));
            }
        }))
    }

    pub(in crate::target::smoltcp) fn ioctl(
        &mut self,
        fd: Fd,
        number: u64,
        argument: Option<i32>,
    ) -> Attempt {
        let socket = self.socket_of_mut(fd)?;
        if !is_known(number) {
            return Err(Stop::unsupported(
                format!("ioctl:{number:#06x}"),
                "smoltcp has nothing that this request could ask for",
            ));
        }
        if number == request::FIONBIO {
            socket.nonblocking = argument.unwrap_or(0) != 0;
            return Ok(Outcome::ok(0));
        }
        let answer = match socket.stage {
            Stage::Fresh => 0,
            // tcp(7): the queue lengths of a listener are EINVAL.
            Stage::Listening(_) => return Err(EINVAL.into()),
            Stage::Connection(id, _) => match self.host.socket(id) {
                Some(tcp) if !matches!(tcp.state(), State::SynSent | State::SynReceived) => {
                    if number == request::SIOCINQ {
                        tcp.recv_queue()
                    } else {
                        tcp.send_queue()
                    }
                }
                Some(_) | None => 0,
            },
        };
        let answer = i32::try_from(answer).unwrap_or(i32::MAX);
        Ok(Outcome::with(0, Output::Int(answer)))
    }
}
