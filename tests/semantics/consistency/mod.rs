//! Claims 18 to 26, 40 to 42, 49 and 56: consistency between views, durability, and faults of
//! the storage.

mod crowd;
mod durability;
mod elements;
mod mapped;
mod shortage;
mod views;
mod writers;
