use rstest::rstest;

use super::*;

fn read_text(text: &str) -> (Option<Condition>, Vec<String>) {
    let source = Source::new("x", format!("#if {text}\n0 close(3) = 0\n"));
    let mark = lexer::lex(&source).tokens.remove(0);
    let mut diagnostics = Vec::new();
    let condition = read(&source, &mark, &mut diagnostics);
    let said = diagnostics.into_iter();
    (
        condition,
        said.map(|one| format!("{} {}", one.code, one.message))
            .collect(),
    )
}

fn holds(text: &str, facts: &Facts) -> bool {
    let world = World {
        facts,
        ip_version: IpVersion::Ipv6,
        defined: &|name| name == "GIVEN",
    };
    let (condition, said) = read_text(text);
    assert_eq!(said, Vec::<String>::new());
    condition.unwrap().holds(&world)
}

fn linux() -> Facts {
    Facts {
        target: "linux".to_owned(),
        system: "linux".to_owned(),
        profile: "linux".to_owned(),
        kernel: Version::read("6.8.12-custom"),
        lacks: [
            "psp",
            "sysctl:net.ipv4.tcp_ecn=3",
            "sysctl:net.ipv4.tcp_rmem=1 2 3",
        ]
        .map(|name| Capability(name.to_owned()))
        .into(),
    }
}

#[rstest]
#[case("target == linux", true)]
#[case("target==reference", false)]
#[case("target != reference", true)]
#[case("profile == rfc9293", false)]
#[case("ip_version == ipv6", true)]
#[case("ip_version != ipv4-mapped-ipv6", true)]
#[case("kernel >= 6.8", true)]
#[case("kernel == 6.8", true)]
#[case("kernel > 6.8", false)]
#[case("kernel > 6.8.11", true)]
#[case("kernel <= 6.8", true)]
#[case("kernel < 6.18", true)]
#[case("kernel != 6", false)]
#[case("kernel >= 10", false)]
#[case("has(psp)", false)]
#[case("has(sockopt:SOL_TCP/TCP_INQ)", true)]
#[case("has( sysctl:net.ipv4.tcp_ecn )", true)]
#[case("has(sysctl:net.ipv4.tcp_ecn=1)", true)]
#[case("has(sysctl:net.ipv4.tcp_ecn=3)", false)]
#[case("has( sysctl:net.ipv4.tcp_rmem = 1 2 3 ) || has(psp)", false)]
#[case("defined(GIVEN)", true)]
#[case("!defined(OTHER)", true)]
#[case("target == reference && has(psp) || defined(GIVEN)", true)]
#[case("target == reference && (has(psp) || defined(GIVEN))", false)]
#[case("!(target == reference) && !!has(udp)   // a comment", true)]
fn a_condition_is_held_against_the_facts(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(holds(text, &linux()), expected);
}

#[rstest]
#[case("target == wire", true)]
#[case("target == linux", true)]
#[case("target != linux", false)]
#[case("target == reference", false)]
fn a_machine_on_the_wire_is_called_by_its_system_too(#[case] text: &str, #[case] expected: bool) {
    let facts = Facts {
        target: "wire".to_owned(),
        ..linux()
    };
    assert_eq!(holds(text, &facts), expected);
}

#[test]
fn a_stack_without_a_kernel_fails_every_comparison_with_one() {
    let facts = Facts::default();
    for sign in COMPARISONS {
        assert!(!holds(&format!("kernel {sign} 6.8"), &facts), "{sign}");
    }
}

#[rstest]
#[case(
    "",
    "S035 expected a condition, such as `target == linux`, but the line ends"
)]
#[case(
    "target",
    "S035 expected a comparison, such as `==`, but the line ends"
)]
#[case("target =", "S035 expected a comparison, such as `==`, found `=`")]
#[case(
    "target ==",
    "S035 expected a value, such as `linux`, but the line ends"
)]
#[case(
    "target == linux)",
    "S035 expected `&&`, `||` or the end of the line, found `)`"
)]
#[case("(target == linux", "S035 expected `)`, but the line ends")]
#[case(
    "target == linux & has(udp)",
    "S035 expected `&&`, `||` or the end of the line, found `&`"
)]
#[case(
    "has(sysctl:net.ipv4.tcp_ecn=)",
    "S035 expected a value of the setting, found `)`"
)]
#[case("has(udp=1)", "S035 expected `)`, found `=`")]
#[case("has udp", "S035 expected `(`, found `u`")]
#[case(
    "has()",
    "S035 expected a capability, such as `sockopt:SOL_TCP/TCP_INQ`, found `)`"
)]
#[case(
    "target >= linux",
    "S035 `target` can only be compared by `==` and `!=`"
)]
#[case("linux", "C043 nothing is known under the name `linux`")]
#[case("kernel >= new", "C043 expected a version, such as `6.8`, found `new`")]
#[case("kernel >= 6x", "C043 expected a version, such as `6.8`, found `6x`")]
#[case("has(upd)", "C043 no capability is called `upd`")]
#[case(
    "ip_version == 6",
    "C043 expected `ipv4`, `ipv6` or `ipv4-mapped-ipv6`, found `6`"
)]
#[case("targt == linux", "C043 nothing is known under the name `targt`")]
#[case(
    "€ == linux",
    "S035 expected a condition, such as `target == linux`, found `€`"
)]
fn what_cannot_be_read_is_told(#[case] text: &str, #[case] message: &str) {
    assert_eq!(read_text(text), (None, vec![message.to_owned()]));
}

#[test]
fn brackets_do_not_nest_without_end() {
    let (condition, said) = read_text(&"(".repeat(100_000));
    assert_eq!(condition, None);
    assert_eq!(said, ["S035 brackets nested too deeply"]);
}
