//! Ids of elements that are sent again: short, because every row pays for them, and made from the
//! subject's name, so that they stay with it wherever it stands.

use domain::rollout::RolloutKey;

/// Base-36 digits of a hash: with 36^6 values, two of 100 rows meet once in 400,000 pages.
const DIGITS: usize = 6;

/// The id of a part of a rollout: `a` attention, `p` phase and track, `v` version, `s` since.
pub(crate) fn part(key: &RolloutKey, part: char) -> String {
    format!("{}{part}", rollout(key))
}

/// The id of a rollout's row.
pub(crate) fn rollout(key: &RolloutKey) -> String {
    short('r', &[key.environment.as_str(), key.namespace.as_str(), key.name.as_str()])
}

/// The id of something known by one name: `e` environment, `c` cluster, `w` service.
pub(crate) fn named(kind: char, name: &str) -> String {
    short(kind, &[name])
}

/// FNV-1a, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn short(kind: char, names: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for name in names {
        // A byte that no name holds keeps "a","bc" and "ab","c" apart.
        for byte in name.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    let mut id = String::with_capacity(DIGITS + 2);
    id.push(kind);
    for _ in 0..DIGITS {
        id.push(char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[(hash % 36) as usize]));
        hash /= 36;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_belongs_to_one_name_and_keeps_to_it() {
        assert_eq!(named('e', "prod"), named('e', "prod"));
        assert_ne!(short('r', &["a", "bc"]), short('r', &["ab", "c"]));
        assert_eq!(named('e', "prod").len(), 7);
    }
}
