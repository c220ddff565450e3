//! Who is at the other end: challenge and response in both directions, before anything else is read.
//!
//! ```text
//! caller → agent   hello: "tcpdrill", version, 32 random bytes
//! agent → caller   hello: the same with its own
//! caller → agent   HMAC-SHA256(secret, "…caller…" ‖ both hellos)
//! agent → caller   HMAC-SHA256(secret, "…agent…" ‖ both hellos)
//! ```
//!
//! All of them have one length, so nothing is parsed. The caller proves itself first: whoever does
//! not know the secret gets no answer made with it, not even one to guess at.

use std::io::{Read, Write};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::channel::Keys;
use super::secret::Secret;

/// The version of the protocol. Both sides must speak the same.
pub const VERSION: u16 = 1;

/// How long a caller may take to prove itself.
pub(super) const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);

/// Callers that have not proved themselves yet, at a time. More are turned away.
pub(super) const STRANGERS: usize = 32;

const MAGIC: &[u8; 8] = b"tcpdrill";
const NONCE: usize = 32;
const HELLO: usize = MAGIC.len() + 2 + NONCE;
/// Length of an HMAC-SHA256 in bytes.
pub(super) const TAG: usize = 32;

const CALLER: &[u8] = b"tcpdrill caller";
const AGENT: &[u8] = b"tcpdrill agent";
const FROM_CALLER: &[u8] = b"tcpdrill key from caller";
const FROM_AGENT: &[u8] = b"tcpdrill key from agent";

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The connection failed or ended.
    #[error("the connection ended during the handshake ({0})")]
    Io(std::io::Error),
    /// The other end is there and says nothing, or not enough.
    #[error("the other end said nothing, or not all it had to, for {} s", HANDSHAKE.as_secs())]
    Silent,
    /// The agent has closed the connection before it said anything.
    #[error(
        "it closed the connection before it said anything: it lets in {STRANGERS} callers at a time that have not proved themselves, for up to {} s; its log says who they are. Or no agent is behind that address",
        HANDSHAKE.as_secs()
    )]
    Crowd,
    /// It is no tcpdrill.
    #[error("the other end does not speak tcpdrill's protocol")]
    Stranger,
    /// It is another tcpdrill.
    #[error(
        "the other end speaks version {0} of the protocol, this one speaks version {VERSION}; use the same tcpdrill on both machines"
    )]
    Version(u16),
    /// It does not know the secret.
    #[error("the secret is not the same on both sides")]
    Secret,
    /// No random numbers.
    #[error("the machine gives no random numbers ({0})")]
    Random(getrandom::Error),
}

impl From<std::io::Error> for HandshakeError {
    fn from(error: std::io::Error) -> HandshakeError {
        match error.kind() {
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => HandshakeError::Silent,
            _ => HandshakeError::Io(error),
        }
    }
}

/// HMAC-SHA256 over the parts in a row.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        // RFC 2104: a key may have any length.
        Err(_) => unreachable!("HMAC takes keys of every length"),
    };
    for part in parts {
        mac.update(part);
    }
    mac
}

/// The bytes of [`mac`].
pub(super) fn tag(key: &[u8], parts: &[&[u8]]) -> [u8; TAG] {
    mac(key, parts).finalize().into_bytes().into()
}

/// Proves to an agent that this side knows the secret and has it prove the same.
///
/// # Errors
/// [`HandshakeError`]; an agent that closes the connection instead of proving itself has not taken
/// the secret.
pub fn as_caller(
    stream: &mut (impl Read + Write),
    secret: &Secret,
) -> Result<Keys, HandshakeError> {
    let ours = hello()?;
    stream.write_all(&ours)?;
    let mut theirs = [0; HELLO];
    stream
        .read_exact(&mut theirs)
        .map_err(|error| match error.kind() {
            // It speaks first to nobody, and answers a caller's hello unless it has turned it away.
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => {
                HandshakeError::Crowd
            }
            _ => error.into(),
        })?;
    check(&theirs)?;
    stream.write_all(&tag(secret.bytes(), &[CALLER, &ours, &theirs]))?;
    let mut proof = [0; TAG];
    stream
        .read_exact(&mut proof)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => {
                HandshakeError::Secret
            }
            _ => error.into(),
        })?;
    verify(&proof, secret, AGENT, &ours, &theirs)?;
    Ok(Keys {
        sending: tag(secret.bytes(), &[FROM_CALLER, &ours, &theirs]),
        receiving: tag(secret.bytes(), &[FROM_AGENT, &ours, &theirs]),
    })
}

