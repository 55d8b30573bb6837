//! Which addresses may be reached: one table for what goes out and for what policies say about it.
//! Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Who may reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anyone: globally routed unicast.
    Public,
    /// Only where the operator said so: loopback and private networks.
    Internal,
    /// Nobody: metadata services, link-local, multicast, reserved and translated ranges.
    Never,
}

/// An address' reach and the range that decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Who may reach it.
    pub reach: Reach,
    /// Name of the range, for operators; not for tenants.
    pub range: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, third: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), prefix)
}

/// IANA special-purpose IPv4 ranges and metadata services; the first that contains an address wins,
/// anything else is public.
const V4: &[(Ipv4Net, Reach, &str)] = &[
    (v4(168, 63, 129, 16, 32), Reach::Never, "metadata service"),
    (v4(100, 100, 100, 200, 32), Reach::Never, "metadata service"),
    (v4(0, 0, 0, 0, 8), Reach::Never, "this network"),
    (v4(10, 0, 0, 0, 8), Reach::Internal, "private"),
    (v4(100, 64, 0, 0, 10), Reach::Internal, "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), Reach::Internal, "loopback"),
    (v4(169, 254, 0, 0, 16), Reach::Never, "link-local"),
    (v4(172, 16, 0, 0, 12), Reach::Internal, "private"),
    (v4(192, 0, 0, 0, 24), Reach::Never, "protocol assignments"),
    (v4(192, 0, 2, 0, 24), Reach::Never, "documentation"),
    (v4(192, 88, 99, 0, 24), Reach::Never, "6to4 relay"),
    (v4(192, 168, 0, 0, 16), Reach::Internal, "private"),
    (v4(198, 18, 0, 0, 15), Reach::Never, "benchmarking"),
    (v4(198, 51, 100, 0, 24), Reach::Never, "documentation"),
    (v4(203, 0, 113, 0, 24), Reach::Never, "documentation"),
    (v4(224, 0, 0, 0, 4), Reach::Never, "multicast"),
    (v4(240, 0, 0, 0, 4), Reach::Never, "reserved"),
];

/// IPv6 is listed the other way round: only global unicast (2000::/3, the last line) is public, so
/// unspecified, mapped, 64:ff9b::/96, 100::/64, fe80::/10 and ff00::/8 need no line of their own.
const V6: &[(Ipv6Net, Reach, &str)] = &[
    (LOOPBACK_V6, Reach::Internal, "loopback"),
    (v6(0xfd00, 0xec2, 0, 32), Reach::Never, "metadata service"),
    (v6(0xfc00, 0, 0, 7), Reach::Internal, "unique local"),
    (v6(0x2001, 0, 0, 23), Reach::Never, "protocol assignments"),
    (v6(0x2001, 0xdb8, 0, 32), Reach::Never, "documentation"),
    (v6(0x2002, 0, 0, 16), Reach::Never, "6to4"),
    (v6(0x3fff, 0, 0, 20), Reach::Never, "documentation"),
    (v6(0x2000, 0, 0, 3), Reach::Public, "global unicast"),
];

const LOOPBACK_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);

/// Classifies an address.
///
/// Sources: IANA special-purpose registries for IPv4 and IPv6 (RFC 6890), cloud metadata services.
/// A mapped IPv6 address is never reached: nobody needs to write an IPv4 address that way.
#[must_use]
pub fn classify(address: IpAddr) -> Class {
    let found = match address {
        IpAddr::V4(address) => V4
            .iter()
            .find(|(net, ..)| net.contains(&address))
            .map_or((Reach::Public, "global unicast"), |(_, reach, range)| {
                (*reach, *range)
            }),
        IpAddr::V6(address) => V6
            .iter()
            .find(|(net, ..)| net.contains(&address))
            .map_or((Reach::Never, "not global unicast"), |(_, reach, range)| {
                (*reach, *range)
            }),
    };
    Class {
        reach: found.0,
        range: found.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Reach {
        classify(text.parse().unwrap()).reach
    }

    #[test]
    fn public_addresses_may_be_reached_by_anyone() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "100.63.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(reach(text), Reach::Public, "{text}");
        }
    }

    #[test]
    fn private_addresses_are_internal() {
        for text in [
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fc00::1",
            "fd12:3456::1",
        ] {
            assert_eq!(reach(text), Reach::Internal, "{text}");
        }
    }

    #[test]
    fn everything_else_is_never_reached() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(reach(text), Reach::Never, "{text}");
        }
    }
}
