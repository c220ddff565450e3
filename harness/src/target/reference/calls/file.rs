//! `open`, `pipe`, `splice`, `sendfile`, and reading and writing of what is no socket.

use crate::call::{Fd, Outcome, Output};
use crate::target::reference::abi::{file, msg, splice};
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::{Object, Stage};
use crate::target::reference::errno::{
    EAGAIN, EBADF, EEXIST, EINVAL, ENOENT, ENOTCONN, EPIPE, ESPIPE,
};
use crate::target::reference::files::{FOLDER, OpenFile, PIPE_CAPACITY, PipeEnd};
use crate::target::reference::kernel::Kernel;

/// One side of a `splice`.
#[derive(Clone, Copy, Debug)]
enum Side {
    Pipe(PipeEnd),
    File(OpenFile),
    Socket,
}

impl Kernel {
    pub(in crate::target::reference) fn open(&mut self, path: &str, flags: i32) -> Attempt {
        const KNOWN: i32 = file::ACCESS
            | file::CREATE
            | file::EXCLUSIVE
            | file::TRUNCATE
            | file::APPEND
            | file::CLOSE_ON_EXEC;
        if !path.starts_with(FOLDER) || flags & !KNOWN != 0 {
            return Err(Stop::unsupported(
                "call:open",
                "the reference target has plain files in a /tmp of the case's own only",
            ));
        }
        let (reads, writes) = match flags & file::ACCESS {
            0 => (true, false),
            1 => (false, true),
            2 => (true, true),
            _ => return Err(EINVAL.into()),
        };
        let found = match self.files.find(path) {
            Some(_)
                if flags & (file::CREATE | file::EXCLUSIVE) == file::CREATE | file::EXCLUSIVE =>
            {
                return Err(EEXIST.into());
            }
            Some(_) if writes && flags & file::TRUNCATE != 0 => self.files.put(path, Vec::new()),
            Some(found) => found,
            None if flags & file::CREATE != 0 => self.files.put(path, Vec::new()),
            None => return Err(ENOENT.into()),
        };
        let object = Object::File(OpenFile {
            file: found,
            offset: 0,
            reads,
            writes,
            appends: flags & file::APPEND != 0,
        });
        let fd = self.table.insert(object, flags & file::CLOSE_ON_EXEC != 0);
        Ok(Outcome::ok(i64::from(fd.0)))
    }

    pub(in crate::target::reference) fn pipe(&mut self) -> Attempt {
        let pipe = self.files.pipe();
        let mut end = |writes| {
            let end = PipeEnd { pipe, writes };
            self.table.insert(Object::Pipe(end), false)
        };
        let ends = (end(false), end(true));
        Ok(Outcome::with(0, Output::Pipe(ends.0, ends.1)))
    }

    /// `read` of a file or a pipe.
    pub(in crate::target::reference) fn read_file(
        &mut self,
        fd: Fd,
        len: usize,
        progress: &Progress,
    ) -> Attempt {
        let data = match self.side(fd)? {
            Side::File(open) if open.reads => self.take_from_file(fd, open, len),
            Side::Pipe(end) if !end.writes => {
                let piped = self.files.piped(end.pipe);
                let count = len.min(piped.len());
                if count == 0 && len > 0 && self.has_end(end.pipe, true) {
                    return Err(progress.wait(self.engine.now(), false, None));
                }
                self.files.piped(end.pipe).drain(..count).collect()
            }
            Side::File(_) | Side::Pipe(_) => return Err(EBADF.into()),
            Side::Socket => return Err(EINVAL.into()),
        };
        let count = i64::try_from(data.len()).unwrap_or(i64::MAX);
        Ok(Outcome::with(count, Output::Bytes(data)))
    }

    /// `write` to a file or a pipe.
    pub(in crate::target::reference) fn write_file(
        &mut self,
        fd: Fd,
        data: &[u8],
        progress: &mut Progress,
    ) -> Attempt {
        match self.side(fd)? {
            Side::File(open) if open.writes => self.put_to_file(fd, open, data),
            Side::Pipe(end) if end.writes => {
                if !self.has_end(end.pipe, false) {
                    return Err(EPIPE.into());
                }
                let piped = self.files.piped(end.pipe);
                let room = PIPE_CAPACITY - piped.len();
                let rest = &data[progress.sent..];
                let taken = room.min(rest.len());
                piped.extend(&rest[..taken]);
                progress.sent += taken;
                if progress.sent < data.len() {
                    return Err(progress.wait(self.engine.now(), false, None));
                }
            }
            Side::File(_) | Side::Pipe(_) => return Err(EBADF.into()),
            Side::Socket => return Err(EINVAL.into()),
        }
        Ok(Outcome::ok(i64::try_from(data.len()).unwrap_or(i64::MAX)))
    }

    fn take_from_file(&mut self, fd: Fd, open: OpenFile, len: usize) -> Vec<u8> {
        let data = self.files.read(open.file, open.offset, len).to_vec();
        if let Some(Object::File(open)) = self.table.get_mut(fd) {
            open.offset += data.len();
        }
        data
    }

    fn put_to_file(&mut self, fd: Fd, open: OpenFile, data: &[u8]) {
        let offset = if open.appends {
            self.files.len(open.file)
        } else {
            open.offset
        };
        let end = self.files.write(open.file, offset, data);
        if let Some(Object::File(open)) = self.table.get_mut(fd) {
            open.offset = end;
        }
    }

