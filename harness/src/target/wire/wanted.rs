//! What a script wants of the wire, and whether the wire can give it.

use super::pool::Wish;
use super::session::harmless;
use crate::call::{Address, Call};
use crate::program::{
    Action, AddressExpectation, BodyPattern, OutputExpectation, PacketPattern, Program,
};
use crate::target::{Ports, TargetError};

/// Ports of the stack for servers: below those that systems choose for clients.
const FIRST_SERVER: u16 = 10_000;
const SERVERS: u32 = 10_000;

/// How a script shares the machine.
///
/// # Errors
/// [`TargetError::Unsupported`] with the first thing in it that needs a host made for the case.
pub(super) fn wish(program: &Program) -> Result<Wish, TargetError> {
    let options = &program.options;
    let addresses = [
        ("local_ip", options.local_ip.is_some()),
        ("remote_ip", options.remote_ip.is_some()),
        ("gateway_ip", options.gateway_ip.is_some()),
        ("netmask_ip", options.netmask_ip.is_some()),
    ];
    if let Some((name, _)) = addresses.iter().find(|(_, written)| *written) {
        return Err(lacks(name, "the two machines have the addresses they have"));
    }
    let mut wish = Wish::default();
    for command in commands(program) {
        if command.contains("tun0") {
            return Err(lacks("tun0", "the machine under test has no such device"));
        }
        wish.alone |= harmless(command).is_none();
    }
    for step in &program.steps {
        match &step.action {
            Action::Call(call)
                if names_an_address(&call.call)
                    || expected(&call.expect.output).is_some_and(|want| {
                        want.ip.is_some_and(|address| !address.is_unspecified())
                    }) =>
            {
                return Err(lacks(
                    "address",
                    "the script names an address that neither machine has",
                ));
            }
            // The machine remembers the MTU of the way to the peer for ten minutes.
            Action::Inject(PacketPattern {
                body: BodyPattern::Icmp(icmp),
                ..
            }) if icmp.mtu.is_some() => wish.last_use = true,
            _ => {}
        }
    }
    Ok(wish)
}

fn commands(program: &Program) -> impl Iterator<Item = &str> {
    let untimed = [&program.init, &program.cleanup].into_iter().flatten();
    let timed = program.steps.iter().filter_map(|step| match &step.action {
        Action::Command(command) => Some(command.as_str()),
        _ => None,
    });
    untimed.map(|command| command.node.as_str()).chain(timed)
}

fn names_an_address(call: &Call) -> bool {
    let address = match call {
        Call::Bind { address, .. }
        | Call::Connect { address, .. }
        | Call::SendTo { address, .. }
        | Call::SendMsg {
            address: Some(address),
            ..
        } => address,
        _ => return false,
    };
    matches!(address, Address::Is(address) if !address.ip().is_unspecified())
}

/// The address that a call is expected to write.
fn expected(output: &OutputExpectation) -> Option<&AddressExpectation> {
    match output {
        OutputExpectation::Address(address)
        | OutputExpectation::Received { address, .. }
        | OutputExpectation::Message { address, .. } => Some(address),
        _ => None,
    }
}

/// Ports that the case before has not used: what is left of it cannot reach this one. What the
/// script writes down stays.
pub(super) fn ports(program: Option<&Program>, asked: Ports, number: u32) -> Ports {
    let fresh = |step: u32| FIRST_SERVER + (number.wrapping_mul(step) % SERVERS) as u16;
    // A probe listens on two in a row.
    let pair = Ports {
        bind: fresh(2),
        connect: fresh(3),
        first_remote: 20_000 + (number.wrapping_mul(16) % 10_000) as u16,
    };
    let Some(program) = program else { return pair };
    let options = &program.options;
    let written = program.steps.iter().any(|step| match &step.action {
        Action::Inject(pattern) | Action::Expect(pattern) => names_ports(pattern),
        Action::Call(call) => {
            expected(&call.expect.output).is_some_and(|address| address.port.is_some())
                || matches!(
                    &call.call,
                    Call::Bind {
                        address: Address::Is(_),
                        ..
                    } | Call::Connect {
                        address: Address::Is(_),
                        ..
                    }
                )
        }
        Action::Command(_) | Action::Check(_) | Action::Nothing => false,
    });
    let keep = |written_down: bool, asked: u16, fresh: u16| {
        if written || written_down {
            asked
        } else {
            fresh
        }
    };
    Ports {
        bind: keep(options.bind_port.is_some(), asked.bind, pair.bind),
        connect: keep(options.connect_port.is_some(), asked.connect, pair.connect),
        first_remote: pair.first_remote,
    }
}

