//! Secrets are handed out once and kept as hashes only.

use sha2::{Digest, Sha256};

/// A secret nobody guesses: 32 random bytes in 64 hexadecimal digits.
pub fn fresh() -> String {
    hex(&rand::random::<[u8; 32]>())
}

/// SHA-256 in hexadecimal. Enough for secrets of 128 random bits and more, which no dictionary
/// holds; passwords would need a slow hash.
pub fn hash(secret: &[u8]) -> String {
    hex(&Sha256::digest(secret))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
