//! Nobody releases a value without the box: not even who holds a permit for something else.

fn main() {}

fn forge(permit: policy::Permit) -> policy::Released<u8> {
    policy::Released { value: 7, permit }
}
