//! What the wire target and the agent promise, on two machines.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket,
};

use crate::machines::{AGENT, Machines, Ran, STACK};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("bundled_cases_pass_through_the_agent", agent_cases),
    ("bundled_cases_pass_over_ipv6", ipv6_cases),
    ("bundled_cases_pass_against_a_server_alone", server_cases),
    ("what_a_server_cannot_show_is_skipped", server_skips),
    ("a_port_without_a_server_is_no_target", no_server),
    (
        "a_server_whose_backlog_is_full_is_named_as_such",
        full_backlog,
    ),
    ("a_caller_with_a_wrong_secret_gets_nothing", wrong_secret),
    ("a_caller_that_says_nothing_gets_nothing", silence),
    ("commands_need_leave_and_are_undone", commands),
    ("an_address_that_is_taken_is_not_played", taken_address),
    ("neighbours_are_answered", neighbours),
    ("an_agent_that_is_killed_is_no_failure", killed_agent),
    ("nothing_is_left_behind", nothing_left),
    ("the_interfaces_own_hardware_address_will_do", own_mac),
    ("one_controller_is_served_at_a_time", one_at_a_time),
    ("an_interrupted_run_says_so_and_leaves_nothing", interrupted),
    ("a_second_run_does_not_play_the_same_address", second_run),
];