    fn side(&self, fd: Fd) -> Result<Side, Stop> {
        match self.table.get(fd) {
            None => Err(EBADF.into()),
            Some(Object::Epoll(_)) => Err(EINVAL.into()),
            Some(Object::Socket(_)) => Ok(Side::Socket),
            Some(Object::File(open)) => Ok(Side::File(*open)),
            Some(Object::Pipe(end)) => Ok(Side::Pipe(*end)),
        }
    }

    /// splice(2), without offsets.
    pub(in crate::target::reference) fn splice(
        &mut self,
        (input, output): (Fd, Fd),
        len: usize,
        flags: u32,
        progress: &mut Progress,
    ) -> Attempt {
        if len == 0 {
            return Ok(Outcome::ok(0));
        }
        if flags & !splice::KNOWN != 0 {
            return Err(EINVAL.into());
        }
        let nonblocking = flags & splice::NONBLOCK != 0;
        match (self.side(input)?, self.side(output)?) {
            (Side::Pipe(from), _) if from.writes => Err(EBADF.into()),
            (_, Side::Pipe(to)) if !to.writes => Err(EBADF.into()),
            (Side::Pipe(from), Side::Pipe(to)) if from.pipe == to.pipe => Err(EINVAL.into()),
            (Side::Pipe(from), _) => {
                let data: Vec<u8> = self
                    .files
                    .piped(from.pipe)
                    .iter()
                    .take(len)
                    .copied()
                    .collect();
                if data.is_empty() {
                    return if self.has_end(from.pipe, true) {
                        Err(progress.wait(self.engine.now(), nonblocking, None))
                    } else {
                        Ok(Outcome::ok(0))
                    };
                }
                let more = if flags & splice::MORE != 0 {
                    msg::MORE
                } else {
                    0
                };
                let moved = self.put(output, &data, more, nonblocking, progress)?;
                let count = usize::try_from(moved.result).unwrap_or(0);
                self.files.piped(from.pipe).drain(..count);
                Ok(moved)
            }
            (_, Side::Pipe(to)) => {
                let room = PIPE_CAPACITY - self.files.piped_len(to.pipe);
                if !self.has_end(to.pipe, false) {
                    return Err(EPIPE.into());
                }
                if room == 0 {
                    return Err(progress.wait(self.engine.now(), nonblocking, None));
                }
                let data = match self.side(input)? {
                    Side::File(open) if open.reads => {
                        self.take_from_file(input, open, len.min(room))
                    }
                    Side::Socket => self.take_from_socket(input, len.min(room), progress)?,
                    Side::File(_) | Side::Pipe(_) => return Err(EBADF.into()),
                };
                let count = i64::try_from(data.len()).unwrap_or(i64::MAX);
                self.files.piped(to.pipe).extend(data);
                Ok(Outcome::ok(count))
            }
            (Side::File(_) | Side::Socket, Side::File(_) | Side::Socket) => Err(EINVAL.into()),
        }
    }

    /// What a socket has to read, up to the urgent mark, at which `splice` goes no further.
    fn take_from_socket(
        &mut self,
        fd: Fd,
        len: usize,
        progress: &mut Progress,
    ) -> Result<Vec<u8>, Stop> {
        let socket = self.table.socket(fd)?;
        let inline = socket.options.urgent_inline;
        let Stage::Connection(id, _) = socket.stage else {
            return Err(ENOTCONN.into());
        };
        let at_mark = self
            .engine
            .host()
            .status(id)
            .is_ok_and(|status| status.urgent_ahead == Some(1) && status.recv_queued > 0);
        if at_mark && !inline {
            return Ok(Vec::new());
        }
        self.read_stream(fd, id, len, 0, progress)?;
        Ok(std::mem::take(&mut progress.received))
    }

    /// sendfile(2): the offset is the call's own.
    pub(in crate::target::reference) fn send_file(
        &mut self,
        (output, input): (Fd, Fd),
        offset: i64,
        len: usize,
        progress: &mut Progress,
    ) -> Attempt {
        let open = match self.side(input)? {
            Side::File(open) if open.reads => open,
            Side::File(_) => return Err(EBADF.into()),
            Side::Pipe(_) | Side::Socket => return Err(ESPIPE.into()),
        };
        let offset = usize::try_from(offset).map_err(|_| Stop::Failed(EINVAL))?;
        let data = self.files.read(open.file, offset, len).to_vec();
        self.put(output, &data, 0, false, progress)
    }

    /// Sends or writes; what comes back is how much was taken.
    fn put(
        &mut self,
        fd: Fd,
        data: &[u8],
        flags: i32,
        nonblocking: bool,
        progress: &mut Progress,
    ) -> Attempt {
        match self.side(fd)? {
            Side::Socket if data.is_empty() => Ok(Outcome::ok(0)),
            Side::Socket => self.send_bytes(fd, data, flags, progress),
            Side::Pipe(end) if nonblocking => {
                let room = PIPE_CAPACITY - self.files.piped_len(end.pipe);
                if room == 0 {
                    return Err(EAGAIN.into());
                }
                self.write_file(fd, &data[..room.min(data.len())], progress)
            }
            Side::Pipe(_) | Side::File(_) => self.write_file(fd, data, progress),
        }
    }

    /// Whether an end of a pipe is open.
    pub(in crate::target::reference) fn has_end(
        &self,
        pipe: crate::target::reference::files::PipeId,
        writes: bool,
    ) -> bool {
        self.table
            .pipe_ends()
            .any(|end| end.pipe == pipe && end.writes == writes)
    }
}
