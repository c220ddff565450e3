//! The link between harness and kernel: every session test's ground, over both kinds.

use tcpdrill::call::{Call, Output};
use tcpdrill::program::IpVersion;
use tcpdrill::target::linux::{Link, LinuxTarget};
use tcpdrill::target::{SessionSettings, Target};

use crate::bench::{Bench, settings};
use crate::cases::Case;
use crate::segment::{ACK, PSH};

pub(crate) const ALL: &[Case] = &[
    ("both_links_carry_a_connection", carries),
    ("a_datagram_larger_than_the_mtu_gets_through", larger),
    ("injected_segments_look_joined", joined),
    ("an_address_need_not_be_configured", any_ip),
    ("a_tun_device_reports_the_speed_it_is_given", speed),
];

const SIX_AND_FOUR: [IpVersion; 2] = [IpVersion::Ipv4, IpVersion::Ipv6];

/// A bench over each link, for each family.
fn each(change: impl Fn(&mut SessionSettings), test: impl Fn(&mut Bench)) {
    for link in [Link::Tun, Link::Packet] {
        if let Err(reason) = link.try_out() {
            println!("skipped over {}: {reason}", link.name());
            continue;
        }
        for version in SIX_AND_FOUR {
            let mut settings = settings(version);
            change(&mut settings);
            let mut session = LinuxTarget::over(link).open(&settings).unwrap();
            session.start();
            test(&mut Bench { session, settings });
        }
    }
}

fn carries() {
    each(
        |_| {},
        |bench| {
            let peer = bench.connection();
            bench.inject(&bench.segment(PSH | ACK, peer.snd_nxt, peer.rcv_nxt, b"abc"));
            assert_eq!(bench.next().ack, peer.snd_nxt + 3);
            let read = bench.ok(Call::Read {
                fd: peer.fd,
                len: 10,
            });
            assert_eq!(read.output, Output::Bytes(b"abc".to_vec()));
            // Segmented and checksummed before it is seen: the parser checks both.
            bench.ok(Call::Write {
                fd: peer.fd,
                data: vec![7; 2000],
            });
            // The peer has not given an MSS.
            let lens: &[usize] = match bench.settings.ip_version {
                IpVersion::Ipv6 => &[1220, 780],
                _ => &[536, 536, 536, 392],
            };
            for len in lens {
                assert_eq!(bench.next().payload.len(), *len);
            }
        },
    );
}

fn larger() {
    each(
        |_| {},
        |bench| {
            let peer = bench.connection();
            bench.inject(&bench.segment(PSH | ACK, peer.snd_nxt, peer.rcv_nxt, &[7; 6000]));
            assert_eq!(bench.next().ack, peer.snd_nxt + 6000);
        },
    );
}

fn joined() {
    let received_mss = |mss: Option<u16>| {
        let found = std::cell::RefCell::new(Vec::new());
        each(
            |settings| settings.mss = mss,
            |bench| {
                let peer = bench.connection();
                bench.inject(&bench.segment(PSH | ACK, peer.snd_nxt, peer.rcv_nxt, &[7; 1400]));
                bench.next();
                let info = bench.session.socket_info(peer.fd).unwrap();
                found.borrow_mut().push(info["tcpi_rcv_mss"]);
            },
        );
        found.into_inner()
    };
    // The stack takes the segment size for what its peer sends, instead of the whole.
    assert!(received_mss(Some(700)).iter().all(|&mss| mss == 700));
    assert!(received_mss(None).iter().all(|&mss| mss == 1400));
}

fn any_ip() {
    each(
        |settings| settings.is_anyip = true,
        |bench| {
            let shown = bench.command("ip address show dev tun0");
            let address = bench.settings.local_ip.to_string();
            assert!(!shown.contains(&address), "{shown}");
            // Over IPv6 an address that no device has can be bound to only with leave.
            bench.command("sysctl -q -w net.ipv6.ip_nonlocal_bind=1");
            bench.connection();
        },
    );
}

fn speed() {
    let mut settings = settings(IpVersion::Ipv4);
    settings.speed = Some(25_000);
    if let Err(reason) = Link::Tun.try_out() {
        println!("skipped: {reason}");
        return;
    }
    let mut session = LinuxTarget::over(Link::Tun).open(&settings).unwrap();
    session.start();
    let mut bench = Bench { session, settings };
    // The host's /sys shows the host's devices; a fresh one shows the namespace's.
    let speed = bench.command(
        "unshare --mount sh -c 'mount -t sysfs none /sys && cat /sys/class/net/tun0/speed'",
    );
    assert_eq!(speed.trim(), "25000");
}