fn case(name: &str) -> String {
    format!("{}/../conformance-cases/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Cases of a run that the machine has perturbed five times over: it was measurably late, which says
/// nothing about the wire. One of them is borne with; a case that fails is not.
#[track_caller]
fn perturbed(ran: &Ran) -> usize {
    let all = ran.verdicts.values();
    let late = all.filter(|(verdict, _)| verdict == "perturbed").count();
    assert!(late <= 1, "{late} cases were perturbed: {}", ran.stdout);
    late
}

/// Every case named has this verdict.
#[track_caller]
fn all_are(ran: &Ran, cases: &[String], verdict: &str) {
    assert_eq!(
        ran.verdicts.len(),
        cases.len(),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let late = perturbed(ran);
    for (name, (got, message)) in &ran.verdicts {
        let borne_with = late == 1 && got == "perturbed";
        assert!(borne_with || got == verdict, "{name}: {got}: {message}");
    }
}

fn arguments<'a>(options: &[&'a str], cases: &'a [String]) -> Vec<&'a str> {
    let cases = cases.iter().map(String::as_str);
    options.iter().copied().chain(cases).collect()
}

/// Both opens, both closes, long writes (cut by hardware that is not there), blocking calls, UDP, a
/// process, a probe.
fn some_cases() -> Vec<String> {
    [
        "handshake/passive-open.pkt",
        "handshake/active-open.pkt",
        "close/four-way-active.pkt",
        "close/four-way-passive.pkt",
        "close/process-ended-by-signal.probe.toml",
        "data/long-write-and-read.pkt",
        "data/byte-stream-no-boundaries.pkt",
        "api/blocking-read-wakes-up.pkt",
        "api/epoll-data-fin-reset.pkt",
        "header/reserved-bits.probe.toml",
        "reset/closed-port-syn.pkt",
    ]
    .map(case)
    .to_vec()
}

fn agent_cases() {
    let machines = Machines::with_agent(&[]);
    let mut cases = some_cases();
    cases.push(case("examples/12-udp.pkt"));
    // What it expects of Linux stands behind `target == linux`.
    cases.push(case("window/probe-with-older-data-outstanding.pkt"));
    let ran = machines.run_with_agent(&arguments(&["--remote-count", "20"], &cases));
    all_are(&ran, &cases, "pass");
    assert_eq!(ran.status, i32::from(perturbed(&ran) > 0), "{}", ran.stderr);
    let log = machines.log.lock().unwrap().join("\n");
    assert!(
        log.contains("controller") && !log.contains("refused"),
        "{log}"
    );
}

fn ipv6_cases() {
    let machines = Machines::with_agent(&[]);
    let cases = some_cases();
    let scripts: Vec<String> = cases
        .iter()
        .filter(|name| name.ends_with(".pkt"))
        .cloned()
        .collect();
    let options = ["--ip-version", "ipv6", "--remote-count", "20"];
    // Cases over IPv6 are written for an MTU of 1520 bytes.
    let ran = machines.run_with_agent(&arguments(&options, &scripts));
    all_are(&ran, &scripts, "skip");
    assert!(
        ran.stdout.contains("an MTU of 1520 bytes"),
        "{}",
        ran.stdout
    );
    for (machine, interface) in [(&machines.controller, "wire0"), (&machines.stack, "stack0")] {
        machine
            .tool(&format!("ip link set {interface} mtu 1520"))
            .unwrap();
    }
    let ran = machines.run_with_agent(&arguments(&options, &cases));
    all_are(&ran, &cases, "pass");
}

/// A server on the machine under test that does nothing but listen.
fn listening(machines: &Machines, port: u16) -> TcpListener {
    machines
        .stack
        .run(move || TcpListener::bind(("0.0.0.0", port)).expect("a free port"))
}

const SERVER: [&str; 5] = ["--no-agent", "--host", STACK, "--port", "8000"];

fn server_cases() {
    let machines = Machines::new().unwrap();
    let _server = listening(&machines, 8000);
    let cases = vec![case("server")];
    let options = [&SERVER[..], &["--os", "linux", "--remote-count", "20"]].concat();
    let ran = machines.run(&arguments(&options, &cases));
    let with = |ran: &Ran, verdict: &str| -> Vec<String> {
        let all = ran.verdicts.iter();
        all.filter(|(_, (got, _))| got == verdict)
            .map(|(name, _)| name.clone())
            .collect()
    };
    // Data and FIN are for a server that is known to stay silent.
    let told = [
        "server/fin",
        "server/fin-behind-a-gap",
        "server/fin-without-ack-bit",
        "server/syn-data-sent-again",
    ];
    assert_eq!(with(&ran, "skip"), told, "{}{}", ran.stdout, ran.stderr);
    let judged = |ran: &Ran, passing: usize| {
        let late = perturbed(ran);
        let known = with(ran, "known_deviation");
        let found = known == ["server/duplicate-syn"] || known.is_empty() && late == 1;
        assert!(found, "{}", ran.stdout);
        let as_expected = with(ran, "pass").len() + known.len() + late;
        assert_eq!(as_expected, passing + 1, "{}", ran.stdout);
    };
    judged(&ran, ran.verdicts.len() - 5);
    let options = [&options[..], &["--idle-server"]].concat();
    let ran = machines.run(&arguments(&options, &cases));
    judged(&ran, ran.verdicts.len() - 1);
}

fn server_skips() {
    let machines = Machines::new().unwrap();
    let _server = listening(&machines, 8000);
    let cases: Vec<String> = [
        "handshake/active-open.pkt",
        "reset/closed-port-syn.pkt",
        "syn-flood/cookies-on-overflow.probe.toml",
        "handshake/ephemeral-ports.probe.toml",
    ]
    .map(case)
    .to_vec();
    let ran = machines.run(&arguments(&SERVER, &cases));
    all_are(&ran, &cases, "skip");
    // What this machine has is not the point.
    assert!(
        ran.stderr.contains("every case was skipped"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("doctor"), "{}", ran.stderr);
    for reason in ["call:connect", "call:listen", "flood", "agent"] {
        let wanted = format!("want of {reason}:");
        assert!(ran.stdout.contains(&wanted), "{reason}: {}", ran.stdout);
    }
}

fn no_server() {
    let machines = Machines::new().unwrap();
    let ran = machines.run(&SERVER);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("no server listens"), "{}", ran.stderr);
}

fn full_backlog() {
    let machines = Machines::new().unwrap();
    // A backlog of one holds two connections.
    let (_server, _held) = machines.stack.run(|| {
        let kind = (
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
        );
        let socket = socket(kind.0, kind.1, kind.2, None).expect("a socket");
        let any = SockaddrIn::new(0, 0, 0, 0, 8000);
        bind(socket.as_raw_fd(), &any).expect("a free port");
        listen(&socket, Backlog::new(1).expect("in range")).expect("it listens");
        let held = [(); 2].map(|()| TcpStream::connect((STACK, 8000)).expect("there is room"));
        (socket, held)
    });
    let ran = machines.run(&SERVER);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    let told = "does not answer a SYN to its port 8000";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(ran.stderr.contains("backlog full"), "{}", ran.stderr);
}

fn wrong_secret() {
    let machines = Machines::with_agent(&[]);
    machines.secret("other", "a secret of somebody else");
    let other = machines.path("other").display().to_string();
    let ran = machines.run(&["--agent", AGENT, "--secret-file", &other]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("secret is not the same"),
        "{}",
        ran.stderr
    );
    assert!(logged(&machines, "refused: the secret"));
}

fn silence() {
    let machines = Machines::with_agent(&[]);
    let answer = machines.controller.run(|| {
        let mut stream = TcpStream::connect(AGENT).expect("it listens");
        stream.write_all(&[b'x'; 200]).expect("it takes the bytes");
        let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    assert!(answer.is_empty(), "{answer:?}");
    assert!(logged(&machines, "does not speak"));
}

/// Whether the agent logs this, now or within a moment.
fn logged(machines: &Machines, what: &str) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let log = machines.log.lock().unwrap();
        log.iter().any(|line| line.contains(what))
    })
}

fn commands() {
    let cases = vec![case("syn-data/under-syn-cookies.pkt")];
    let machines = Machines::with_agent(&[]);
    let ran = machines.run_with_agent(&arguments(&[], &cases));
    all_are(&ran, &cases, "skip");
    assert!(ran.stdout.contains("--allow-commands"), "{}", ran.stdout);
    let machines = Machines::with_agent(&["--allow-commands"]);
    let cookies = || {
        machines.stack.run(|| {
            std::fs::read_to_string("/proc/sys/net/ipv4/tcp_syncookies").expect("a setting")
        })
    };
    let before = cookies();
    let ran = machines.run_with_agent(&arguments(&[], &cases));
    all_are(&ran, &cases, "pass");
    assert_eq!(cookies(), before);
    // No plain `sysctl`: a shell of the agent's runs it.
    let path = machines.path("shell.pkt");
    std::fs::write(
        &path,
        " 0 `cd / && true`\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n",
    )
    .expect("writes");
    let scripts = vec![path.display().to_string()];
    let ran = machines.run_with_agent(&arguments(&[], &scripts));
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
}

fn taken_address() {
    let machines = Machines::with_agent(&[]);
    for taken in [STACK, "10.79.0.1"] {
        let ran = machines.run_with_agent(&["--remote-ip", taken]);
        assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
        let wanted = format!("{taken} belongs to a machine");
        assert!(ran.stderr.contains(&wanted), "{}", ran.stderr);
    }
}

/// The resets and ICMP messages that the controller's own kernel has sent.
fn own_answers(machines: &Machines) -> Vec<String> {
    let counters = machines
        .controller
        .run(|| std::fs::read_to_string("/proc/thread-self/net/snmp").expect("counters"));
    let mut lines = counters.lines();
    let mut found = Vec::new();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let pairs = names.split_whitespace().zip(values.split_whitespace());
        found.extend(
            pairs
                .filter(|(name, _)| ["OutRsts", "OutMsgs"].contains(name))
                .map(|(name, value)| format!("{name} {value}")),
        );
    }
    assert_eq!(found.len(), 2, "{counters}");
    found
}

