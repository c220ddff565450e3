//! What the user has done and is owed.

use crate::error::ConnectionError;

/// The user's side of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserSide {
    /// A listener holds the connection until ACCEPT hands it over.
    pub(crate) unaccepted: bool,
    /// The user has let go: nobody will read, write or ask again.
    pub(crate) detached: bool,
    /// The user has closed the sending direction, so that SEND answers "connection closing".
    pub(crate) write_closed: bool,
    /// SEND found less room than it had data for, and there has been none since.
    pub(crate) wants_room: bool,
    /// The error that ended the connection, until it is taken.
    pub(crate) error: Option<ConnectionError>,
    /// The last soft error.
    pub(crate) soft_error: Option<ConnectionError>,
    /// The handshake was once finished.
    pub(crate) was_established: bool,
}
