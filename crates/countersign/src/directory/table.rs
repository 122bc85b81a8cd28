use std::hash::{BuildHasher, Hash};

use papaya::{HashMap, ResizeMode};

/// Creates a table that every request reads without waiting.
///
/// A table that is full is copied into a larger one at once, while other writers wait. By default, each later write would copy a
/// part of it, and until enough writes have come, each look-up would search both tables, which takes microseconds.
pub(super) fn new<K: Hash + Eq, V, S: BuildHasher + Default>() -> HashMap<K, V, S> {
    let table = HashMap::builder().hasher(S::default());
    table.resize_mode(ResizeMode::Blocking).build()
}
