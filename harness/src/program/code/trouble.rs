//! Why a code block cannot go on.

/// Why a value cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Python would raise an exception: what it would say.
    Raised(String),
    /// Python could, this cannot.
    Beyond(String),
}

impl Trouble {
    pub(super) fn raised(kind: &str, what: &str) -> Trouble {
        Trouble::Raised(format!("{kind}: {what}"))
    }

    pub(super) fn beyond(what: &str) -> Trouble {
        Trouble::Beyond(what.to_owned())
    }

    pub(super) fn wide() -> Trouble {
        Trouble::beyond("a number that large")
    }

    pub(super) fn mistyped(what: String) -> Trouble {
        Trouble::raised("TypeError", &what)
    }
}
