//! The wire target on Linux.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::assumed::{self, Server, lacks};
use super::commands;
use super::greeting;
use super::keeper::Keeper;
use super::line::{Ends, Line};
use super::listening::{Given, ListeningSession};
use super::played::Played;
use super::pool::{Pool, Wish};
use super::session::AgentSession;
use super::setup;
use super::wanted;
use super::{Calls, WireOptions};
use crate::agent::client::Client;
use crate::agent::protocol::System;
use crate::agent::secret::Secret;
use crate::program::{Capability, IpVersion};
use crate::script::command;
use crate::target::linux::gate::Gate;
use crate::target::linux::link::{Interface, Mac};
use crate::target::{Place, Plan, Ports, Session, SessionSettings, Target, TargetError};

/// An agent turns callers away that come in a crowd, and a crowd makes the cases that run late.
static SETTING_UP: Gate = Gate::new(4);

/// A stack on another machine.
#[derive(Debug)]
pub struct WireTarget {
    interface: Interface,
    mac: Mac,
    allow_flood: bool,
    host: Host,
    /// IPv4 and IPv6, or why one of them is not there.
    families: [Result<Family, String>; 2],
    pool: Pool,
    /// One a family.
    _keepers: Vec<Keeper>,
    /// What calls that nobody makes give, by the address that the script's peer has.
    given: Mutex<BTreeMap<IpAddr, Given>>,
    /// Counts the cases, for their ports.
    number: AtomicU32,
}

/// The machine under test.
#[derive(Debug)]
enum Host {
    Agent {
        address: String,
        secret: Secret,
        controller: u64,
        system: System,
        /// Open as long as the target is, so that no other controller comes in between two cases.
        _first: Box<Client>,
    },
    Server {
        server: Server,
        os: Option<String>,
    },
}

/// How the stack is reached in one family.
#[derive(Clone, Copy, Debug)]
struct Family {
    stack: IpAddr,
    next_hop: IpAddr,
    /// Of the way, in bytes.
    mtu: u32,
    played: Played,
}

impl WireTarget {
    /// Finds both ends of the wire.
    ///
    /// # Errors
    /// What is wrong and what to do about it.
    pub fn new(options: &WireOptions) -> Result<WireTarget, String> {
        let interface = Interface::named(&options.interface)?;
        let mac = if options.own_mac {
            own_mac(&interface)?
        } else {
            setup::made_up_mac()?
        };
        let (host, mut agent) = match &options.calls {
            Calls::Agent { address, secret } => {
                let controller = getrandom::u64().map_err(|error| error.to_string())?;
                let connect = || Client::connect(address, secret, controller);
                let first = connect().map_err(|error| error.to_string())?;
                let host = Host::Agent {
                    address: address.clone(),
                    secret: secret.clone(),
                    controller,
                    system: first.system().clone(),
                    _first: Box::new(first),
                };
                (host, Some(connect().map_err(|error| error.to_string())?))
            }
            Calls::Nobody { port, is_idle, os } => {
                let server = Server {
                    port: *port,
                    is_idle: *is_idle,
                };
                let os = os.clone();
                (Host::Server { server, os }, None)
            }
        };
        let mut family = |six: bool, wanted: bool| {
            if !wanted {
                return Err("this run does not ask for it".to_string());
            }
            Family::find(options, &interface, mac, six, agent.as_mut())
        };
        let families = [
            family(false, options.families.0),
            family(true, options.families.1),
        ];
        let blocks: Vec<Played> = families
            .iter()
            .flatten()
            .map(|found| found.played)
            .collect();
        if blocks.is_empty() {
            let wanted = usize::from(!options.families.0);
            return Err(families
                .into_iter()
                .filter_map(Result::err)
                .nth(wanted)
                .unwrap_or_default());
        }
        let keep = |played: &Played| Keeper::start(&interface, mac, *played);
        let keepers = blocks.iter().map(keep).collect::<Result<_, _>>()?;
        let target = WireTarget {
            interface,
            mac,
            allow_flood: options.allow_flood,
            host,
            families,
            pool: Pool::new(&blocks),
            _keepers: keepers,
            given: Mutex::default(),
            number: AtomicU32::new(getrandom::u32().map_err(|error| error.to_string())? % 10_000),
        };
        target.greet()?;
        Ok(target)
    }

