use super::*;
use rstest::rstest;

/// The statements in a short notation; `shell` for a command that only a shell can run.
fn shown(text: &str) -> String {
    let Some(statements) = read(text) else {
        return "shell".to_owned();
    };
    let shown: Vec<String> = statements.iter().map(show).collect();
    shown.join(" ")
}

fn show(statement: &Statement) -> String {
    let join = match statement.join {
        Join::Always => "",
        Join::IfOk => "&&",
        Join::IfFailed => "||",
    };
    let silent = match statement.silent {
        (false, false) => "",
        (true, true) => ">0",
        (true, false) => "1>0",
        (false, true) => "2>0",
    };
    let tool = match &statement.action {
        Action::Shell => format!("sh<{}>", statement.text),
        Action::Tool(tool) => show_tool(tool),
    };
    format!("{join}{tool}{silent}")
}

fn show_tool(tool: &Tool) -> String {
    match tool {
        Tool::Status(status) => format!("status({status})"),
        Tool::Sleep(time) => format!("sleep({time:?})"),
        Tool::Echo(text) => format!("echo({})", text.replace(PID, "PID")),
        Tool::Sysctl(sysctl) => {
            let flags: String = [
                (sysctl.quiet, 'q'),
                (sysctl.ignore, 'e'),
                (sysctl.values_only, 'n'),
            ]
            .iter()
            .filter_map(|(on, flag)| on.then_some(*flag))
            .collect();
            let items: Vec<String> = sysctl
                .items
                .iter()
                .map(|(name, value)| match value {
                    Some(value) => format!("{name}={value}"),
                    None => name.clone(),
                })
                .collect();
            format!("sysctl-{flags}({})", items.join(","))
        }
        Tool::Write(path, text) => format!("write({path},{text})"),
        Tool::Cat(paths) => format!("cat({})", paths.join(",")),
        Tool::FlushMetrics => "flush".to_owned(),
        Tool::Qdisc(qdisc) => format!(
            "qdisc({:?},{},{:?},{:?})",
            qdisc.change, qdisc.device, qdisc.kind, qdisc.limit
        ),
        Tool::Route(route) => format!(
            "route({:?},{}/{},{:?},{},{:?},{:#x},{:?})",
            route.change,
            route.destination.0,
            route.destination.1,
            route.gateway.map(|gateway| gateway.to_string()),
            route.device,
            route.metrics,
            route.locks,
            route.congestion_control,
        ),
        Tool::Link(link) => format!(
            "link({},{:?},{:?},{:?})",
            link.device, link.up, link.mtu, link.queue
        ),
        Tool::Address(device, address, prefix) => format!("address({device},{address}/{prefix})"),
        Tool::File(path, arguments) => {
            let arguments = arguments.join("|");
            format!("file({},{arguments})", path.replace(PID, "PID"))
        }
    }
}

