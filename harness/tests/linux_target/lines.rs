//! TCP lines whose meaning a kernel can confirm.

use tcpdrill::program::IpVersion;
use tcpdrill::report;
use tcpdrill::runner::{RunSettings, run};
use tcpdrill::script::{self, LoadContext};
use tcpdrill::source::Source;
use tcpdrill::target::linux::LinuxTarget;
use tcpdrill::verdict::Verdict;

pub(crate) const ALL: &[(&str, fn())] = &[
    ("the_kernel_and_we_sign_alike_over_ipv4", || {
        signatures(IpVersion::Ipv4, "192.0.2.1")
    }),
    ("the_kernel_and_we_sign_alike_over_ipv6", || {
        signatures(IpVersion::Ipv6, "2001:db8::1")
    }),
];

const KEY: &str = "apple";

/// struct tcp_md5sig of linux/tcp.h with [`KEY`] for a peer, as a script writes bytes.
fn key_for(peer: &str) -> (String, usize) {
    let mut bytes = match peer.parse().unwrap() {
        std::net::IpAddr::V4(peer) => [&[2, 0, 0, 0], &peer.octets()[..]].concat(),
        std::net::IpAddr::V6(peer) => [&[10, 0, 0, 0, 0, 0, 0, 0], &peer.octets()[..]].concat(),
    };
    bytes.resize(128, 0);
    bytes.extend([0, 0]);
    bytes.extend((KEY.len() as u16).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(KEY.as_bytes());
    bytes.resize(128 + 8 + 80, 0);
    let text = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    (text, bytes.len())
}

/// The kernel takes what `md5 valid` signs and nothing else, and its own digests are right, also
/// those of segments that make one line.
fn signatures(ip_version: IpVersion, peer: &str) {
    let (key, len) = key_for(peer);
    let text = format!(
        "--tcp_md5_secret={KEY}
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_TCP, TCP_MD5SIG, \"{key}\", {len}) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 20000 <nop,nop,md5 00112233445566778899aabbccddeeff>
+.1 < S 0:0(0) win 20000 <mss 1000,nop,nop,md5 valid>
+0 > S. 0:0(0) ack 1 <nop,nop,md5 valid,...>
+.1 < . 1:1(0) ack 1 win 20000 <nop,nop,md5 valid>
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 2500) = 2500
+0 > P. 1:2501(2500) ack 1 <nop,nop,md5 valid>
+.1 < P. 1:6(5) ack 2501 win 20000 <nop,nop,md5 valid> \"hello\"
+0~+1 > . 2501:2501(0) ack 6 <nop,nop,md5 valid>
+0 read(4, ..., 100) = 5
"
    );
    let source = Source::new("signatures.pkt", text);
    let context = LoadContext {
        ip_version: Some(ip_version),
        ..LoadContext::default()
    };
    let program = script::load(&source, &context).unwrap();
    let settings = RunSettings {
        ip_version,
        ..RunSettings::default()
    };
    let verdict = run(&program, &LinuxTarget::default(), &settings).verdict;
    let message = report::message(&verdict, &source);
    if message.contains("ENOPROTOOPT") {
        println!("skipped: this kernel is built without TCP_MD5SIG");
        return;
    }
    assert!(matches!(verdict, Verdict::Pass), "{message}");
}
