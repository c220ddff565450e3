//! The addresses that the harness plays: they belong to no machine.

use std::net::IpAddr;

/// Addresses in a row that differ in the last octet only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Played {
    first: IpAddr,
    count: u8,
}

impl Played {
    /// `count` addresses from `first` on.
    ///
    /// # Errors
    /// If there are none, or they do not fit behind `first` in the last octet.
    pub(super) fn new(first: IpAddr, count: u8) -> Result<Played, String> {
        // 255 is often a broadcast address.
        let room = 255 - usize::from(last_octet(first));
        if usize::from(count) > room || count == 0 {
            return Err(format!(
                "{count} addresses from {first} on do not fit: only the last octet counts up, to 254; there are {room}"
            ));
        }
        Ok(Played { first, count })
    }

    /// The first one.
    pub(super) fn first(&self) -> IpAddr {
        self.first
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether one of them is `address`.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.all().any(|one| one == address)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let first = self.first;
        (0..self.count).map(move |index| match first {
            IpAddr::V4(first) => IpAddr::from((u32::from(first) + u32::from(index)).to_be_bytes()),
            IpAddr::V6(first) => {
                IpAddr::from((u128::from(first) + u128::from(index)).to_be_bytes())
            }
        })
    }
}

fn last_octet(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("192.0.2.254", 1, true)]
    #[case("192.0.2.254", 2, false)]
    #[case("192.0.2.1", 0, false)]
    #[case("192.0.2.1", 254, true)]
    #[case("2001:db8::1", 255, false)]
    fn addresses_stay_in_the_last_octet(
        #[case] first: &str,
        #[case] count: u8,
        #[case] fits: bool,
    ) {
        let first = first.parse().unwrap();
        let played = Played::new(first, count);
        assert_eq!(played.is_ok(), fits, "{played:?}");
        if let Ok(played) = played {
            assert_eq!(played.all().count(), usize::from(count));
            assert!(played.contains(first));
        }
    }
}
