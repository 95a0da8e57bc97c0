//! A value that cannot be printed and is wiped when it goes.

use std::fmt;
use zeroize::Zeroize;

/// A value without `Display`, whose `Debug` prints `Secret(..)`, wiped on drop.
///
/// `.expose()` is the word to grep for.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in; the caller keeps no copy.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for as short as can be.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "Secret(..) Some(\n    Secret(..),\n)"
        );
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_is_wiped_when_it_goes() {
        /// Tells, through its zeroisation, that it happened.
        struct Probe<'a>(&'a std::cell::Cell<u32>);
        impl Zeroize for Probe<'_> {
            fn zeroize(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let wiped = std::cell::Cell::new(0);
        drop(Secret::new(Probe(&wiped)));
        assert_eq!(wiped.get(), 1);
    }
}
