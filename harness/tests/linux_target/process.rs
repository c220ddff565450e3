//! A process besides the harness's own.

use std::net::SocketAddr;

use tcpdrill::program::IpVersion;

use crate::bench::{Bench, PEER_PORT};
use crate::segment::SYN;

pub(crate) fn one_at_a_time() {
    const SIGINT: i32 = 2;
    const SIGCHLD: i32 = 17;
    let mut bench = Bench::new(IpVersion::Ipv4);
    let peer = SocketAddr::new(bench.settings.remote_ip, PEER_PORT);
    let nobody = bench.session.end_process(SIGINT).unwrap_err();
    assert!(nobody.to_string().contains("no process"), "{nobody}");
    bench.session.start_process(peer).unwrap();
    assert!(bench.session.start_process(peer).is_err());
    let syn = bench.next();
    assert_eq!((syn.flags & SYN, syn.to.1), (SYN, PEER_PORT));
    // Ignored by default: the process is still there, is said to be so, and is killed.
    let harmless = bench.session.end_process(SIGCHLD).unwrap_err();
    assert!(harmless.to_string().contains("does not end"), "{harmless}");
    bench.session.start_process(peer).unwrap();
    bench.next();
    bench.session.end_process(SIGINT).unwrap();
}