/// Has a caller prove that it knows the secret, then does the same.
///
/// # Errors
/// [`HandshakeError`]; the caller has been told nothing that depends on the secret.
pub fn as_agent(stream: &mut (impl Read + Write), secret: &Secret) -> Result<Keys, HandshakeError> {
    let mut theirs = [0; HELLO];
    stream.read_exact(&mut theirs)?;
    check_magic(&theirs)?;
    let ours = hello()?;
    // Also to a caller of another version, so that it can say so.
    stream.write_all(&ours)?;
    check(&theirs)?;
    let mut proof = [0; TAG];
    stream.read_exact(&mut proof)?;
    verify(&proof, secret, CALLER, &theirs, &ours)?;
    stream.write_all(&tag(secret.bytes(), &[AGENT, &theirs, &ours]))?;
    Ok(Keys {
        sending: tag(secret.bytes(), &[FROM_AGENT, &theirs, &ours]),
        receiving: tag(secret.bytes(), &[FROM_CALLER, &theirs, &ours]),
    })
}

fn hello() -> Result<[u8; HELLO], HandshakeError> {
    let mut hello = [0; HELLO];
    hello[..MAGIC.len()].copy_from_slice(MAGIC);
    hello[MAGIC.len()..][..2].copy_from_slice(&VERSION.to_be_bytes());
    getrandom::fill(&mut hello[MAGIC.len() + 2..]).map_err(HandshakeError::Random)?;
    Ok(hello)
}

fn check_magic(hello: &[u8; HELLO]) -> Result<(), HandshakeError> {
    if hello.starts_with(MAGIC) {
        Ok(())
    } else {
        Err(HandshakeError::Stranger)
    }
}

fn check(hello: &[u8; HELLO]) -> Result<(), HandshakeError> {
    check_magic(hello)?;
    match u16::from_be_bytes([hello[MAGIC.len()], hello[MAGIC.len() + 1]]) {
        VERSION => Ok(()),
        other => Err(HandshakeError::Version(other)),
    }
}