    /// Makes sure that a server listens where one has to.
    fn greet(&self) -> Result<(), String> {
        let Host::Server { server, .. } = &self.host else {
            return Ok(());
        };
        for family in self.families.iter().flatten() {
            let mut line = self.line(family, family.played.first())?;
            greeting::meet(
                &mut line,
                family.played.first(),
                (family.stack, server.port),
            )?;
        }
        Ok(())
    }

    fn line(&self, family: &Family, remote: IpAddr) -> Result<Line, String> {
        let played = if self.pool.is_all_one_cases() {
            family.played
        } else {
            Played::new(remote, 1)?
        };
        Line::open(Ends {
            interface: self.interface.clone(),
            mac: self.mac,
            foreign: self.mac != self.interface.mac,
            stack: family.stack,
            next_hop: family.next_hop,
            played,
        })
        .map_err(|error| error.to_string())
    }

    fn family(&self, ip_version: IpVersion) -> Result<&Family, TargetError> {
        let index = usize::from(ip_version == IpVersion::Ipv6);
        self.families[index]
            .as_ref()
            .map_err(|reason| lacks(&format!("ip_version:{ip_version}"), reason))
    }

    /// Without an agent: what the calls of a script give, if nobody need make them.
    fn given(&self, plan: &Plan<'_>) -> Result<Option<Given>, TargetError> {
        let Host::Server { server, .. } = &self.host else {
            return Ok(None);
        };
        match plan {
            Plan::Script(program) => {
                let outcomes = assumed::check(program, *server)?;
                Ok(Some(Given::Script(outcomes.into())))
            }
            Plan::Probe {
                server_only: true, ..
            } => Ok(None),
            Plan::Probe { name, .. } => Err(lacks(
                "agent",
                &format!("the probe {name} makes calls that nobody makes without an agent"),
            )),
        }
    }

    fn all_given(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn os(&self) -> Option<&str> {
        match &self.host {
            Host::Agent { system, .. } => Some(&system.os),
            Host::Server { os, .. } => os.as_deref(),
        }
    }
}

/// The interface's own hardware address, unless this machine would pass packets on.
fn own_mac(interface: &Interface) -> Result<Mac, String> {
    if !interface.forwards() {
        return Ok(interface.mac);
    }
    Err(format!(
        "with --own-mac this machine's kernel sees the packets, too, and it forwards what comes in on {0}: leave --own-mac out, or switch forwarding on {0} off for IPv4 and IPv6",
        interface.name
    ))
}

impl Family {
    fn find(
        options: &WireOptions,
        interface: &Interface,
        mac: Mac,
        six: bool,
        agent: Option<&mut Client>,
    ) -> Result<Family, String> {
        let of_family = |list: &[IpAddr]| list.iter().copied().find(|ip| ip.is_ipv6() == six);
        let named = of_family(&options.hosts);
        let gateway = of_family(&options.gateways);
        let taken: Vec<IpAddr> = named.into_iter().chain(gateway).collect();
        let wanted = of_family(&options.remote_ips);
        let count = options.remote_count;
        let played = setup::addresses(interface, mac, six, wanted, count, &taken)?;
        let (stack, mtu) = match (agent, named) {
            (Some(agent), named) => {
                let route = agent.route(played.first());
                let (local, mtu) = route.map_err(|error| error.to_string())?;
                (named.unwrap_or(local), mtu)
            }
            (None, Some(named)) => (named, interface.mtu),
            (None, None) => {
                let family = if six { "IPv6" } else { "IPv4" };
                return Err(format!("give the host's {family} address with --host"));
            }
        };
        Ok(Family {
            stack,
            next_hop: gateway.unwrap_or(stack),
            mtu,
            played,
        })
    }
}

impl Target for WireTarget {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn description(&self) -> String {
        let by = match &self.host {
            Host::Agent {
                address, system, ..
            } => format!(
                "{} {} through the agent at {address}",
                system.os, system.release
            ),
            Host::Server { server, .. } => {
                format!("the host whose server listens on port {}", server.port)
            }
        };
        let ends: Vec<String> = self
            .families
            .iter()
            .flatten()
            .map(|family| {
                let more = match family.played.count() {
                    1 => String::new(),
                    count => format!(" and the {} behind it", count - 1),
                };
                format!("{} on {}{more}", family.played.first(), self.interface.name)
                    + &format!(" against {}", family.stack)
            })
            .collect();
        format!("{by}; playing {}", ends.join(", "))
    }

    fn defines(&self) -> Vec<String> {
        let mut names = vec!["wire".to_string()];
        if let Some(os) = self.os() {
            names.push(os.to_string());
            if os == "linux" {
                names.push("Linux".to_string());
            }
        }
        names
    }

