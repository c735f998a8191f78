//! Claims 18 to 26, 40 to 42, 49 and 56: one truth in all views, what is kept, and what
//! happens when the storage below misbehaves.

mod crowd;
mod durability;
mod elements;
mod mapped;
mod shortage;
mod views;
mod writers;