#[rstest]
#[case::nothing("", "")]
#[case("true", "status(0)")]
#[case(" /bin/true;false ", "status(0) status(1)")]
#[case("true && false || :", "status(0) &&status(1) ||status(0)")]
#[case("true &&\n\n true", "status(0) &&status(0)")]
#[case("true # and no more ; false", "status(0)")]
#[case("# nothing but words", "")]
#[case("true \\\n", "status(0)")]
#[case("sysctl -q -w net.ipv4.tcp_ecn=1", "sysctl-q(net.ipv4.tcp_ecn=1)")]
#[case("sysctl -eqw net/ipv4/x=1", "sysctl-qe(net.ipv4.x=1)")]
#[case("sysctl --ignore --quiet a.b='1 2'", "sysctl-qe(a.b=1 2)")]
#[case("/sbin/sysctl -n a.b", "sysctl-n(a.b)")]
#[case(
    "sysctl net.ipv4.tcp_rmem=\"4 5 $((15*1024*1024))\"",
    "sysctl-(net.ipv4.tcp_rmem=4 5 15728640)"
)]
#[case("sysctl a.b=$((2*(1+2)))", "sysctl-(a.b=6)")]
#[case(
    "sysctl -q \\\n  a.b=1 \\\n c.d=a1b2-c3",
    "sysctl-q(a.b=1,c.d=a1b2-c3)"
)]
#[case(
    "sysctl a.b=1 >/dev/null 2>&1 ||\\\n ip tcp_metrics flush all > /dev/null 2>&1",
    "sysctl-(a.b=1)>0 ||flush>0"
)]
#[case("ip tcp_metrics flush > /dev/null 2>&1", "flush>0")]
#[case("ip tcp_metrics flush 2>&1 > /dev/null", "flush1>0")]
#[case(
    "echo 3 > /proc/sys/net/ipv4/tcp_ecn",
    "write(/proc/sys/net/ipv4/tcp_ecn,3)1>0"
)]
#[case(
    "echo \"a  b\" c>/sys/module/x/parameters/y",
    "write(/sys/module/x/parameters/y,a  b c)1>0"
)]
#[case("echo $PPID ${PACKETDRILL_PID}", "echo(PID PID)")]
#[case(
    "cat /proc/sys/net/ipv4/tcp_ecn >/dev/null",
    "cat(/proc/sys/net/ipv4/tcp_ecn)1>0"
)]
#[case("sleep 0.5; sleep 2s", "sleep(500ms) sleep(2s)")]
#[case(
    "tc qdisc add dev tun0 root pfifo",
    "qdisc(Add,tun0,Some(\"pfifo\"),None)"
)]
#[case(
    "tc qdisc replace dev tun0 root fq limit 7",
    "qdisc(Replace,tun0,Some(\"fq\"),Some(7))"
)]
#[case(
    "tc qdisc del dev tun0 root 2>/dev/null",
    "qdisc(Delete,tun0,None,None)2>0"
)]
#[case(
    "ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 1460 mtu lock 1500",
    "route(Change,192.0.2.1/32,Some(\"192.168.0.2\"),tun0,[(8, 1460), (2, 1500)],0x4,None)"
)]
#[case(
    "ip -6 route replace 2001:db8::/32 dev tun0 congctl lock reno initcwnd 11 rto_min 5ms",
    "route(Replace,2001:db8::/32,None,tun0,[(11, 11), (13, 5)],0x10000,Some(\"reno\"))"
)]
#[case(
    "ip link set dev tun0 mtu 1400 up",
    "link(tun0,Some(true),Some(1400),None)"
)]
#[case("ip addr add 10.0.0.1/8 dev tun0", "address(tun0,10.0.0.1/8)")]
#[case("../common/defaults.sh", "file(../common/defaults.sh,)")]
#[case("bash ./x.sh; /tmp/y_${PPID}.sh", "file(./x.sh,) file(/tmp/y_PID.sh,)")]
#[case(
    "./set.py /proc/sys/a=\"1 2\" b=3",
    "file(./set.py,/proc/sys/a=1 2|b=3)"
)]
#[case(
    "true; /bin/rm -f /tmp/x; nstat | grep -q y > /dev/null && true",
    "status(0) sh</bin/rm -f /tmp/x> sh<nstat | grep -q y > /dev/null> &&status(0)"
)]
#[case::not_ours("ethtool -K tun0 tso off", "sh<ethtool -K tun0 tso off>")]
#[case("sysctl -p file", "sh<sysctl -p file>")]
#[case("sysctl -w net.ipv4.tcp_ecn", "sh<sysctl -w net.ipv4.tcp_ecn>")]
#[case("sysctl a..b=1", "sh<sysctl a..b=1>")]
#[case("sysctl -w a.b=$B", "sh<sysctl -w a.b=$B>")]
#[case("sysctl -w a.b=1 > file", "sh<sysctl -w a.b=1 > file>")]
#[case("cat /etc/passwd", "sh<cat /etc/passwd>")]
#[case("echo *", "sh<echo *>")]
#[case("echo 'a\\nb'", "sh<echo 'a\\nb'>")]
#[case(
    "echo 1 > /proc/sys/net/../kernel/panic",
    "sh<echo 1 > /proc/sys/net/../kernel/panic>"
)]
#[case(
    "tc qdisc add dev tun0 root netem delay 5ms",
    "sh<tc qdisc add dev tun0 root netem delay 5ms>"
)]
#[case(
    "tc qdisc add dev tun0 root handle 1: fq",
    "sh<tc qdisc add dev tun0 root handle 1: fq>"
)]
#[case(
    "ip route change 192.0.2.1/33 dev tun0",
    "sh<ip route change 192.0.2.1/33 dev tun0>"
)]
#[case("true -x | cat", "sh<true -x | cat>")]
#[case::a_shells_own("cd /tmp; true", "shell")]
#[case("X=1 true", "shell")]
#[case("for i in 1 2; do true; done", "shell")]
#[case("if true; then true; fi", "shell")]
#[case("true &", "shell")]
#[case("sleep 1 & true", "shell")]
#[case("sleep 1& true", "shell")]
#[case("true&true", "shell")]
#[case("& true", "shell")]
// Redirections in bash and something else, or a mistake, in other shells.
#[case("true &> /dev/null", "shell")]
#[case("true&>/dev/null", "shell")]
#[case("sysctl a.b=1 &>>/dev/null || true", "shell")]
#[case("true; false &> /dev/null", "shell")]
#[case("true |& cat", "shell")]
#[case("true >& /dev/null", "sh<true >& /dev/null>")]
#[case("echo $'a'", "sh<echo $'a'>")]
#[case("echo 'a &> b' \"& c\" \\& # & d", "echo(a &> b & c &)")]
#[case("(true)", "shell")]
#[case("echo $(id)", "shell")]
#[case("cat <<E\nx\nE", "shell")]
#[case("true ;; true", "shell")]
#[case("; true", "shell")]
#[case("true &&", "shell")]
#[case("|| true", "shell")]
#[case("sysctl -w \"a.b=1", "shell")]
#[case("exit 3", "shell")]
fn commands_are_read_as_by_a_shell(#[case] text: &str, #[case] want: &str) {
    assert_eq!(shown(text), want);
}