    fn known(&self) -> &str {
        self.os().unwrap_or(self.name())
    }

    fn profile(&self) -> String {
        self.known().to_string()
    }

    fn kernel(&self) -> Option<String> {
        match &self.host {
            Host::Agent { system, .. } if system.os == "linux" => Some(system.release.clone()),
            Host::Agent { .. } | Host::Server { .. } => None,
        }
    }

    /// Each has an address of its own, unless it is alone.
    fn most_sessions(&self) -> usize {
        let counts = self.families.iter().flatten();
        counts.map(|family| family.played.count()).sum()
    }

    fn remote_addresses(&self) -> usize {
        let counts = self.families.iter().flatten();
        counts
            .map(|family| family.played.count())
            .min()
            .unwrap_or(1)
    }

    fn lacks(&self, capability: &Capability) -> Option<String> {
        let name = capability.0.as_str();
        let (kind, _) = name.split_once(':').unwrap_or((name, ""));
        let run_there = match &self.host {
            Host::Agent { system, .. } => system.commands,
            Host::Server { .. } => false,
        };
        match kind {
            "option" => {
                Some("the machine under test has the interface and the addresses it has".into())
            }
            "psp" => Some("PSP needs hardware that speaks it".into()),
            "udp_encapsulation" if self.os() == Some("linux") => {
                Some("Linux has no TCP inside UDP".into())
            }
            "command" if name == command::GLOBAL_STATE => Some(commands::NOT_PUT_BACK.into()),
            "flood" if !self.allow_flood => {
                Some("a flood is sent to a host with --allow-flood only".into())
            }
            "sysctl" | "shell" if !run_there => Some(match self.host {
                Host::Agent { .. } => {
                    "commands are run only by an agent that was started with --allow-commands"
                        .into()
                }
                Host::Server { .. } => {
                    "commands are run by an agent only, with --allow-commands".into()
                }
            }),
            _ => None,
        }
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn place(
        &self,
        plan: &Plan<'_>,
        settings: SessionSettings,
        ports: Ports,
    ) -> Result<Place, TargetError> {
        let family = self.family(settings.ip_version)?;
        let (wish, program) = match plan {
            Plan::Script(program) => {
                if u32::from(settings.mtu) != family.mtu {
                    return Err(wrong_mtu(settings.mtu, family.mtu));
                }
                (wanted::wish(program)?, Some(*program))
            }
            Plan::Probe { .. } => {
                let all = Wish {
                    all: true,
                    ..Wish::default()
                };
                (all, None)
            }
        };
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut ports = wanted::ports(program, ports, number);
        let given = self.given(plan)?;
        if let Host::Server { server, .. } = &self.host {
            ports.bind = server.port;
        }
        let six = settings.ip_version == IpVersion::Ipv6;
        let lease = self.pool.lease(six, wish).ok_or_else(|| {
            lacks(
                "remote_addresses",
                "every address was told a smaller MTU, which the machine under test remembers; play more with --remote-count",
            )
        })?;
        if let Some(given) = given {
            self.all_given().insert(lease.address(), given);
        }
        Ok(Place {
            settings: SessionSettings {
                local_ip: family.stack,
                remote_ip: lease.address(),
                gateway_ip: family.next_hop,
                ..settings
            },
            ports,
            lease: Some(Box::new(lease)),
        })
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        let family = self.family(settings.ip_version)?;
        let _turn = SETTING_UP.enter();
        let line = self
            .line(family, settings.remote_ip)
            .map_err(TargetError::Machine)?;
        match &self.host {
            Host::Agent {
                address,
                secret,
                controller,
                ..
            } => {
                let client = Client::connect(address, secret, *controller)?;
                Ok(Box::new(AgentSession::new(line, client)))
            }
            Host::Server { server, .. } => {
                // A probe opens several hosts, one after the other.
                let given = self.all_given().remove(&settings.remote_ip);
                let given = given.unwrap_or(Given::Sockets(2));
                Ok(Box::new(ListeningSession::new(line, *server, given)))
            }
        }
    }
}

fn wrong_mtu(wanted: u16, is: u32) -> TargetError {
    lacks(
        "mtu",
        &format!(
            "the case wants an MTU of {wanted} bytes, the way from the stack has {is}; set it on both interfaces (`ip link set dev IF mtu {wanted}`)"
        ),
    )
}