/// Compares in constant time.
fn verify(
    proof: &[u8; TAG],
    secret: &Secret,
    whose: &[u8],
    caller: &[u8],
    agent: &[u8],
) -> Result<(), HandshakeError> {
    mac(secret.bytes(), &[whose, caller, agent])
        .verify_slice(proof)
        .map_err(|_| HandshakeError::Secret)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes()).unwrap()
    }

    type Outcome = Result<Keys, HandshakeError>;

    fn meet(ours: &str, theirs: &str) -> (Outcome, Outcome) {
        let (mut caller, mut agent) = UnixStream::pair().unwrap();
        let theirs = secret(theirs);
        let other = std::thread::spawn(move || as_agent(&mut agent, &theirs));
        let mine = as_caller(&mut caller, &secret(ours));
        drop(caller);
        (mine, other.join().unwrap())
    }

    #[test]
    fn who_shares_the_secret_shares_keys_that_are_never_the_same_again() {
        let (caller, agent) = meet("a secret of both sides", "a secret of both sides");
        let (caller, agent) = (caller.unwrap(), agent.unwrap());
        assert_eq!(caller.sending, agent.receiving);
        assert_eq!(caller.receiving, agent.sending);
        assert_ne!(caller.sending, caller.receiving);
        let again = meet("a secret of both sides", "a secret of both sides");
        assert_ne!(caller.sending, again.0.unwrap().sending);
    }

    #[test]
    fn a_wrong_secret_is_refused_on_both_sides() {
        let (caller, agent) = meet("the secret of another", "a secret of both sides");
        assert!(matches!(caller, Err(HandshakeError::Secret)), "{caller:?}");
        assert!(matches!(agent, Err(HandshakeError::Secret)), "{agent:?}");
    }

    #[test]
    fn a_wrong_secret_draws_nothing_that_depends_on_the_right_one() {
        let (mut caller, mut agent) = UnixStream::pair().unwrap();
        let other = std::thread::spawn(move || as_agent(&mut agent, &secret("0123456789abcdef")));
        caller.write_all(&hello().unwrap()).unwrap();
        caller.write_all(&[0; TAG]).unwrap();
        let mut answer = Vec::new();
        caller.read_to_end(&mut answer).unwrap();
        // Its hello and nothing behind it.
        assert_eq!(answer.len(), HELLO);
        assert!(other.join().unwrap().is_err());
    }

    #[test]
    fn a_proof_that_was_overheard_is_of_no_use() {
        let secret_text = "0123456789abcdef";
        let ours = hello().unwrap();
        let overheard = tag(secret_text.as_bytes(), &[CALLER, &ours, &hello().unwrap()]);
        let (mut caller, mut agent) = UnixStream::pair().unwrap();
        let other = std::thread::spawn(move || as_agent(&mut agent, &secret(secret_text)));
        caller.write_all(&ours).unwrap();
        caller.write_all(&overheard).unwrap();
        assert!(matches!(other.join().unwrap(), Err(HandshakeError::Secret)));
    }

    #[test]
    fn an_agent_that_sends_the_callers_proof_back_is_refused() {
        let (mut caller, mut mirror) = UnixStream::pair().unwrap();
        let other = std::thread::spawn(move || {
            let mut theirs = [0; HELLO];
            mirror.read_exact(&mut theirs).unwrap();
            mirror.write_all(&theirs).unwrap();
            let mut proof = [0; TAG];
            mirror.read_exact(&mut proof).unwrap();
            mirror.write_all(&proof).unwrap();
        });
        let outcome = as_caller(&mut caller, &secret("0123456789abcdef"));
        assert!(
            matches!(outcome, Err(HandshakeError::Secret)),
            "{outcome:?}"
        );
        other.join().unwrap();
    }

    #[test]
    fn silence_and_a_door_that_is_shut_are_named() {
        let (_caller, mut agent) = UnixStream::pair().unwrap();
        agent
            .set_read_timeout(Some(std::time::Duration::from_millis(1)))
            .unwrap();
        let error = as_agent(&mut agent, &secret("0123456789abcdef")).unwrap_err();
        assert!(error.to_string().ends_with("for 10 s"), "{error}");
        let (mut caller, agent) = UnixStream::pair().unwrap();
        agent.shutdown(std::net::Shutdown::Write).unwrap();
        let error = as_caller(&mut caller, &secret("0123456789abcdef")).unwrap_err();
        assert!(
            error.to_string().contains("32 callers at a time"),
            "{error}"
        );
    }

    #[test]
    fn a_handshake_cut_short_and_a_stranger_are_told_apart() {
        let agent = |bytes: Vec<u8>| {
            let (mut caller, mut agent) = UnixStream::pair().unwrap();
            let other =
                std::thread::spawn(move || as_agent(&mut agent, &secret("0123456789abcdef")));
            caller.write_all(&bytes).unwrap();
            caller.shutdown(std::net::Shutdown::Write).unwrap();
            other.join().unwrap().unwrap_err()
        };
        let mut other_version = hello().unwrap();
        other_version[9] = 99;
        assert!(matches!(agent(vec![]), HandshakeError::Io(_)));
        assert!(matches!(
            agent(hello().unwrap()[..40].to_vec()),
            HandshakeError::Io(_)
        ));
        assert!(matches!(
            agent(hello().unwrap().to_vec()),
            HandshakeError::Io(_)
        ));
        assert!(matches!(agent(vec![b'G'; 80]), HandshakeError::Stranger));
        assert!(matches!(
            agent(other_version.to_vec()),
            HandshakeError::Version(99)
        ));
    }
}
