//! Tests of the kind `federation`.
