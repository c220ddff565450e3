//! Linux's errno values (x86-64 and the generic ABI agree on all of these).

use crate::call::Errno;

pub(in crate::target) const EPERM: Errno = Errno(1);
pub(in crate::target) const ENOENT: Errno = Errno(2);
pub(in crate::target) const ESRCH: Errno = Errno(3);
pub(in crate::target) const EINTR: Errno = Errno(4);
pub(in crate::target) const EBADF: Errno = Errno(9);
pub(in crate::target) const EAGAIN: Errno = Errno(11);
pub(in crate::target) const EACCES: Errno = Errno(13);
pub(in crate::target) const EFAULT: Errno = Errno(14);
pub(in crate::target) const EEXIST: Errno = Errno(17);
pub(in crate::target) const EINVAL: Errno = Errno(22);
pub(in crate::target) const ENOTTY: Errno = Errno(25);
pub(in crate::target) const ESPIPE: Errno = Errno(29);
pub(in crate::target) const EPIPE: Errno = Errno(32);
pub(in crate::target) const EDOM: Errno = Errno(33);
pub(in crate::target) const ENOMSG: Errno = Errno(42);
pub(in crate::target) const EPROTO: Errno = Errno(71);
pub(in crate::target) const ENOTSOCK: Errno = Errno(88);
pub(in crate::target) const EMSGSIZE: Errno = Errno(90);
pub(in crate::target) const ENOPROTOOPT: Errno = Errno(92);
pub(in crate::target) const EPROTONOSUPPORT: Errno = Errno(93);
pub(in crate::target) const EOPNOTSUPP: Errno = Errno(95);
pub(in crate::target) const EAFNOSUPPORT: Errno = Errno(97);
pub(in crate::target) const EADDRINUSE: Errno = Errno(98);
pub(in crate::target) const EADDRNOTAVAIL: Errno = Errno(99);
pub(in crate::target) const ENETUNREACH: Errno = Errno(101);
pub(in crate::target) const ECONNABORTED: Errno = Errno(103);
pub(in crate::target) const ECONNRESET: Errno = Errno(104);
pub(in crate::target) const EISCONN: Errno = Errno(106);
pub(in crate::target) const ENOTCONN: Errno = Errno(107);
pub(in crate::target) const ETIMEDOUT: Errno = Errno(110);
pub(in crate::target) const ECONNREFUSED: Errno = Errno(111);
pub(in crate::target) const EHOSTUNREACH: Errno = Errno(113);
pub(in crate::target) const EALREADY: Errno = Errno(114);
pub(in crate::target) const EINPROGRESS: Errno = Errno(115);