/// A stack that asks again and again where its peer is gets an answer in the middle of a case.
fn neighbours() {
    let machines = Machines::with_agent(&[]);
    for family in ["ipv4", "ipv6"] {
        for (name, value) in [
            ("delay_first_probe_time", "0"),
            ("retrans_time_ms", "100"),
            ("ucast_solicit", "1"),
        ] {
            let path = format!("/proc/sys/net/{family}/neigh/stack0/{name}");
            let written = machines.stack.run(move || std::fs::write(path, value));
            written.expect("a setting of the namespace");
        }
    }
    let cases = vec![case("server/syn-ack-is-repeated.pkt")];
    let ran = machines.run_with_agent(&arguments(&[], &cases));
    all_are(&ran, &cases, "pass");
    for (machine, interface) in [(&machines.controller, "wire0"), (&machines.stack, "stack0")] {
        let line = format!("ip link set {interface} mtu 1520");
        machine.tool(&line).unwrap();
    }
    let ran = machines.run_with_agent(&arguments(&["--ip-version", "ipv6"], &cases));
    all_are(&ran, &cases, "pass");
}

/// Its machine then closes the sockets in the middle of the cases.
fn killed_agent() {
    let machines = Machines::with_agent(&[]);
    let cases = vec![case("keepalive")];
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(logged(&machines, "came"));
            // Looking for free addresses takes a second of this; some of the cases take five.
            std::thread::sleep(Duration::from_secs(3));
            machines.kill_agent();
        });
        machines.run_with_agent(&arguments(&["--remote-count", "20"], &cases))
    });
    assert_eq!(ran.status, 1, "{}{}", ran.stdout, ran.stderr);
    let verdicts: Vec<&str> = ran
        .verdicts
        .values()
        .map(|(verdict, _)| verdict.as_str())
        .collect();
    assert!(verdicts.contains(&"error"), "{}", ran.stdout);
    assert!(!verdicts.contains(&"fail"), "{}", ran.stdout);
}

fn own_mac() {
    let machines = Machines::with_agent(&[]);
    let answers = own_answers(&machines);
    let cases = some_cases();
    let ran = machines.run_with_agent(&arguments(&["--own-mac", "--remote-count", "20"], &cases));
    all_are(&ran, &cases, "pass");
    assert_eq!(
        own_answers(&machines),
        answers,
        "the controller's kernel has answered"
    );
    let setting = "/proc/sys/net/ipv4/conf/wire0/forwarding";
    let switched_on = machines
        .controller
        .run(move || std::fs::write(setting, "1"));
    switched_on.expect("a setting of the namespace");
    let ran = machines.run_with_agent(&arguments(&["--own-mac"], &cases));
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("it forwards"), "{}", ran.stderr);
}

