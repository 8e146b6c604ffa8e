//! Tests of the kind `cli`.