fn names_ports(pattern: &PacketPattern) -> bool {
    let ports = match &pattern.body {
        BodyPattern::Tcp(tcp) => tcp.ports,
        BodyPattern::Udp(udp) => udp.ports,
        BodyPattern::Icmp(_) => None,
    };
    ports.is_some()
}

fn lacks(capability: &str, reason: &str) -> TargetError {
    TargetError::Unsupported {
        capability: capability.to_string(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{self, LoadContext};
    use crate::source::Source;
    use rstest::rstest;

    fn program(text: &str) -> Program {
        script::load(&Source::new("x", text), &LoadContext::default()).unwrap()
    }

    fn wished(text: &str) -> String {
        match wish(&program(text)) {
            Ok(wish) => format!("alone {} last {}", wish.alone, wish.last_use),
            Err(TargetError::Unsupported { capability, .. }) => capability,
            Err(error) => error.to_string(),
        }
    }

    const SOCKET: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

    #[rstest]
    #[case::plain("", "", "alone false last false")]
    #[case::nothing("`true`\n", "", "alone false last false")]
    #[case::setting("`sysctl -q -w net.ipv4.tcp_ecn=1`\n", "", "alone true last false")]
    #[case::command("", "+0 `date`\n", "alone true last false")]
    #[case::device("", "+0 `ip link set dev tun0 down`\n", "tun0")]
    #[case::address("--local_ip=192.168.0.1\n", "", "local_ip")]
    #[case::bound(
        "",
        "+0 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"192.168.0.1\")}, 16) = 0\n",
        "address"
    )]
    #[case::peer(
        "",
        "+0 getpeername(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"192.0.2.1\")}, [16]) = 0\n",
        "address"
    )]
    #[case::any_peer(
        "",
        "+0 getpeername(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=...}, ...) = 0\n",
        "alone false last false"
    )]
    #[case::mtu(
        "",
        "+0 < icmp unreachable frag_needed mtu 1200 [1:1(0)]\n",
        "alone false last true"
    )]
    fn what_a_script_wants_is_seen(#[case] head: &str, #[case] rest: &str, #[case] want: &str) {
        assert_eq!(wished(&format!("{head}{SOCKET}{rest}")), want);
    }

    const ASKED: Ports = Ports {
        bind: 8080,
        connect: 8080,
        first_remote: 20_000,
    };

    #[test]
    fn ports_are_fresh_unless_they_are_written_down() {
        let plain = program(SOCKET);
        let one = ports(Some(&plain), ASKED, 1);
        let other = ports(Some(&plain), ASKED, 2);
        assert_ne!(one.bind, other.bind);
        assert_ne!(one.connect, other.connect);
        assert_ne!(one.first_remote, other.first_remote);
        let written = program(&format!("{SOCKET}+0 < 5 > 8080 S 0:0(0) win 9\n"));
        assert_eq!(ports(Some(&written), ASKED, 1).bind, 8080);
        let told = program(&format!(
            "{SOCKET}+0 getsockname(3, {{sa_family=AF_INET, sin_port=htons(8080), sin_addr=...}}, ...) = 0\n"
        ));
        assert_eq!(ports(Some(&told), ASKED, 1).bind, 8080);
        let option = program(&format!("--bind_port=81\n{SOCKET}"));
        let asked = Ports { bind: 81, ..ASKED };
        let got = ports(Some(&option), asked, 1);
        assert_eq!((got.bind, got.connect), (81, one.connect));
    }
}