fn nothing_left() {
    let machines = Machines::with_agent(&[]);
    let look = || -> Vec<String> {
        [
            "ip -d link show wire0",
            "ip addr",
            "ip route",
            "ip -6 route",
            "ip neigh show nud permanent",
        ]
        .iter()
        .map(|line| machines.controller.tool(line).unwrap())
        .collect()
    };
    let before = look();
    let answers = own_answers(&machines);
    let cases: Vec<String> = [
        "close/four-way-active.pkt",
        "data/sack-block-for-the-gap.pkt",
    ]
    .map(case)
    .to_vec();
    let ran = machines.run_with_agent(&arguments(&["--remote-ip", "10.79.3.1"], &cases));
    all_are(&ran, &cases, "pass");
    assert_eq!(look(), before);
    assert_eq!(
        own_answers(&machines),
        answers,
        "the controller's kernel has answered"
    );
    // No socket of the cases is left with the stack; 0103 is the end of the address in reverse.
    let sockets = machines
        .stack
        .run(|| std::fs::read_to_string("/proc/thread-self/net/tcp").expect("a list"));
    assert!(!sockets.contains("01034F0A"), "{sockets}");
}

/// A case that waits for minutes with a connection open.
fn waiting_case(machines: &Machines) -> Vec<String> {
    let path = machines.path("waiting.pkt");
    let text = " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 20000 <mss 1000>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 20000
+0 accept(3, ..., ...) = 4
+60 close(4) = 0
";
    std::fs::write(&path, text).expect("writes");
    vec![path.display().to_string()]
}

/// Waits until the stack has a connection with this address, as /proc writes it, or none.
fn connected(machines: &Machines, address: &'static str, wanted: bool) -> bool {
    (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let sockets = machines
            .stack
            .run(|| std::fs::read_to_string("/proc/thread-self/net/tcp").expect("a list"));
        sockets.contains(address) == wanted
    })
}

fn interrupted() {
    let machines = Machines::with_agent(&[]);
    let cases = waiting_case(&machines);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let options = ["--remote-ip", "10.79.3.1"];
        let run = machines.start_with_agent(&arguments(&options, &cases));
        // 10.79.3.1 in reverse.
        assert!(connected(&machines, "01034F0A", true));
        run.signal(signal);
        let ran = run.end();
        assert_eq!(ran.status, 130, "{}{}", ran.stdout, ran.stderr);
        let told = "interrupted by a signal: 1 of 1 runs have no result";
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
        let flag = "\"interrupted\": true";
        assert!(ran.json.contains(flag), "{}", ran.json);
        assert!(connected(&machines, "01034F0A", false));
    }
}

/// Also while no case runs on the address, and over IPv6.
fn second_run() {
    let machines = Machines::with_agent(&[]);
    let cases = waiting_case(&machines);
    let server = machines
        .stack
        .run(|| TcpListener::bind(("::", 8000)).expect("a free port"));
    let alone = ["--no-agent", "--port", "8000"];
    for (version, host, first, last) in [
        ("ipv4", STACK, "10.79.3.1", "10.79.3.2"),
        ("ipv6", "fd79::2", "fd79::31", "fd79::32"),
    ] {
        if version == "ipv6" {
            // Cases over IPv6 are written for this MTU.
            for (machine, interface) in
                [(&machines.controller, "wire0"), (&machines.stack, "stack0")]
            {
                let line = format!("ip link set {interface} mtu 1520");
                machine.tool(&line).unwrap();
            }
        }
        let family = ["--ip-version", version, "--remote-ip"];
        let options = [&family[..], &[first, "--remote-count", "2"]].concat();
        let mut run = machines.start_with_agent(&arguments(&options, &cases));
        run.await_line();
        for address in [first, last] {
            let options = [&alone[..], &["--host", host], &family, &[address]].concat();
            let ran = machines.run(&options);
            assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
            let told = format!("another program plays {address}");
            assert!(ran.stderr.contains(&told), "{}", ran.stderr);
        }
        run.signal(Signal::SIGTERM);
        run.end();
    }
    drop(server);
}

fn one_at_a_time() {
    let machines = Machines::with_agent(&[]);
    let secret = machines.path("secret");
    let first = machines.controller.run(move || {
        let secret = tcpdrill::agent::secret::Secret::load(Some(&secret)).expect("a secret");
        tcpdrill::agent::client::Client::connect(AGENT, &secret, 1).expect("the agent is free")
    });
    let ran = machines.run_with_agent(&[]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("another controller"), "{}", ran.stderr);
    drop(first);
}
