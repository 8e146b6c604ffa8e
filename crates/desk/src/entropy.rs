//! Randomness, handed in from outside so that a test owns it.

use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// How many bytes are drawn at once for small draws.
const POOL_BYTES: usize = 512;

/// A cryptographic generator behind a lock. Small draws come from a pool: the operating system's
/// generator costs as much for 512 bytes as for 16.
pub struct Entropy(Mutex<Drawn>);

struct Drawn {
    generator: Box<dyn rand_core::CryptoRng + Send>,
    /// What was drawn and not yet given out. Every byte is given out once, and leaves zero behind.
    pool: Zeroizing<[u8; POOL_BYTES]>,
    left: usize,
}

impl Entropy {
    /// Takes a generator; a node hands in the operating system's.
    pub fn new(generator: impl rand_core::CryptoRng + Send + 'static) -> Self {
        let (generator, pool) = (Box::new(generator), Zeroizing::new([0; POOL_BYTES]));
        Self(Mutex::new(Drawn { generator, pool, left: 0 }))
    }

    /// So many random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Drawn { generator, pool, left } = &mut *drawn;
        if N > POOL_BYTES {
            generator.fill_bytes(&mut bytes);
            return bytes;
        }
        if *left < N {
            generator.fill_bytes(pool.as_mut_slice());
            *left = POOL_BYTES;
        }
        let rest = *left - N;
        for (to, from) in bytes.iter_mut().zip(pool.iter_mut().skip(rest)) {
            *to = core::mem::take(from);
        }
        *left = rest;
        bytes
    }

    /// Lends the generator to somebody who draws for himself.
    pub fn with<T>(&self, draw: impl FnOnce(&mut dyn rand_core::CryptoRng) -> T) -> T {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        draw(drawn.generator.as_mut())
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Entropy")
    }
}
