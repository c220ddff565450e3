//! Two machines that are namespaces, joined by a veth.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The address of the machine under test, and that of the controller.
pub(crate) const STACK: &str = "10.79.0.2";
const CONTROLLER: &str = "10.79.0.1";

/// Where the agent listens.
pub(crate) const AGENT: &str = "10.79.0.2:7930";

const SECRET: &str = "a secret of the two machines";

type Job = Box<dyn FnOnce() + Send>;

/// A thread in a network namespace of its own, which lives as long as this does.
pub(crate) struct Namespace {
    jobs: Sender<Job>,
}

impl Namespace {
    fn new() -> Result<Namespace, String> {
        let (jobs, waiting) = channel::<Job>();
        let (answer, ready) = channel();
        std::thread::spawn(move || {
            let entered = unshare(CloneFlags::CLONE_NEWNET);
            let failed = entered.is_err();
            if answer.send(entered).is_err() || failed {
                return;
            }
            for job in waiting {
                job();
            }
        });
        match ready.recv() {
            Ok(Ok(())) => Ok(Namespace { jobs }),
            Ok(Err(errno)) => Err(format!("no network namespace ({errno})")),
            Err(_) => Err("no thread for a network namespace".into()),
        }
    }

    /// Does something there, such as starting a process.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, answer) = channel();
        self.jobs
            .send(Box::new(move || {
                let _ = sender.send(job());
            }))
            .expect("the namespace's thread lives");
        answer.recv().expect("the job does not panic")
    }

    /// Runs a tool there that must succeed; gives its output.
    pub(crate) fn tool(&self, line: &str) -> Result<String, String> {
        let line = line.to_string();
        self.run(move || {
            let words: Vec<&str> = line.split_whitespace().collect();
            let path = std::env::var("PATH").unwrap_or_default();
            let output = Command::new(words[0])
                .args(&words[1..])
                .env("PATH", format!("{path}:/usr/sbin:/sbin"))
                .output()
                .map_err(|error| format!("`{}` cannot be run: {error}", words[0]))?;
            if output.status.success() {
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            } else {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("`{line}` failed: {}", said.trim()))
            }
        })
    }
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both machines, an agent on one of them.
pub(crate) struct Machines {
    /// Before the namespaces: their processes end first.
    agent: Option<Process>,
    /// What the agent has logged.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    pub(crate) controller: Namespace,
    pub(crate) stack: Namespace,
    folder: TempDir,
}

/// What a run of the command gave.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Verdict and message by case.
    pub(crate) verdicts: BTreeMap<String, (String, String)>,
    pub(crate) json: String,
}

impl Machines {
    /// Two machines without an agent.
    pub(crate) fn new() -> Result<Machines, String> {
        let machines = Machines {
            agent: None,
            log: Arc::default(),
            controller: Namespace::new()?,
            stack: Namespace::new()?,
            folder: tempfile::tempdir().map_err(|error| error.to_string())?,
        };
        machines.secret("secret", SECRET);
        machines.join()?;
        Ok(machines)
    }

