//! Nobody writes a permit for himself.
#![allow(unreachable_code, reason = "the line must not compile for another reason")]

fn main() {
    let _ = policy::Permit { grounds: unreachable!() };
}