#[rstest]
#[case("true", false, &[])]
#[case("sysctl net.ipv4.a=1 net.ipv4.b=2", false, &["sysctl:net.ipv4.a", "sysctl:net.ipv4.b"])]
#[case("sysctl -e net.ipv4.a=1", false, &[])]
#[case("sysctl net.ipv4.a", false, &[])]
#[case("sysctl net.ipv4.a=1 || true", false, &[])]
#[case("sysctl net.ipv4.a=1; true", false, &["sysctl:net.ipv4.a"])]
#[case("sysctl net.ipv4.a=1; true", true, &[])]
#[case("sysctl net.ipv4.a=1 && true", true, &["sysctl:net.ipv4.a"])]
#[case("echo 1 > /proc/sys/net/ipv4/a", true, &["sysctl:net.ipv4.a"])]
#[case("./x.py /proc/sys/net/ipv4/a=1 b=c", false, &["sysctl:net.ipv4.a"])]
#[case("sysctl kernel.panic=1", false, &[GLOBAL_STATE])]
#[case("echo 1 > /sys/module/a/parameters/b", false, &[GLOBAL_STATE])]
#[case("cd /; echo 1 >/sys/module/a/parameters/b", false, &["shell", GLOBAL_STATE])]
#[case("printf 1 | tee /sys/a", false, &["shell", GLOBAL_STATE])]
#[case("ethtool -K tun0 tso off", false, &["shell:ethtool"])]
#[case("grep x /proc/sys/net/ipv4/tcp_ecn", false, &["shell:grep"])]
fn a_command_says_what_it_needs(#[case] text: &str, #[case] drop_in: bool, #[case] want: &[&str]) {
    assert_eq!(needs(text, drop_in), want);
}

#[rstest]
#[case("echo 'a' \"b\\\"c\" \\'", None)]
#[case("# don't", None)]
#[case("cat <<E\ndon't\nE", None)]
#[case("echo 'a", Some(5))]
#[case("echo \"a 'b'", Some(5))]
#[case("echo a\"b\nc", Some(6))]
fn a_quote_without_its_end_is_found(#[case] text: &str, #[case] want: Option<usize>) {
    assert_eq!(unclosed_quote(text), want);
}

#[rstest]
#[case("/proc/sys/net/ipv4/x", Some("net.ipv4.x"))]
#[case("/proc/sys/net/ipv4/conf/eth0.5/x", Some("net.ipv4.conf.eth0/5.x"))]
#[case("/proc/sys/", None)]
#[case("/proc/sys/net/../kernel/panic", None)]
#[case("/sys/x", None)]
fn a_file_is_a_setting(#[case] path: &str, #[case] want: Option<&str>) {
    let name = setting_of(path);
    assert_eq!(name.as_deref(), want);
    if let Some(name) = name {
        assert_eq!(setting_file(&name).as_deref(), Some(path));
    }
}

mod laws {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// No text makes the reader panic, and what it reads as words of a shell is words.
        #[test]
        fn any_text_is_read(text in "[a-z0-9 $(){}'\"\\\\;&|<>#=./\n*~`-]{0,60}") {
            let _ = read(&text);
            let _ = unclosed_quote(&text);
            let _ = needs(&text, false);
        }
    }
}

/// bash sends both outputs to a file by `&>`; `/bin/sh` reads the same words otherwise.
#[rstest]
#[case(
    "sysctl -q a.b=1 &> /dev/null || ip tcp_metrics flush all &>/dev/null",
    "sysctl-q(a.b=1)>0 ||flush>0"
)]
#[case("true &> /tmp/x", "sh<true &> /tmp/x>")]
#[case("true &>> /dev/null", "none")]
#[case("true & true", "none")]
#[case("true &>", "none")]
fn bash_has_a_redirection_more(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(read(text), None);
    let shown = read_as_bash(text).map(|statements| {
        let shown: Vec<String> = statements.iter().map(show).collect();
        shown.join(" ")
    });
    assert_eq!(shown.unwrap_or("none".to_owned()), expected);
}

#[rstest]
#[case("true &> /dev/null", &["shell:bash"])]
#[case("sysctl -q net.ipv4.tcp_sack=1 &> /dev/null", &["shell:bash", "sysctl:net.ipv4.tcp_sack"])]
#[case("ls &> /dev/null", &["shell"])]
#[case("true & true", &["shell"])]
fn what_only_bash_reads_is_a_need(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(needs(text, true), expected);
}