    /// The same with an agent.
    pub(crate) fn with_agent(more: &[&str]) -> Machines {
        let mut machines = Machines::new().expect("two machines");
        let secret = machines.path("secret");
        let mut arguments: Vec<String> = ["agent", "--listen", AGENT, "--secret-file"]
            .map(String::from)
            .to_vec();
        arguments.push(secret.display().to_string());
        arguments.extend(more.iter().map(ToString::to_string));
        let mut child = machines.stack.run(move || {
            Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the agent starts")
        });
        let mut first = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout)
            .read_line(&mut first)
            .expect("it says that it listens");
        assert!(first.starts_with("listening on"), "{first}");
        let stderr = child.stderr.take().expect("a pipe");
        let log = Arc::clone(&machines.log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lock().expect("no panic").push(line);
            }
        });
        machines.agent = Some(Process(child));
        machines
    }

    /// Ends the agent as nobody can refuse.
    pub(crate) fn kill_agent(&self) {
        let child = self.agent.as_ref().expect("an agent").0.id();
        let id = i32::try_from(child).expect("a process id");
        kill(Pid::from_raw(id), Signal::SIGKILL).expect("its own child");
    }

    /// The veth. A namespace is named to `ip` by a process that is in it.
    fn join(&self) -> Result<(), String> {
        let sleeper = self.stack.run(|| {
            Command::new("sleep")
                .arg("60")
                .spawn()
                .map_err(|error| format!("`sleep` cannot be run: {error}"))
        })?;
        let sleeper = Process(sleeper);
        let there = sleeper.0.id();
        self.controller.tool(&format!(
            "ip link add wire0 type veth peer name stack0 netns {there}"
        ))?;
        let ends = [
            (&self.controller, "wire0", CONTROLLER, "fd79::1"),
            (&self.stack, "stack0", STACK, "fd79::2"),
        ];
        for (machine, interface, four, six) in ends {
            machine.tool(&format!("ip addr add {four}/16 dev {interface}"))?;
            machine.tool(&format!("ip addr add {six}/64 dev {interface} nodad"))?;
            machine.tool("ip link set lo up")?;
            // A link-local address would change by itself: it is checked for a second.
            machine.tool(&format!("ip link set {interface} addrgenmode none"))?;
            machine.tool(&format!("ip link set {interface} up"))?;
        }
        Ok(())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file with a secret that only its owner can read.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        std::fs::write(&path, text).expect("writes");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, mode).expect("its own file");
    }

    /// `tcpdrill run --target wire --interface wire0 …` on the controller.
    pub(crate) fn run(&self, more: &[&str]) -> Ran {
        self.start(more).end()
    }

    /// The same, to be waited for later.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        let json = self.path("results.json");
        let _ = std::fs::remove_file(&json);
        let mut arguments: Vec<String> = ["run", "--target", "wire", "--interface", "wire0"]
            .map(String::from)
            .to_vec();
        arguments.push("--json".into());
        arguments.push(json.display().to_string());
        arguments.extend(more.iter().map(ToString::to_string));
        let child = self.controller.run(move || {
            Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the command starts")
        });
        Running { child, json }
    }

    /// The same with the agent and its secret.
    pub(crate) fn run_with_agent(&self, more: &[&str]) -> Ran {
        let secret = self.path("secret").display().to_string();
        let fixed = ["--agent", AGENT, "--secret-file", secret.as_str()];
        self.run(&[&fixed, more].concat())
    }

    /// The same, to be waited for later.
    pub(crate) fn start_with_agent(&self, more: &[&str]) -> Running {
        let secret = self.path("secret").display().to_string();
        let fixed = ["--agent", AGENT, "--secret-file", secret.as_str()];
        self.start(&[&fixed, more].concat())
    }
}

/// A run of the command that goes on.
pub(crate) struct Running {
    child: Child,
    json: PathBuf,
}

impl Running {
    /// Waits until it has said this much: a run says its target when that is open.
    pub(crate) fn await_line(&mut self) -> String {
        let mut line = Vec::new();
        let stdout = self.child.stdout.as_mut().expect("a pipe");
        // A byte at a time: what comes behind the line is for the end.
        let mut byte = [0];
        while !line.ends_with(b"\n") && stdout.read(&mut byte).expect("readable") == 1 {
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(id), signal).expect("its own child");
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ran {
        let output: Output = self.child.wait_with_output().expect("it was started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ended = format!("it ends by itself: {output:?}");
        let json = std::fs::read_to_string(self.json).unwrap_or_default();
        Ran {
            status: output.status.code().expect(&ended),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            verdicts: verdicts(&json),
            json,
        }
    }
}

fn verdicts(json: &str) -> BTreeMap<String, (String, String)> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else {
        return BTreeMap::new();
    };
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap_or("").to_string();
    let results = value["results"].as_array().cloned().unwrap_or_default();
    results
        .iter()
        .map(|entry| {
            (
                text(entry, "case"),
                (text(entry, "verdict"), text(entry, "message")),
            )
        })
        .collect()
}
