//! Which of the sixteen lanes an organisation's records travel in. For ever: a change would move
//! an organisation past its own kills.

use std::fmt;

use crate::ids::OrgId;

/// Number of shards of the gate and of the input streams.
pub const SHARDS: u8 = 16;

/// A shard, `0..16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard of an organisation: the low four bits of the last byte of its UUID, which are
    /// random in UUIDv4 and UUIDv7.
    #[must_use]
    pub fn of(org: OrgId) -> Self {
        let [.., last] = *org.0.as_bytes();
        Self(last % SHARDS)
    }

    /// Every shard, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// The shard with this number; `None` from 16 up.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number < SHARDS).then_some(Self(number))
    }

    /// Its number, `0..16`.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Its number as an index.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_shard_function_is_frozen() {
        let shards: Vec<u8> = [
            0_u128,
            1,
            15,
            16,
            0xff,
            0x1234_5678_9abc_def0_1234_5678_9abc_deff,
        ]
        .map(|n| Shard::of(OrgId(Uuid::from_u128(n))).number())
        .to_vec();
        assert_eq!(shards, [0, 1, 15, 0, 15, 15]);
    }
}
