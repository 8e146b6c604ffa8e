//! Randomness, handed in from outside so that a test owns it.

use std::sync::{Mutex, PoisonError};

/// A cryptographic generator behind a lock: one draw costs a few hundred nanoseconds.
pub struct Entropy(Mutex<Box<dyn rand_core::CryptoRng + Send>>);

impl Entropy {
    /// Takes a generator; a node hands in the operating system's.
    pub fn new(generator: impl rand_core::CryptoRng + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(generator)))
    }

    /// So many random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|generator| generator.fill_bytes(&mut bytes));
        bytes
    }

    /// Lends the generator to somebody who draws for himself.
    pub fn with<T>(&self, draw: impl FnOnce(&mut dyn rand_core::CryptoRng) -> T) -> T {
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        draw(generator.as_mut())
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Entropy")
    }
}
